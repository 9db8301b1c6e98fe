// The index of docs/variants/README.md, held against the library: its groups, and each card with its line, paper,
// status and page. Says what is wrong, and with --write makes the index anew: `build/test/tests/docs/index --write`,
// run in the root of the repository.

#include <algorithm>
#include <array>
#include <cctype>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "gmoe/model/describe.hpp"
#include "gmoe/model/registry.hpp"

namespace {

namespace fs = std::filesystem;

const fs::path folder = "docs/variants";
const std::string begins = "<!-- index: made by tests/docs/index.cpp -->\n", ends = "<!-- end of the index -->\n";

std::string read(const fs::path& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path.string() + " cannot be read; run this in the root of the repository");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// A page in three parts: before the index, the index, after it.
struct parts {
  std::string before, index, after;

  explicit parts(const std::string& page) {
    const std::size_t first = page.find(begins), last = page.find(ends);
    if (first == page.npos || last == page.npos || last < first)
      throw std::runtime_error("README.md has no index between the lines '" + begins + "' and '" + ends + "'");
    before = page.substr(0, first + begins.size());
    index = page.substr(first + begins.size(), last - first - begins.size());
    after = page.substr(last);
  }
};

/// "| [hmoe](hmoe.md) | ..." is a row of hmoe that leads to hmoe.md.
struct row {
  std::string name, link;
};
std::vector<row> rows_in(const std::string& text) {
  std::vector<row> rows;
  for (const std::string& line : lines_of(text)) {
    const std::size_t name_ends = line.find("]("), link_ends = line.find(')');
    if (!line.starts_with("| [") || name_ends == line.npos || link_ends == line.npos || link_ends < name_ends) continue;
    rows.push_back({line.substr(3, name_ends - 3), line.substr(name_ends + 2, link_ends - name_ends - 2)});
  }
  return rows;
}

/// The index as it has to be. Links are those of the tables of slots, which stand after it.
std::string index_for(const std::map<std::string, std::string>& links) {
  std::string text;
  for (const gmoe::card_group& group : gmoe::all_cards::groups) {
    std::string question(group.question);
    question[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(question[0])));
    text += gmoe::concat("\n### ", group.name, "\n\n", question, " ([`cards/", group.name,
                         ".hpp`](../../include/gmoe/model/cards/", group.name, ".hpp))\n\n",
                         "| name | in one line | paper | status |\n| --- | --- | --- | --- |\n");
    for (const gmoe::card_text& card : group.cards) {
      const auto link = links.find(std::string(card.name));
      text += gmoe::concat("| [", card.name, "](", link == links.end() ? "?" : link->second, ") | ", card.summary,
                           " | ", card.paper.empty() ? "–" : card.paper, " | ", gmoe::status(card), " |\n");
    }
  }
  return text + "\n";
}

std::map<std::string, std::string> links_in(const std::string& text) {
  std::map<std::string, std::string> links;
  for (const row& r : rows_in(text)) links.emplace(r.name, r.link);
  return links;
}

/// What a heading is linked by: "With a second expert" by with-a-second-expert.
std::string anchor_of(std::string_view heading) {
  std::string anchor;
  for (const char c : heading)
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '-')
      anchor += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (c == ' ')
      anchor += '-';
  return anchor;
}

/// The page that a link leads to exists, has the heading that the link names, and names the card.
void check_link(const row& r, std::vector<std::string>& mistakes) {
  const std::size_t hash = std::min(r.link.find('#'), r.link.size());
  const fs::path file = folder / r.link.substr(0, hash);
  const std::string where = file.string(), of = " (the page of " + r.name + ")";
  if (r.link.empty() || !fs::is_regular_file(file)) return mistakes.push_back(where + of + " does not exist");
  const std::string page = read(file);
  const auto has = [&](const std::string& words) { return page.find(words) != page.npos; };
  if (!has("`" + r.name + "`") && !has("\"" + r.name + "\"") && !has("# " + r.name + "\n"))
    mistakes.push_back(where + of + " does not name it");
  if (hash == r.link.size()) return;
  const std::string anchor = r.link.substr(hash + 1);
  const std::vector<std::string> lines = lines_of(page);
  if (std::none_of(lines.begin(), lines.end(), [&](const std::string& line) {
        const std::size_t text = line.find_first_not_of('#');
        return line.starts_with('#') && text != line.npos && line[text] == ' ' &&
               anchor_of(std::string_view(line).substr(text + 1)) == anchor;
      }))
    mistakes.push_back(where + of + " has no heading for #" + anchor);
}

