#pragma once
/// The report: one HTML file that holds its data, its drawing code and its style, and fetches nothing.

#include <string>

#include "plan.hpp"

namespace compare {

/// report.html with the comparison in it.
std::string report_html(const json& comparison);

}  // namespace compare
