#pragma once
/// The one place that says where each tensor of a published checkpoint lies in our models.
///
/// Published checkpoints repeat what layers share under every layer's prefix, and store an expert as two matrices,
/// w1 (m x d) and w2 (d x m). Here shared parameters exist once, and an expert is a range of hidden units of a bank:
/// w1 is those rows of w_in, w2 the transpose of those rows of w_out.

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gmoe/autograd/parameter.hpp"
#include "gmoe/core/error.hpp"
#include "gmoe/io/official_card.hpp"
#include "gmoe/moe/bank.hpp"
#include "gmoe/nn/layer_norm.hpp"
#include "gmoe/nn/linear.hpp"

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
template <class B, class Visit>
struct official_visit {
  Visit& visit;

  void matrix_of(const std::string& name, parameter<B>& p) const { matrix_of(name, name, p); }
  void matrix_of(std::string name, std::string first, parameter<B>& p) const {
    visit({std::move(name), std::move(first), {p.rows(), p.cols()}, &p, 0, p.rows()});
  }
  void vector_of(const std::string& name, parameter<B>& p) const { vector_of(name, name, p); }
  void vector_of(std::string name, std::string first, parameter<B>& p) const {
    visit({std::move(name), std::move(first), {p.cols()}, &p, 0, 1});
  }
  void norm(const std::string& name, nn::layer_norm<B>& layer) const {
    vector_of(name + ".weight", layer.gain);
    vector_of(name + ".bias", layer.bias);
  }
  void linear(const std::string& name, nn::linear<B>& layer) const {
    matrix_of(name + ".weight", layer.weight);
    vector_of(name + ".bias", layer.bias);
  }
  void expert(const std::string& name, expert_bank<B>& bank, index_t e) const { expert(name, name, bank, e); }
  void expert(const std::string& name, const std::string& first, expert_bank<B>& bank, index_t e) const {
    const index_t unit = bank.first_unit(e), units = bank.units(e), d = bank.w_in().cols();
    visit({name + ".w1.weight", first + ".w1.weight", {units, d}, &bank.w_in(), unit, units});
    visit({name + ".w2.weight", first + ".w2.weight", {d, units}, &bank.w_out(), unit, units, true});
  }
};

}  // namespace detail

/// The head's name; it is a copy of the token embedding and the only tensor that a checkpoint may leave out.
inline constexpr const char* official_head = "lm_head.weight";

/// Visits every tensor that a published checkpoint of this model has, shared ones once per layer, first copies before
/// later ones: visit(const official_tensor<B>&). The canonical tensors are those that do not repeat another.
/// A block with GPT-2's feed-forward layer has no official form: such blocks throw config_error.
template <class Model, class Visit>
requires official<typename Model::card>
void each_official_tensor(Model& model, Visit&& visit) {
  using B = typename Model::backend_type;
  using form = official_card<typename Model::card>;
  const auto one = [&](const official_tensor<B>& tensor) { visit(tensor); };
  const detail::official_visit<B, decltype(one)> to{one};

  to.matrix_of("transformer.wte.weight", model.token_embedding());
  to.matrix_of("transformer.wpe.weight", model.position_embedding());
  std::string first;  // scope of the first mixture: where shared tensors have their canonical names
  for (std::size_t b = 0; b < model.blocks().size(); ++b) {
    auto& block = model.blocks()[b];
    const std::string scope = "transformer.h." + std::to_string(b) + ".", moe = scope + "mlp.moe.";
    to.norm(scope + "ln_1", block.ln_1);
    to.linear(scope + "attn.c_attn", block.attention.c_attn);
    to.linear(scope + "attn.c_proj", block.attention.c_proj);
    to.norm(scope + "ln_2", block.ln_2);
    if (!block.moe) {
      if constexpr (form::has_relu_dense)
        to.expert(moe + "experts.0", block.dense->bank(), 0);
      else
        throw config_error(concat("block ", b,
                                  " has GPT-2's feed-forward layer, which official checkpoints do not "
                                  "have; expected relu_feed_forward"));
    } else if constexpr (form::kind() == official_kind::gmoe) {
      if (first.empty()) first = moe;
      if constexpr (form::has_local_expert) to.expert(moe + "experts.0", block.moe->always().expert.bank(), 0);
      const auto& visible = block.moe->visible();
      for (std::size_t j = 0; j < visible.size(); ++j) {
        const std::string name = "global_experts." + std::to_string(j);
        to.expert(moe + name, first + name, model.bank(), visible[j]);
      }
      if (auto& gru = model.router_shared().gru) {
        const std::string name = "shared_router.gru.";
        to.matrix_of(moe + name + "weight_ih", first + name + "weight_ih", gru->w_ih);
        to.matrix_of(moe + name + "weight_hh", first + name + "weight_hh", gru->w_hh);
        to.vector_of(moe + name + "bias_ih", first + name + "bias_ih", gru->b_ih);
        to.vector_of(moe + name + "bias_hh", first + name + "bias_hh", gru->b_hh);
      }
      auto& router = model.router_of(block.moe->shape().moe_layer);
      to.norm(moe + "h_ln", router.h_ln);
      if (router.z_ln) {
        to.norm(moe + "prev_score_ln", *router.z_ln);
        to.matrix_of(moe + "prev_score_proj.weight", router.z_proj);
      }
      to.matrix_of(moe + "gate_head.weight", router.gate);
    } else if constexpr (form::kind() != official_kind::dense) {
      const auto& visible = block.moe->visible();
      for (std::size_t j = 0; j < visible.size(); ++j)
        to.expert(moe + "experts." + std::to_string(j), model.bank(), visible[j]);
      to.matrix_of(moe + "router.gate.weight", model.router_of(block.moe->shape().moe_layer).gate);
    }
  }
  to.norm("transformer.ln_f", model.final_norm());
  to.matrix_of(official_head, "transformer.wte.weight", model.token_embedding());
}

}  // namespace gmoe
