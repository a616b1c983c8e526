//! What several test files need: devices, fixtures, and parameters by the names PyTorch gives them.

// Every test file is a program of its own and uses a part of this.
#![allow(dead_code)]

#[cfg(feature = "gpu-kernels")]
pub mod launches;
pub mod program;
pub mod tabular;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Int, Tensor, TensorData};
use equipoise::expansion::label::{CountdownForm, ExpansionType, WindowLabel};
use equipoise::expansion::model::{ExpansionBatch, ExpansionModel, ExpansionModelConfig};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

/// The CPU backends this test was built with, by name.
pub fn devices() -> Vec<(&'static str, Device)> {
    vec![
        #[cfg(feature = "flex")]
        ("flex", Device::flex()),
        #[cfg(feature = "ndarray")]
        #[allow(deprecated)]
        ("ndarray", Device::ndarray()),
    ]
}

/// Fails with the place unless `found` is within `rel * |expected| + abs` of `expected`.
#[track_caller]
pub fn assert_close(place: &str, found: f64, expected: f64, rel: f64, abs: f64) {
    assert!(
        (found - expected).abs() <= rel * expected.abs() + abs,
        "{place}: {found:e}, expected {expected:e}, off by {:e}",
        (found - expected).abs()
    );
}

/// [`assert_close`] for every pair.
#[track_caller]
pub fn assert_all_close(place: &str, found: &[f64], expected: &[f64], rel: f64, abs: f64) {
    assert_eq!(
        found.len(),
        expected.len(),
        "{place}: another number of values"
    );
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_close(&format!("{place}[{index}]"), *found, *expected, rel, abs);
    }
}

/// The values of a tensor, row by row.
pub fn values<const D: usize>(tensor: &Tensor<D>) -> Vec<f64> {
    tensor.to_data().convert::<f64>().iter::<f64>().collect()
}

/// A number.
pub fn number(tensor: &Tensor<1>) -> f64 {
    let all = values(tensor);
    assert_eq!(all.len(), 1);
    all[0]
}

/// A tensor from host values, rounded to single precision.
pub fn tensor<const D: usize>(values: &[f64], shape: [usize; D], device: &Device) -> Tensor<D> {
    let values: Vec<f32> = values.iter().map(|v| *v as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// A file in `tests/fixtures`.
pub fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// A JSON file in `tests/fixtures`.
pub fn json(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(fixture(name)).unwrap()).unwrap()
}

/// A tensor on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

/// The tensors of a safetensors file in `tests/fixtures`.
pub fn tables(name: &str) -> BTreeMap<String, Table> {
    read_tables(&std::fs::read(fixture(name)).unwrap())
}

/// The tensors of a file of the format of safetensors.
pub fn read_tables(bytes: &[u8]) -> BTreeMap<String, Table> {
    let file = SafeTensors::deserialize(bytes).unwrap();
    file.tensors()
        .into_iter()
        .map(|(name, view)| {
            let data = view.data();
            let values = match view.dtype() {
                Dtype::F32 => data
                    .chunks_exact(4)
                    .map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap())))
                    .collect(),
                Dtype::F64 => data
                    .chunks_exact(8)
                    .map(|b| f64::from_le_bytes(b.try_into().unwrap()))
                    .collect(),
                Dtype::I64 => data
                    .chunks_exact(8)
                    .map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f64)
                    .collect(),
                other => panic!("{name} is {other:?}"),
            };
            let shape = view.shape().to_vec();
            (name, Table { shape, values })
        })
        .collect()
}

