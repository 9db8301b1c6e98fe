#pragma once
/// oneDNN's matmul of bfloat16 factors into floats, on the calling thread. Works with oneDNN 2 and 3; empty without
/// GMOE_GEMM_ONEDNN.

#if defined(GMOE_GEMM_ONEDNN)

#include <array>
#include <cstdint>
#include <dnnl.hpp>
#include <new>
#include <unordered_map>

#include "gmoe/backend/arguments.hpp"
#include "gmoe/backend/eigen/workspace.hpp"
#include "gmoe/backend/matrix.hpp"
#include "gmoe/core/error.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

/// The compiled products of one thread, by their sizes: oneDNN writes machine code for each of them once.
class onednn_products {
 public:
  /// C = op(A) op(B) + beta C, `beta` 0 or 1.
  void run(op op_a, op op_b, matrix_view<const std::uint16_t> a, matrix_view<const std::uint16_t> b, float beta,
           matrix_view<float> c, index_t depth) {
    try {
      const product& p =
          of({index_t{op_a == op::transpose} + 2 * index_t{op_b == op::transpose} + 4 * index_t{beta != 0}, c.rows,
              c.cols, depth, a.stride, b.stride, c.stride});
      const auto space = scratch<std::uint8_t>(static_cast<index_t>(p.scratch.get_size()));
      const auto at = [&](const dnnl::memory::desc& d, const void* data) {
        return dnnl::memory(d, engine_, const_cast<void*>(data));
      };
      p.matmul.execute(stream_, {{DNNL_ARG_SRC, at(p.a, a.data)},
                                 {DNNL_ARG_WEIGHTS, at(p.b, b.data)},
                                 {DNNL_ARG_DST, at(p.c, c.data)},
                                 {DNNL_ARG_SCRATCHPAD, at(p.scratch, space.data())}});
    } catch (const dnnl::error& e) {
      if (e.status == dnnl_out_of_memory) throw std::bad_alloc();
      throw backend_error(concat("oneDNN's bfloat16 product of ", c.rows, " x ", depth, " and ", depth, " x ", c.cols,
                                 " failed with status ", static_cast<int>(e.status), ": ", e.what()));
    }
  }

 private:
  using sizes = std::array<index_t, 7>;  ///< which form, m, n, k, and the strides of A, B and C
  struct product {
    dnnl::memory::desc a, b, c, scratch;
    dnnl::matmul matmul;
  };
  struct hash {
    std::size_t operator()(const sizes& s) const {
      std::size_t h = 0;
      for (index_t x : s) h = h * 1000003u + static_cast<std::size_t>(x);
      return h;
    }
  };
  static constexpr std::size_t most = 4096;  ///< products kept

  const product& of(const sizes& s) {
    if (const auto found = made_.find(s); found != made_.end()) return found->second;
    if (made_.size() >= most) made_.clear();
    const auto& [form, m, n, k, a_stride, b_stride, c_stride] = s;
    using desc = dnnl::memory::desc;
    using type = dnnl::memory::data_type;
    using dims = dnnl::memory::dims;
    const auto factor = [](index_t rows, index_t cols, bool transposed, index_t stride) {
      return desc({rows, cols}, type::bf16, transposed ? dims{1, stride} : dims{stride, 1});
    };
    product p{factor(m, k, form & 1, a_stride),
              factor(k, n, form & 2, b_stride),
              desc({m, n}, type::f32, dims{c_stride, 1}),
              {},
              {}};
    dnnl::primitive_attr how;
    how.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    if (form & 4) {
      dnnl::post_ops add;
      add.append_sum(1.0f);
      how.set_post_ops(add);
    }
#if DNNL_VERSION_MAJOR >= 3
    const dnnl::matmul::primitive_desc made(engine_, p.a, p.b, p.c, how);
#else
    const dnnl::matmul::primitive_desc made(dnnl::matmul::desc(p.a, p.b, p.c), how, engine_);
#endif
    p.scratch = made.scratchpad_desc();
    p.matmul = dnnl::matmul(made);
    return made_.emplace(s, std::move(p)).first->second;
  }

  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::unordered_map<sizes, product, hash> made_;
};

/// Whether oneDNN multiplies bfloat16 on this processor: before AVX-512 it does not.
inline bool onednn_has_bf16() {
  static const bool has = [] {
    const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    const auto square = [](dnnl::memory::data_type t) {
      return dnnl::memory::desc({64, 64}, t, dnnl::memory::dims{64, 1});
    };
    using type = dnnl::memory::data_type;
    try {
#if DNNL_VERSION_MAJOR >= 3
      dnnl::matmul::primitive_desc(engine, square(type::bf16), square(type::bf16), square(type::f32));
#else
      dnnl::matmul::primitive_desc(dnnl::matmul::desc(square(type::bf16), square(type::bf16), square(type::f32)),
                                   engine);
#endif
    } catch (const dnnl::error&) {
      return false;
    }
    return true;
  }();
  return has;
}

inline void onednn_matmul(op op_a, op op_b, matrix_view<const std::uint16_t> a, matrix_view<const std::uint16_t> b,
                          float beta, matrix_view<float> c, index_t depth) {
  thread_local onednn_products of_this_thread;
  of_this_thread.run(op_a, op_b, a, b, beta, c, depth);
}

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD

#endif
