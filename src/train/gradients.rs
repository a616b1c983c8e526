//! Clipping by the norm of the whole gradient. Burn's own clipping looks at each parameter by itself.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

/// Scales the gradients of `module` down so that their joint norm is at most `largest`. Nothing is read to the host.
pub(super) fn clip_norm<M: Module>(module: &M, gradients: &mut GradientsParams, largest: f64) {
    let mut squares = Squares {
        gradients,
        sum: None,
    };
    module.visit(&mut squares);
    let Some(sum) = squares.sum else { return };
    // Written so that a gradient of zero divides by one and not by zero.
    let factor = sum.sqrt().div_scalar(largest).clamp_min(1.0).recip();
    module.visit(&mut Scale { gradients, factor });
}

struct Squares<'a> {
    gradients: &'a GradientsParams,
    sum: Option<Tensor<1>>,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            let squares = gradient.square().sum();
            self.sum = Some(match self.sum.take() {
                Some(sum) => sum + squares,
                None => squares,
            });
        }
    }
}

struct Scale<'a> {
    gradients: &'a mut GradientsParams,
    factor: Tensor<1>,
}

impl ModuleVisitor for Scale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            let factor = self.factor.clone().reshape([1; D]);
            self.gradients.register(param.id, gradient * factor);
        }
    }
}
