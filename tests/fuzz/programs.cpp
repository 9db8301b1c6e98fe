// What programs read beside single files: replays of traces, results of comparisons, command lines.

#include <charconv>
#include <numeric>

#include "compare/comparison.hpp"
#include "compare/table.hpp"
#include "file_in_memory.hpp"
#include "gmoe/backend/cpu.hpp"
#include "gmoe/io/strict_json.hpp"
#include "gmoe/io/trace_replay.hpp"
#include "harness.hpp"
#include "options.hpp"
#include "tensor_file.hpp"

namespace gmoe_fuzz {

namespace {

using namespace gmoe;

// Replays. All that a replay asks of a model: two mixtures, of three experts and of two, in parts of tokens.

struct mixture {
  index_t block, experts, rows_per_token, rounds;
};
struct small_model {
  using backend_type = cpu<double>;
  struct mixtures {
    index_t layers() const { return 2; }
    mixture shape(index_t l) const { return l == 0 ? mixture{0, 3, 1, 1} : mixture{2, 2, 2, 1}; }
  };
  struct plain {};
  mixtures moe() const { return {}; }
  plain card() const { return {}; }
};
bool form_holds_cards(small_model::plain) { return false; }

constexpr index_t replayed_tokens = 2;

outcome replays(bytes input) {
  const file_in_memory place(input);
  const auto r = read_replay(place.path(), small_model{}, replayed_tokens, true);
  must(r.layers.size() == 2, "a replay has other mixtures than its model");
  for (index_t l = 0; l < 2; ++l) {
    const auto& layer = r.layers[static_cast<std::size_t>(l)];
    const mixture shape = small_model{}.moe().shape(l);
    must(layer.experts == shape.experts, "a mixture has other experts");
    for (const auto* choices : {&layer.chosen, &layer.kept}) {
      must(choices->rows() == shape.rows_per_token * replayed_tokens, "choices are not those of the tokens");
      for (const id_type e : choices->to_host())
        must(e == no_choice || (e >= 0 && e < shape.experts), "a choice is no expert");
    }
  }
  for (const auto& c : r.constants)
    must(c.value.rows() == replayed_tokens && c.value.cols() > 0, "a constant is not one of the tokens");
  return outcome::accepted;
}
std::vector<std::string> replay_seeds() {
  const std::string one(8, '\0'), none(8, '\xff');
  return {tensor_file(R"({"layer0/chosen":{"dtype":"I64","shape":[1,2,1],"data_offsets":[0,16]},)"
                      R"("layer0/kept":{"dtype":"I64","shape":[1,2,1],"data_offsets":[16,32]},)"
                      R"("layer2/chosen":{"dtype":"U8","shape":[2,1,2],"data_offsets":[32,36]},)"
                      R"("layer2/kept":{"dtype":"I8","shape":[2,1,2],"data_offsets":[36,40]},)"
                      R"("layer0/cut/logits":{"dtype":"F32","shape":[1,2,1],"data_offsets":[40,48]}})",
                      one + none + none + one + std::string("\0\1\1\0\xff\1\1\0", 8) + "12345678"),
          tensor_file(R"({"layer0/chosen":{"dtype":"U8","shape":[2,1,2],"data_offsets":[0,4]},)"
                      R"("layer0/kept":{"dtype":"U8","shape":[2,1,2],"data_offsets":[4,8]},)"
                      R"("layer2/chosen":{"dtype":"U8","shape":[1,2,2],"data_offsets":[8,12]},)"
                      R"("layer2/kept":{"dtype":"U8","shape":[1,2,2],"data_offsets":[12,16]}})",
                      std::string("\0\1\2\0\1\0\0\2\0\1\1\0\0\0\1\1", 16))};
}
const std::vector<std::string_view> replay_words = {"\"layer0/kept\":",
                                                    "\"layer2/chosen\":",
                                                    "layer1/",
                                                    "layer0/cut/",
                                                    "[2,1,1]",
                                                    "[1,2,4]",
                                                    "[-1,2,1]",
                                                    "[4611686018427387904,4,1]",
                                                    "\"I64\"",
                                                    "\"U8\"",
                                                    "\"F64\"",
                                                    "9223372036854775807",
                                                    "}}"};

// Results of comparisons: each line of the input is a file.

outcome merges(bytes input) {
  std::vector<nlohmann::json> comparisons;
  std::vector<std::string> names;
  for (std::string_view rest = as_text(input); !rest.empty() && names.size() < 3;) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    names.push_back("file " + std::to_string(names.size()));
    comparisons.push_back(parse_json(rest.substr(0, end), names.back()));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  nlohmann::json merged;
  try {
    merged = compare::merge(comparisons, names);
    must(!compare::tables(merged).empty() && !compare::csv_text(merged).empty(), "a comparison shows nothing");
  } catch (const nlohmann::json::exception&) {  // compare tells it as one of these files that is not whole
    return outcome::refused;
  }
  const std::string text = merged.dump();
  must(compare::merge({parse_json(text, "what was written")}, {"itself"}).dump() == text,
       "a comparison is another one after it was written and merged");
  return outcome::accepted;
}

/// A run of a few steps.
std::string run_of(std::string_view variant, int seed, double loss, bool asked) {
  const std::string l = std::to_string(loss);
  std::string text = concat(R"({"variant":")", variant, R"(","seed":)", seed, R"(,"validation_loss":)", l,
                            R"(,"perplexity":)", l, R"(,"bits_per_byte":)", l,
                            R"(,"training_flops_per_token":100,"training_seconds":2,"training_tokens":64,)"
                            R"("path_entropy":1.5,"common_path_entropy":1.5,"mean_load_cv":null,)"
                            R"("settings":{"recipe":{"batch":2,"accumulation":1,"sequence":8,"steps":4,"seed":)",
                            seed, R"(},"sizes":{"d_ff":16,"experts":4}},"curve":{"same_tokens":[)");
  for (int step = 1; step <= 5; ++step) text += concat(step > 1 ? "," : "", "[", step, ",", loss + 1.0 / step, "]");
  text += "]}";
  if (asked)
    text += concat(R"(,"accuracy":0.5,"accuracy:t":0.5,"tasks":[{"task":"t","questions":2,"chance":0.5,)",
                   R"("outcomes":"01"}])");
  return text + "}";
}
std::string comparison_of(std::string_view runs, bool asked) {
  return concat(
      R"({"format":"gmoe comparison 2","version":"0","text":{"path":"t"},"texts":{},"sizes":{"d_ff":16},)",
      R"("recipe":{"seed":1,"steps":4},"equal":"tokens","dense":"plain","provenance":[{"program":"compare"}],)",
      R"("variants":{"gmoe":{},"dense":{}},"common_blocks":[0,1],"analysis_tokens":64,)",
      R"("floors":{"unigram":3.0,"bigram":1.0},"tasks":)", asked ? R"({"by":"sum","shots":0,"context":8})" : "null",
      R"(,"runs":[)", runs, "]}");
}
std::vector<std::string> merge_seeds() {
  const auto two = [](int seed, bool asked) {
    return run_of("gmoe", seed, 2.5, asked) + "," + run_of("dense", seed, 2.75, asked);
  };
  std::string without_curve = comparison_of(run_of("gmoe", 1, 2.5, false), false);
  const std::size_t points = without_curve.find("[[");
  without_curve.erase(points + 1, without_curve.find("]]") + 1 - (points + 1));
  return {comparison_of(run_of("gmoe", 1, 2.5, false), false), without_curve,
          comparison_of(two(1, true), true) + "\n" + comparison_of(two(2, true), true),
          comparison_of(two(1, false), false) + "\n" + comparison_of(run_of("dense", 1, 2.75, false), false)};
}
const std::vector<std::string_view> merge_words = {"\"same_tokens\":[]",
                                                   "[1]",
                                                   "[1,2]",
                                                   "null",
                                                   "{}",
                                                   "[]",
                                                   "\"tasks\":null",
                                                   "\"seed\":-1",
                                                   "1e308",
                                                   "-1e308",
                                                   "\"x\"",
                                                   "true",
                                                   "\n",
                                                   "\"dense\"",
                                                   "1e-320",
                                                   "\"validation_loss:t\":1,",
                                                   "\"accuracy\":2,",
                                                   "\"outcomes\":\"\"",
                                                   "9223372036854775807",
                                                   "18446744073709551615"};

// Command lines: each line of the input is a word.

struct command {
  std::string variant = "gmoe", backend = "eigen";
  bool resume = false;
  int threads = 0;
  std::uint64_t seeds = 3;
  std::vector<std::string> variants, validate, set;
  sizes shape;
  recipe how;
  CLI::App app{"a program"};

