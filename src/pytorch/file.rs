//! Reads a file of either format: every dictionary of tensors in it.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use safetensors::{Dtype, SafeTensors};

use super::archive::Archive;
use super::pickle::{Element, Pickle, PickleValue};
use super::place::Place;
use super::remedy::Remedy;
use super::search::{Found, search};
use super::state_dict::StateDict;
use super::stored::Stored;
use super::text::{list, shown};
use super::whole_module::WholeModule;
use crate::error::{Error, Result};
use crate::format::Format;

/// The form of the names and of the metadata in a safetensors file of this crate. Version 2 has its number in the
/// metadata.
pub(super) const FORMAT: Format = Format::new(2);
/// The key of the number among the metadata. The key `format` is that of safetensors for the program that reads the file.
pub(super) const FORMAT_KEY: &str = "equipoise.format";

/// The largest file that is read, in bytes: 4 GiB.
const LARGEST: u64 = 4 << 30;

/// A PyTorch file: every dictionary of tensors in it, with names, shapes and bytes.
///
/// The file is read whole and its checksums are compared, but the numbers of a tensor are converted only when they are
/// asked for.
#[derive(Clone, Debug)]
pub struct PytorchFile {
    pub(super) path: PathBuf,
    pub(super) dictionaries: Vec<StateDict>,
    /// Modules that were saved whole. Their tensors are not read.
    pub(super) modules: Vec<WholeModule>,
    /// Names of classes and functions that the file would call, and that were passed over.
    pub(super) passed_over: Vec<String>,
    /// Whether Python must call what the file names to read it.
    pub(super) calls_code: bool,
    /// The metadata of a safetensors file.
    pub(super) metadata: HashMap<String, String>,
}

impl PytorchFile {
    /// Reads a file of `torch.save` (PyTorch 1.6 or later) or of safetensors. The content decides the format, not the
    /// name.
    ///
    /// Dictionaries of tensors are found at the root and at most two containers below. Nothing in the file is run:
    /// objects of other classes are passed over.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be read, [`Error::Format`] if a later version of this crate wrote it,
    /// [`Error::Checkpoint`] if it is damaged, is larger than 4 GiB, holds no
    /// dictionary of tensors, or names code such as `os.system`. The message has the line of Python that converts the
    /// file, where there is one.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = read_limited(path)?;
        let file = Self::of_bytes(path, bytes).map_err(|reason| Error::Checkpoint {
            path: path.to_path_buf(),
            reason,
        })?;
        if let Some(number) = file.metadata(FORMAT_KEY) {
            FORMAT.check(path, number)?;
        }
        Ok(file)
    }

    fn of_bytes(path: &Path, bytes: Vec<u8>) -> Result<Self, String> {
        let remedy = Remedy::new(path);
        if bytes.starts_with(b"PK") {
            of_archive(bytes, &remedy)
        } else if bytes.get(8) == Some(&b'{') {
            Ok(Self {
                metadata: metadata(&bytes),
                path: path.to_path_buf(),
                dictionaries: vec![of_safetensors(path, bytes)?],
                modules: Vec::new(),
                passed_over: Vec::new(),
                calls_code: false,
            })
        } else {
            Err(foreign_format(&bytes, &remedy))
        }
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the metadata of a safetensors file under a key.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }

    /// Returns the dictionaries of tensors, those nearer to the root first.
    pub fn dictionaries(&self) -> &[StateDict] {
        &self.dictionaries
    }
}

fn read_limited(path: &Path) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let mut bytes = Vec::new();
    let mut limited = file.take(LARGEST + 1);
    limited
        .read_to_end(&mut bytes)
        .map_err(Error::io("read", path))?;
    if bytes.len() as u64 > LARGEST {
        Err(Error::Checkpoint {
            path: path.to_path_buf(),
            reason: format!("has more than {LARGEST} bytes, which is the most that is read"),
        })
    } else {
        Ok(bytes)
    }
}

