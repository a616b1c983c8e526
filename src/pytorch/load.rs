//! Loads the tensors of a file into a Burn module.

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};

use super::choose::Wanted;
use super::entries::{Entries, Trail, is_turned};
use super::file::PytorchFile;
use super::host_tensor::HostTensor;
use super::names::NameTable;
use super::state::State;
use super::text::shown;
use crate::error::{Error, Result};

/// A module with the values of a file.
#[derive(Debug)]
pub struct Loaded<M> {
    /// The module.
    pub module: M,
    /// One sentence per conversion, per change of names and per part of the file that was left out; empty if there is
    /// nothing to say.
    pub notes: Vec<String>,
}

/// Reads a PyTorch file and loads its tensors into a module.
///
/// Every parameter of the module must be in the file, with the shape that PyTorch's layer has, and the file may have no
/// other tensors, except for counters such as `num_batches_tracked`. Parameters of whole numbers and truth values are
/// not loaded. `Gru` must have its default `reset_after`, as PyTorch's has.
///
/// ```no_run
/// use burn::module::Module;
/// use burn::nn::{Linear, LinearConfig};
/// use burn::tensor::Device;
/// use equipoise::nn::{BiLstm, BiLstmConfig};
/// use equipoise::pytorch::{self, NameTable};
///
/// #[derive(Module, Debug)]
/// struct Network {
///     trunk: BiLstm,
///     heads: Vec<Linear>,
/// }
///
/// let device = Device::flex();
/// let network = Network {
///     trunk: BiLstmConfig::new(12, 96).init(&device)?,
///     heads: vec![LinearConfig::new(192, 3).init(&device), LinearConfig::new(192, 1).init(&device)],
/// };
/// // In Python: self.lstm = nn.LSTM(..), self.kind = nn.Linear(192, 3), self.size = nn.Sequential(nn.Dropout(), nn.Linear(192, 1))
/// let names = NameTable::new()
///     .with("trunk", "lstm")
///     .with("heads.0", "kind")
///     .with("heads.1", "size.1");
/// let network = pytorch::load(network, "network.pt", &names)?.module;
/// # Ok::<(), equipoise::Error>(())
/// ```
///
/// # Errors
///
/// As [`PytorchFile::read`] and [`PytorchFile::load_into`].
pub fn load<M: Module>(module: M, path: impl AsRef<Path>, names: &NameTable) -> Result<Loaded<M>> {
    PytorchFile::read(path)?.load_into(module, names)
}

impl PytorchFile {
    /// Loads the tensors of the file into a module. Nothing is loaded if anything is wrong.
    ///
    /// # Errors
    ///
    /// [`Error::Checkpoint`] with the tensors that are missing, that the module does not have, that have another shape
    /// (with both shapes), or that are not finite floating-point numbers; also if several dictionaries of the file fit.
    /// [`Error::Setting`] if the table names a part that the module does not have.
    pub fn load_into<M: Module>(&self, module: M, names: &NameTable) -> Result<Loaded<M>> {
        let entries = Entries::of(&module, names)?;
        if entries.running {
            // Brings pending updates of running statistics into them, which would otherwise replace the loaded ones.
            let _ = module.valid();
        }
        let refuse = |reason| Error::Checkpoint {
            path: self.path.clone(),
            reason,
        };
        let (tensors, notes) = self.tensors_of(&entries, names).map_err(refuse)?;
        Ok(Loaded {
            module: fill(module, &entries, &tensors),
            notes,
        })
    }

    fn tensors_of(
        &self,
        entries: &Entries,
        names: &NameTable,
    ) -> Result<(BTreeMap<String, HostTensor>, Vec<String>), String> {
        let expected = entries.expected();
        let slots: Vec<Vec<String>> = entries
            .tensors
            .keys()
            .map(|name| vec![name.clone()])
            .collect();
        let wanted = Wanted {
            tensors: &slots,
            known: &|name| entries.tensors.contains_key(name),
        };
        let mut state = self.choose(&wanted, names.selection())?;
        state.check(&expected, names.selection())?;
        let numbers = state.numbers(&expected)?;
        Ok((numbers, state.notes))
    }
}

impl State {
    /// Returns the numbers of the expected tensors, which must be there.
    pub(crate) fn numbers(
        &self,
        expected: &[(String, Vec<usize>)],
    ) -> Result<BTreeMap<String, HostTensor>, String> {
        let read = |(name, shape): &(String, Vec<usize>)| {
            let tensor = &self.tensors[name];
            let numbers = tensor.numbers().map_err(|reason| {
                let remedy = if tensor.overlaps() {
                    format!("; save copies: `{}`", self.cloned())
                } else {
                    String::new()
                };
                format!("its tensor `{}` {reason}{remedy}", shown(name))
            })?;
            let shape = shape.clone();
            Ok((name.clone(), HostTensor { shape, numbers }))
        };
        expected.iter().map(read).collect()
    }
}

/// Returns the module with the values of the tensors, which must be complete and have the right shapes.
pub(crate) fn fill<M: Module>(
    module: M,
    entries: &Entries,
    tensors: &BTreeMap<String, HostTensor>,
) -> M {
    module.map(&mut Fill {
        trail: Trail::default(),
        entries,
        tensors,
    })
}

struct Fill<'a> {
    trail: Trail,
    entries: &'a Entries,
    tensors: &'a BTreeMap<String, HostTensor>,
}

impl ModuleMapper for Fill<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.trail.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.trail.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(place) = self.entries.places.get(&self.trail.path()) else {
            return param;
        };
        let mut tensor = self.tensors[&place.name].clone();
        if let Some((index, count)) = place.part {
            tensor = tensor.part(index, count);
        }
        if place.transposed && !is_turned(&param) {
            tensor = tensor.transposed();
        }
        let data = TensorData::new(tensor.numbers, tensor.shape);
        let (id, device) = (param.id, param.lazy_device());
        let value = if param.is_initialized() {
            Tensor::from_data(data, (&device, param.val().dtype()))
        } else {
            Tensor::from_data(data, &device)
        };
        // `map` would first draw unused random values.
        param.transform_for_load(value, id)
    }
}
