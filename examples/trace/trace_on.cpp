// Compiled once per backend: for Eigen, and with EXAMPLES_THRUST for Thrust (by nvcc: on the GPU).

#include <cstdio>
#include <string>
#include <vector>

#include "../session/models.hpp"
#include "gmoe/io/official.hpp"
#include "gmoe/io/official_trace.hpp"
#include "gmoe/model/describe.hpp"
#include "gmoe/train/adamw.hpp"
#include "gmoe/train/clip.hpp"
#include "gmoe/train/schedule.hpp"
#include "trace.hpp"

#if defined(EXAMPLES_THRUST)
#include "gmoe/backend/thrust.hpp"
#else
#include "gmoe/backend/cpu.hpp"
#endif

namespace trace {

namespace {

struct token_table {
  std::vector<std::int64_t> ids;
  gmoe::index_t sequences;
};

token_table read_tokens(const std::filesystem::path& path) {
  const gmoe::safetensors_file file(path);
  const auto& shape = file.entry("tokens").shape;
  gmoe::require<gmoe::file_error>(shape.size() == 2, "safetensors file '", path.string(),
                                  "': tensor 'tokens' has shape ", gmoe::shape_text(shape),
                                  ", expected [sequences, length]");
  return {file.read<std::int64_t>("tokens"), shape[0]};
}

template <class Backend>
void run(const options& o) {
  const token_table tokens = read_tokens(o.tokens);
  gmoe::trace_file<typename Backend::scalar> out;
  std::string card;
  gmoe::with_official_model<Backend>(o.checkpoint, [&](auto& model) {
    gmoe::official_tracer tracer(model, tokens.ids, tokens.sequences, out);
    card = gmoe::describe(model.card(), gmoe::detail_level::brief);
    tracer.pass();
    if (o.steps == 0) return;
    // The recipe of the paper's models, at the length of the reference data.
    const gmoe::cosine_schedule schedule{.peak = 3e-4, .warmup = 1, .total = 10};
    gmoe::adamw<Backend> optimizer(model.parameters());
    tracer.train(o.steps, [&](std::int64_t step) {
      const double norm = gmoe::global_norm(optimizer.parameters());
      optimizer.step(schedule(step), gmoe::clipping_factor(norm, 1.0));
      return gmoe::traced_step{schedule(step), norm};
    });
  });
  out.write(o.out);
  std::printf("%s", card.c_str());  // when nothing can go wrong any more
}

template <template <class> class Backend>
void in_precision(const options& o) {
  if (o.scalar == "double")
    run<Backend<double>>(o);
  else
    run<Backend<float>>(o);
}

}  // namespace

#if defined(EXAMPLES_THRUST) && defined(__CUDACC__)
void on_cuda(const options& o) { in_precision<gmoe::thrust_backend>(o); }
#elif defined(EXAMPLES_THRUST)
void on_thrust(const options& o) { in_precision<gmoe::thrust_backend>(o); }
#else
void on_eigen(const options& o) { in_precision<gmoe::cpu>(o); }
#endif

}  // namespace trace