/// The PyTorch name of a parameter of the expansion model, and whether PyTorch keeps it transposed.
pub fn torch_name(path: &str) -> (String, bool) {
    let parts: Vec<&str> = path.split('.').collect();
    match parts.as_slice() {
        ["lstm", "layers", layer, direction, name] => {
            let suffix = match *direction {
                "forward" => "",
                "backward" => "_reverse",
                other => panic!("{other} is no direction"),
            };
            (format!("lstm.{name}_l{layer}{suffix}"), false)
        }
        [head, name] => {
            let module = match *head {
                "projection" => "projection.0",
                "classifier" => "classifier.1",
                "pointers" => "pointer_head.1",
                "binary" => "expansion_binary_head.1",
                "countdown" => "expansion_countdown_head.1",
                other => panic!("{other} is no part of the model"),
            };
            (format!("{module}.{name}"), *name == "weight")
        }
        other => panic!("{other:?} is no parameter of the model"),
    }
}

/// `[rows, columns]` to `[columns, rows]`.
pub fn transposed(values: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    assert_eq!(values.len(), rows * columns);
    (0..columns)
        .flat_map(|column| (0..rows).map(move |row| values[row * columns + column]))
        .collect()
}

/// What a parameter becomes, by its path and what it is.
type Change<'a> = &'a mut dyn FnMut(&str, &Table) -> Vec<f64>;

/// A module with every float parameter replaced.
pub fn change_parameters<M: Module>(module: M, change: Change) -> M {
    let mut path = Vec::new();
    module.map(&mut Changer {
        path: &mut path,
        change,
    })
}

struct Changer<'a, 'b> {
    path: &'a mut Vec<String>,
    change: Change<'b>,
}

impl ModuleMapper for Changer<'_, '_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let path = self.path.join(".");
        param.map(|old| {
            let table = Table {
                shape: old.dims().to_vec(),
                values: values(&old),
            };
            let new = (self.change)(&path, &table);
            tensor(&new, old.dims(), &old.device()).set_require_grad(old.is_require_grad())
        })
    }
}

/// Every float parameter and buffer of a module by its path.
pub fn parameters<M: Module>(module: &M) -> BTreeMap<String, Table> {
    collect(module, None)
}

/// The gradient of every float parameter by its path, zero where there is none.
pub fn gradients<M: Module>(module: &M, gradients: &Gradients) -> BTreeMap<String, Table> {
    collect(module, Some(gradients))
}

fn collect<M: Module>(module: &M, gradients: Option<&Gradients>) -> BTreeMap<String, Table> {
    let mut collector = Collector {
        path: Vec::new(),
        gradients,
        found: BTreeMap::new(),
    };
    module.visit(&mut collector);
    collector.found
}

struct Collector<'a> {
    path: Vec<String>,
    gradients: Option<&'a Gradients>,
    found: BTreeMap<String, Table>,
}

impl ModuleVisitor for Collector<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val();
        let shape = value.dims().to_vec();
        let values = match self.gradients {
            None => values(&value),
            Some(gradients) => match value.grad(gradients) {
                Some(gradient) => values(&gradient),
                None => vec![0.0; shape.iter().product()],
            },
        };
        let path = self.path.join(".");
        let before = self.found.insert(path.clone(), Table { shape, values });
        assert!(before.is_none(), "two parameters are called {path}");
    }
}

/// The model with parameters from a PyTorch state dict; every one of the model's must be there.
pub fn load_torch(model: ExpansionModel, state: &BTreeMap<String, Table>) -> ExpansionModel {
    change_parameters(model, &mut |path, old| {
        let (name, transpose) = torch_name(path);
        let table = state
            .get(&name)
            .unwrap_or_else(|| panic!("{name} is missing"));
        if transpose {
            let [rows, columns] = table.shape[..] else {
                panic!("{name} is no matrix")
            };
            assert_eq!([columns, rows], old.shape[..], "{name}");
            transposed(&table.values, rows, columns)
        } else {
            assert_eq!(table.shape, old.shape, "{name}");
            table.values.clone()
        }
    })
}

/// A model case of the fixtures: `small`, `small_scalar`, `full`, `full_scalar`.
pub struct Case {
    pub name: &'static str,
    pub config: ExpansionModelConfig,
    pub state: BTreeMap<String, Table>,
    pub io: BTreeMap<String, Table>,
    pub expected: Value,
}

