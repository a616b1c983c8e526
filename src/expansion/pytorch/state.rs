//! Reads the tensors of a file by name, from either format.

use std::collections::BTreeMap;

use safetensors::{Dtype, SafeTensors};

use super::archive::Archive;
use super::pickle::{Element, Id, Pickle, PickleValue, Rebuilt};
use super::tensor::Stored;

/// The key of the tensors in a file with other entries.
const MODEL: &str = "model_state_dict";

/// The prefixes that DataParallel and a compiled model add to every name.
const PREFIXES: [&str; 2] = ["module.", "_orig_mod."];

/// The unchecked tensors of a file by name.
pub(super) type State<'a> = BTreeMap<String, Stored<'a>>;

/// A file in one of the two formats.
pub(super) enum Container<'a> {
    Archive(Archive, Pickle),
    SafeTensors(SafeTensors<'a>),
}

impl<'a> Container<'a> {
    /// Recognises the format from the content and reads everything except the numbers of the tensors.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, String> {
        if bytes.starts_with(b"PK") {
            let archive = Archive::read(bytes)?;
            let pickle = Pickle::read(archive.pickle())?;
            return Ok(Self::Archive(archive, pickle));
        }
        if bytes.get(8) == Some(&b'{') {
            let file = SafeTensors::deserialize(bytes);
            return file.map(Self::SafeTensors).map_err(|error| {
                format!("is no whole safetensors file ({error}); copy or save it again")
            });
        }
        if bytes.first() == Some(&0x80) || bytes.get(257..262) == Some(b"ustar") {
            return Err(
                "is a plain pickle or has the format of PyTorch before 1.6, which is not read. Save it again with \
                 PyTorch: `torch.save(torch.load(OLD, map_location=\"cpu\"), NEW)`"
                    .into(),
            );
        }
        Err(match bytes.len() {
            0 => "is empty".into(),
            _ => "is neither what `torch.save` writes nor a safetensors file".into(),
        })
    }

    /// Returns the tensors by name, and notes on changed names.
    pub(super) fn state(&self) -> Result<(State<'_>, Vec<String>), String> {
        let state = match self {
            Self::Archive(archive, pickle) => of_pickle(archive, pickle)?,
            Self::SafeTensors(file) => of_safetensors(file)?,
        };
        Ok(without_prefix(state))
    }
}

fn of_safetensors<'a>(file: &SafeTensors<'a>) -> Result<State<'a>, String> {
    let tensors = file.tensors().into_iter().map(|(name, view)| {
        let element = match view.dtype() {
            Dtype::F64 => Element::F64,
            Dtype::F32 => Element::F32,
            Dtype::F16 => Element::F16,
            Dtype::BF16 => Element::Bf16,
            other => {
                return Err(format!(
                    "its tensor `{}` holds {other}, but parameters are F32",
                    shown(&name)
                ));
            }
        };
        let tensor = Stored::contiguous(element, view.shape().to_vec(), view.data());
        Ok((name, tensor))
    });
    tensors.collect()
}

fn of_pickle<'a>(archive: &'a Archive, pickle: &Pickle) -> Result<State<'a>, String> {
    let root = dictionary(pickle.root(), "the file")?;
    let mut models = root
        .iter()
        .filter(|(key, _)| pickle.text(*key) == Some(MODEL));
    let items = match (models.next(), models.next()) {
        (None, _) => root,
        (Some((_, model)), None) => dictionary(pickle.value(*model), &format!("`{MODEL}`"))?,
        (Some(_), Some(_)) => return Err(format!("has `{MODEL}` twice")),
    };
    let mut state = State::new();
    for (key, value) in items {
        let Some(name) = pickle.text(*key) else {
            let kind = pickle.value(*key).kind();
            return Err(format!("names a tensor with {kind}, not with a str"));
        };
        let PickleValue::Tensor(tensor) = pickle.value(*value) else {
            let kind = pickle.value(*value).kind();
            let name = shown(name);
            return Err(format!(
                "has {kind} under `{name}` where a tensor should be; the tensors must be all of the file, or be \
                 under `{MODEL}`"
            ));
        };
        let tensor = stored(archive, pickle, tensor)
            .map_err(|reason| format!("its tensor `{}` {reason}", shown(name)))?;
        if state.insert(name.to_string(), tensor).is_some() {
            return Err(format!("has two tensors called `{}`", shown(name)));
        }
    }
    Ok(state)
}

fn dictionary<'p>(value: &'p PickleValue, place: &str) -> Result<&'p [(Id, Id)], String> {
    match value {
        PickleValue::Dict(items) => Ok(items),
        other => Err(format!(
            "holds {} where {place} should hold tensors by name; save `model.state_dict()`",
            other.kind()
        )),
    }
}

/// Returns the tensor with the bytes of its storage. Checks that the storage has the announced length.
fn stored<'a>(
    archive: &'a Archive,
    pickle: &Pickle,
    tensor: &Rebuilt,
) -> Result<Stored<'a>, String> {
    let storage = tensor.storage;
    let key = pickle.text(storage.key).unwrap_or_default();
    let Some(bytes) = archive.storage(key) else {
        return Err(format!("lies in storage {}, which is missing", shown(key)));
    };
    if storage.count.checked_mul(storage.element.size()) != Some(bytes.len()) {
        return Err(format!(
            "lies in storage {} of {} {} elements, which has {} bytes",
            shown(key),
            storage.count,
            storage.element.name(),
            bytes.len()
        ));
    }
    Ok(Stored {
        element: storage.element,
        shape: tensor.shape.clone(),
        bytes,
        offset: tensor.offset,
        strides: tensor.strides.clone(),
    })
}

/// Removes the prefixes that every name has, with one note per prefix.
fn without_prefix(mut state: State<'_>) -> (State<'_>, Vec<String>) {
    let mut notes = Vec::new();
    while let Some(prefix) = PREFIXES
        .iter()
        .find(|prefix| !state.is_empty() && state.keys().all(|name| name.starts_with(**prefix)))
    {
        let rest = |(name, tensor): (String, _)| (name[prefix.len()..].to_string(), tensor);
        state = state.into_iter().map(rest).collect();
        notes.push(format!("took `{prefix}` off the names of its tensors"));
    }
    (state, notes)
}

/// Returns a name from a file for a message: escaped, at most 100 characters of it.
pub(super) fn shown(name: &str) -> String {
    let short: String = name.chars().take(100).collect();
    short.escape_debug().to_string()
}
