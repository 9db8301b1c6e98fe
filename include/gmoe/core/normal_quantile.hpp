#pragma once
/// Uniform numbers as normal ones, by a formula that runs on scalars and vectors.

#include "gmoe/core/functions.hpp"

namespace gmoe::fn {

/// The x below which a standard normal number lies with probability 1/2 + q, q between -1/2 and 1/2: Wichura's AS 241
/// (Applied Statistics 37, 1988), exact to about 15 digits in double. Probabilities below 2^-33 count as that, so that
/// |x| stays below 6.4 and a random word of 32 bits is always a finite number.
struct normal_quantile {
  template <class T>
  GMOE_HD T operator()(const T& q) const {
    const T near = step(T(0.425) - abs(q)), sign = T(2) * step(q) - T(1);
    return near * centre(q) + (T(1) - near) * sign * tail(max(T(0.5) - abs(q), T(1.1641532182693481e-10)));
  }

 private:
  template <class T>
  GMOE_HD static T centre(const T& q) {
    const T r = max(T(0.180625) - q * q, T(0));
    return q *
           (((((((T(2.5090809287301226727e3) * r + T(3.3430575583588128105e4)) * r + T(6.7265770927008700853e4)) * r +
                T(4.5921953931549871457e4)) *
                   r +
               T(1.3731693765509461125e4)) *
                  r +
              T(1.9715909503065514427e3)) *
                 r +
             T(1.3314166789178437745e2)) *
                r +
            T(3.3871328727963666080)) /
           (((((((T(5.2264952788528545610e3) * r + T(2.8729085735721942674e4)) * r + T(3.9307895800092710610e4)) * r +
                T(2.1213794301586595867e4)) *
                   r +
               T(5.3941960214247511077e3)) *
                  r +
              T(6.8718700749205790830e2)) *
                 r +
             T(4.2313330701600911252e1)) *
                r +
            T(1));
  }
  /// For the probability p of lying further out.
  template <class T>
  GMOE_HD static T tail(const T& p) {
    const T r = sqrt(-log(p)) - T(1.6);
    return (((((((T(7.74545014278341407640e-4) * r + T(2.27238449892691845833e-2)) * r + T(2.41780725177450611770e-1)) *
                    r +
                T(1.27045825245236838258)) *
                   r +
               T(3.64784832476320460504)) *
                  r +
              T(5.76949722146069140550)) *
                 r +
             T(4.63033784615654529590)) *
                r +
            T(1.42343711074968357734)) /
           (((((((T(1.05075007164441684324e-9) * r + T(5.47593808499534494600e-4)) * r + T(1.51986665636164571966e-2)) *
                    r +
                T(1.48103976427480074590e-1)) *
                   r +
               T(6.89767334985100004550e-1)) *
                  r +
              T(1.67638483018380384940)) *
                 r +
             T(2.05319162663775882187)) *
                r +
            T(1));
  }
};

}  // namespace gmoe::fn
