#include "report.hpp"

#include "gmoe/core/error.hpp"

namespace compare {

/// The text of report.html, put in by the build.
extern const char report_page[];

std::string report_html(const json& comparison) {
  std::string data = comparison.dump();
  // Inside a script element "</script" would end it, and "<!--" begin a comment.
  for (std::size_t at = 0; (at = data.find('<', at)) != std::string::npos; at += 6) data.replace(at, 1, "\\u003c");
  std::string page = report_page;
  const std::string place = "\"the comparison goes here\"";
  const std::size_t at = page.find(place);
  gmoe::require(at != std::string::npos, "the report's template has no place for its data");
  return page.replace(at, place.size(), data);
}

}  // namespace compare
