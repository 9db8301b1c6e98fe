#include "gmoe/nn/walk.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "backends.hpp"
#include "gmoe/nn/gru_cell.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

enum class colour { red, green };

template <class B>
struct inner {
  parameter<B> weight;
  double epsilon = 0;
};
/// One of each kind that a policy may keep.
template <class B>
struct everything {
  parameter<B> first;
  buffer<B> table;
  inner<B> module;
  std::vector<inner<B>> many;
  std::optional<parameter<B>> maybe, never;
  matrix<B> scratch;
  std::string name = "not a parameter";
  std::shared_ptr<int> handle;
  colour paint = colour::red;
  bool on = true;
};
/// Something that shows its parts by itself.
template <class B>
class guarded {
 public:
  explicit guarded(parameter<B> p) : mine_(std::move(p)) {}
  void each(auto&& visit) { visit(mine_); }

 private:
  parameter<B> mine_;
};

template <class B>
everything<B> made() {
  const builder<B> make(1);
  everything<B> all{.first = make.constant("first", 1, 1, 0),
                    .table = make.constant_buffer("table", 1, 2, 0),
                    .module = {make.constant("module", 1, 1, 0)},
                    .many = {},
                    .maybe = {},
                    .never = {},
                    .scratch = {},
                    .handle = nullptr};
  for (index_t i = 0; i < 2; ++i) all.many.push_back({make.constant("many." + std::to_string(i), 1, 1, 0)});
  all.maybe.emplace(make.constant("maybe", 1, 1, 0));
  return all;
}

std::string names(auto& x) {
  std::string all;
  walk(x, [&](auto& m) { all += m.name() + " "; });
  return all;
}

}  // namespace

TEST_CASE_TEMPLATE("nn/walk: every parameter and buffer of a plain struct, in order, and nothing else", B,
                   GMOE_TEST_BACKENDS) {
  everything<B> all = made<B>();
  CHECK(names(all) == "first table module many.0 many.1 maybe ");
  std::string buffers, trained;
  walk(all, detail::only_buffers([&](buffer<B>& b) { buffers += b.name(); }));
  walk(all, detail::only_parameters([&](parameter<B>& p) { trained += p.name() + " "; }));
  CHECK(buffers == "table");
  CHECK(trained == "first module many.0 many.1 maybe ");
}

TEST_CASE_TEMPLATE("nn/walk: what is visited can be changed, or is constant where the struct is", B,
                   GMOE_TEST_BACKENDS) {
  everything<B> all = made<B>();
  walk(all, [](auto& m) { m.value() = matrix<B>::filled(1, 1, typename B::scalar(3)); });
  CHECK(get(all.many[1].weight.value()).values == std::vector<double>{3});
  const everything<B>& fixed = all;
  int seen = 0;
  walk(fixed, [&]<class M>(M&) {
    CHECK(std::is_const_v<M>);
    ++seen;
  });
  CHECK(seen == 6);
}

TEST_CASE_TEMPLATE("nn/walk: modules, and classes that show their parts", B, GMOE_TEST_BACKENDS) {
  auto cell = nn::gru_cell<B>::make(builder<B>(1), 2, 3);
  CHECK(names(cell) == "weight_ih weight_hh bias_ih bias_hh ");
  guarded<B> one(builder<B>(1).constant("mine", 1, 1, 0));
  CHECK(names(one) == "mine ");
  parameter<B> bare("bare", 1, 1);
  CHECK(names(bare) == "bare ");
  struct {
  } empty;
  CHECK(names(empty) == "");
}
