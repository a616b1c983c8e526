//! Writes the parameters of a Burn module as a safetensors file under PyTorch's names.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorReadError};
use safetensors::Dtype;
use safetensors::tensor::{TensorView, serialize};

use super::entries::{Entries, Trail};
use super::file::{FORMAT, FORMAT_KEY};
use super::host_tensor::HostTensor;
use super::names::NameTable;
use crate::atomic::write_atomically;
use crate::error::{Error, Result};

/// Writes the parameters of a module as a `.safetensors` file, which PyTorch loads with `strict=True`:
///
/// ```python
/// network.load_state_dict(safetensors.torch.load_file("network.safetensors"))
/// ```
///
/// The file appears whole or not at all.
///
/// # Errors
///
/// [`Error::Setting`] if the table names a part that the module does not have, [`Error::File`] if the name does not end
/// in `.safetensors`, [`Error::Io`] if the file cannot be written, [`Error::Checkpoint`] if a parameter is not finite,
/// [`Error::Training`] if the device cannot be read.
pub fn save<M: Module>(module: &M, path: impl AsRef<Path>, names: &NameTable) -> Result<()> {
    let path = path.as_ref();
    let ending = path.extension();
    if ending.is_none_or(|ending| !ending.eq_ignore_ascii_case("safetensors")) {
        let reason = "expected a name that ends in .safetensors, which is what is written";
        return Err(Error::file(path, reason));
    }
    let entries = Entries::of(module, names)?;
    let tensors = collect(module, &entries).map_err(|error| Error::Training {
        reason: format!("the device could not be read: {error}"),
    })?;
    write(path, &tensors, HashMap::new())
}

/// Returns the tensors of a module under their names and in their shapes in PyTorch.
pub(crate) fn collect<M: Module>(
    module: &M,
    entries: &Entries,
) -> Result<BTreeMap<String, HostTensor>, TensorReadError> {
    let mut collect = Collect {
        trail: Trail::default(),
        entries,
        parts: BTreeMap::new(),
        failed: None,
    };
    if entries.running {
        // A running statistic may have an update that only this brings into its value.
        module.valid().visit(&mut collect);
    } else {
        module.visit(&mut collect);
    }
    if let Some(error) = collect.failed {
        return Err(error);
    }
    let join = |(name, parts): (String, BTreeMap<usize, HostTensor>)| {
        let mut parts: Vec<HostTensor> = parts.into_values().collect();
        let whole = if parts.len() == 1 {
            parts.remove(0)
        } else {
            HostTensor::joined(&parts)
        };
        (name, whole)
    };
    Ok(collect.parts.into_iter().map(join).collect())
}

struct Collect<'a> {
    trail: Trail,
    entries: &'a Entries,
    /// The parts of each tensor by their numbers.
    parts: BTreeMap<String, BTreeMap<usize, HostTensor>>,
    failed: Option<TensorReadError>,
}

impl ModuleVisitor for Collect<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.trail.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.trail.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(place) = self.entries.places.get(&self.trail.path()) else {
            return;
        };
        let value = param.val();
        let shape = value.dims().to_vec();
        match value.try_into_vec_as::<f32>() {
            Ok(numbers) => {
                let mut tensor = HostTensor { shape, numbers };
                if place.transposed {
                    tensor = tensor.transposed();
                }
                let index = place.part.map_or(0, |(index, _)| index);
                let parts = self.parts.entry(place.name.clone()).or_default();
                parts.insert(index, tensor);
            }
            Err(error) => self.failed = Some(error),
        }
    }
}

/// Writes tensors as a safetensors file, with metadata. Numbers that are not finite are refused by name.
pub(crate) fn write(
    path: &Path,
    tensors: &BTreeMap<String, HostTensor>,
    mut metadata: HashMap<String, String>,
) -> Result<()> {
    let refuse = |reason| Error::Checkpoint {
        path: path.to_path_buf(),
        reason,
    };
    let finite = |tensor: &HostTensor| tensor.numbers.iter().all(|number| number.is_finite());
    if let Some((name, _)) = tensors.iter().find(|(_, tensor)| !finite(tensor)) {
        let reason = format!("is not written: `{name}` would hold numbers that are not finite");
        return Err(refuse(reason));
    }
    let bytes: BTreeMap<&String, Vec<u8>> = (tensors.iter())
        .map(|(name, tensor)| {
            let bytes = tensor
                .numbers
                .iter()
                .flat_map(|number| number.to_le_bytes());
            (name, bytes.collect())
        })
        .collect();
    let views: Result<Vec<_>, _> = (tensors.iter())
        .map(|(name, tensor)| {
            let view = TensorView::new(Dtype::F32, tensor.shape.clone(), &bytes[name])?;
            Ok((name, view))
        })
        .collect();
    metadata.insert("format".to_string(), "pt".to_string());
    metadata.insert(FORMAT_KEY.to_string(), FORMAT.version.to_string());
    let file = views.and_then(|views| serialize(views, Some(metadata)));
    let file = file.map_err(|error| refuse(error.to_string()))?;
    write_atomically(path, &file)
}
