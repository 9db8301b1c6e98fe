#include "paths.hpp"

#include <algorithm>

#include "gmoe/analysis/common_layers.hpp"

namespace compare {

using gmoe::id_type;
using gmoe::index_t;
using nlohmann::json;

json to_json(const gmoe::path_histogram& h, const gmoe::routing_decisions& d) {
  json blocks = json::array(), experts = json::array();
  for (const index_t layer : h.layers) {
    blocks.push_back(d.block(layer));
    experts.push_back(d.experts(layer));
  }
  return {{"blocks", blocks}, {"experts", experts}, {"steps", h.steps}, {"count", h.count}};
}

gmoe::path_metrics metrics_in_blocks(const json& histogram, const std::vector<index_t>& blocks) {
  const auto in = histogram.at("blocks").get<std::vector<index_t>>();
  const auto experts = histogram.at("experts").get<std::vector<index_t>>();
  const auto steps = histogram.at("steps").get<std::vector<id_type>>();
  const auto count = histogram.at("count").get<std::vector<index_t>>();
  gmoe::require<gmoe::data_error>(experts.size() == in.size() && steps.size() == count.size() * in.size(),
                                  "metrics_in_blocks: ", in.size(), " blocks, ", experts.size(),
                                  " numbers of experts, ", steps.size(), " steps and ", count.size(),
                                  " counts do not belong together");
  gmoe::routing_decisions d;
  for (std::size_t l = 0; l < in.size(); ++l) {
    d.add_layer(in[l], experts[l], 1);
    std::vector<id_type> ids;
    for (std::size_t path = 0; path < count.size(); ++path)
      ids.insert(ids.end(), static_cast<std::size_t>(count[path]), steps.at(path * in.size() + l));
    d.append_unscored(static_cast<index_t>(l), ids);
  }
  return gmoe::measure_paths(gmoe::count_paths(d, gmoe::layers_of_blocks(d, blocks)));
}

json flow(const gmoe::path_histogram& h, const gmoe::routing_decisions& d, index_t most) {
  json top = json::array(), links = json::array();
  for (index_t path = 0; path < std::min(most, h.distinct()); ++path) {
    const auto steps = h.path(path);
    top.push_back({{"steps", std::vector<id_type>(steps.begin(), steps.end())}, {"share", h.share(path)}});
  }
  const auto share = 1.0 / static_cast<double>(h.tokens());
  for (std::size_t l = 0; l + 1 < h.layers.size(); ++l) {
    const auto from = static_cast<std::size_t>(d.experts(h.layers[l]));
    const auto to = static_cast<std::size_t>(d.experts(h.layers[l + 1]));
    std::vector<std::vector<double>> mass(from, std::vector<double>(to, 0.0));
    for (index_t path = 0; path < h.distinct(); ++path) {
      const auto steps = h.path(path);
      mass[static_cast<std::size_t>(steps[l])][static_cast<std::size_t>(steps[l + 1])] +=
          share * static_cast<double>(h.count[static_cast<std::size_t>(path)]);
    }
    links.push_back(mass);
  }
  return {{"top", top}, {"links", links}};
}

}  // namespace compare
