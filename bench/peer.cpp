// This library's side of the comparison in peers/: makes the weights and the batches that both sides start from, and
// then does what is asked for on standard input, one line of JSON for each line.
//
//   peer --size course --write DATA              writes weights, tokens and targets as a safetensors file
//   peer --size course --data DATA --task train  reads it and answers: check | prepare | run N TOKENS | memory
//   ... --precision bf16                          the same with products in bfloat16

#include <cstdio>
#include <iostream>
#include <optional>
#include <sstream>

#include "gmoe/backend/bf16.hpp"
#include "gmoe/io/safetensors.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/model/generate.hpp"
#include "gmoe/train/adamw.hpp"
#include "gmoe/train/clip.hpp"
#include "measure.hpp"
#include "memory_use.hpp"
#include "options.hpp"
#include "subjects.hpp"

using namespace gmoe;
using namespace gmoe::bench;
using json = nlohmann::ordered_json;

namespace {

constexpr index_t batches = 4;

subject chosen(const options& o) {
  for (const subject& s : subjects())
    if (s.name == o.text("--size")) return s;
  require(false, "--size is '", o.text("--size"), "', expected course, mid, small_256 or small_1024");
  return {};
}

void write_data(const subject& s, const std::string& path) {
  using B = cpu<float>;
  language_model<gmoe_card, B> model(s.shape);
  safetensors_writer file;
  model.each_parameter([&](parameter<B>& p) {
    file.add(p.name(), {p.rows(), p.cols()},
             std::span<const float>(std::as_const(p.value()).data(), static_cast<std::size_t>(p.size())));
  });
  const index_t tokens = s.batch * s.sequence;
  const std::vector<id_type> text = synthetic_text(s.shape.vocab, batches * tokens + 1);
  const std::span<const id_type> all(text);
  file.add("tokens", {batches, tokens}, all.first(all.size() - 1));
  file.add("targets", {batches, tokens}, all.subspan(1));
  json config;
  each_field(s.shape, [&](const auto& field, const auto& value) { config[std::string(field.name)] = value; });
  each_setting(model.card(),
               [&](const setting& s) { std::visit([&](const auto& value) { config[s.path()] = value; }, s.value()); });
  config["batch"] = s.batch;
  config["sequence"] = s.sequence;
  file.set_metadata("config", config.dump());
  file.write(path);
}

template <class B>
class side {
  using model_type = language_model<gmoe_card, B>;

 public:
  side(const subject& s, const std::string& path, std::string task)
      : what_(s), task_(std::move(task)), model_(s.shape) {
    if (task_ == "train") optimizer_.emplace(model_.parameters());
    const safetensors_file file(path);
    model_.each_parameter([&](parameter<B>& p) {
      file.read_into(p.name(), std::span<float>(p.value().data(), static_cast<std::size_t>(p.size())));
    });
    tokens_ = file.read<id_type>("tokens");
    targets_ = file.read<id_type>("targets");
  }

  /// The loss of the first batch before and after a step: the same for everybody who computes the same.
  json check() {
    json losses = json::array();
    losses.push_back(evaluate(0));
    if (task_ == "train") {
      train(0);
      losses.push_back(evaluate(0));
    }
    json answer{{"losses", losses}};
    if (task_ == "generate") {
      generate(16);
      answer["tokens"] = made_;
    }
    return answer;
  }

  /// One step, one evaluated batch, or `size` generated tokens. Returns the seconds that it took.
  double run(index_t number, index_t size) {
    return seconds_of([&] {
      if (task_ == "train")
        train(number % batches);
      else if (task_ == "evaluate")
        evaluate(number % batches);
      else
        generate(size);
    });
  }

 private:
  void read(index_t number) {
    const index_t tokens = what_.batch * what_.sequence;
    const auto part = [&](const std::vector<id_type>& all) {
      return std::span<const id_type>(all).subspan(static_cast<std::size_t>(number * tokens),
                                                   static_cast<std::size_t>(tokens));
    };
    data_.assign(part(tokens_), part(targets_), what_.batch, what_.shape.vocab);
  }
  double evaluate(index_t number) {
    read(number);
    context<B> ctx;
    return static_cast<double>(model_.loss(ctx, data_).total.value().item());
  }
  void train(index_t number) {
    read(number);
    context<B> ctx;
    ctx.tape = &tape_;
    ctx.training = true;
    tape_.backward(model_.loss(ctx, data_).total);
    optimizer_->step(1e-3, clipping_factor(global_norm(optimizer_->parameters()), 1.0));
  }
  void generate(index_t count) {
    made_ = gmoe::generate(model_, std::span<const id_type>(tokens_).first(16), {.tokens = count, .temperature = 0});
  }

  subject what_;
  std::string task_;
  model_type model_;
  std::optional<adamw<B>> optimizer_;  // only where it is needed: its moments are twice the weights
  tape<B> tape_;
  batch<B> data_;
  std::vector<id_type> tokens_, targets_, made_;
};

template <class Side>
void serve(Side s) {
  std::cout << json{{"ready", environment_json()}}.dump() << std::endl;
  index_t number = 0;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string command;
    words >> command;
    json answer;
    if (command == "check") {
      answer = s.check();
    } else if (command == "prepare") {
      for (int i = 0; i < 2; ++i) s.run(number++, 16);
      answer["settings"] = "";
    } else if (command == "run") {
      index_t count = 0, size = 0;  // how often, and tokens to generate
      words >> count >> size;
      answer["seconds"] = json::array();
      for (index_t i = 0; i < count; ++i) answer["seconds"].push_back(s.run(number++, size));
    } else if (command == "memory") {
      answer["peak_resident_bytes"] = peak_resident_bytes();
    } else {
      answer["error"] = concat("unknown command ", command);
    }
    std::cout << answer.dump() << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) {
  return run_program([&] {
    const options o(argc, argv,
                    "This library's side of peers/run.sh: reads commands on standard input, answers with JSON.", {},
                    {{"--size", "course, mid, small_256 or small_1024"},
                     {"--write", "only writes weights and batches of that size to this file"},
                     {"--data", "such a file"},
                     {"--task", "train, evaluate or generate"},
                     threads_option,
                     {"--precision", "float32 or bf16"}});
    const subject s = chosen(o);
    if (o.has("--threads")) cpu<float>::set_threads(static_cast<int>(o.number("--threads", 1)));
    if (o.has("--write")) return write_data(s, o.text("--write"));
    require(o.has("--data"), "--data is missing: the file that --write made");
    const std::string precision = o.text("--precision", "float32"), task = o.text("--task", "train");
    require(precision == "float32" || precision == "bf16", "--precision is '", precision,
            "', expected float32 or bf16");
    if (precision == "bf16")
      serve(side<cpu<float, bf16_products>>(s, o.text("--data"), task));
    else
      serve(side<cpu<float>>(s, o.text("--data"), task));
  });
}
