#pragma once
// Runs a golden case on one backend, in its precision, and compares everything that it expects.

#include <doctest/doctest.h>

#include <cstdint>
#include <string>

#include "backends.hpp"
#include "gmoe/io/official_load.hpp"
#include "gmoe/io/official_trace.hpp"
#include "gmoe/train/adamw.hpp"
#include "gmoe/train/clip.hpp"
#include "gmoe/train/schedule.hpp"
#include "golden/compare.hpp"
#include "io/temp_folder.hpp"

namespace golden {

/// The case on a model that was loaded from its weights.
template <class Model>
void check(const std::string& name, Model& model) {
  using B = typename Model::backend_type;
  using Scalar = typename B::scalar;
  CAPTURE(name);
  const gmoe::safetensors_file expect(expect_of(name));
  const auto tokens = expect.read<std::int64_t>("tokens");
  gmoe::trace_file<Scalar> out;
  gmoe::official_tracer tracer(model, tokens, expect.entry("tokens").shape[0], out);
  tracer.pass();
  if (steps_of(expect) > 0) {
    const gmoe::cosine_schedule schedule{.peak = 3e-4, .warmup = 1, .total = 10};
    gmoe::adamw<B> optimizer(model.parameters());
    tracer.train(steps_of(expect), [&](std::int64_t step) {
      const double norm = gmoe::global_norm(optimizer.parameters());
      optimizer.step(schedule(step), gmoe::clipping_factor(norm, 1.0));
      return gmoe::traced_step{schedule(step), norm};
    });
  }
  const gmoe_test::temp_folder folder;
  out.write(folder / "actual");
  CHECK(differences(expect, gmoe::safetensors_file(folder / "actual"), std::is_same_v<Scalar, double>) == "");
}

inline gmoe::official_files files_of(const std::string& name) {
  return {file_of(name, ".config.json"), file_of(name, ".weights.safetensors")};
}

template <class B>
void run(const std::string& name) {
  gmoe::with_official_model<B>(files_of(name), [&](auto& model) { check(name, model); });
}

}  // namespace golden
