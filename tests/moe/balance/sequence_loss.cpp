#include "gmoe/moe/balance/sequence_loss.hpp"

#include <doctest/doctest.h>

#include "moe/balance/loss_gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

/// The loss of sequences of `length` rows of which the first `counts[b]` count.
double loss_by_sequence(const table& s, const std::vector<id_type>& chosen, index_t k, index_t length,
                        const std::vector<index_t>& counts, double alpha) {
  double loss = 0, sequences = 0;
  for (std::size_t b = 0; b < counts.size(); ++b) {
    if (counts[b] == 0) continue;
    ++sequences;
    std::vector<double> c(static_cast<std::size_t>(s.cols), 0), p = c;
    double pairs = 0;
    for (index_t i = 0; i < counts[b]; ++i) {
      const index_t t = static_cast<index_t>(b) * length + i;
      double sum = 1e-9;
      for (index_t e = 0; e < s.cols; ++e) sum += s(t, e);
      for (index_t e = 0; e < s.cols; ++e)
        p[static_cast<std::size_t>(e)] += s(t, e) / sum / static_cast<double>(counts[b]);
      for (index_t j = 0; j < k; ++j)
        if (const id_type e = chosen[static_cast<std::size_t>(t * k + j)]; e != no_choice) {
          ++c[static_cast<std::size_t>(e)];
          ++pairs;
        }
    }
    for (std::size_t e = 0; e < c.size(); ++e)
      loss += alpha * static_cast<double>(s.cols) / std::max(pairs, 1.0) * c[e] * p[e];
  }
  return loss / std::max(sequences, 1.0);
}

}  // namespace

TEST_CASE_TEMPLATE("moe/balance/sequence_loss: alpha sum f P of each sequence", B, GMOE_TEST_MODULE_BACKENDS) {
  const index_t rows = 6, k = 2;
  table s = random_table(rows, 3, 4);
  for (double& v : s.values) v = 1 / (1 + std::exp(-v));
  const std::vector<id_type> chosen{0, 1, 2, 0, 0, 2, 1, 2, no_choice, no_choice, 0, 2};
  policy_alone<B, sequence_loss> loss({.alpha = 0.5});
  context<B> ctx;
  const auto ask = [&](index_t batch, const routing<B>& r) {
    ctx.batch = batch;
    ctx.sequence = rows / batch;
    return static_cast<double>(loss.ask(hooks::layer_loss{}, ctx, r).value().item());
  };
  routing<B> r = routing_of<B>(s, chosen);
  for (const index_t batch : {1, 2, 3, 6})
    CHECK(ask(batch, r) ==
          doctest::Approx(loss_by_sequence(s, chosen, k, rows / batch,
                                           std::vector<index_t>(static_cast<std::size_t>(batch), rows / batch), 0.5))
              .epsilon(1e-6));
  // Padding counts nowhere, nor do sequences of nothing else.
  const std::vector<index_t> lengths{2, 0, 1};
  r.valid = valid_rows<B>::of_lengths(lengths, 2);
  r.chosen = valid_choices(r.chosen, r.valid);
  CHECK(ask(3, r) == doctest::Approx(loss_by_sequence(s, chosen, k, 2, lengths, 0.5)).epsilon(1e-6));
  // An even load costs alpha.
  const table even(2, 2, {0.3, 0.3, 0.1, 0.1});
  policy_alone<B, sequence_loss> plain({.alpha = 0.5});
  CHECK(plain.ask(hooks::layer_loss{}, context<B>{}, routing_of<B>(even, {0, 1})).value().item() ==
        doctest::Approx(0.5).epsilon(1e-6));
  CHECK(refusal([&] {
          ctx.batch = 4;
          loss.ask(hooks::layer_loss{}, ctx, r);
        }) == "sequence_loss: 6 rows of 4 sequences");
}

TEST_CASE_TEMPLATE("moe/balance/sequence_loss: gradients", B, GMOE_TEST_DOUBLE_BACKENDS) {
  CHECK(loss_gradient_error<B>(sequence_loss{.alpha = 0.7}, random_table(6, 3, 4),
                               {0, 1, 2, 0, 0, 2, 1, 2, no_choice, no_choice, 0, 2}, {}, 2, true) < 1e-6);
}
