// What is read from files, one harness per reader.

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <limits>

#include "file_in_memory.hpp"
#include "gmoe/data/corpus.hpp"
#include "gmoe/io/checkpoint_header.hpp"
#include "gmoe/io/json_lines.hpp"
#include "gmoe/io/official_config.hpp"
#include "gmoe/io/safetensors.hpp"
#include "gmoe/io/strict_json.hpp"
#include "gmoe/io/task_file.hpp"
#include "gmoe/io/trace_tokens.hpp"
#include "gmoe/model/cards/gmoe.hpp"
#include "gmoe/moe/settings.hpp"
#include "harness.hpp"
#include "io/temp_folder.hpp"
#include "tensor_file.hpp"

namespace gmoe_fuzz {

namespace {

using namespace gmoe;

// Files of tensors.

void read_all(const safetensors_file& file) {
  for (const tensor_entry& t : file.tensors()) {
    must(file.entry(t.name).begin == t.begin, "a tensor is not found by its name");
    must(std::ssize(file.bytes(t.name)) == t.size_bytes(), "a tensor has other bytes than its entry says");
    try {
      if (facts(t.type).floating)
        must(std::ssize(file.read<double>(t.name)) == t.elements(), "a tensor has other elements than its entry says");
      else
        must(std::ssize(file.read<std::int64_t>(t.name)) == t.elements(), "a tensor has other elements than it says");
    } catch (const file_error&) {  // a whole number beyond int64
    }
  }
}

outcome safetensors(bytes input) {
  const file_in_memory place(input);
  const safetensors_file file(place.path());
  read_all(file);
  safetensors_header header{file.tensors(), file.metadata()};
  index_t size = 0;
  for (const tensor_entry& t : header.tensors) size += t.size_bytes();
  const std::string text = write_safetensors_header(header);
  std::uint64_t length = 0;
  std::memcpy(&length, text.data(), sizeof length);
  must(length == text.size() - sizeof length, "a written header has another length than it says");
  const safetensors_header again =
      parse_safetensors_header(std::string_view(text).substr(sizeof length), size, "what was written");
  must(again.metadata == header.metadata && again.tensors.size() == header.tensors.size(),
       "a header is another one after it was written");
  for (std::size_t i = 0; i < again.tensors.size(); ++i) {
    const tensor_entry &a = again.tensors[i], &b = header.tensors[i];
    must(a.name == b.name && a.type == b.type && a.shape == b.shape && a.begin == b.begin && a.end == b.end,
         "an entry is another one after it was written");
  }
  return outcome::accepted;
}
std::vector<std::string> safetensors_seeds() {
  return {
      tensor_file(R"({"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}})", "12345678"),
      tensor_file(R"({"__metadata__":{"format":"pt","k":"v"},"x":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},)"
                  R"("y":{"dtype":"BF16","shape":[2,1],"data_offsets":[8,12]},"z":{"dtype":"U8","shape":[],)"
                  R"("data_offsets":[12,13]}})",
                  "0123456789abc"),
      tensor_file(R"({"e":{"dtype":"F64","shape":[3,0],"data_offsets":[0,0]}})", ""),
      tensor_file(R"({"h":{"dtype":"F16","shape":[4],"data_offsets":[0,8]}}    )", "\1\2\3\4\5\6\7\x7c"),
      tensor_file("{}", ""),
  };
}
const std::vector<std::string_view> tensor_words = {"\"dtype\"",
                                                    "\"shape\"",
                                                    "\"data_offsets\"",
                                                    "\"__metadata__\"",
                                                    "\"F32\"",
                                                    "\"F64\"",
                                                    "\"BF16\"",
                                                    "\"I64\"",
                                                    "\"U64\"",
                                                    "\"BOOL\"",
                                                    "\"F8_E4M3\"",
                                                    "[0,0]",
                                                    "[]",
                                                    "{}",
                                                    "}}",
                                                    "9223372036854775807",
                                                    "-1",
                                                    "1e3",
                                                    "\\u0000",
                                                    "\"a\":",
                                                    "null"};

outcome tokens_of_traces(bytes input) {
  const file_in_memory place(input);
  const trace_tokens t = trace_tokens::read(place.path());
  must(t.sequences >= 1 && std::ssize(t.ids) % t.sequences == 0, "tokens are no sequences of one length");
  must(t.targets.empty() || t.targets.size() == t.ids.size(), "tokens and targets are not as many");
  return outcome::accepted;
}
std::vector<std::string> trace_token_seeds() {
  const std::string eight(8, '\1');
  return {tensor_file(R"({"tokens":{"dtype":"I64","shape":[1,2],"data_offsets":[0,16]}})", eight + eight),
          tensor_file(R"({"targets":{"dtype":"I32","shape":[2,1],"data_offsets":[0,8]},)"
                      R"("tokens":{"dtype":"U8","shape":[2,1],"data_offsets":[8,10]}})",
                      eight + "\1\2")};
}

// What says what a file is.