/// The names of rows are those of cards, each once.
void check_names(const std::vector<row>& rows, const std::string& place, std::vector<std::string>& mistakes) {
  std::set<std::string> left;
  for (const gmoe::card_text& card : gmoe::all_cards::texts) left.emplace(card.name);
  std::set<std::string> seen;
  for (const row& r : rows)
    if (!seen.insert(r.name).second)
      mistakes.push_back("there are two rows of '" + r.name + "' in " + place);
    else if (left.erase(r.name) == 0)
      mistakes.push_back("'" + r.name + "' has a row in " + place + ", but is no card of the library");
  for (const std::string& name : left) mistakes.push_back("the card '" + name + "' has no row in " + place);
}

/// What is wrong with the page, in words.
std::vector<std::string> mistakes_in(const std::string& page) {
  std::vector<std::string> mistakes;
  const parts found(page);
  check_names(rows_in(found.index), "the index", mistakes);
  check_names(rows_in(found.after), "the tables of slots", mistakes);
  for (const row& r : rows_in(found.after)) check_link(r, mistakes);
  for (const gmoe::card_group& group : gmoe::all_cards::groups)
    if (const std::string file = gmoe::concat("include/gmoe/model/cards/", group.name, ".hpp"); !fs::exists(file))
      mistakes.push_back(file + " does not exist: a group has the name of its family's file");
  // Line by line: what is in one of them alone.
  const std::vector<std::string> is = lines_of(found.index), shall = lines_of(index_for(links_in(found.after)));
  for (const std::string& line : is)
    if (!line.empty() && std::find(shall.begin(), shall.end(), line) == shall.end())
      mistakes.push_back("the index has: " + line);
  for (const std::string& line : shall)
    if (!line.empty() && std::find(is.begin(), is.end(), line) == is.end())
      mistakes.push_back("the index shall have: " + line);
  if (mistakes.empty() && is != shall) mistakes.push_back("the index has its rows in another order than the library");
  return mistakes;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  if (at == text.npos) throw std::runtime_error("README.md has no '" + from + "'");
  return text.replace(at, from.size(), to);
}

/// Each of these changes to the page is found, and told by the name that it is about.
bool finds_mistakes(const std::string& page) {
  const parts whole(page);
  const std::string hmoe = "| [hmoe](hmoe.md) |";
  const auto rest_of_line = [&](const std::string& text) {
    const std::size_t at = text.find(hmoe);
    return text.substr(at, text.find('\n', at) + 1 - at);
  };
  const auto with_index = [&](const std::string& index) { return whole.before + index + whole.after; };
  const auto with_slots = [&](const std::string& after) { return whole.before + whole.index + after; };
  const std::array<std::array<std::string, 2>, 8> changes{{
      {with_index(replaced(whole.index, rest_of_line(whole.index), "")), "the card 'hmoe' has no row in the index"},
      {with_slots(replaced(whole.after, rest_of_line(whole.after), "")),
       "the card 'hmoe' has no row in the tables of slots"},
      {with_index(whole.index + "| [nomoe](hmoe.md) | a | b | c |\n"),
       "'nomoe' has a row in the index, but is no card of the library"},
      {with_index(replaced(whole.index, hmoe + " top-2", hmoe + " top-3")), "the index has: | [hmoe](hmoe.md) | top-3"},
      {with_index(replaced(whole.index, "### pools", "### pool")), "the index shall have: ### pools"},
      {with_slots(replaced(whole.after, hmoe, "| [hmoe](nowhere.md) |")),
       "docs/variants/nowhere.md (the page of hmoe) does not exist"},
      {with_slots(replaced(whole.after, hmoe, "| [hmoe](hash.md) |")),
       "docs/variants/hash.md (the page of hmoe) does not name it"},
      {with_slots(replaced(whole.after, hmoe, "| [hmoe](hmoe.md#nowhere) |")),
       "docs/variants/hmoe.md (the page of hmoe) has no heading for #nowhere"},
  }};
  bool good = true;
  for (const auto& [changed, expected] : changes) {
    const std::vector<std::string> found = mistakes_in(changed);
    const std::string_view words = expected;
    if (std::none_of(found.begin(), found.end(), [&](const std::string& m) { return m.starts_with(words); })) {
      std::cerr << "this was not found: " << expected << "\n";
      good = false;
    }
  }
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const fs::path file = folder / "README.md";
    std::string page = read(file);
    if (argc > 1 && std::string_view(argv[1]) == "--write") {
      const parts found(page);
      page = found.before + index_for(links_in(found.after)) + found.after;
      std::ofstream(file) << page;
    }
    const std::vector<std::string> mistakes = mistakes_in(page);
    for (const std::string& mistake : mistakes) std::cerr << file.string() << ": " << mistake << "\n";
    if (!mistakes.empty()) {
      std::cerr << "Rows of the tables of slots are written by hand, the index is made: " << argv[0]
                << " --write in the root of the repository\n";
      return 1;
    }
    return finds_mistakes(page) ? 0 : 1;
  } catch (const std::exception& e) {
    std::cerr << e.what() << "\n";
    return 1;
  }
}
