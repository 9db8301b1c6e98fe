#include "store.hpp"

#include <string>
#include <string_view>
#include <system_error>

#include "../fingerprint.hpp"
#include "gmoe/data/mapped_file.hpp"
#include "gmoe/io/abandoned_files.hpp"
#include "gmoe/io/atomic_file.hpp"
#include "gmoe/io/strict_json.hpp"
#include "result.hpp"

namespace compare {

namespace fs = std::filesystem;

namespace {

/// Paths of every token of a long text through many blocks take that much; nothing else in a result does.
constexpr gmoe::json_limits limits{.bytes = std::size_t{256} << 20, .depth = 16};

void make_folder(const fs::path& folder, const fs::path& wanted_for) {
  std::error_code failure;
  if (!folder.empty()) fs::create_directories(folder, failure);
  gmoe::require<gmoe::file_error>(!failure, "cannot write ", wanted_for,
                                  ": its folder cannot be made: ", failure.message());
}

}  // namespace

void check_writable(const fs::path& path) {
  make_folder(path.parent_path(), path);
  const gmoe::atomic_file probe(path);  // without a commit it leaves no trace
}

run_store::run_store(fs::path folder) : folder_(std::move(folder)) {
  if (folder_.empty()) return;
  make_folder(folder_, folder_);
  check_writable(folder_ / "probe");
  gmoe::remove_abandoned_files(folder_);
}

fs::path run_store::file_of(const json& settings) const {
  const std::string text = settings.dump();
  const std::string digits = examples::fingerprint().add(std::span<const char>(text)).text();
  return folder_ / gmoe::concat(settings.at("variant").get<std::string>(), "-seed",
                                settings.at("recipe").at("seed").get<std::uint64_t>(), "-", digits, ".json");
}

std::optional<json> run_store::find(const run_plan& plan, const split_text& text) const {
  if (!keeps()) return std::nullopt;
  const json settings = plan.settings(text);
  const fs::path path = file_of(settings);
  std::error_code ignored;
  if (fs::status(path, ignored).type() == fs::file_type::not_found) return std::nullopt;
  const std::string where = "result file " + gmoe::in_quotes(path.string(), 4096);
  const gmoe::mapped_file file(path);
  const auto bytes = file.bytes();
  json result = gmoe::parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, where, limits);
  gmoe::require<gmoe::file_error>(result.is_object() && result.contains("settings") && result["settings"] == settings,
                                  where, " is not the result that its name promises; remove it to run again");
  check_result(result, static_cast<index_t>(text.validation.size()), where);
  return result;
}

index_t run_store::earlier_results() const {
  index_t count = 0;
  if (!keeps()) return count;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    if (entry.path().extension() != ".json" || !entry.is_regular_file() || entry.file_size() == 0) continue;
    const gmoe::mapped_file file(entry.path());
    const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
    count += text.find("\"format\":\"gmoe comparison run ") != text.npos &&
             text.find(gmoe::concat("\"format\":\"", run_format, "\"")) == text.npos;
  }
  return count;
}

double run_store::seconds_per_step(const run_plan& plan, const split_text& text) const {
  if (!keeps()) return compare::seconds_per_step(plan, text);
  json settings = plan.settings(text);
  settings["format"] = "gmoe comparison speed 1";
  settings["recipe"].erase("steps");
  settings["recipe"].erase("seed");
  const fs::path path =
      folder_ / gmoe::concat(plan.variant, "-speed-",
                             examples::fingerprint().add(std::span<const char>(settings.dump())).text(), ".json");
  std::error_code ignored;
  if (fs::status(path, ignored).type() != fs::file_type::not_found) {
    const std::string where = "file of speeds " + gmoe::in_quotes(path.string(), 4096);
    const gmoe::mapped_file file(path);
    const auto bytes = file.bytes();
    const json kept = gmoe::parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, where, limits);
    const bool good = kept.is_object() && kept.contains("settings") && kept["settings"] == settings &&
                      kept.contains("seconds_per_step") && kept["seconds_per_step"].is_number() &&
                      kept["seconds_per_step"] > 0;
    gmoe::require<gmoe::file_error>(good, where, " is not what its name promises; remove it to measure again");
    return kept["seconds_per_step"];
  }
  const double seconds = compare::seconds_per_step(plan, text);
  gmoe::atomic_write(path, json{{"settings", settings}, {"seconds_per_step", seconds}}.dump() + "\n");
  return seconds;
}

void run_store::keep(const json& result) const {
  if (keeps()) gmoe::atomic_write(file_of(result.at("settings")), result.dump() + "\n");
}

}  // namespace compare
