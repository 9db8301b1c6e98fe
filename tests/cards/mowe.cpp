// Words as far as they are read, looked up one after the other.
#include "cards/mowe.hpp"
#include "cards/check.hpp"
#include "gmoe/model/causality.hpp"
#include "gmoe/train/trainer.hpp"

using namespace gmoe_test;

namespace {

card_case of_letters(index_t sequence = 7) {
  card_case c{.card = "mowe", .batch = 3, .sequence = sequence};
  c.shape.vocab = 123;  // the last one is z: half of the random ids are letters and digits
  return c;
}

word_equations with_buckets_of(const card_case& c) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(c.shape.vocab), 1);
  for (const id_type id : text(c.batch, c.sequence, c.shape.vocab).tokens) ++counts[static_cast<std::size_t>(id)];
  word_equations equations;
  for (const id_type e : gmoe::balanced_buckets(counts, c.shape.experts)) equations.bucket.push_back(e);
  equations.experts = static_cast<std::size_t>(c.shape.experts);
  return equations;
}

}  // namespace

TEST_CASE("cards/mowe: its equations, for words of any length") {
  card_case c = of_letters();
  word_equations equations = with_buckets_of(c);
  const auto found = check_equations(c, equations);
  REQUIRE(found.routings.size() == 2);
  CHECK(found.routings[0].chosen.to_host() == found.routings[1].chosen.to_host());
  index_t moved = 0;  // by what stands before in the word
  const text t(c.batch, c.sequence, c.shape.vocab);
  for (std::size_t i = 0; i < t.tokens.size(); ++i)
    moved += found.routings[0].chosen.to_host()[i] != equations.bucket[static_cast<std::size_t>(t.tokens[i])];
  CHECK(moved > 2);
  for (const std::size_t longest : {1, 2, 3, 20}) {
    CAPTURE(longest);
    c.set = {{"router.longest", std::to_string(longest)}};
    equations.longest = longest;
    check_equations(c, equations);
  }
  c.shape.experts = 1;
  c.training = false;
  check_equations(c, with_buckets_of(c));
}

TEST_CASE("cards/mowe: words of one token are hashing with a pool for all layers") {
  card_case c = of_letters();
  c.set = {{"router.word", "tokens"}};
  word_equations equations = with_buckets_of(c);
  equations.words = false;
  const auto mine = check_equations(c, equations);
  using global = gmoe::with<gmoe::hash_card, gmoe::global_pool>;
  using B = GMOE_TEST_BACKEND<double>;
  gmoe::language_model<global, B> hash(c.shape);
  randomise(hash);
  std::vector<std::int64_t> counts(123, 1);
  const text t(c.batch, c.sequence, c.shape.vocab);
  for (const id_type id : t.tokens) ++counts[static_cast<std::size_t>(id)];
  hash.prepare(counts);
  CHECK(losses_of(hash, t, true).total.value().item() ==
        doctest::Approx(losses_of(*model_of<B>(c), t, true).total.value().item()).epsilon(1e-14));
  CHECK(losses_of(hash, t, true).found.routings[1].kept.to_host() == mine.routings[1].kept.to_host());
}

TEST_CASE("cards/mowe: differences; token by token within words; it looks back and not ahead") {
  card_case c = of_letters(4);
  c.batch = 1;
  c.shape.layers = 1;
  c.shape.vocab = 70;
  check_gradients(c);
  c.shape.layers = 3;
  c.shape.vocab = 123;
  c.shape.positions = 12;
  using B = GMOE_TEST_BACKEND<double>;
  for (const char* longest : {"1", "2", "3", "5", "8", "20"}) {
    CAPTURE(longest);
    c.set = {{"router.longest", longest}};
    check_reading(c);
  }
  // A word of letters alone, in pieces of any length.
  const auto model = model_of<B>(of_letters());
  const std::vector<id_type> word{'a', 'b', 'c', 'a', 'a', 'b', 'd'};
  const auto read = [&](const std::vector<std::size_t>& pieces) {
    gmoe::kv_cache<B> cache = model->make_cache();
    std::vector<id_type> chosen;
    std::size_t from = 0;
    for (const std::size_t count : pieces) {
      gmoe::batch<B> data;
      data.assign(std::span(word).subspan(from, count), {}, 1, 123);
      gmoe::context<B> ctx;
      ctx.cache = &cache;
      auto pass = model->begin(gmoe::any_model<B>::reading(ctx, data));
      model->hidden(pass);
      for (const id_type e : pass.found().routings[0].kept.to_host()) chosen.push_back(e);
      from += count;
    }
    return chosen;
  };
  const auto whole = read({7});
  for (const auto& pieces : std::vector<std::vector<std::size_t>>{{1, 1, 1, 1, 1, 1, 1}, {3, 4}, {1, 5, 1}, {2, 2, 3}})
    CHECK(read(pieces) == whole);
  gmoe::language_model<gmoe::mowe_card, B> measured(of_letters().shape);
  randomise(measured);
  CHECK(static_cast<int>(gmoe::check_causality(measured, 6).measured) <= static_cast<int>(gmoe::reach::past));
}

TEST_CASE("cards/mowe: padding; experts that stand still; what is not prepared or does not fit") {
  using B = GMOE_TEST_BACKEND<double>;
  gmoe::language_model<gmoe::mowe_card, B> model(small_sizes());
  randomise(model);
  check_padding(model, true);

  const auto frozen = model_of<B>({.card = "mowe", .set = {{"body.from", "2"}}});
  std::vector<std::uint8_t> bytes(200);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * i % 11);
  gmoe::trainer run(*frozen, std::span<const std::uint8_t>(bytes), {.steps = 4, .batch = 2, .sequence = 5});
  const auto numbers = [&](const char* name) { return named(*frozen, name).value().to_host(); };
  const auto first = numbers("experts.w_in");
  run.step();
  CHECK(numbers("experts.w_in") != first);
  run.step();
  const auto last = numbers("experts.w_in"), backbone = numbers("h.0.attn.c_attn.weight");
  run.step();
  CHECK(numbers("experts.w_in") == last);
  CHECK(numbers("h.0.attn.c_attn.weight") != backbone);

  const auto fresh = gmoe::make_model<B, GMOE_TEST_CARDS>("mowe", small_sizes());
  CHECK(fresh->needs_preparation());
  CHECK(refusal({.card = "mowe", .set = {{"router.longest", "0"}}}).find("router.longest is 0, expected") !=
        std::string::npos);
}
