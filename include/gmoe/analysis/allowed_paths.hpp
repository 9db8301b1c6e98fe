#pragma once
/// How many paths does a model need? A rule that lets tokens take those of a list alone (a probe of PathMoE, Gu et al.
/// 2026), such as the most frequent ones of a text.
///
///     s_1, ..., s_{l-1} = the token's steps so far:    s_l = argmax over s of sum_{e in s} p_te
///                                                      where (s_1, ..., s_{l-1}, s) begins an allowed path

#include <algorithm>
#include <cstddef>
#include <map>
#include <span>
#include <vector>

#include "gmoe/analysis/chosen_paths.hpp"
#include "gmoe/analysis/record.hpp"
#include "gmoe/moe/routing_rule.hpp"

namespace gmoe {

/// Paths by their beginnings. Constant once made.
class path_tree {
 public:
  /// Where a path has come to.
  struct node {
    std::vector<path_step> steps;            ///< how it may go on, in the order of the paths
    std::map<path_step, std::size_t> after;  ///< the number of the node behind each
  };

  /// Throws config_error if there are none, or if they are of different numbers of layers.
  explicit path_tree(std::span<const chosen_path> paths) : nodes_(1) {
    require(!paths.empty(), "path_tree: there are no paths to allow");
    layers_ = std::ssize(paths.front().steps);
    for (const chosen_path& p : paths) {
      require(std::ssize(p.steps) == layers_, "path_tree: a path of ", p.steps.size(), " layers beside one of ",
              layers_);
      std::size_t at = 0;
      for (const path_step& s : p.steps) {
        const auto [next, is_new] = nodes_[at].after.try_emplace(s, nodes_.size());
        const std::size_t behind = next->second;
        if (is_new) {
          nodes_[at].steps.push_back(s);
          nodes_.emplace_back();
        }
        at = behind;
      }
    }
  }

  index_t layers() const { return layers_; }
  const node& operator[](std::size_t number) const { return nodes_[number]; }
  /// The node behind a step that is allowed.
  std::size_t behind(std::size_t number, const path_step& s) const { return nodes_[number].after.at(s); }

  /// The step that the router likes best of those that are allowed: by the sum of its `scores` (N; none: all alike),
  /// the first among equals; its own one wherever that is allowed.
  const path_step& nearest(std::size_t number, const path_step& own, std::span<const double> scores) const {
    const node& n = nodes_[number];
    if (const auto same = n.after.find(own); same != n.after.end()) return same->first;
    const auto liked = [&](const path_step& s) {
      double sum = 0;
      for (const id_type e : s) sum += scores.empty() ? 0 : scores[static_cast<std::size_t>(e)];
      return sum;
    };
    return *std::max_element(n.steps.begin(), n.steps.end(),
                             [&](const path_step& a, const path_step& b) { return liked(a) < liked(b); });
  }

 private:
  index_t layers_ = 0;
  std::vector<node> nodes_;
};

/// Every token takes a path of the tree; of several routings of a layer the one that is its decision keeps to it
/// (decision_of_layer). Weights are made for what is chosen then. With first_choices the best expert is the tree's, and
/// the others of the token follow as they were, the last one left out where there are too many.
template <class B>
class allowed_paths : public routing_rule<B> {
 public:
  explicit allowed_paths(path_tree tree, path_of what) : tree_(std::move(tree)), what_(what) {}

  /// Throws config_error where some tokens or parts of tokens are routed, or where there are more layers than the paths
  /// have.
  void change_chosen(const place<B>& at, routing<B>& r) const override {
    if (decision_of_layer(*at.found, r.layer) != &r) return;
    require(!r.rows && r.rows_per_token == 1, "block ", r.block,
            ": paths are of tokens, but some of them or parts of them are routed here");
    require(r.layer < tree_.layers(), "block ", r.block, ": mixture number ", r.layer,
            " of a model, but the paths are ", "of ", tree_.layers(), " layers");
    const index_t tokens = r.chosen.rows();
    const std::vector<std::size_t> nodes = where_tokens_are(at, r.layer, tokens);
    const std::vector<id_type> own = r.chosen.to_host();
    std::vector<double> p;
    if (r.scores)
      for (const auto s : r.scores.value().to_host()) p.push_back(static_cast<double>(s));
    std::vector<std::vector<id_type>> rows;
    std::size_t slots = static_cast<std::size_t>(r.chosen.cols());
    for (std::size_t t = 0; t < nodes.size(); ++t) {
      const auto n = static_cast<std::size_t>(r.experts), k = static_cast<std::size_t>(r.chosen.cols());
      rows.push_back(allowed(nodes[t], std::span(own).subspan(t * k, k),
                             p.empty() ? std::span<const double>() : std::span<const double>(p).subspan(t * n, n)));
      slots = std::max(slots, rows.back().size());
    }
    std::vector<id_type> chosen;
    for (std::vector<id_type>& row : rows) {
      row.resize(slots, no_choice);
      chosen.insert(chosen.end(), row.begin(), row.end());
    }
    r.chosen = valid_choices(id_matrix<B>::from_host(chosen, tokens, static_cast<index_t>(slots)), r.valid);
  }

 private:
  static constexpr std::size_t nowhere = std::size_t(-1);

  /// By what the layers before have chosen under the rule; nowhere for padding, which chooses nobody.
  std::vector<std::size_t> where_tokens_are(const place<B>& at, index_t layer, index_t tokens) const {
    std::vector<std::size_t> nodes(static_cast<std::size_t>(tokens), 0);
    const auto& valid = at.valid;
    if (!valid.all()) {
      const auto counts = valid.mask.to_host();
      for (std::size_t t = 0; t < nodes.size(); ++t)
        if (!(counts[t] > 0)) nodes[t] = nowhere;
    }
    for (index_t l = 0; l < layer; ++l) {
      const routing<B>* before = decision_of_layer(*at.found, l);
      require(before != nullptr, "block ", at.block, ": mixture number ", l, " has not routed");
      const std::vector<id_type> ids = before->chosen.to_host();
      const auto k = static_cast<std::size_t>(before->chosen.cols());
      for (std::size_t t = 0; t < nodes.size(); ++t)
        if (nodes[t] != nowhere) nodes[t] = tree_.behind(nodes[t], step_of(std::span(ids).subspan(t * k, k), what_));
    }
    return nodes;
  }
  /// A token's choices, the best first.
  std::vector<id_type> allowed(std::size_t node, std::span<const id_type> own, std::span<const double> scores) const {
    std::vector<id_type> row(own.begin(), own.end());
    if (node == nowhere) return row;
    const path_step mine = step_of(own, what_);
    const path_step& step = tree_.nearest(node, mine, scores);
    if (step == mine) return row;
    if (what_ == path_of::sets) {
      row = step;
      if (!scores.empty())
        std::stable_sort(row.begin(), row.end(), [&](id_type a, id_type b) {
          return scores[static_cast<std::size_t>(a)] > scores[static_cast<std::size_t>(b)];
        });
      return row;
    }
    std::erase(row, no_choice);
    if (step.empty()) return {};
    if (std::erase(row, step.front()) == 0 && row.size() == own.size()) row.pop_back();
    row.insert(row.begin(), step.front());
    return row;
  }

  path_tree tree_;
  path_of what_;
};

}  // namespace gmoe
