#pragma once
/// The models that are measured, and the text that they read.

#include <cmath>
#include <string>
#include <vector>

#include "gmoe/core/random.hpp"
#include "gmoe/nn/sizes.hpp"
#include "options.hpp"

namespace gmoe::bench {

/// A model's sizes and the batch that it is trained on.
struct subject {
  std::string name;
  sizes shape;
  index_t batch = 1, sequence = 1;
};

inline subject make_subject(std::string name, index_t d_model, index_t layers, index_t heads, index_t vocab,
                            index_t batch, index_t sequence) {
  subject s{std::move(name), {}, batch, sequence};
  s.shape.vocab = vocab;
  s.shape.positions = sequence;
  s.shape.d_model = d_model;
  s.shape.layers = layers;
  s.shape.heads = heads;
  s.shape.d_ff = 4 * d_model;
  s.shape.experts = 16;
  return s;
}

/// The size of a course, twice its width, and the published small model with short and with long sequences.
inline std::vector<subject> subjects() {
  return {make_subject("course", 128, 4, 4, 256, 8, 128), make_subject("mid", 256, 4, 4, 256, 8, 128),
          make_subject("small_256", 512, 6, 8, 50257, 4, 256), make_subject("small_1024", 512, 6, 8, 50257, 1, 1024)};
}

/// `base` with what the command line says.
inline subject own_subject(subject base, const options& o) {
  base.name = "own";
  base.batch = o.number("--batch", base.batch);
  base.sequence = o.number("--sequence", base.sequence);
  sizes& s = base.shape;
  s.d_model = o.number("--d-model", s.d_model);
  s.d_ff = o.number("--d-ff", o.has("--d-model") ? 4 * s.d_model : s.d_ff);
  s.layers = o.number("--layers", s.layers);
  s.heads = o.number("--heads", s.heads);
  s.experts = o.number("--experts", s.experts);
  s.vocab = o.number("--vocab", s.vocab);
  s.positions = base.sequence;
  return base;
}

/// Token ids as unevenly distributed as words: id i with a probability that falls with 1 / (i + 10).
inline std::vector<id_type> synthetic_text(index_t vocab, index_t count) {
  std::vector<id_type> text(static_cast<std::size_t>(count));
  const double range = std::log(1.0 + static_cast<double>(vocab) / 10.0);
  const random_stream random = random_stream(7).fork("synthetic text");
  for (std::size_t i = 0; i < text.size(); ++i) {
    const double id = 10.0 * (std::exp(random.uniform(i) * range) - 1.0);
    text[i] = static_cast<id_type>(std::min(id, static_cast<double>(vocab - 1)));
  }
  return text;
}

}  // namespace gmoe::bench
