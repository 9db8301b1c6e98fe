// The code of docs/checkpoints.md, docs/metrics.md, docs/tasks.md, docs/backends.md and docs/variants/README.md, run on
// small models.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmoe/analysis/agreement.hpp"
#include "gmoe/analysis/allowed_paths.hpp"
#include "gmoe/analysis/common_layers.hpp"
#include "gmoe/analysis/latent_experts.hpp"
#include "gmoe/analysis/path_clusters.hpp"
#include "gmoe/analysis/record.hpp"
#include "gmoe/analysis/shuffled_experts.hpp"
#include "gmoe/analysis/summary.hpp"
#include "gmoe/backend/cpu.hpp"
#include "gmoe/data/byte_tokenizer.hpp"
#include "gmoe/data/corpus.hpp"
#include "gmoe/io/official.hpp"
#include "gmoe/io/official_trace.hpp"
#include "gmoe/io/training_checkpoint.hpp"
#include "gmoe/model/any_model.hpp"
#include "gmoe/model/log_likelihood.hpp"
#include "gmoe/model/under_rule.hpp"
#include "gmoe/moe/recording.hpp"
#include "gmoe/train/train.hpp"

namespace {

namespace fs = std::filesystem;
using backend = gmoe::cpu<float>;
using model_type = gmoe::language_model<gmoe::gmoe_card, backend>;

// [latent]
/// Makes latent experts of those of a model with swiglu_expert, which is otherwise the same. Returns what is lost of
/// them.
template <class Trained>
double make_latent(Trained& trained, gmoe::any_model<backend>& latent) {
  return gmoe::latent_from(trained, latent).lost;  // a share of the squares: 0 is nothing
}
// [/latent]

// [load]
/// A checkpoint whose variant is known: a folder with config.json and model.safetensors.
model_type load(const fs::path& folder) { return gmoe::load_official<gmoe::gmoe_card, gmoe::cpu<float>>(folder); }

/// Any checkpoint, as a model whose card is chosen at run time.
gmoe::index_t count_parameters(const fs::path& folder) {
  const auto model = gmoe::load_official<gmoe::cpu<float>>(folder);
  gmoe::index_t total = 0;
  model->each_parameter([&](const auto& p) { total += p.size(); });
  return total;
}
// [/load]

// [save]
void save(model_type& model, const fs::path& folder) { gmoe::save_official(folder, model); }
// [/save]

// [trace]
/// Everything that the model computes for these tokens, as one safetensors file.
void trace(model_type& model, const std::vector<std::int64_t>& tokens, gmoe::index_t sequences, const fs::path& out) {
  gmoe::trace_file<float> file;
  gmoe::official_tracer tracer(model, tokens, sequences, file);
  tracer.pass();
  file.write(out);
}
// [/trace]

// [replay]
/// The loss of `other` on a batch when every token goes where `model` sends it.
double loss_with_routing_of(const model_type& model, const model_type& other, const gmoe::batch<backend>& data) {
  gmoe::recording<backend> seen;
  gmoe::context<backend> ctx;
  ctx.observer = &seen;
  const auto l = model.loss(ctx, data);

  gmoe::replay<backend> fixed = seen.replay(l.found);
  fixed.constants.clear();  // the logits that propagate are those of `other`
  gmoe::context<backend> again;
  again.replay = &fixed;
  return other.loss(again, data).total.value().item();
}
// [/replay]

// [compare]
/// The largest difference of a tensor that is in both files, over that tensor's largest entry.
double largest_difference(const fs::path& ours, const fs::path& theirs) {
  const gmoe::safetensors_file a(ours), b(theirs);
  double worst = 0;
  for (const gmoe::tensor_entry& t : a.tensors()) {
    if (!b.contains(t.name) || !gmoe::facts(t.type).floating) continue;
    const auto x = a.read<double>(t.name), y = b.read<double>(t.name);
    gmoe::require<gmoe::data_error>(x.size() == y.size(), t.name, " has another shape");
    double difference = 0, largest = 1e-6;
    for (std::size_t i = 0; i < x.size(); ++i) {
      difference = std::max(difference, std::abs(x[i] - y[i]));
      largest = std::max(largest, std::abs(y[i]));
    }
    worst = std::max(worst, difference / largest);
  }
  return worst;
}
// [/compare]

// [observer]
/// Sees every intermediate value under its trace key: here, how large a block's output is.
struct norm_watcher : gmoe::observer<backend> {
  std::vector<double> norms;
  void see(std::string_view what, gmoe::index_t /*block*/, const gmoe::matrix<backend>& value) override {
    if (what == "block_out") norms.push_back(std::sqrt(backend::sum_of_squares(value.view())));
  }
};
// [/observer]

// [training]
/// Trains with a checkpoint every 10 steps; started again, it goes on where the file stands.
void train_with_checkpoints(model_type& model, std::span<const std::uint8_t> text, const gmoe::recipe& how,
                            const fs::path& file) {
  gmoe::trainer run(model, text, how);
  if (fs::exists(file)) gmoe::load_checkpoint(file, run, "gmoe");
  while (!run.finished()) {
    run.step();
    if (run.steps_done() % 10 == 0) gmoe::save_checkpoint(file, run, "gmoe");
  }
}
// [/training]

// [header]
/// What a checkpoint says of itself, without loading it: enough to build the model that it fits.
model_type model_for(const fs::path& file) {
  const gmoe::checkpoint_header header = gmoe::read_checkpoint_header(file);
  return model_type(header.shape, header.card<gmoe::gmoe_card>(file.string()));
}
// [/header]

// [record]
/// How a model routes a text: every decision, then every metric.
gmoe::routing_summary measure(const model_type& model, std::span<const std::uint8_t> text) {
  const gmoe::routing_record record = gmoe::record_routing(model, text, {.sequence = 16, .batch = 4});
  return gmoe::summarize(record.decisions);
}
// [/record]

// [fair]
/// The path metrics of two models over the blocks in which both route, and over as many tokens.
std::vector<gmoe::path_metrics> compare_paths(const gmoe::routing_decisions& a, const gmoe::routing_decisions& b) {
  const std::vector<std::vector<gmoe::index_t>> routed{gmoe::routed_blocks(a), gmoe::routed_blocks(b)};
  const std::vector<gmoe::index_t> common = gmoe::common_blocks(routed);
  gmoe::require<gmoe::data_error>(a.tokens() == b.tokens(), "the models read texts of different length");
  return {gmoe::measure_paths(gmoe::count_paths(a, gmoe::layers_of_blocks(a, common))),
          gmoe::measure_paths(gmoe::count_paths(b, gmoe::layers_of_blocks(b, common)))};
}
// [/fair]

// [clusters]
/// Whether tokens on one path look alike to the model, with what chance and the tokens alone would give.
gmoe::path_cluster_report measure_clusters(const model_type& model, std::span<const std::uint8_t> text) {
  const auto record = gmoe::record_routing(model, text, {.sequence = 16, .batch = 4, .keep_hidden = true});
  return gmoe::measure_path_clusters(gmoe::count_paths(record.decisions), std::span<const float>(record.hidden),
                                     record.columns, gmoe::random_stream(1),
                                     std::span<const gmoe::id_type>(record.tokens), {.paths = 4, .per_path = 20});
}
// [/clusters]

// [probes]
/// How many times the perplexity of a text rises where experts are in random order, and where `most` paths are allowed.
std::pair<double, double> probe(const model_type& model, std::span<const std::uint8_t> text, std::size_t most) {
  const gmoe::routing_record record = gmoe::record_routing(model, text, {.sequence = 16, .batch = 4});
  auto paths = gmoe::count_chosen_paths(record.decisions, gmoe::path_of::sets);
  paths.resize(std::min(most, paths.size()));
  const gmoe::shuffled_experts<backend> other_experts(gmoe::random_stream(1));
  const gmoe::allowed_paths<backend> few_paths(gmoe::path_tree(paths), gmoe::path_of::sets);
  const double whole = gmoe::evaluate(model, text, 16, 4).loss;
  return {std::exp(gmoe::evaluate(gmoe::under_rule(model, other_experts), text, 16, 4).loss - whole),
          std::exp(gmoe::evaluate(gmoe::under_rule(model, few_paths), text, 16, 4).loss - whole)};
}
// [/probes]

// [prefers]
/// Whether a model finds the right sentence likelier than the wrong one, both at the start of a line.
bool prefers(const model_type& model, std::string_view right, std::string_view wrong) {
  const gmoe::byte_tokenizer bytes;
  const std::vector<gmoe::continuation> pair{{bytes.encode("\n"), bytes.encode(right)},
                                             {bytes.encode("\n"), bytes.encode(wrong)}};
  const std::vector<gmoe::log_likelihood> found = gmoe::log_likelihoods(model, std::span(pair));
  return found[0].sum > found[1].sum;
}
// [/prefers]

// [by-name]
using my_cards = gmoe::card_list<gmoe::gmoe_card, gmoe::switch_card>;  // all_cards has every one of the library

/// The loss of a variant after training, where its name and one of its numbers come from a command line.
double loss_of(std::string_view variant, std::string_view number, std::string_view value,
               std::span<const std::uint8_t> text, const gmoe::recipe& how) {
  gmoe::any_card card = gmoe::make_card<my_cards>(variant);
  gmoe::change_setting(card, number, value);
  const std::unique_ptr<gmoe::any_model<backend>> model =
      gmoe::make_model<backend, my_cards>(card, {.positions = 16, .d_model = 16, .layers = 2, .experts = 4});
  return gmoe::train(*model, text, how).loss;
}
// [/by-name]

bool expect(bool true_thing, const char* what) {
  if (!true_thing) std::cerr << "not so: " << what << "\n";
  return true_thing;
}

/// A folder of its own, removed at the end.
struct temporary_folder {
  std::string path = (fs::temp_directory_path() / "gmoe-docs-XXXXXX").string();
  temporary_folder() {
    if (!mkdtemp(path.data())) throw gmoe::file_error("no temporary folder");
  }
  ~temporary_folder() { fs::remove_all(path); }
};

bool run(const fs::path& folder) {
  bool good = true;
  const fs::path golden = "tests/golden";
  fs::copy_file(golden / "gmoe_tiny.config.json", folder / "config.json");
  fs::copy_file(golden / "gmoe_tiny.weights.safetensors", folder / "model.safetensors");
  model_type model = load(folder);
  gmoe::index_t total = 0;
  model.each_parameter([&](auto& p) { total += p.size(); });
  good &= expect(count_parameters(folder) == total, "any checkpoint loads as well");
  save(model, folder / "again");
  good &= expect(largest_difference(folder / "again/model.safetensors", folder / "model.safetensors") == 0,
                 "saving gives back what was loaded");

  const fs::path expected = golden / "gmoe_tiny.expect.safetensors";
  const gmoe::safetensors_file reference(expected);
  trace(model, reference.read<std::int64_t>("tokens"), reference.entry("tokens").shape[0],
        folder / "trace.safetensors");
  const double error = largest_difference(folder / "trace.safetensors", expected);
  good &= expect(error < 1e-3, "the trace is the reference's");

  const gmoe::corpus corpus = gmoe::corpus::read(golden / "README.md");
  const std::span<const std::uint8_t> text = corpus.bytes();
  const gmoe::sizes small{.positions = 16, .d_model = 16, .layers = 3, .heads = 2, .d_ff = 16, .experts = 4};
  const gmoe::recipe how{.steps = 25, .batch = 4, .sequence = 16};
  model_type first(small), again(small);
  const fs::path file = folder / "checkpoint.safetensors";
  train_with_checkpoints(first, text, how, file);
  good &= expect(gmoe::read_checkpoint_header(file).step == 20, "the last checkpoint is that of step 20");
  train_with_checkpoints(again, text, how, file);
  bool same = true;
  for (std::size_t i = 0; i < first.parameters().size(); ++i)
    same = same && first.parameters()[i]->value().to_host() == again.parameters()[i]->value().to_host();
  good &= expect(same, "a resumed run ends with the same bits");
  good &= expect(model_for(file).shape().d_model == 16, "the header has the sizes");

  norm_watcher watcher;
  gmoe::context<backend> ctx;
  ctx.observer = &watcher;
  gmoe::batch<backend> data;
  data.assign(std::vector<gmoe::id_type>{65, 66, 67}, {}, 1, 256);
  first.hidden(model_type::reading(ctx, data));
  good &= expect(watcher.norms.size() == 3 && watcher.norms[0] > 0, "an observer sees every block");

  gmoe::batch<backend> scored;
  scored.assign(std::vector<gmoe::id_type>{65, 66, 67}, std::vector<gmoe::id_type>{66, 67, 68}, 1, 256);
  gmoe::context<backend> plain;
  const double own = first.loss(plain, scored).total.value().item();
  good &= expect(loss_with_routing_of(first, first, scored) == own, "a model's own routing changes nothing");
  model_type untrained(small, 7);
  good &= expect(loss_with_routing_of(untrained, first, scored) > 0, "another model's routing can be run");

  const auto part = text.first(2000);
  const gmoe::routing_summary s = measure(first, part);
  good &=
      expect(s.tokens == 1999 && s.layers.size() == 3 && s.agreement && s.mutual_information, "the summary is whole");
  const auto d = gmoe::record_routing(first, part, {.sequence = 16, .batch = 4}).decisions;
  const auto pair = compare_paths(d, d);
  good &= expect(pair[0].entropy == pair[1].entropy && pair[0].layers == 3, "a model equals itself");
  good &= expect(prefers(first, "the", "\x01\x02\x03"), "what a text has is likelier than what it has not");
  good &= expect(measure_clusters(first, part).points > 0, "paths were clustered");

  const auto [shuffled, one_path] = probe(first, part, 1);
  good &= expect(shuffled != 1 && one_path != 1, "other experts and one path make a difference");
  good &= expect(probe(first, part, 100000).second == 1, "all paths make none");

  const gmoe::recipe brief{.steps = 3, .batch = 4, .sequence = 16};
  const double loss = loss_of("switch", "select.k", "1", text, brief);
  good &= expect(loss > 1 && loss < 6, "a variant is trained by its name");
  good &= expect(loss_of("switch", "select.k", "2", text, brief) != loss, "its numbers too come by name");
  return good;
}

}  // namespace

int main() try {
  const temporary_folder folder;
  return run(folder.path) ? 0 : 1;
} catch (const std::exception& e) {
  std::cerr << e.what() << "\n";
  return 1;
}
