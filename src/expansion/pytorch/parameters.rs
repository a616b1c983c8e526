//! Loads and collects the parameters of the model as arrays under PyTorch's names.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData, TensorReadError};

use super::names::{COUNTDOWN, torch_name};
use crate::expansion::model::ExpansionModel;

/// A tensor on the host, row by row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parameter {
    pub(super) shape: Vec<usize>,
    pub(super) numbers: Vec<f32>,
}

impl Parameter {
    /// Returns the transposed matrix. PyTorch stores the weights of a linear layer as `[output, input]`, Burn as
    /// `[input, output]`.
    fn transposed(&self) -> Self {
        let [rows, columns] = self.shape[..] else {
            unreachable!("the weights of a linear layer are a matrix")
        };
        let column = |c: usize| (0..rows).map(move |r| self.numbers[r * columns + c]);
        Self {
            shape: vec![columns, rows],
            numbers: (0..columns).flat_map(column).collect(),
        }
    }
}

/// Returns the factor from a parameter of the model to that of the original, 1 outside the countdown head. The head
/// computes `scale * (w x + b)`; the original has no scale, so its parameters are `scale * w` and `scale * b`.
fn scale_of(network: &ExpansionModel, name: &str) -> f64 {
    if name.starts_with(COUNTDOWN) {
        network.config().countdown_scale
    } else {
        1.0
    }
}

/// Returns the model with the values of `parameters`, which must be complete and have the right shapes. With
/// `keep_countdown` the countdown head stays unchanged.
pub(super) fn with_parameters(
    network: ExpansionModel,
    parameters: &BTreeMap<String, Parameter>,
    keep_countdown: bool,
) -> ExpansionModel {
    let scale = scale_of(&network, COUNTDOWN);
    network.map(&mut LoadParameters {
        path: Vec::new(),
        parameters,
        keep_countdown,
        scale,
    })
}

struct LoadParameters<'a> {
    path: Vec<String>,
    parameters: &'a BTreeMap<String, Parameter>,
    keep_countdown: bool,
    scale: f64,
}

impl ModuleMapper for LoadParameters<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (name, transpose) = torch_name(&self.path);
        let countdown = name.starts_with(COUNTDOWN);
        if countdown && self.keep_countdown {
            return param;
        }
        let table = &self.parameters[&name];
        let mut table = if transpose {
            table.transposed()
        } else {
            table.clone()
        };
        if countdown && self.scale != 1.0 {
            let divided = |value: &mut f32| *value = (f64::from(*value) / self.scale) as f32;
            table.numbers.iter_mut().for_each(divided);
        }
        let data = TensorData::new(table.numbers, table.shape);
        let (id, device) = (param.id, param.lazy_device());
        // `map` would first draw unused random values.
        param.transform_for_load(Tensor::from_data(data, &device), id)
    }
}

/// Returns the parameters of the model under their names and in their shapes in PyTorch.
pub(super) fn parameters(
    network: &ExpansionModel,
) -> Result<BTreeMap<String, Parameter>, TensorReadError> {
    let mut collect = CollectParameters {
        path: Vec::new(),
        scale: scale_of(network, COUNTDOWN),
        parameters: BTreeMap::new(),
        failed: None,
    };
    network.visit(&mut collect);
    match collect.failed {
        Some(error) => Err(error),
        None => Ok(collect.parameters),
    }
}

struct CollectParameters {
    path: Vec<String>,
    scale: f64,
    parameters: BTreeMap<String, Parameter>,
    failed: Option<TensorReadError>,
}

impl ModuleVisitor for CollectParameters {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let (name, transpose) = torch_name(&self.path);
        let value = param.val();
        let shape = value.dims().to_vec();
        match value.try_into_vec_as::<f32>() {
            Ok(mut numbers) => {
                if name.starts_with(COUNTDOWN) && self.scale != 1.0 {
                    let multiplied =
                        |value: &mut f32| *value = (f64::from(*value) * self.scale) as f32;
                    numbers.iter_mut().for_each(multiplied);
                }
                let table = Parameter { shape, numbers };
                let table = if transpose { table.transposed() } else { table };
                self.parameters.insert(name, table);
            }
            Err(error) => self.failed = Some(error),
        }
    }
}
