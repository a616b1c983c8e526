//! The kernels of the losses.

use burn_cubecl::cubecl::{self, prelude::*};

/// Elements from the gradient of one loss to the next: a multiple of the alignment of every device (512 bytes for
/// CUDA), so that each gradient is a tensor without a copy.
pub(super) const APART: usize = 128;

/// The bits of a NaN.
const NAN: u32 = 0x7fc0_0000;

/// Computes the cross entropy of each row of logits and, if requested, its derivative with respect to every logit:
/// `softmax - 1` at the target and `softmax` elsewhere.
#[cube(launch)]
pub(super) fn row_losses<I: Int>(
    logits: &Tensor<f32>,
    targets: &Tensor<I>,
    losses: &mut Tensor<f32>,
    mut slopes: ComptimeOption<&mut Tensor<f32>>,
    rows: usize,
    classes: usize,
    #[define(I)] _integers: ElemType,
) {
    let row = ABSOLUTE_POS;
    if row < rows {
        let base = row * classes;
        let mut most = logits[base];
        for class in 1..classes {
            most = max(most, logits[base + class]);
        }
        let mut sum = 0.0f32;
        for class in 0..classes {
            sum += (logits[base + class] - most).exp();
        }
        let target = targets[row];
        let mut loss = f32::reinterpret(comptime!(NAN));
        for class in 0..classes {
            let here = I::cast_from(class) == target;
            let above = logits[base + class] - most;
            if here {
                loss = sum.ln() - above;
            }
            #[comptime]
            if let ComptimeOption::Some(slopes) = &mut slopes {
                let share = above.exp() / sum;
                slopes[base + class] = select(here, share - 1.0f32, share);
            }
        }
        losses[row] = loss;
    }
}

/// Concatenates losses.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn losses_together(
    a: &Tensor<f32>,
    b: &Tensor<f32>,
    c: &Tensor<f32>,
    d: &Tensor<f32>,
    e: &Tensor<f32>,
    f: &Tensor<f32>,
    output: &mut Tensor<f32>,
    count: usize,
) {
    let at = ABSOLUTE_POS;
    if at < count {
        let mut found = f[0];
        if at == 0 {
            found = a[0];
        } else if at == 1 {
            found = b[0];
        } else if at == 2 {
            found = c[0];
        } else if at == 3 {
            found = d[0];
        } else if at == 4 {
            found = e[0];
        }
        output[at] = found;
    }
}

/// Copies `[count]` numbers, each to the beginning of a row of `split` elements.
#[cube(launch)]
pub(super) fn split_losses(
    gradient: &Tensor<f32>,
    output: &mut Tensor<f32>,
    count: usize,
    #[comptime] split: usize,
) {
    let at = ABSOLUTE_POS;
    if at < count {
        output[at * split] = gradient[at];
    }
}