fn of_archive(bytes: Vec<u8>, remedy: &Remedy<'_>) -> Result<PytorchFile, String> {
    let archive = Archive::read(&bytes, remedy)?;
    drop(bytes);
    let pickle = Pickle::read(archive.pickle(), remedy)?;
    let found = search(remedy.path(), &archive, &pickle)?;
    if found.dictionaries.is_empty() {
        return Err(no_dictionary(&found, &pickle, remedy));
    }
    Ok(PytorchFile {
        path: remedy.path().to_path_buf(),
        dictionaries: found.dictionaries,
        modules: found.modules,
        calls_code: pickle.calls_code(),
        passed_over: pickle.into_names(),
        metadata: HashMap::new(),
    })
}

/// Returns the reason why a file without a dictionary of tensors is refused.
fn no_dictionary(found: &Found, pickle: &Pickle, remedy: &Remedy<'_>) -> String {
    if let Some(module) = found.modules.first() {
        return module.refusal(remedy);
    }
    match pickle.value(pickle.root()) {
        PickleValue::Dict(items) => {
            let named = items.iter().map(|(key, value)| {
                let key = pickle
                    .text(*key)
                    .map_or_else(|| pickle.kind(*key), |key| format!("`{}`", shown(key)));
                format!("{key} ({})", pickle.kind(*value))
            });
            let content = match items.len() {
                0 => "an empty dict".into(),
                count => list(named, count),
            };
            format!(
                "has no tensors by name, neither as the whole file nor under a key such as `model_state_dict` or \
                 `state_dict`; it has {content}"
            )
        }
        _ => format!(
            "holds {} where the file should hold tensors by name; save `model.state_dict()`",
            pickle.kind(pickle.root())
        ),
    }
}

/// Returns the metadata of a safetensors file, none if the file is damaged, which its tensors reveal.
fn metadata(bytes: &[u8]) -> HashMap<String, String> {
    let read = SafeTensors::read_metadata(bytes).ok();
    let found = read.and_then(|(_, read)| read.metadata().clone());
    found.unwrap_or_default()
}

fn of_safetensors(path: &Path, bytes: Vec<u8>) -> Result<StateDict, String> {
    let bytes = Arc::new(bytes);
    let file = SafeTensors::deserialize(&bytes).map_err(|error| {
        format!("is no whole safetensors file ({error}); copy or save it again")
    })?;
    let start = bytes.as_ptr() as usize;
    let tensors = file.tensors().into_iter().map(|(name, view)| {
        let from = view.data().as_ptr() as usize - start;
        let part = from..from + view.data().len();
        let element = element(view.dtype(), &name)?;
        let shape = view.shape().to_vec();
        let tensor = Stored::contiguous(element, shape, bytes.clone(), part);
        Ok((name, tensor))
    });
    Ok(StateDict {
        path: path.to_path_buf(),
        place: Place::default(),
        tensors: tensors.collect::<Result<_, String>>()?,
        others: BTreeMap::new(),
    })
}

fn element(dtype: Dtype, name: &str) -> Result<Element, String> {
    Ok(match dtype {
        Dtype::F64 => Element::F64,
        Dtype::F32 => Element::F32,
        Dtype::F16 => Element::F16,
        Dtype::BF16 => Element::Bf16,
        Dtype::I64 => Element::Other("int64", 8),
        Dtype::I32 => Element::Other("int32", 4),
        Dtype::I16 => Element::Other("int16", 2),
        Dtype::I8 => Element::Other("int8", 1),
        Dtype::U64 => Element::Other("uint64", 8),
        Dtype::U32 => Element::Other("uint32", 4),
        Dtype::U16 => Element::Other("uint16", 2),
        Dtype::U8 => Element::Other("uint8", 1),
        Dtype::BOOL => Element::Other("bool", 1),
        other => {
            let name = shown(name);
            return Err(format!(
                "its tensor `{name}` holds {other}, which is not read"
            ));
        }
    })
}

fn foreign_format(bytes: &[u8], remedy: &Remedy<'_>) -> String {
    if bytes.first() == Some(&0x80) || bytes.get(257..262) == Some(b"ustar") {
        return format!(
            "is a plain pickle or has the format of PyTorch before 1.6, which is not read. Save it again, if you trust \
             it: `{}`",
            remedy.save(&remedy.load(true))
        );
    }
    match bytes.len() {
        0 => "is empty".into(),
        _ => "is neither what `torch.save` writes nor a safetensors file".into(),
    }
}
