#pragma once
/// The one place that says where each tensor of a published checkpoint lies in our models.
///
/// Published checkpoints repeat what layers share under every layer's prefix, and store an expert as two matrices,
/// w1 (m x d) and w2 (d x m). Here shared parameters exist once, and an expert is a range of hidden units of a bank:
/// w1 is those rows of w_in, w2 the transpose of those rows of w_out.

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gmoe/autograd/parameter.hpp"
#include "gmoe/core/error.hpp"
#include "gmoe/io/official_card.hpp"

namespace gmoe {

/// One tensor of a checkpoint: `rows` rows of a parameter, from `first_row` on, transposed or not.
template <class B>
struct official_tensor {
  using scalar = typename B::scalar;

  std::string name;
  std::string first_name;      ///< of the first copy; differs from `name` in later copies of shared tensors
  std::vector<index_t> shape;  ///< as stored
  parameter<B>* holder = nullptr;
  index_t first_row = 0, rows = 0;
  bool transposed = false;

  bool repeats() const { return name != first_name; }
  index_t size() const { return rows * holder->cols(); }

  /// The tensor, row-major as stored, out of a matrix of the holder's shape: its value, its gradient.
  std::vector<scalar> pack(const matrix<B>& from) const {
    std::vector<scalar> values(static_cast<std::size_t>(size()));
    if (size() > 0)
      B::download(values.data(), from.data() + first_row * holder->cols(), values.size() * sizeof(scalar));
    return transposed ? transpose(values, rows, holder->cols()) : values;
  }
  /// The opposite.
  void unpack(std::span<const scalar> values, matrix<B>& to) const {
    require(static_cast<index_t>(values.size()) == size(), name, ": ", values.size(), " values for ", size());
    if (size() == 0) return;
    scalar* const place = to.data() + first_row * holder->cols();
    if (transposed) {
      const std::vector<scalar> rows_of_units = transpose(values, holder->cols(), rows);
      B::upload(place, rows_of_units.data(), values.size() * sizeof(scalar));
    } else {
      B::upload(place, values.data(), values.size() * sizeof(scalar));
    }
  }

 private:
  static std::vector<scalar> transpose(std::span<const scalar> from, index_t rows, index_t cols) {
    std::vector<scalar> to(from.size());
    for (index_t i = 0; i < rows; ++i)
      for (index_t j = 0; j < cols; ++j)
        to[static_cast<std::size_t>(j * rows + i)] = from[static_cast<std::size_t>(i * cols + j)];
    return to;
  }
};

namespace detail {

/// Makes the entries of a visit. `first` is the name of the first copy, where there are several.
template <class B>
struct official_visit {
  const std::function<void(const official_tensor<B>&)>& visit;

  void matrix_of(const std::string& name, parameter<B>& p) const { matrix_of(name, name, p); }
  void matrix_of(std::string name, std::string first, parameter<B>& p) const {
    visit({std::move(name), std::move(first), {p.rows(), p.cols()}, &p, 0, p.rows()});
  }
  void vector_of(const std::string& name, parameter<B>& p) const { vector_of(name, name, p); }
  void vector_of(std::string name, std::string first, parameter<B>& p) const {
    visit({std::move(name), std::move(first), {p.cols()}, &p, 0, 1});
  }
  void norm(const std::string& name, parameter<B>& gain, parameter<B>& bias) const {
    vector_of(name + ".weight", gain);
    vector_of(name + ".bias", bias);
  }
  void linear(const std::string& name, parameter<B>& weight, parameter<B>& bias) const {
    matrix_of(name + ".weight", weight);
    vector_of(name + ".bias", bias);
  }
  /// The hidden units from `unit` on of a bank.
  void expert(const std::string& name, const std::string& first, parameter<B>& w_in, parameter<B>& w_out, index_t unit,
              index_t units) const {
    visit({name + ".w1.weight", first + ".w1.weight", {units, w_in.cols()}, &w_in, unit, units});
    visit({name + ".w2.weight", first + ".w2.weight", {w_in.cols(), units}, &w_out, unit, units, true});
  }
  /// A bank of one.
  void expert(const std::string& name, parameter<B>& w_in, parameter<B>& w_out) const {
    expert(name, name, w_in, w_out, 0, w_in.rows());
  }
};

}  // namespace detail

/// The head's name; it is a copy of the token embedding and the only tensor that a checkpoint may leave out.
inline constexpr const char* official_head = "lm_head.weight";

namespace detail {

/// What the names of a model's tensors follow from.
template <class B>
struct official_parts {
  official_form form;
  index_t blocks = 0;
  std::vector<index_t> mixtures;              ///< their blocks, in order
  std::vector<std::vector<id_type>> visible;  ///< their experts
  std::vector<index_t> first_unit, units;     ///< of each expert, in the bank
  std::map<std::string, parameter<B>*, std::less<>> by_name;

