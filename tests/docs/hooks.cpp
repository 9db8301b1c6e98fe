// The table of hooks in docs/architecture.md against the library: it has every function that policies are asked for,
// each in the row of its slot, on the side that check_card puts it, and nothing else.
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmoe/model/describe.hpp"
#include "gmoe/model/registry.hpp"
#include "gmoe/moe/hooks.hpp"
#include "gmoe/moe/slots.hpp"

namespace {

using names = std::set<std::string>;
/// What a slot must answer and what it may, by the names of hooks.
struct row {
  names must, may;
  bool operator==(const row&) const = default;
};
using table = std::map<std::string, row>;

const std::string common = "every slot";

std::string read(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// `name(...)` in backticks, all of a text.
names calls_in(const std::string& cell) {
  names found;
  for (std::size_t at = cell.find('`'); at != std::string::npos;) {
    const std::size_t end = cell.find('`', at + 1);
    std::string code = cell.substr(at + 1, end - at - 1);
    const std::size_t open = code.starts_with("operator()") ? 10 : code.find('(');
    if (open != std::string::npos) found.insert(code.substr(0, open));
    at = cell.find('`', end + 1);
  }
  return found;
}

/// The rows of the page's table of hooks: slot, must, may.
table of_page() {
  const std::string page = read("docs/architecture.md"), head = "| slot | must answer | may answer |\n";
  table t;
  std::size_t at = page.find(head);
  if (at == std::string::npos) return t;
  at = page.find('\n', at + head.size()) + 1;  // behind the line of dashes
  for (; page[at] == '|'; at = page.find('\n', at) + 1) {
    std::vector<std::string> cells;
    const std::string line = page.substr(at, page.find('\n', at) - at);
    for (std::size_t from = 1, to; (to = line.find('|', from)) != std::string::npos; from = to + 1)
      cells.push_back(line.substr(from, to - from));
    std::string slot = cells[0];
    std::erase_if(slot, [](char c) { return c == '`'; });
    slot = slot.substr(1, slot.size() - 2);
    t[slot] = {calls_in(cells[1]), calls_in(cells[2])};
  }
  return t;
}

std::string spelled(const std::string& hook) { return hook == "apply" ? "operator()" : hook; }

/// What a policy that says it is none need not have: it stands on the left of the table.
bool is_for_all_but_none(const std::string& slot, const std::string& hook) {
  return (slot == "always" && hook == "operator()") || (slot == "gate" && hook == "weights");
}

/// What check_card asks for: its lines GMOE_MUST...(slot, hook, ... and GMOE_MAY...(slot, hook, ...; those that end in
/// CALL are about operator().
table of_check() {
  const std::string code = read("include/gmoe/moe/check_card.hpp");
  table t;
  for (const std::string macro : {"GMOE_MUST(", "GMOE_MUST_OR_NONE(", "GMOE_MUST_CALL(", "GMOE_MUST_CALL_OR_NONE(",
                                  "GMOE_MAY(", "GMOE_MAY_CHANGE("})
    for (std::size_t at = code.find(macro); at != std::string::npos; at = code.find(macro, at + 1)) {
      const std::size_t slot = at + macro.size(), comma = code.find(',', slot), end = code.find(',', comma + 1);
      std::string name = code.substr(slot, comma - slot);
      std::erase_if(name, [](char c) { return c == ' ' || c == '\n'; });
      const bool calls = macro.find("CALL") != std::string::npos;
      const std::string hook = calls ? "operator()" : spelled(code.substr(comma + 2, end - comma - 2));
      const std::size_t line = code.rfind('\n', at) + 1;
      if (code[line] == '/' || code[line] == '#') continue;  // the macros themselves
      if (name == "slot") name = common;
      const bool must = macro.starts_with("GMOE_MUST") || is_for_all_but_none(name, hook);
      (must ? t[name].must : t[name].may).insert(hook);
    }
  // What is checked in other words: a body when its weights are known, a form when the parts are, what is kept when a
  // model is made.
  t["body"].must = {"make_weights", "operator()"};
  t["form"].must = {"operator()"};
  t[common].may.insert({"make_layer", "make_shared"});
  return t;
}

void print(const char* what, const row& r) {
  std::cerr << "  " << what << ": must";
  for (const std::string& n : r.must) std::cerr << " " << n;
  std::cerr << "; may";
  for (const std::string& n : r.may) std::cerr << " " << n;
  std::cerr << "\n";
}

}  // namespace

int main() {
  bool good = true;
  const auto expect = [&](bool so, const std::string& what) {
    if (!so) std::cerr << what << "\n";
    good = good && so;
  };
  table page = of_page(), check = of_check();
  expect(!page.empty(), "docs/architecture.md has no table '| slot | must answer | may answer |'");

  // The same rows on both sides.
  names slots{common};
  gmoe::for_each_slot([&]<class Slot>(Slot) { slots.insert(std::string(Slot::name)); });
  for (const auto& [slot, r] : page)
    expect(slots.contains(slot), "the table has a row '" + slot + "', which is no slot");
  for (const std::string& slot : slots) {
    expect(page.contains(slot), "the table has no row for '" + slot + "'");
    if (page[slot] == check[slot]) continue;
    expect(false, "the table's row of '" + slot + "' is not what gmoe/moe/check_card.hpp asks for");
    print("the table", page[slot]);
    print("the check", check[slot]);
  }

  // Every hook is somewhere in it, and everything in it is a hook.
  names in_table, hooks;
  for (const auto& [slot, r] : page) {
    in_table.insert(r.must.begin(), r.must.end());
    in_table.insert(r.may.begin(), r.may.end());
  }
  [&]<class... Hook>(std::type_identity<std::tuple<Hook...>>) {
    (hooks.insert(std::string(Hook::name)), ...);
  }(std::type_identity<gmoe::hooks::all>{});
  for (const std::string& h : hooks) expect(in_table.contains(h), "the table does not have the hook " + h);
  for (const std::string& h : in_table) expect(hooks.contains(h), "the table has " + h + ", which is no hook");

  // The library's own policies have what their rows say, and nothing else.
  const auto judge = [&](std::string_view card, const std::string& slot, std::string_view hook, bool has_it) {
    const row& r = page[slot];
    const std::string name(hook), where = std::string(card) + "'s " + slot;
    if (slot == "body" && name == "weights") return;  // a type
    if (r.must.contains(name) && !is_for_all_but_none(slot, name)) expect(has_it, where + " has no " + name);
    if (has_it && !r.must.contains(name) && !r.may.contains(name))
      expect(page[common].may.contains(name), where + " has " + name + ", which is not in its row");
  };
  const auto look = [&]<class Card>(std::type_identity<Card>) {
    gmoe::for_each_slot([&]<class Slot>(Slot) {
      using policy = gmoe::answer<Card, Slot>;
      if (std::is_same_v<policy, gmoe::unused<Slot>>) return;  // by the card's form
      const auto& has = gmoe::detail::has_functions<policy>;
      for (std::size_t i = 0; i < has.size(); ++i)
        judge(gmoe::text_of<Card>.name, std::string(Slot::name), gmoe::detail::function_names[i], has[i]);
    });
  };
  [&]<class... Cards>(std::type_identity<gmoe::card_list<Cards...>>) {
    (look(std::type_identity<Cards>{}), ...);
  }(std::type_identity<gmoe::all_cards::cards>{});
  return good ? 0 : 1;
}
