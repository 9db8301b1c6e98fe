#include <algorithm>
#include <filesystem>
#include <memory>
#include <vector>

#include "../fields_json.hpp"
#include "../session/session.hpp"
#include "gmoe/analysis/agreement.hpp"
#include "gmoe/analysis/path_clusters.hpp"
#include "gmoe/analysis/summary.hpp"
#include "gmoe/model/accounting.hpp"
#include "gmoe/version.hpp"
#include "paths.hpp"
#include "plan.hpp"
#include "result.hpp"
#include "tasks.hpp"
#include "unfinished.hpp"

namespace compare {

namespace {

constexpr index_t curve_points = 200;     // of the training loss
constexpr index_t validation_points = 8;  // during training, each on at most this many tokens:
constexpr index_t validation_glance = 8192;
constexpr index_t shown_paths = 20;
constexpr double seconds_between_saves = 300;  // of training: what a killed run loses at most

index_t batches_for(index_t tokens, const gmoe::recipe& how) {
  return tokens == 0 ? 0 : std::max<index_t>(1, tokens / (how.batch * how.sequence));
}

/// After how many steps the validation loss is looked at; the end is not among them.
std::vector<std::int64_t> glance_steps(std::int64_t steps) {
  std::vector<std::int64_t> at;
  for (index_t p = 1; p <= validation_points; ++p)
    if (const std::int64_t s = steps * p / (validation_points + 1); s > 0 && (at.empty() || s > at.back()))
      at.push_back(s);
  return at;
}

template <class T>
json or_null(const std::optional<T>& value) {
  return value ? json(*value) : json(nullptr);
}

/// Mean training loss of consecutive groups of steps: [[step, loss], ...].
json training_curve(const std::vector<double>& losses) {
  json curve = json::array();
  const auto steps = std::ssize(losses);
  const index_t points = std::min<index_t>(curve_points, steps);
  for (index_t p = 0; p < points; ++p) {
    const index_t first = p * steps / points, last = (p + 1) * steps / points;
    double sum = 0;
    for (index_t s = first; s < last; ++s) sum += losses[static_cast<std::size_t>(s)];
    curve.push_back({(first + last + 1) / 2, sum / static_cast<double>(last - first)});
  }
  return curve;
}

json load_json(const gmoe::load_metrics& m) {
  return {{"fractions", m.fractions},         {"normalized_entropy", m.normalized_entropy},
          {"cv", m.coefficient_of_variation}, {"gini", m.gini},
          {"max_violation", m.max_violation}, {"dead_share", m.dead_share},
          {"drop_rate", m.drop_rate},         {"probability_gap", or_null(m.probability_gap)}};
}

json cluster_json(const gmoe::path_histogram& h, const gmoe::routing_record& record, std::uint64_t seed) {
  // Paths that are rare give too few points to say anything.
  index_t paths = 0;
  while (paths < std::min(shown_paths, h.distinct()) && h.count[static_cast<std::size_t>(paths)] >= 20) ++paths;
  if (paths < 2) return nullptr;
  const auto r = gmoe::measure_path_clusters(h, std::span<const float>(record.hidden), record.columns,
                                             gmoe::random_stream(seed).fork("clusters"),
                                             std::span<const gmoe::id_type>(record.tokens), {.paths = paths});
  const auto metrics = [](const gmoe::cluster_metrics& m) {
    return json{{"knn_purity", m.knn_purity},
                {"silhouette", m.silhouette},
                {"davies_bouldin", m.davies_bouldin},
                {"calinski_harabasz", m.calinski_harabasz},
                {"intra_inter_ratio", m.intra_inter_ratio}};
  };
  return {{"clusters", r.clusters},
          {"points", r.points},
          {"paths", metrics(r.paths)},
          {"permuted", metrics(r.permuted)},
          {"purity_other_tokens", or_null(r.purity_other_tokens)},
          {"purity_of_tokens", or_null(r.purity_of_tokens)}};
}

/// How alike neighbouring layers choose by the numbers of their experts, as PathMoE's authors measure it, and by
/// chance; null where there are no two layers, or none that select anybody.
void add_consistency(json& result, const gmoe::routing_decisions& d, std::uint64_t seed) {
  result["consistency"] = result["consistency_by_chance"] = nullptr;
  constexpr auto numbers = gmoe::expert_naming::within_layer;
  bool anybody = false;
  for (index_t l = 1; l < d.layers(); ++l) anybody = anybody || gmoe::layer_consistency(d, l - 1, l, numbers);
  if (!anybody) return;
  result["consistency"] = gmoe::set_consistency(d, numbers);
  result["consistency_by_chance"] = gmoe::chance_consistency(d, gmoe::random_stream(seed).fork("consistency"), numbers);
}

/// What the routing looks like; every value null where the model has no mixture.
void add_routing(json& result, const gmoe::routing_record& record, std::uint64_t seed) {
  const auto& d = record.decisions;
  const bool routed = d.layers() > 0;
  const auto s = routed ? std::optional(gmoe::summarize(d)) : std::nullopt;
  const auto put = [&](const char* key, auto value) { result[key] = routed ? json(value(*s)) : json(nullptr); };
  using summary = gmoe::routing_summary;
  put("path_length", [](const summary& v) { return v.paths.layers; });
  put("path_entropy", [](const summary& v) { return v.paths.entropy; });
  put("path_entropy_miller_madow", [](const summary& v) { return v.paths.entropy_miller_madow; });
  put("normalized_path_entropy", [](const summary& v) { return v.paths.normalized_entropy; });
  put("markov_path_entropy", [](const summary& v) { return v.markov_path_entropy; });
  put("effective_paths", [](const summary& v) { return v.paths.effective_number; });
  put("distinct_paths", [](const summary& v) { return v.paths.distinct; });
  put("top1_path_mass", [](const summary& v) { return v.paths.top1_mass; });
  put("top10_path_mass", [](const summary& v) { return v.paths.top10_mass; });
  put("top100_path_mass", [](const summary& v) { return v.paths.top100_mass; });
  put("mutual_information", [](const summary& v) { return or_null(v.mutual_information); });
  put("normalized_mutual_information", [](const summary& v) { return or_null(v.normalized_mutual_information); });
  put("agreement", [](const summary& v) { return or_null(v.agreement); });
  put("set_consistency", [](const summary& v) { return or_null(v.set_consistency); });
  put("smoothness", [](const summary& v) { return or_null(v.smoothness); });
  put("router_entropy", [](const summary& v) { return or_null(v.router_entropy); });
  put("margin", [](const summary& v) { return or_null(v.margin); });
  put("pooled_load", [](const summary& v) { return load_json(v.pooled); });
  add_consistency(result, d, seed);
  result["analysis_tokens"] = std::ssize(record.tokens);
  result["load_cv"] = json::array();
  result["layers"] = json::array();
  result["paths"] = result["histogram"] = result["clusters"] = nullptr;
  if (!routed) return;
  for (const gmoe::layer_summary& layer : s->layers) {
    result["load_cv"].push_back(layer.load.coefficient_of_variation);
    json l = load_json(layer.load);
    l["block"] = layer.block;
    l["experts"] = layer.experts;
    l["router_entropy"] = layer.confidence ? json(layer.confidence->router_entropy) : json(nullptr);
    l["margin"] = layer.confidence ? json(layer.confidence->margin) : json(nullptr);
    const std::size_t number = result["layers"].size();
    const auto ids = d.global_ids(static_cast<index_t>(number));
    l["ids"] = std::vector<gmoe::id_type>(ids.begin(), ids.end());
    l["widths"] = record.pools[number]->widths;
    result["layers"].push_back(std::move(l));
  }
  const gmoe::path_histogram h = gmoe::count_paths(d);
  result["paths"] = flow(h, d, shown_paths);
  result["histogram"] = to_json(h, d);
  result["clusters"] = cluster_json(h, record, seed);
}

/// Loss on every further text, and the share of its choices that every expert got.
void add_texts(json& result, examples::session& session, const run_plan& plan, const split_text& text) {
  result["texts"] = json::object();
  for (const validation_text& other : text.others) {
    const examples::session_report r = session.evaluate(other.bytes, batches_for(plan.validation_tokens, plan.how));
    result[loss_on + other.name] = r.loss.loss;
    json layers = json::array();
    for (std::size_t l = 0; l < r.load.size(); ++l)
      layers.push_back({{"block", r.blocks[l]}, {"fractions", r.load[l]}});
    result["texts"][other.name] = {{"tokens", r.loss.tokens},
                                   {"perplexity", r.loss.perplexity()},
                                   {"bits_per_byte", r.loss.bits_per_token()},
                                   {"layers", std::move(layers)}};
  }
}

/// What a run has measured while it trained.
struct measured {
  std::vector<double> losses;       ///< of every step
  json validation = json::array();  ///< [[step, loss], ...]
  double seconds = 0, first_seconds = 0;
  index_t tokens = 0, first_tokens = 0;

