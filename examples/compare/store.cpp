#include "store.hpp"

#include <fstream>
#include <string>
#include <system_error>

#include "../fingerprint.hpp"
#include "gmoe/io/atomic_file.hpp"

namespace compare {

namespace fs = std::filesystem;

namespace {

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
}

fs::path run_store::file_of(const json& settings) const {
  const std::string text = settings.dump();
  const std::string digits = examples::fingerprint().add(std::span<const char>(text)).text();
  return folder_ / gmoe::concat(settings.at("variant").get<std::string>(), "-seed",
                                settings.at("recipe").at("seed").get<std::uint64_t>(), "-", digits, ".json");
}

std::optional<json> run_store::find(const json& settings) const {
  if (!keeps()) return std::nullopt;
  const fs::path path = file_of(settings);
  std::ifstream file(path);
  if (!file) {
    gmoe::require<gmoe::file_error>(!fs::exists(path), path, " cannot be read");
    return std::nullopt;
  }
  json result = json::parse(file, nullptr, false);
  gmoe::require<gmoe::file_error>(result.is_object() && result.contains("settings") && result["settings"] == settings,
                                  path, " is not the result that its name promises; remove it to run again");
  return result;
}

void run_store::keep(const json& result) const {
  if (keeps()) gmoe::atomic_write(file_of(result.at("settings")), result.dump() + "\n");
}

}  // namespace compare