  command() {
    app.add_option("--variant", variant, "which");
    app.add_option("--variants", variants, "which ones")->delimiter(',');
    app.add_option("--backend", backend, "what computes")->check(CLI::IsMember({"eigen", "thrust"}));
    app.add_flag("--resume", resume, "go on");
    app.add_option("--threads", threads, "threads")->check(CLI::NonNegativeNumber);
    app.add_option("--seeds", seeds, "seeds")->check(CLI::PositiveNumber);
    app.add_option("--validate", validate, "NAME=PATH");
    examples::add_size_options(app, shape, set, {"vocab"});
    examples::add_recipe_options(app, how);
  }
  /// False for what only CLI11 sees.
  bool parse(const std::vector<std::string>& words) {
    std::vector<std::string> backwards(words.rbegin(), words.rend());
    try {
      app.parse(std::move(backwards));
    } catch (const CLI::ParseError& e) {
      return e.get_exit_code() == 0;
    }
    return true;
  }
};

template <class Fields>
void write_given(const CLI::App& app, const Fields& fields, std::vector<std::string>& words) {
  each_field(fields, [&](const auto& field, const auto& value) {
    if (!examples::given(app, examples::option_name(field.name))) return;
    char text[64];
    const auto end = std::to_chars(std::begin(text), std::end(text), value);
    words.push_back(examples::option_name(field.name) + "=" + std::string(text, end.ptr));
  });
}

outcome command_lines(bytes input) {
  std::vector<std::string> words;
  for (std::string_view rest = as_text(input); !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    words.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  command given;
  const std::string wrong = examples::detail::what_is_wrong(given.app, words);
  must(wrong.size() < 1000 && wrong.find('\n') == wrong.npos, "what is wrong takes more than a line");
  if (!wrong.empty()) return outcome::refused;
  if (!given.parse(words)) return outcome::refused;
  std::vector<std::string> again;
  write_given(given.app, given.shape, again);
  write_given(given.app, given.how, again);
  command second;
  must(examples::detail::what_is_wrong(second.app, again).empty(), "numbers that were read are wrong when written");
  must(second.parse(again), "numbers that were read cannot be read again");
  std::vector<std::string> third;
  write_given(second.app, second.shape, third);
  write_given(second.app, second.how, third);
  must(third == again, "a number is another one after it was written");
  return outcome::accepted;
}
std::vector<std::string> command_line_seeds() {
  return {"--variant\ngmoe\n--steps\n12\n--d-model=16\n--learning-rate\n1e-3",
          "--variants\ngmoe,switch\n--seeds\n2\n--validate\na=b\nc=d\n--resume",
          "--set\nselect.k=2\n--set\nbalance.alpha=0.1\n--threads\n1\n--seed\n18446744073709551615",
          "--backend=thrust\n--batch\n-1", "--stpes\n3"};
}
const std::vector<std::string_view> command_line_words = {"\n",
                                                          "--",
                                                          "-",
                                                          "--steps\n",
                                                          "--seed\n",
                                                          "--help",
                                                          "--version",
                                                          "--set\n",
                                                          "--variants\n",
                                                          "--learning-rate\n",
                                                          "=",
                                                          "--d-model=",
                                                          "1e400",
                                                          "nan",
                                                          "0x10",
                                                          "-1",
                                                          "+1",
                                                          "1_000",
                                                          ",",
                                                          "9223372036854775808",
                                                          "[1]",
                                                          "{a}",
                                                          "%%",
                                                          "'",
                                                          "\"",
                                                          "-h",
                                                          "--resume\n",
                                                          "--resume=false",
                                                          "1e5"};

}  // namespace

std::span<const harness> programs() {
  static const harness all[] = {
      {"replay", replays, replay_seeds, replay_words, mend_length},
      {"merge", merges, merge_seeds, merge_words},
      {"command_line", command_lines, command_line_seeds, command_line_words},
  };
  return all;
}

}  // namespace gmoe_fuzz
