#pragma once
/// What policies hear after an optimiser step: sums over all its training passes.

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmoe/moe/findings.hpp"
#include "gmoe/ranks/message.hpp"

namespace gmoe {

/// What one layer's policies are told after a step.
template <class B>
struct layer_statistics : routing_statistics {
  struct named {
    std::string_view name;
    std::vector<double> values;
  };
  std::vector<named> rows;

  /// The sum of what was added under that name. Throws config_error if nothing was.
  const std::vector<double>& row(literal name) const {
    for (const named& n : rows)
      if (n.name == name.text) return n.values;
    throw config_error(concat("no pass of the step has added the statistic '", name.text, "'"));
  }
};

/// Collects the passes of a step. Memory of the backend until somebody asks.
template <class B>
class step_statistics {
 public:
  /// One forward pass in training.
  void add(const findings<B>& pass) {
    for (const routing<B>& r : pass.routings) {
      count& c =
          loads_.emplace_back(count{r.layer, r.mixture, r.valid.among(r.chosen.rows()), matrix<B>(1, r.experts)});
      B::count_choices(c.load.view(), typename B::scalar(1), r.chosen.view());
    }
    for (const auto& s : pass.statistics) rows_.push_back(s);
  }
  void clear() {
    loads_.clear();
    rows_.clear();
  }
  bool empty() const { return loads_.empty(); }

  /// All passes so far, for another rank of the same program.
  void write(ranks::message& to) const {
    const auto put_matrix = [&](const matrix<B>& m) {
      const auto values = m.to_host();
      to.put(values.size());
      to.put(std::span(std::as_const(values)));
    };
    to.put(loads_.size());
    for (const count& c : loads_) {
      to.put(c.layer);
      to.put_text(c.mixture);
      to.put(c.tokens);
      put_matrix(c.load);
    }
    to.put(rows_.size());
    for (const auto& s : rows_) {
      to.put_text(s.name);
      to.put(s.layer);
      put_matrix(s.row);
      to.put_text(s.mixture);
    }
  }
  /// Adds the passes that `write` has put there, after those that are here.
  void read(ranks::message& from) {
    const auto take_matrix = [&] {
      const auto size = from.template take<std::size_t>();
      return matrix<B>::from_host(from.template take_many<typename B::scalar>(size), 1, static_cast<index_t>(size));
    };
    for (auto left = from.template take<std::size_t>(); left > 0; --left) {
      count c{};
      c.layer = from.template take<index_t>();
      c.mixture = kept_name(from.take_text());
      c.tokens = from.template take<index_t>();
      c.load = take_matrix();
      loads_.push_back(std::move(c));
    }
    for (auto left = from.template take<std::size_t>(); left > 0; --left) {
      typename findings<B>::statistic s{};
      s.name = kept_name(from.take_text());
      s.layer = from.template take<index_t>();
      s.row = take_matrix();
      s.mixture = kept_name(from.take_text());
      rows_.push_back(std::move(s));
    }
  }

  /// Sums for mixture number `layer`; of those that a form holds, the one of that name.
  layer_statistics<B> of(index_t layer, index_t experts, std::string_view mixture = {}) const {
    layer_statistics<B> all;
    all.load.resize(static_cast<std::size_t>(experts));
    for (const count& c : loads_) {
      if (c.layer != layer || c.mixture != mixture) continue;
      ++all.passes;
      all.tokens += c.tokens;
      const auto load = c.load.to_host();
      for (std::size_t e = 0; e < load.size(); ++e) all.load[e] += static_cast<index_t>(load[e]);
    }
    for (const index_t pairs : all.load) all.pairs += pairs;
    for (const auto& s : rows_) {
      if (s.layer != layer || s.mixture != mixture) continue;
      const auto values = s.row.to_host();
      auto* sum = find(all, s.name);
      if (!sum)
        sum = &all.rows.emplace_back(typename layer_statistics<B>::named{s.name, std::vector<double>(values.size())});
      require(sum->values.size() == values.size(), "the statistic '", s.name, "' has ", values.size(),
              " numbers in one pass and ", sum->values.size(), " in another");
      for (std::size_t i = 0; i < values.size(); ++i) sum->values[i] += static_cast<double>(values[i]);
    }
    return all;
  }

 private:
  struct count {
    index_t layer;
    std::string_view mixture;
    index_t tokens;
    matrix<B> load;  ///< 1 x N
  };
  static auto* find(layer_statistics<B>& all, std::string_view name) {
    for (auto& n : all.rows)
      if (n.name == name) return &n;
    return static_cast<typename layer_statistics<B>::named*>(nullptr);
  }

  /// Names are views: those from other ranks, of which there are few, stay here.
  std::string_view kept_name(std::string name) { return *names_.insert(std::move(name)).first; }

  std::vector<count> loads_;
  std::vector<typename findings<B>::statistic> rows_;
  std::set<std::string> names_;
};

}  // namespace gmoe
