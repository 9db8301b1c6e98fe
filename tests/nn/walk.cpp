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
/// Something that lists its own.
template <class B>
class guarded {
 public:
  explicit guarded(parameter<B> p) : mine_(std::move(p)) {}
  void list(kept_list<B>& all) { all.add(mine_); }

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

/// Names of parameters and, after a bar, of buffers.
template <class B>
std::string names(auto& x) {
  kept_list<B> all;
  walk(x, all);
  std::string text;
  for (const parameter<B>* p : all.parameters) text += p->name() + " ";
  text += "| ";
  for (const buffer<B>* b : all.buffers) text += b->name() + " ";
  return text;
}

}  // namespace

TEST_CASE_TEMPLATE("nn/walk: every parameter and buffer of a plain struct, in order, and nothing else", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  everything<B> all = made<B>();
  CHECK(names<B>(all) == "first module many.0 many.1 maybe | table ");
}

TEST_CASE_TEMPLATE("nn/walk: what is listed lies in the struct, and is added to what there is", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  everything<B> all = made<B>();
  kept_list<B> list;
  parameter<B> before("before", 1, 1);
  list.add(before);
  walk(all, list);
  REQUIRE(list.parameters.size() == 6);
  CHECK(list.parameters[0] == &before);
  CHECK(list.parameters[1] == &all.first);
  CHECK(list.parameters[4] == &all.many[1].weight);
  CHECK(list.parameters[5] == &*all.maybe);
  CHECK(list.buffers == std::vector<buffer<B>*>{&all.table});
}

TEST_CASE_TEMPLATE("nn/walk: modules, and classes that list their own", B, GMOE_TEST_MODULE_BACKENDS) {
  auto cell = nn::gru_cell<B>::make(builder<B>(1), 2, 3);
  CHECK(names<B>(cell) == "weight_ih weight_hh bias_ih bias_hh | ");
  guarded<B> one(builder<B>(1).constant("mine", 1, 1, 0));
  CHECK(names<B>(one) == "mine | ");
  parameter<B> bare("bare", 1, 1);
  CHECK(names<B>(bare) == "bare | ");
  struct {
  } empty;
  CHECK(names<B>(empty) == "| ");
}
