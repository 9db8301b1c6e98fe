#include "unfinished.hpp"

#include "../fingerprint.hpp"
#include "gmoe/data/mapped_file.hpp"
#include "gmoe/io/abandoned_files.hpp"
#include "gmoe/io/atomic_file.hpp"
#include "gmoe/io/strict_json.hpp"

namespace compare {

namespace fs = std::filesystem;

unfinished_run::unfinished_run(fs::path folder, const json& settings)
    : folder_(std::move(folder)), settings_(settings) {
  if (!keeps()) return;
  const std::string text = settings.dump();
  name_ = gmoe::concat(settings.at("variant").get<std::string>(), "-seed",
                       settings.at("recipe").at("seed").get<std::uint64_t>(), "-",
                       examples::fingerprint().add(std::span<const char>(text)).text());
  gmoe::remove_abandoned_files(folder_);
}

fs::path unfinished_run::notes() const { return folder_ / (name_ + ".json"); }
fs::path unfinished_run::checkpoint(std::int64_t step) const {
  return folder_ / gmoe::concat(name_, "-step", step, ".safetensors");
}

std::optional<json> unfinished_run::find(const std::function<void(const fs::path&)>& load) const {
  std::error_code ignored;
  if (!keeps() || fs::status(notes(), ignored).type() == fs::file_type::not_found) return std::nullopt;
  const std::string where = "unfinished run " + gmoe::in_quotes(notes().string(), 4096);
  const gmoe::mapped_file file(notes());
  const auto bytes = file.bytes();
  json found = gmoe::parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, where,
                                {.bytes = std::size_t{256} << 20, .depth = 16});
  gmoe::require<gmoe::file_error>(found.is_object() && found.contains("settings") && found["settings"] == settings_ &&
                                      found.contains("step") && found["step"].is_number_integer(),
                                  where, " is not what its name promises; remove it to run from the start");
  load(checkpoint(found["step"].get<std::int64_t>()));
  return found;
}

void unfinished_run::keep(std::int64_t step, json notes, const std::function<void(const fs::path&)>& save) const {
  if (!keeps()) return;
  fs::create_directories(folder_);
  save(checkpoint(step));
  notes["settings"] = settings_;
  notes["step"] = step;
  gmoe::atomic_write(this->notes(), notes.dump() + "\n");
  for (const auto& entry : fs::directory_iterator(folder_))  // those of earlier steps
    if (const std::string file = entry.path().filename().string();
        file.starts_with(name_ + "-step") && entry.path() != checkpoint(step))
      fs::remove(entry.path());
}

void unfinished_run::forget() const {
  std::error_code ignored;
  if (!keeps() || !fs::is_directory(folder_, ignored)) return;
  fs::remove(notes(), ignored);
  for (const auto& entry : fs::directory_iterator(folder_))
    if (entry.path().filename().string().starts_with(name_ + "-step")) fs::remove(entry.path(), ignored);
  fs::remove(folder_, ignored);  // if it is empty
}

}  // namespace compare