impl Case {
    pub fn read(name: &'static str) -> Self {
        let expected = json(&format!("{name}/expected.json"));
        let size = |key: &str| expected["config"][key].as_u64().unwrap() as usize;
        let config = ExpansionModelConfig {
            window: size("time"),
            features: size("features"),
            hidden: size("hidden"),
            projection: size("projection"),
            countdown: if expected["config"]["scalar_countdown"].as_bool().unwrap() {
                CountdownForm::Scalar
            } else {
                CountdownForm::PerBar
            },
            ..quiet()
        };
        Self {
            name,
            config,
            state: tables(&format!("{name}/weights.safetensors")),
            io: tables(&format!("{name}/io.safetensors")),
            expected,
        }
    }

    pub fn model(&self, device: &Device) -> ExpansionModel {
        load_torch(self.config.init(device).unwrap(), &self.state)
    }

    pub fn batch(&self, device: &Device) -> ExpansionBatch {
        let column = |name: &str| {
            let values = self.io[name].values.iter();
            values.map(|v| *v as usize).collect::<Vec<_>>()
        };
        let (starts, ends, kinds) = (column("start"), column("end"), column("target_type"));
        let labels = (0..starts.len()).map(|index| WindowLabel {
            start: starts[index],
            end: ends[index],
            kind: ExpansionType::OF_RULE[kinds[index]],
        });
        let [batch, time, features] = self.io["x"].shape[..] else {
            panic!("x has three dimensions")
        };
        let kinds: Vec<i64> = kinds.iter().map(|kind| *kind as i64).collect();
        let matrix = |name: &str| {
            let values = &self.io[name].values;
            tensor(values, [batch, values.len() / batch], device)
        };
        ExpansionBatch {
            features: tensor(&self.io["x"].values, [batch, time, features], device),
            kinds: Tensor::<1, Int>::from_data(TensorData::new(kinds, [batch]), device),
            pointers: matrix("target_ptr"),
            binary: matrix("target_binary"),
            countdown: matrix("target_countdown"),
            labels: labels.collect::<Arc<[_]>>(),
        }
    }

    /// A double precision number under `f64`, by its path.
    pub fn number(&self, path: &[&str]) -> f64 {
        let value = path.iter().fold(&self.expected["f64"], |v, key| &v[*key]);
        value
            .as_f64()
            .unwrap_or_else(|| panic!("{path:?} is no number"))
    }
}

/// The defaults of the expansion model without any dropout.
pub fn quiet() -> ExpansionModelConfig {
    ExpansionModelConfig {
        input_dropout: 0.0,
        layer_dropout: 0.0,
        head_dropout: 0.0,
        ..ExpansionModelConfig::default()
    }
}

/// Numbers that look random and are the same everywhere: uniform in (-1, 1), by a 64 bit mixer.
pub struct Noise(u64);

impl Noise {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    pub fn draw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        (z >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    pub fn many(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.draw()).collect()
    }
}

/// Shows a strategy that looks at gradients the norms of a step; nothing for any other.
pub fn observe(strategy: &equipoise::weighting::Strategy, norms: Tensor<1>) {
    use equipoise::loss::{Gram, TaskLosses};
    use equipoise::weighting::{Needs, Step};
    if strategy.needs() == Needs::GramWhenAudited {
        let losses = TaskLosses::from_values(Tensor::ones(norms.dims(), &norms.device()));
        let gram = Gram::from_norms(norms);
        strategy.weigh_step(&Step::new(&losses).with_gram(Some(&gram)));
    }
}

/// What is learned for each task under a name, by the paths of a table: in the order of the tasks.
pub fn of_tasks(
    tables: &BTreeMap<String, Table>,
    name: &str,
    tasks: &equipoise::TaskSet,
) -> Vec<f64> {
    let value = |task: &str| {
        let ending = format!("{name}.{task}");
        let (_, table) = tables
            .iter()
            .find(|(path, _)| path.ends_with(&ending))
            .unwrap_or_else(|| panic!("nothing is called {ending}"));
        table.values[0]
    };
    tasks.names().map(value).collect()
}
