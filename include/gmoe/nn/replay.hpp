#pragma once
/// What a recorded pass decided, to be decided again in another pass.

#include <string>
#include <string_view>
#include <vector>

#include "gmoe/backend/matrix.hpp"
#include "gmoe/core/error.hpp"

namespace gmoe {

/// Choices of every mixture, and constants. A pass whose context points to it takes the choices over, whatever its
/// scores say: weights, losses and gradients are then those of this routing, smooth in every parameter.
template <class B>
struct replay {
  /// One mixture: what selection and capacity had decided.
  struct layer {
    index_t experts = 0;        ///< N: ids are below it
    id_matrix<B> chosen, kept;  ///< T x K, `no_choice` for an empty slot
  };
  /// A value that was cut from the gradient (see context::cut).
  struct constant {
    std::string what;
    index_t block = 0;
    matrix<B> value;
  };

  std::vector<layer> layers;  ///< by mixture, in depth order
  /// With them finite differences see what the tape sees: values behind a cut stand still while parameters move.
  std::vector<constant> constants;

  /// The choices of mixture number `number`, for `tokens` rows over `experts` experts.
  const layer& choices(index_t number, index_t tokens, index_t experts) const {
    require(number < static_cast<index_t>(layers.size()), "replay: choices of ", layers.size(),
            " mixtures, but the model asks for those of number ", number);
    const layer& l = layers[static_cast<std::size_t>(number)];
    require(l.chosen.rows() == tokens && l.experts == experts, "replay: mixture ", number, " was recorded for ",
            l.chosen.rows(), " tokens over ", l.experts, " experts, this pass has ", tokens, " over ", experts);
    return l;
  }
  /// The recorded value, or null if there is none. `mixture` is that of the context; its constants are recorded as
  /// "mixture/what".
  const matrix<B>* find_constant(std::string_view what, index_t block, std::string_view mixture = {}) const {
    for (const constant& c : constants) {
      std::string_view name = c.what;
      if (c.block != block || !name.ends_with(what)) continue;
      name.remove_suffix(what.size());
      if (mixture.empty() ? name.empty() : name.starts_with(mixture) && name.substr(mixture.size()) == "/")
        return &c.value;
    }
    return nullptr;
  }
};

}  // namespace gmoe
