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

template <class B>
void run(const std::string& name) {
  using Scalar = typename B::scalar;
  CAPTURE(name);
  const gmoe::safetensors_file expect(expect_of(name));
  const auto tokens = expect.read<std::int64_t>("tokens");
  const gmoe::official_files files(file_of(name, ".config.json"), file_of(name, ".weights.safetensors"));
  gmoe::trace_file<Scalar> out;
  gmoe::with_official_model<B>(files, [&](auto& model) {
    gmoe::official_tracer tracer(model, tokens, expect.entry("tokens").shape[0], out);
    tracer.pass();
    if (steps_of(expect) == 0) return;
    const gmoe::cosine_schedule schedule{.peak = 3e-4, .warmup = 1, .total = 10};
    gmoe::adamw<B> optimizer(model.parameters());
    tracer.train(steps_of(expect), [&](std::int64_t step) {
      const double norm = gmoe::global_norm(optimizer.parameters());
      optimizer.step(schedule(step), gmoe::clipping_factor(norm, 1.0));
      return gmoe::traced_step{schedule(step), norm};
    });
  });
  const gmoe_test::temp_folder folder;
  out.write(folder / "actual");
  CHECK(differences(expect, gmoe::safetensors_file(folder / "actual"), std::is_same_v<Scalar, double>) == "");
}

}  // namespace golden