outcome checkpoint(bytes input) {
  const file_in_memory place(input);
  const checkpoint_header h = read_checkpoint_header(place.path());
  if (!h.first_format) {
    const auto notes = h.to_metadata();
    must(checkpoint_header::from_metadata(notes, "what was written").to_metadata() == notes,
         "the notes of a checkpoint are others after they were written");
  }
  try {
    gmoe_card card = h.card("the file", gmoe_card{});
    change_setting(card, "balance.alpha", "0.5");
  } catch (const gmoe::error&) {  // of another card
  }
  return outcome::accepted;
}
std::vector<std::string> checkpoint_seeds() {
  const auto file = [](checkpoint_header h) {
    safetensors_header header{{{"wte.weight", dtype::f32, {2, 1}, 0, 8}}, h.to_metadata()};
    return write_safetensors_header(header) + "12345678";
  };
  checkpoint_header small;
  small.variant = "gmoe";
  small.text = "0123456789abcdef";
  small.step = 3;
  small.shape = {.vocab = 2, .positions = 1, .d_model = 1, .layers = 1, .heads = 1, .d_ff = 1, .experts = 1};
  small.set_card(gmoe_card{});
  checkpoint_header measured = small;
  measured.validation_loss = 1.5;
  measured.unread_numbers["capacity_factor"] = 1.25;
  return {file(small), file(measured)};
}
const std::vector<std::string_view> checkpoint_words = {"\"format\"",
                                                        "gmoe training state",
                                                        "\"card.balance.alpha\"",
                                                        "\"sizes.d_model\"",
                                                        "\"recipe.steps\"",
                                                        "\"step\"",
                                                        "\"unread.",
                                                        "validation_loss",
                                                        "nan",
                                                        "inf",
                                                        "-1",
                                                        "1e308",
                                                        "9223372036854775807",
                                                        "switch",
                                                        "gmoe"};

outcome official_config_of(bytes input) {
  const file_in_memory place(input);
  const official_config c = read_official_config(place.path());
  const std::string text = official_config_text(c);
  const file_in_memory second(as_bytes(text));
  must(official_config_text(read_official_config(second.path())) == text,
       "a config is another one after it was written");
  return outcome::accepted;
}
std::vector<std::string> official_config_seeds() {
  return {R"({"moe_type":"gmoe","vocab_size":11,"n_positions":8,"n_embd":8,"n_layer":2,"n_head":2,"n_inner":12,)"
          R"("num_global_experts":4,"use_local_expert":true,"use_prev_logits":false,"layer_norm_epsilon":1e-05})",
          R"({"moe_type":"switch","vocab_size":11,"n_positions":8,"n_embd":8,"n_layer":4,"n_head":1,)"
          R"("switch_num_experts":4,"num_experts":4,"capacity_factor":1.25,"aux_alpha":0.01,"resid_pdrop":0.1,)"
          R"("attn_pdrop":0.1,"embd_pdrop":0.1})",
          R"({"moe_type":"gshard","vocab_size":3,"n_positions":2,"n_embd":2,"n_layer":2,"n_head":1,"num_experts":2,)"
          R"("router_top_k":2})",
          R"({"moe_type":"dense","vocab_size":3,"n_positions":2,"n_embd":2,"n_layer":1,"n_head":1})"};
}
const std::vector<std::string_view> config_words = {"\"moe_type\":\"gmoe\"",
                                                    "\"moe_type\":\"hash\"",
                                                    "\"moe_layers\":[0,1]",
                                                    "\"router_top_k\"",
                                                    "\"num_experts\"",
                                                    "\"use_router_state\":false",
                                                    "\"n_layer\":100000",
                                                    "\"n_head\":0",
                                                    "true",
                                                    "null",
                                                    "1e999",
                                                    "-0.0",
                                                    "[[[[",
                                                    "{\"a\":"};

// Texts.

outcome json(bytes input) {
  const json_limits limits{.bytes = 1 << 16, .depth = 8};
  const nlohmann::json value = parse_json(as_text(input), "the input", limits);
  const std::string text = value.dump();
  must(parse_json(text, "what was written", {.bytes = 1 << 20, .depth = 8}) == value,
       "a value is another one after it was written");
  must(shown(value).size() < 100, "a value is shown at length");
  return outcome::accepted;
}
std::vector<std::string> json_seeds() {
  return {R"({"a":[1,-2.5e3,true,false,null,"x\u00e9\n"],"b":{"c":{}}})",
          "[[[[[[[1]]]]]]]",
          "\"\xc3\xa9\"",
          "0",
          " [ ] ",
          "18446744073709551615"};
}
const std::vector<std::string_view> json_words = {"{",
                                                  "}",
                                                  "[",
                                                  "]",
                                                  "\"a\":",
                                                  ",",
                                                  "1e400",
                                                  "-0",
                                                  "\\ud800",
                                                  "\\u0000",
                                                  "null",
                                                  "true",
                                                  "\"a\":1,\"a\":2",
                                                  "123456789012345678901234567890"};

