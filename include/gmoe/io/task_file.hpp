#pragma once
/// Files of questions with choices: a JSON object per line, in one of the forms of task_forms.hpp.

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmoe/data/mapped_file.hpp"
#include "gmoe/io/task_forms.hpp"

namespace gmoe {

namespace detail {

/// Lines without their ends; an end of line at the end of the text begins no other.
inline std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
  }
  return lines;
}
inline std::string_view whole_text(const mapped_file& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}
inline const task_form& form_of(const nlohmann::json& object, const std::string& where) {
  std::string known;
  for (const task_form& form : task_forms) {
    if (object.contains(form.field)) return form;
    known += concat(known.empty() ? "" : ", ", "'", form.field, "' (", form.name, ")");
  }
  throw file_error(concat(where, ": is of no known form, expected one of the fields ", known));
}

}  // namespace detail

/// All questions of a file, which are counted under its name without the ending where a line says nothing else. All
/// lines have the form of the first. Labels that PIQA publishes as NAME-labels.lst are found beside NAME.jsonl. Throws
/// file_error, with the line, for what is not as the form has it.
inline std::vector<choice_question> read_task_file(const std::filesystem::path& path) {
  const std::string shown_path = in_quotes(path.string(), 4096), task = path.stem().string();
  const mapped_file file(path);
  const std::vector<std::string_view> lines = detail::lines_of(detail::whole_text(file));
  std::filesystem::path labels_path = path;
  labels_path.replace_filename(task + "-labels.lst");
  const bool labelled = std::filesystem::exists(labels_path);
  const mapped_file labels_file = labelled ? mapped_file(labels_path) : mapped_file();
  const std::vector<std::string_view> labels = detail::lines_of(detail::whole_text(labels_file));
  require<file_error>(!labelled || labels.size() == lines.size(), in_quotes(labels_path.string(), 4096), ": ",
                      labels.size(), " labels, expected one for each of ", lines.size(), " lines of ", shown_path);

  std::vector<choice_question> questions;
  const task_form* form = nullptr;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string where = concat(shown_path, ": line ", i + 1);
    require<file_error>(!lines[i].empty(), where, ": is empty, expected a JSON object");
    const nlohmann::json object = parse_json(lines[i], where);
    require<file_error>(object.is_object(), where, ": is ", shown(object), ", expected a JSON object");
    const task_form& found = detail::form_of(object, where);
    if (form == nullptr) form = &found;
    require<file_error>(form == &found, where, ": has the form of ", found.name, ", but the first line that of ",
                        form->name);
    form->read({object, task, where, labelled ? labels[i] : std::string_view()}, questions);
  }
  require<file_error>(!questions.empty(), shown_path, ": is empty, expected lines of JSON");
  return questions;
}

}  // namespace gmoe
