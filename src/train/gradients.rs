//! Clipping by the norm of the whole gradient. Burn's own clipping looks at each parameter by itself.

use burn::module::Module;
use burn::optim::GradientsParams;

use crate::gradient::squared_norm;
use crate::step::Scale;

/// Scales the gradients of `module` down so that their joint norm is at most `largest`. Nothing is read to the host.
pub(super) fn clip_norm<M: Module>(module: &M, gradients: &mut GradientsParams, largest: f64) {
    let Some(sum) = squared_norm(module, gradients) else {
        return;
    };
    // Written so that a gradient of zero divides by one and not by zero.
    let factor = sum.sqrt().div_scalar(largest).clamp_min(1.0).recip();
    module.visit(&mut Scale { gradients, factor });
}
