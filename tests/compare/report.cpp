#include "compare/report.hpp"

#include <doctest/doctest.h>

#include <regex>

TEST_CASE("compare/report: the data is in the page and cannot end its script") {
  const compare::json data{{"text", {{"path", "</script><!-- \"x\" \\ & \u00e9"}}}, {"value", 1.25}};
  const std::string page = compare::report_html(data);
  const std::string start = "const data = ";
  const std::size_t at = page.find(start);
  REQUIRE(at != std::string::npos);
  const std::string text = page.substr(at + start.size(), page.find(";\n", at) - at - start.size());
  CHECK(text.find('<') == std::string::npos);
  CHECK(compare::json::parse(text) == data);
  CHECK(page.find("the comparison goes here") == std::string::npos);
}

TEST_CASE("compare/report: nothing is fetched") {
  const std::string page = compare::report_html(compare::json::object());
  CHECK(page.find("default-src 'none'") != std::string::npos);
  for (const char* what : {" src=", "@import", "url(", "fetch(", "XMLHttpRequest", "import("})
    CHECK_MESSAGE(page.find(what) == std::string::npos, what);
  // The only address is the name of the SVG namespace; the only link an empty icon.
  const std::regex address("https?://[^\"' )]*");
  for (auto m = std::sregex_iterator(page.begin(), page.end(), address); m != std::sregex_iterator(); ++m)
    CHECK(m->str() == "http://www.w3.org/2000/svg");
  const std::regex link("href=\"[^\"]*\"");
  for (auto m = std::sregex_iterator(page.begin(), page.end(), link); m != std::sregex_iterator(); ++m)
    CHECK(m->str() == "href=\"data:,\"");
}