outcome log_of_lines(bytes input) {
  static const gmoe_test::temp_folder folder;
  const std::filesystem::path path = folder.path / "log.jsonl";
  gmoe_test::spill(path, as_text(input));
  const auto lines_of_file = [&](const std::function<bool(const nlohmann::json&)>& keep) {
    std::size_t seen = 0;
    json_lines log(path, [&](const nlohmann::json& o) {
      ++seen;
      must(o.flatten().dump().size() >= 2, "a line cannot be walked through");  // as deep as it is
      return keep(o);
    });
    return seen;
  };
  const std::size_t kept = lines_of_file([](const nlohmann::json&) { return true; });
  must(lines_of_file([](const nlohmann::json&) { return true; }) == kept, "a log has other lines after it was opened");
  return outcome::accepted;
}
std::vector<std::string> log_seeds() {
  return {"{\"step\":1,\"loss\":2.5}\n{\"step\":2,\"loss\":null}\n",
          "{\"step\":1}\n{\"step\":2,\"lo",
          "",
          "{}\n\n",
          "{\"step\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}\n",
          std::string("{\"step\":1}\0{}\n", 14)};
}
const std::vector<std::string_view> log_words = {"{}\n", "\n", "{\"step\":3}\n", "[]\n", "1\n", "}\n{", "nan"};

outcome tasks(bytes input) {
  const file_in_memory place(input);
  for (const choice_question& q : read_task_file(place.path())) {
    must(q.size() >= 2 && q.answer < q.size(), "a question has too few choices, or another answer than they are");
    must(!q.in_tokens() || q.choice_bytes.empty() || q.choice_bytes.size() == q.size(),
         "not every choice has a length");
    for (std::size_t i = 0; i < q.size(); ++i) must(q.bytes_of(i) >= 0, "a choice has a length below 0");
  }
  return outcome::accepted;
}
std::vector<std::string> task_seeds() {
  return {R"({"context":"a","choices":["b","c"],"label":1})"
          "\n",
          R"({"sentence_good":"a b","sentence_bad":"b a","UID":"order"})"
          "\n",
          R"({"question":{"stem":"s","choices":[{"text":"x","label":"A"},{"text":"y","label":"B"}]},"answerKey":"B"})"
          "\n",
          R"({"goal":"g","sol1":"x","sol2":"y","label":0})"
          "\n",
          R"({"activity_label":"a","ctx":"c","endings":["x","y","z"],"label":"2"})"
          "\n",
          R"({"article":"t","questions":["q"],"options":[["a","b","c","d"]],"answers":["C"]})"
          "\n",
          R"({"context_tokens":[1,2],"choice_tokens":[[3],[4,5]],"choice_bytes":[1,2],"label":0})"
          "\n"};
}
const std::vector<std::string_view> task_words = {
    "\"label\":", "\"choices\":", "\"answerKey\":\"1\"", "\"A\"", "-1", "2147483648",
    "[]",         "\n",           "\"context\":\"\"",    "[[1]]", "{}"};

outcome corpora(bytes input) {
  const file_in_memory place(input);
  const corpus text = corpus::read(place.path());
  must(std::equal(text.bytes().begin(), text.bytes().end(), input.begin(), input.end()), "a text is another one");
  must(!text.describe().empty(), "a text says nothing of itself");
  return outcome::accepted;
}
std::vector<std::string> corpus_seeds() { return {"In the beginning", "", std::string("a\0b", 3), "\xff\xfe"}; }

// Command lines.

outcome settings(bytes input) {
  const std::string_view text = as_text(input);
  const std::size_t equals = text.find('=');
  const std::string_view path = text.substr(0, equals),
                         value = equals == text.npos ? std::string_view() : text.substr(equals + 1);
  gmoe_card card;
  change_setting(card, path, value);
  check_settings(card);
  each_setting(card, [&](const setting& s) {
    gmoe_card other;
    change_setting(other, s.path(), s.text());
    each_setting(other, [&](const setting& again) {
      must(again.path() != s.path() || again.text() == s.text(), "a number is another one after it was written");
    });
  });
  return outcome::accepted;
}
std::vector<std::string> settings_seeds() {
  return {"balance.alpha=0.02", "select.k=2", "balance.alpha=1e-300", "select.k", "router.k=1", "=", "select.k=1 "};
}
const std::vector<std::string_view> settings_words = {
    "balance.", "select.k", "alpha", "=", "-", "1e309", "nan", "inf", "0x10", "9223372036854775808", " ", "+", "."};

}  // namespace

std::span<const harness> readers() {
  static const harness all[] = {
      {"safetensors", safetensors, safetensors_seeds, tensor_words, mend_length},
      {"trace_tokens", tokens_of_traces, trace_token_seeds, tensor_words, mend_length},
      {"checkpoint", checkpoint, checkpoint_seeds, checkpoint_words, mend_length},
      {"official_config", official_config_of, official_config_seeds, config_words},
      {"json", json, json_seeds, json_words},
      {"log", log_of_lines, log_seeds, log_words},
      {"tasks", tasks, task_seeds, task_words},
      {"corpus", corpora, corpus_seeds, {"\n", "\xef\xbb\xbf"}},
      {"settings", settings, settings_seeds, settings_words},
  };
  return all;
}

}  // namespace gmoe_fuzz