  template <class Model>
  explicit official_parts(Model& model) : form(official_form_of(model.card())), blocks(model.shape().layers) {
    for (index_t l = 0; l < model.moe().layers(); ++l) {
      mixtures.push_back(model.moe().shape(l).block);
      visible.push_back(model.moe().visible(l));
    }
    index_t unit = 0;
    for (const index_t width : model.moe().widths()) {
      first_unit.push_back(unit);
      units.push_back(width);
      unit += width;
    }
    model.each_parameter([&](parameter<B>& p) { by_name[p.name()] = &p; });
  }
  parameter<B>& our(const std::string& name) const { return *by_name.at(name); }
};

/// Calls visit for each tensor.
template <class B>
void walk_official_tensors(const official_parts<B>& model,
                           const std::function<void(const official_tensor<B>&)>& visit) {
  const official_visit<B> to{visit};
  const auto our = [&](const std::string& name) -> parameter<B>& { return model.our(name); };

  to.matrix_of("transformer.wte.weight", our("wte"));
  to.matrix_of("transformer.wpe.weight", our("wpe"));
  std::string first;  // scope of the first mixture: where shared tensors have their canonical names
  std::size_t mixture = 0;
  for (index_t b = 0; b < model.blocks; ++b) {
    const std::string mine = "h." + std::to_string(b) + ".", scope = "transformer." + mine, moe = scope + "mlp.moe.";
    to.norm(scope + "ln_1", our(mine + "ln_1.weight"), our(mine + "ln_1.bias"));
    for (const char* linear : {"attn.c_attn", "attn.c_proj"})
      to.linear(scope + linear, our(mine + linear + ".weight"), our(mine + linear + ".bias"));
    to.norm(scope + "ln_2", our(mine + "ln_2.weight"), our(mine + "ln_2.bias"));
    if (mixture == model.mixtures.size() || model.mixtures[mixture] != b) {
      require(model.form.relu_dense, "block ", b,
              " has GPT-2's feed-forward layer, which official checkpoints do not have; expected relu_feed_forward");
      to.expert(moe + "experts.0", our(mine + "mlp.w_in"), our(mine + "mlp.w_out"));
      continue;
    }
    const std::string router = "router." + std::to_string(mixture) + ".";
    const bool gmoe = model.form.kind == official_kind::gmoe;
    if (first.empty()) first = moe;
    if (model.form.local_expert)
      to.expert(moe + "experts.0", our(mine + "moe.local.w_in"), our(mine + "moe.local.w_out"));
    index_t j = 0;
    for (const id_type e : model.visible[mixture]) {
      const std::string name = (gmoe ? "global_experts." : "experts.") + std::to_string(j++);
      const auto at = static_cast<std::size_t>(e);
      to.expert(moe + name, (gmoe ? first : moe) + name, our("experts.w_in"), our("experts.w_out"),
                model.first_unit[at], model.units[at]);
    }
    if (gmoe) {
      if (model.form.router_state) {
        const std::string gru = "shared_router.gru.";
        for (const char* w : {"weight_ih", "weight_hh"})
          to.matrix_of(moe + gru + w, first + gru + w, our(std::string("router.gru.") + w));
        for (const char* v : {"bias_ih", "bias_hh"})
          to.vector_of(moe + gru + v, first + gru + v, our(std::string("router.gru.") + v));
      }
      to.norm(moe + "h_ln", our(router + "h_ln.weight"), our(router + "h_ln.bias"));
      if (model.form.prev_logits) {
        to.norm(moe + "prev_score_ln", our(router + "prev_score_ln.weight"), our(router + "prev_score_ln.bias"));
        to.matrix_of(moe + "prev_score_proj.weight", our(router + "prev_score_proj"));
      }
      to.matrix_of(moe + "gate_head.weight", our(router + "gate_head"));
    } else {
      to.matrix_of(moe + "router.gate.weight", our(router + "gate"));
    }
    ++mixture;
  }
  to.norm("transformer.ln_f", our("ln_f.weight"), our("ln_f.bias"));
  to.matrix_of(official_head, "transformer.wte.weight", our("wte"));
}

}  // namespace detail

/// A model of a card that the format can hold, or one whose card is chosen at run time and looked at then.
template <class Model>
concept may_be_official = !requires {
  typename Model::card_type;
}
|| official<typename Model::card_type>;

/// Visits every tensor that a published checkpoint of this model has, shared ones once per layer, first copies before
/// later ones: visit(const official_tensor<B>&). The canonical tensors are those that do not repeat another.
/// A block with GPT-2's feed-forward layer has no official form: such blocks throw config_error. So does an any_model
/// of another card that the format cannot hold.
template <class Model, class Visit>
requires may_be_official<Model>
void each_official_tensor(Model& model, Visit&& visit) {
  using B = typename Model::backend_type;
  const detail::official_parts<B> parts(model);
  check_official_form(parts.form);
  detail::walk_official_tensors<B>(parts, [&](const official_tensor<B>& t) { visit(t); });
}

}  // namespace gmoe
