//! Clips by the norm of the gradient of many parameters together. Burn's own clipping treats each parameter separately.

#[cfg(feature = "gpu-kernels")]
mod gpu;

use std::collections::HashSet;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

use super::part::{PartConfig, parameters};

/// The groups of parameters that are clipped together, each with its largest norm.
#[derive(Clone, Debug, Default)]
pub(super) struct Clipping {
    groups: Vec<(HashSet<ParamId>, f64)>,
}

impl Clipping {
    /// Creates one group for every part with its own norm, and one for the rest of the network with the norm of the
    /// run.
    pub(super) fn new<M: Module>(module: &M, largest: Option<f64>, parts: &[PartConfig]) -> Self {
        let mut groups: Vec<(HashSet<ParamId>, f64)> = Vec::new();
        let norms = parts.iter().map(|part| part.clip_norm);
        groups.extend(norms.map(|norm| (HashSet::new(), norm.unwrap_or(f64::INFINITY))));
        let mut rest = HashSet::new();
        for (path, id) in parameters(module) {
            let of_part = |part: &PartConfig| part.holds(&path) && part.clip_norm.is_some();
            match parts.iter().rposition(of_part) {
                Some(part) => groups[part].0.insert(id),
                None if path.starts_with("network.") => rest.insert(id),
                None => false,
            };
        }
        groups.extend(largest.map(|largest| (rest, largest)));
        groups.retain(|(ids, largest)| !ids.is_empty() && largest.is_finite());
        Self { groups }
    }

    /// Scales the gradients of each group down to its norm if they are larger. Nothing is read to the host.
    pub(super) fn apply<M: Module>(&self, module: &M, gradients: &mut GradientsParams) {
        for (ids, largest) in &self.groups {
            let mut squares = Squares {
                ids,
                gradients,
                sum: None,
                #[cfg(feature = "gpu-kernels")]
                waiting: gpu::Waiting::default(),
            };
            module.visit(&mut squares);
            if let Some(sum) = squares.all() {
                // This form divides a zero gradient by one instead of by zero.
                let factor = sum.sqrt().div_scalar(*largest).clamp_min(1.0).recip();
                module.visit(&mut Scale {
                    ids,
                    gradients,
                    factor,
                });
            }
        }
    }
}

/// Sums the squares of gradients.
struct Squares<'a> {
    ids: &'a HashSet<ParamId>,
    gradients: &'a GradientsParams,
    /// The sum, `[1]`; `None` before the first gradient.
    sum: Option<Tensor<1>>,
    #[cfg(feature = "gpu-kernels")]
    waiting: gpu::Waiting,
}

impl Squares<'_> {
    fn add(&mut self, squares: Tensor<1>) {
        self.sum = Some(match self.sum.take() {
            Some(sum) => sum + squares,
            None => squares,
        });
    }

    /// Returns the sum over all gradients, `[1]`; `None` if there is no gradient.
    fn all(mut self) -> Option<Tensor<1>> {
        #[cfg(feature = "gpu-kernels")]
        if let Some(squares) = std::mem::take(&mut self.waiting).sum() {
            self.add(squares);
        }
        self.sum.take()
    }
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !self.ids.contains(&param.id) {
            return;
        }
        let Some(gradient) = self.gradients.get::<D>(param.id) else {
            return;
        };
        #[cfg(feature = "gpu-kernels")]
        if gpu::serves(&gradient) {
            return self.waiting.add(gradient);
        }
        self.add(gradient.square().sum());
    }
}

/// Multiplies gradients by one factor.
struct Scale<'a> {
    ids: &'a HashSet<ParamId>,
    gradients: &'a mut GradientsParams,
    /// The factor, `[1]`.
    factor: Tensor<1>,
}

impl ModuleVisitor for Scale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !self.ids.contains(&param.id) {
            return;
        }
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            let factor = self.factor.clone().cast(gradient.dtype());
            let scaled = gradient * factor.reshape([1; D]);
            self.gradients.register(param.id, scaled);
        }
    }
}
