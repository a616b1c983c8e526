//! Finds the parameters that one task alone reaches by their gradients, and reads and sets them as flat numbers on the
//! host.

use std::collections::{HashMap, HashSet};

use burn::module::{Flag, Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, TensorData};

/// The largest number of elements for which all parameters of a task's head are fitted; of a larger head only the
/// parameters of one dimension, its biases.
const MOST: usize = 1 << 20;

/// Returns a copy with dropout and everything else under Burn's training flag turned off, while gradients flow. The
/// copy does not share running statistics with the original.
pub(super) fn quiet<M: Module>(module: &M) -> M {
    struct Quiet;
    impl ModuleMapper for Quiet {
        fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
            flag.with_value(false)
        }
    }
    module.valid().train().map(&mut Quiet)
}

/// For each parameter, the tasks that reach it.
#[derive(Default)]
pub(in crate::train) struct Reached(HashMap<ParamId, HashSet<usize>>);

impl Reached {
    /// Adds the parameters that the loss of a task has a gradient for.
    pub(in crate::train) fn add<M: Module>(
        &mut self,
        module: &M,
        task: usize,
        gradients: &GradientsParams,
    ) {
        struct Seen<'a> {
            gradients: &'a GradientsParams,
            ids: Vec<ParamId>,
        }
        impl ModuleVisitor for Seen<'_> {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                if self.gradients.get::<D>(param.id).is_some() {
                    self.ids.push(param.id);
                }
            }
        }
        let ids = Vec::new();
        let mut seen = Seen { gradients, ids };
        module.visit(&mut seen);
        for id in seen.ids {
            self.0.entry(id).or_default().insert(task);
        }
    }

    /// Returns the parameters that the task alone reaches.
    pub(in crate::train) fn alone(&self, task: usize) -> HashSet<ParamId> {
        let alone = |by: &HashSet<usize>| by.len() == 1 && by.contains(&task);
        let found = self.0.iter().filter(|(_, by)| alone(by));
        found.map(|(id, _)| *id).collect()
    }

    /// Returns the parameters that the task alone reaches, in the order of the module.
    pub(super) fn only_by<M: Module>(&self, module: &M, task: usize) -> Own {
        let alone = self.alone(task);
        let mut sizes = Sizes::default();
        module.visit(&mut sizes);
        let all = sizes.0.into_iter().filter(|(id, _)| alone.contains(id));
        let all: Vec<(ParamId, Vec<usize>)> = all.collect();
        let count = |dims: &[usize]| dims.iter().product::<usize>();
        let total: usize = all.iter().map(|(_, dims)| count(dims)).sum();
        let kept = all
            .into_iter()
            .filter(|(_, dims)| total <= MOST || dims.len() == 1);
        Own {
            parts: kept.map(|(id, dims)| (id, count(&dims))).collect(),
        }
    }
}

#[derive(Default)]
struct Sizes(Vec<(ParamId, Vec<usize>)>);

impl ModuleVisitor for Sizes {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push((param.id, param.shape().to_vec()));
    }
}

/// The parameters of one task, in the order of the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Own {
    parts: Vec<(ParamId, usize)>,
}

impl Own {
    /// Returns the number of elements.
    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(|(_, count)| count).sum()
    }

    /// Returns the values, flat.
    pub(super) fn values<M: Module>(&self, module: &M) -> Vec<f64> {
        self.collected(module, |param| Some(floats(param.val_flat())))
    }

    /// Returns the gradients, flat; zeros for parameters without a gradient.
    pub(super) fn gradients<M: Module>(&self, module: &M, found: &GradientsParams) -> Vec<f64> {
        self.collected(module, |param| param.gradient_flat(found).map(floats))
    }

    fn collected<M: Module>(
        &self,
        module: &M,
        read: impl Fn(&dyn Flat) -> Option<Vec<f64>>,
    ) -> Vec<f64> {
        let wanted: HashMap<ParamId, usize> = self.parts.iter().copied().collect();
        let values = Vec::with_capacity(self.len());
        let mut collect = Collect {
            wanted,
            read: &read,
            values,
        };
        module.visit(&mut collect);
        collect.values
    }
}

/// Sets the parameters of several tasks to flat values.
pub(super) fn set<M: Module>(module: M, own: &[Own], values: &[&[f64]]) -> M {
    let mut new = HashMap::new();
    for (own, values) in own.iter().zip(values) {
        let mut rest = *values;
        for (id, count) in &own.parts {
            let (part, after) = rest.split_at(*count);
            new.insert(*id, part.iter().map(|v| *v as f32).collect::<Vec<f32>>());
            rest = after;
        }
    }
    module.map(&mut Set { new })
}

/// A parameter of any rank as flat tensors.
trait Flat {
    fn val_flat(&self) -> Tensor<1>;
    fn gradient_flat(&self, found: &GradientsParams) -> Option<Tensor<1>>;
}

impl<const D: usize> Flat for Param<Tensor<D>> {
    fn val_flat(&self) -> Tensor<1> {
        self.val().inner().flatten(0, D - 1)
    }

    fn gradient_flat(&self, found: &GradientsParams) -> Option<Tensor<1>> {
        Some(found.get::<D>(self.id)?.flatten(0, D - 1))
    }
}

/// Reads a flat tensor; NaN for each element if the device cannot be read, so that no conclusion follows from it.
pub(super) fn floats(tensor: Tensor<1>) -> Vec<f64> {
    let count = tensor.dims()[0];
    match tensor.inner().try_into_vec_as::<f32>() {
        Ok(values) => values.into_iter().map(f64::from).collect(),
        Err(_) => vec![f64::NAN; count],
    }
}

struct Collect<'a> {
    wanted: HashMap<ParamId, usize>,
    read: &'a dyn Fn(&dyn Flat) -> Option<Vec<f64>>,
    values: Vec<f64>,
}

impl ModuleVisitor for Collect<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        // A parameter that the module holds in two places counts once.
        if let Some(count) = self.wanted.remove(&param.id) {
            let values = (self.read)(param);
            self.values
                .extend(values.unwrap_or_else(|| vec![0.0; count]));
        }
    }
}

struct Set {
    new: HashMap<ParamId, Vec<f32>>,
}

impl ModuleMapper for Set {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(values) = self.new.get(&param.id) else {
            return param;
        };
        let values = values.clone();
        param.map(|old| {
            let data = TensorData::new(values, old.dims());
            Tensor::from_data(data, &old.device()).require_grad()
        })
    }
}
