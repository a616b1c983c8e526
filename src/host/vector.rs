//! Computes exponential, sigmoid and hyperbolic tangent on vectors of the width of the processor.
//!
//! The relative error is below 4e-7, about three units in the last place (tested on every instruction set of the
//! machine). NaN gives NaN.

use pulp::Simd;

/// Computes e^x for x in [-87, 88]. Outside, the result is the value at the bound.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    const TERMS: [f32; 7] = [
        1.388_888_9e-3,
        8.333_334e-3,
        4.166_666_8e-2,
        0.166_666_67,
        0.5,
        1.0,
        1.0,
    ];
    let x = clamp(simd, x, -87.0, 88.0);
    let round = simd.splat_f32s(ROUND);
    let shifted = simd.mul_add_e_f32s(x, simd.splat_f32s(std::f32::consts::LOG2_E), round);
    let n = simd.sub_f32s(shifted, round);
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-LN2_HIGH), x);
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-LN2_LOW), r);
    let p = polynomial(simd, r, &TERMS);
    // The low bits of `shifted` are n; moved to the exponent, they multiply by 2^n.
    let bits = simd.transmute_u32s_f32s(shifted);
    let bits = simd.wrapping_dyn_shl_u32s(bits, simd.splat_u32s(23));
    let power = simd.add_u32s(bits, simd.splat_u32s(0x3f80_0000));
    simd.mul_f32s(p, simd.transmute_f32s_u32s(power))
}

/// Computes 1 / (1 + e^-x).
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    simd.div_f32s(one, simd.add_f32s(one, exp(simd, simd.neg_f32s(x))))
}

/// Computes the hyperbolic tangent as x P(x^2) / Q(x^2), both of degree four: a minimax fit of the relative error on
/// [0, 7.9]; at 7.9, tanh is within two units in the last place of 1. The fit is within 6e-9.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    const ABOVE: [f32; 5] = [
        1.542_821_3e-8,
        2.202_341_5e-5,
        3.579_002_3e-3,
        0.134_506_29,
        1.0,
    ];
    const BELOW: [f32; 5] = [
        8.598_877e-7,
        3.423_667_3e-4,
        2.619_227_7e-2,
        0.467_839_57,
        1.0,
    ];
    let x = clamp(simd, x, -7.9, 7.9);
    let z = simd.mul_f32s(x, x);
    let above = simd.mul_f32s(x, polynomial(simd, z, &ABOVE));
    simd.div_f32s(above, polynomial(simd, z, &BELOW))
}

/// Evaluates a polynomial by Horner's rule, with the highest power first.
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(simd: S, x: S::f32s, terms: &[f32; N]) -> S::f32s {
    let mut sum = simd.splat_f32s(terms[0]);
    for term in &terms[1..] {
        sum = simd.mul_add_e_f32s(sum, x, simd.splat_f32s(*term));
    }
    sum
}

/// Clamps x to [low, high] and keeps NaN. Vector minima and maxima return the second operand if an operand is NaN, so
/// the bound comes first. Scalar minima and maxima return the number, so they are written as comparisons.
#[inline(always)]
fn clamp<S: Simd>(simd: S, x: S::f32s, low: f32, high: f32) -> S::f32s {
    let (low, high) = (simd.splat_f32s(low), simd.splat_f32s(high));
    if S::IS_SCALAR {
        let x = simd.select_f32s(simd.less_than_f32s(high, x), high, x);
        return simd.select_f32s(simd.less_than_f32s(x, low), low, x);
    }
    simd.max_f32s(low, simd.min_f32s(high, x))
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, WithSimd};

    use super::*;
    use crate::host::instructions;

    #[derive(Clone, Copy, Debug)]
    enum Function {
        Exp,
        Sigmoid,
        Tanh,
    }

    struct All<'a>(Function, &'a mut [f32]);

    impl WithSimd for All<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            for chunk in self.1.chunks_mut(S::F32_LANES) {
                let x = simd.partial_load_f32s(chunk);
                let y = match self.0 {
                    Function::Exp => exp(simd, x),
                    Function::Sigmoid => sigmoid(simd, x),
                    Function::Tanh => tanh(simd, x),
                };
                simd.partial_store_f32s(chunk, y);
            }
        }
    }

    fn all(arch: Arch, function: Function, values: &[f32]) -> Vec<f32> {
        let mut values = values.to_vec();
        arch.dispatch(All(function, &mut values));
        values
    }

    /// Returns a dense grid over the range where the functions are not yet flat, and small numbers of every magnitude.
    fn grid() -> Vec<f32> {
        let even = (-900_000..=900_000).map(|i| i as f32 * 2e-5);
        let small = (0..3000).map(|i| (i as f32 * -0.02).exp());
        even.chain(small).collect()
    }

    fn exact(function: Function, x: f64) -> f64 {
        match function {
            Function::Exp => x.exp(),
            Function::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Function::Tanh => x.tanh(),
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "arithmetic on many numbers")]
    fn exact_to_three_units_in_the_last_place_with_all_instructions() {
        let grid = grid();
        for arch in instructions() {
            for function in [Function::Exp, Function::Sigmoid, Function::Tanh] {
                let found = all(arch, function, &grid);
                let errors =
                    grid.iter()
                        .zip(found)
                        .map(|(x, y)| match exact(function, f64::from(*x)) {
                            0.0 => f64::from(y.abs()),
                            truth => (f64::from(y) / truth - 1.0).abs(),
                        });
                let worst = errors.fold(0.0, f64::max);
                assert!(worst < 4e-7, "{function:?}: {worst:e} with {arch:?}");
            }
        }
    }

    #[test]
    fn far_out_they_are_flat_and_nan_stays_nan() {
        let far = [200.0, -200.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
        for arch in instructions() {
            let [a, b, c, d, nan] = all(arch, Function::Sigmoid, &far)[..] else {
                unreachable!("as many as went in");
            };
            assert_eq!((a, c), (1.0, 1.0));
            assert!(b < 2e-38 && d < 2e-38 && nan.is_nan(), "{arch:?}");
            let [a, b, c, d, nan] = all(arch, Function::Tanh, &far)[..] else {
                unreachable!("as many as went in");
            };
            assert!(nan.is_nan());
            assert_eq!((a, b), (c, d));
            assert_eq!(a, -b);
            assert!(a <= 1.0 && a > 1.0 - 4e-7, "{a} with {arch:?}");
        }
    }
}
