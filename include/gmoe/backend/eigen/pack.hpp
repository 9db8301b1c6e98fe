#pragma once
/// A vector register of scalars as a number type, so that the formulas of core/functions.hpp vectorise as they are.
///
/// Wraps Eigen's packets. Functions for which a packet has no vector form run lane by lane.

#include <cmath>
#include <cstring>

#include "gmoe/backend/eigen/build_tag.hpp"
#include "gmoe/core/index.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

template <class S>
struct pack {
  using traits = Eigen::internal::packet_traits<S>;
  using packet = typename traits::type;
  static constexpr index_t width = Eigen::internal::unpacket_traits<packet>::size;

  packet p;

  pack() = default;
  explicit pack(packet value) : p(value) {}
  pack(S value) requires(!std::is_same_v<S, packet>) : p(Eigen::internal::pset1<packet>(value)) {}
  template <class Number>
  requires(std::is_arithmetic_v<Number> && !std::is_same_v<Number, S> &&
           !std::is_same_v<Number, packet>) explicit pack(Number value)
      : p(Eigen::internal::pset1<packet>(static_cast<S>(value))) {}

  static pack load(const S* from) { return pack(Eigen::internal::ploadu<packet>(from)); }
  void store(S* to) const { Eigen::internal::pstoreu(to, p); }

  /// The first `count` < width elements; the rest are zero.
  static pack load_part(const S* from, index_t count) {
    S lanes[width] = {};
    std::memcpy(lanes, from, static_cast<std::size_t>(count) * sizeof(S));
    return load(lanes);
  }
  void store_part(S* to, index_t count) const {
    S lanes[width];
    store(lanes);
    std::memcpy(to, lanes, static_cast<std::size_t>(count) * sizeof(S));
  }

  S sum() const { return Eigen::internal::predux(p); }
  S largest() const { return Eigen::internal::predux_max(p); }

  friend pack operator+(pack a, pack b) { return pack(Eigen::internal::padd(a.p, b.p)); }
  friend pack operator-(pack a, pack b) { return pack(Eigen::internal::psub(a.p, b.p)); }
  friend pack operator*(pack a, pack b) { return pack(Eigen::internal::pmul(a.p, b.p)); }
  friend pack operator/(pack a, pack b) { return pack(Eigen::internal::pdiv(a.p, b.p)); }
  friend pack operator-(pack a) { return pack(Eigen::internal::pnegate(a.p)); }
  pack& operator+=(pack b) { return *this = *this + b; }
  /// a b + c, rounded once where the processor can.
  friend pack multiply_add(pack a, pack b, pack c) { return pack(Eigen::internal::pmadd(a.p, b.p, c.p)); }

  /// A NaN in the first argument stays.
  friend pack max(pack a, pack b) { return pack(Eigen::internal::pmax(a.p, b.p)); }
  friend pack min(pack a, pack b) { return pack(Eigen::internal::pmin(a.p, b.p)); }
  friend pack abs(pack a) { return pack(Eigen::internal::pabs(a.p)); }
  friend pack sqrt(pack a) {
    if constexpr (traits::HasSqrt)
      return pack(Eigen::internal::psqrt(a.p));
    else
      return by_lane(a, [](S x) { return std::sqrt(x); });
  }
  friend pack exp(pack a) {
    if constexpr (traits::HasExp)
      return pack(Eigen::internal::pexp(a.p));
    else
      return by_lane(a, [](S x) { return std::exp(x); });
  }
  friend pack log(pack a) {
    if constexpr (traits::HasLog)
      return pack(Eigen::internal::plog(a.p));
    else
      return by_lane(a, [](S x) { return std::log(x); });
  }
  friend pack tanh(pack a) {
    if constexpr (traits::HasTanh)
      return pack(Eigen::internal::ptanh(a.p));
    else if constexpr (traits::HasExp && std::is_same_v<S, double>)
      return tanh_by_exp(a);
    else
      return by_lane(a, [](S x) { return std::tanh(x); });
  }
  friend pack erfc(pack a) {
    return by_lane(a, [](S x) { return std::erfc(x); });
  }
  /// 1 where x > 0, else 0.
  friend pack step(pack a) {
    const packet zero = Eigen::internal::pset1<packet>(S(0));
    const packet one = Eigen::internal::pset1<packet>(S(1));
    return pack(Eigen::internal::pand(one, Eigen::internal::pcmp_lt(zero, a.p)));
  }

 private:
  /// As Cephes computes it, in double: a rational function near 0, where 1 - 2/(exp(2|x|) + 1) would cancel.
  static pack tanh_by_exp(pack a) {
    const pack square = a * a;
    const pack over = (pack(-9.64399179425052238628e-1) * square + pack(-9.92877231001918586564e1)) * square +
                      pack(-1.61468768441708447952e3);
    const pack under = ((square + pack(1.12811678491632931402e2)) * square + pack(2.23548839060100448583e3)) * square +
                       pack(4.84406305325125486048e3);
    const pack near = a + a * square * over / under;
    const pack size = abs(a), far = pack(1) - pack(2) / (exp(size + size) + pack(1));
    const packet sign = Eigen::internal::pand(a.p, Eigen::internal::pset1<packet>(S(-0.0)));
    return pack(Eigen::internal::pselect(Eigen::internal::pcmp_lt(pack(0.625).p, size.p),
                                         Eigen::internal::por(far.p, sign), near.p));
  }
  template <class F>
  static pack by_lane(pack a, F f) {
    S lanes[width];
    a.store(lanes);
    for (S& x : lanes) x = f(x);
    return load(lanes);
  }
};

/// Calls f(offset, part) over [0, count) in steps of a pack; part < width only for the last, shorter one (0: whole).
template <class S, class F>
[[gnu::always_inline]] inline void for_packs(index_t count, const F& f) {
  constexpr index_t width = pack<S>::width;
  index_t j = 0;
  for (; j + width <= count; j += width) f(j, index_t{0});
  if (j < count) f(j, count - j);
}
template <class S>
[[gnu::always_inline]] inline pack<S> load(const S* from, index_t part) {
  return part == 0 ? pack<S>::load(from) : pack<S>::load_part(from, part);
}
template <class S>
[[gnu::always_inline]] inline void store(S* to, pack<S> value, index_t part) {
  part == 0 ? value.store(to) : value.store_part(to, part);
}

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
