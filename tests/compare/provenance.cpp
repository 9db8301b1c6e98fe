#include "compare/provenance.hpp"

#include <doctest/doctest.h>

TEST_CASE("compare/provenance: the command without the folders of this machine") {
  CHECK(compare::command_text("compare", {"--text", "/home/me/books/a.txt", "--steps", "30"}) ==
        "compare --text a.txt --steps 30");
  CHECK(compare::command_text("compare", {"--validate", "news=/home/me/news/", "--json=../out/r.json"}) ==
        "compare --validate news=news --json=r.json");
  CHECK(compare::command_text("compare", {"--text", "/home/me/my book.txt", "--runs", ""}) ==
        "compare --text 'my book.txt' --runs ''");
  CHECK(compare::command_text("compare", {"--set", "balance.alpha=0.02"}) == "compare --set balance.alpha=0.02");
}