  measured() = default;
  explicit measured(const json& notes)
      : losses(notes.at("losses").get<std::vector<double>>()),
        validation(notes.at("validation")),
        seconds(notes.at("seconds")),
        first_seconds(notes.at("first_seconds")),
        tokens(notes.at("tokens")),
        first_tokens(notes.at("first_tokens")) {}
  json notes() const {
    return {{"losses", losses}, {"validation", validation},    {"seconds", seconds}, {"first_seconds", first_seconds},
            {"tokens", tokens}, {"first_tokens", first_tokens}};
  }

  void add(const gmoe::step_report& r) {
    losses.push_back(r.language_loss);
    seconds += r.seconds;
    tokens += r.tokens;
    if (losses.size() == 1) first_seconds = r.seconds, first_tokens = r.tokens;
  }
};

std::unique_ptr<examples::session> session_of(const run_plan& plan, const split_text& text) {
  examples::release_memory(plan.backend);
  return examples::make_session(
      {plan.variant, plan.backend, plan.shape, plan.card, plan.how, text.train, text.validation, text.fingerprint});
}

}  // namespace

json run_plan::settings(const split_text& text) const {
  json others = json::object();
  for (const validation_text& other : text.others) others[other.name] = other.fingerprint;
  json all{{"format", run_format},
           {"version", gmoe::version_string},
           {"variant", variant},
           {"backend", backend},
           {"sizes", examples::fields_json(shape)},
           {"card", examples::card_json(variant, card)},
           {"recipe", examples::fields_json(how)},
           {"text", text.fingerprint},
           {"texts", std::move(others)},
           {"validation_tokens", validation_tokens},
           {"analysis_tokens", analysis_tokens}};
  if (text.tasks) all["tasks"] = text.tasks->settings();  // results of runs that are asked nothing stay what they are
  return all;
}

double seconds_per_step(const run_plan& plan, const split_text& text) {
  constexpr int warm_up = 2, measured = 10;
  run_plan few = plan;
  few.how.steps = warm_up + measured;
  const auto session = session_of(few, text);
  double seconds = 0;
  for (int s = 0; s < warm_up + measured; ++s) {
    const double taken = session->step().seconds;
    if (s >= warm_up) seconds += taken;
  }
  return seconds / measured;
}

json run_variant(const run_plan& plan, const split_text& text, const run_hooks& hooks) {
  const auto session = session_of(plan, text);
  json result{{"settings", plan.settings(text)}, {"variant", plan.variant}, {"seed", plan.how.seed}};
  result["match"] = plan.match;
  const examples::parameter_counts counts = session->count();
  result["parameters_total"] = counts.total;
  result["parameters_active"] = counts.active;
  result["multiply_adds_per_token"] = counts.multiply_adds;
  result["training_flops_per_token"] =
      gmoe::training_flops_per_token(counts.multiply_adds, plan.shape, plan.how.sequence);
  result["initial_backbone"] = session->backbone_fingerprint();

  const auto glance = [&] {
    const index_t tokens =
        plan.validation_tokens > 0 ? std::min(plan.validation_tokens, validation_glance) : validation_glance;
    return session->evaluate(batches_for(tokens, plan.how)).loss;
  };
  const unfinished_run nowhere("", result["settings"]);
  const unfinished_run& unfinished = hooks.unfinished ? *hooks.unfinished : nowhere;
  measured so_far;
  if (const auto notes = unfinished.find([&](const std::filesystem::path& file) { session->load(file); })) {
    so_far = measured(*notes);
    if (hooks.on_continue) hooks.on_continue(session->steps_done());
  }
  const auto keep = [&] {
    unfinished.keep(session->steps_done(), so_far.notes(),
                    [&](const std::filesystem::path& file) { session->save(file); });
  };
  double kept_at = so_far.seconds;
  const std::vector<std::int64_t> glances = glance_steps(plan.how.steps);
  while (!session->finished()) {
    const gmoe::step_report r = session->step();
    so_far.add(r);
    if (hooks.on_step) hooks.on_step(r);
    if (std::binary_search(glances.begin(), glances.end(), session->steps_done()))
      so_far.validation.push_back({session->steps_done(), glance().loss});
    const bool stop = hooks.stop && hooks.stop();
    if (stop || so_far.seconds - kept_at > seconds_between_saves) {
      keep();
      kept_at = so_far.seconds;
    }
    if (stop) throw interrupted{};
  }
  auto& [losses, validation, seconds, first_seconds, tokens, first_tokens] = so_far;
  // The first step takes its memory from the system; the speed is that of the others.
  const bool warm = losses.size() > 1;
  const double timed = warm ? seconds - first_seconds : seconds;
  result["tokens_per_second"] = timed > 0 ? static_cast<double>(warm ? tokens - first_tokens : tokens) / timed : 0.0;
  result["training_seconds"] = seconds;
  result["training_tokens"] = tokens;
  result["peak_memory_bytes"] = examples::peak_memory(plan.backend);

  // The same tokens at all steps, the last one included: what a learning curve is fitted to.
  json same_tokens = validation;
  const gmoe::evaluation last = glance();
  same_tokens.push_back({session->steps_done(), last.loss});
  const auto e = session->evaluate(batches_for(plan.validation_tokens, plan.how)).loss;
  validation.push_back({session->steps_done(), e.loss});
  result["validation_loss"] = e.loss;
  result["perplexity"] = e.perplexity();
  result["bits_per_byte"] = e.bits_per_token();
  result["balance_loss"] = e.balance_loss;
  result["validation_tokens"] = e.tokens;
  result["curve"] = {{"training", training_curve(losses)},
                     {"validation", std::move(validation)},
                     {"same_tokens", std::move(same_tokens)}};
  add_texts(result, *session, plan, text);
  if (text.tasks) {
    if (examples::likelihood_obstacle(plan.variant).empty())
      add_tasks(result, *session, *text.tasks, [&](std::size_t) {
        if (!hooks.stop || !hooks.stop()) return;
        keep();
        throw interrupted{};
      });
    else
      result["accuracy"] = result["tasks"] = result["questions"] = nullptr;
  }

  add_routing(result,
              session->record({.sequence = plan.how.sequence,
                               .batch = plan.how.batch,
                               .most_tokens = plan.analysis_tokens,
                               .keep_hidden = true}),
              plan.how.seed);
  return result;
}

}  // namespace compare
