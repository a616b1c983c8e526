//! Writes what `torch.save` writes, and what it never would: a pickle by its instructions, and the archive around it.
//!
//! The instructions are those of `pickletools.dis` on a file of PyTorch 2.15, without the memo, which only saves space.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A pickle that grows by instructions.
#[derive(Clone, Default)]
pub struct Pickle(pub Vec<u8>);

impl Pickle {
    /// Protocol 2, as always.
    pub fn new() -> Self {
        Self(vec![0x80, 2])
    }

    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    pub fn global(self, module: &str, name: &str) -> Self {
        self.raw(format!("c{module}\n{name}\n").as_bytes())
    }

    pub fn text(self, text: &str) -> Self {
        self.raw(b"X")
            .raw(&(text.len() as u32).to_le_bytes())
            .raw(text.as_bytes())
    }

    pub fn int(self, value: usize) -> Self {
        self.raw(&[0x8a, 8]).raw(&(value as i64).to_le_bytes())
    }

    pub fn ints(self, values: &[usize]) -> Self {
        let marked = self.raw(b"(");
        values
            .iter()
            .fold(marked, |p, value| p.int(*value))
            .raw(b"t")
    }

    /// An empty ordered dictionary.
    pub fn ordered(self) -> Self {
        self.global("collections", "OrderedDict").raw(b")R")
    }

    pub fn tensor(self, view: &View) -> Self {
        self.global("torch._utils", "_rebuild_tensor_v2")
            .raw(b"((")
            .text("storage")
            .global("torch", view.storage)
            .text(&view.key)
            .text("cpu")
            .int(view.count)
            .raw(b"tQ")
            .int(view.offset)
            .ints(&view.shape)
            .ints(&view.strides)
            .raw(&[0x89])
            .ordered()
            .raw(b"tR")
    }

    /// A dictionary: `text`, then a value, for each entry.
    pub fn dict(self, entries: impl FnOnce(Self) -> Self) -> Self {
        entries(self.raw(b"}(")).raw(b"u")
    }

    /// What the name makes of these arguments.
    pub fn call(self, module: &str, name: &str, arguments: impl FnOnce(Self) -> Self) -> Self {
        arguments(self.global(module, name).raw(b"(")).raw(b"tR")
    }

    /// Bytes, as protocol 2 writes them.
    pub fn bytes(self, latin: &str) -> Self {
        self.call("_codecs", "encode", |p| p.text(latin).text("latin1"))
    }

    pub fn end(self) -> Vec<u8> {
        self.raw(b".").0
    }
}

/// A tensor as a view of a storage.
#[derive(Clone, Debug)]
pub struct View {
    pub storage: &'static str,
    pub key: String,
    pub count: usize,
    pub offset: usize,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
}

/// A file as it will be: its tensors by name, in order, and its storages.
#[derive(Clone, Default)]
pub struct TorchFile {
    pub tensors: Vec<(String, View)>,
    pub storages: Vec<(String, Vec<u8>)>,
}

impl TorchFile {
    /// Adds a tensor of its own storage, rows following each other.
    pub fn add(&mut self, name: &str, shape: &[usize], storage: &'static str, bytes: Vec<u8>) {
        let key = self.storages.len().to_string();
        self.tensors.push((
            name.into(),
            View {
                storage,
                key: key.clone(),
                count: shape.iter().product(),
                offset: 0,
                shape: shape.to_vec(),
                strides: row_major(shape),
            },
        ));
        self.storages.push((key, bytes));
    }

    pub fn view(&mut self, name: &str) -> &mut View {
        let found = self.tensors.iter_mut().find(|(other, _)| other == name);
        &mut found.unwrap().1
    }

    /// The bytes of a tensor's storage.
    pub fn bytes(&mut self, name: &str) -> &mut Vec<u8> {
        let key = self.view(name).key.clone();
        let found = self.storages.iter_mut().find(|(other, _)| *other == key);
        &mut found.unwrap().1
    }

    /// The state dict alone.
    pub fn pickle(&self) -> Vec<u8> {
        self.state(Pickle::new()).end()
    }

    /// The instructions that make the state dict.
    pub fn state(&self, pickle: Pickle) -> Pickle {
        let start = pickle.ordered().raw(b"(");
        let all = self.tensors.iter();
        all.fold(start, |p, (name, view)| p.text(name).tensor(view))
            .raw(b"u")
            // What every module leaves: `_metadata`.
            .raw(b"}")
            .text("_metadata")
            .ordered()
            .raw(b"sb")
    }

    pub fn write(&self) -> Vec<u8> {
        archive(&self.pickle(), &self.storages)
    }

    /// With another pickle.
    pub fn write_with(&self, pickle: &[u8]) -> Vec<u8> {
        archive(pickle, &self.storages)
    }
}

pub fn row_major(shape: &[usize]) -> Vec<usize> {
    (0..shape.len())
        .map(|axis| shape[axis + 1..].iter().product())
        .collect()
}

/// The zip archive.
pub fn archive(pickle: &[u8], storages: &[(String, Vec<u8>)]) -> Vec<u8> {
    archive_in("net", pickle, storages)
}

/// The zip archive with this folder, which `torch.save` names after the file.
pub fn archive_in(folder: &str, pickle: &[u8], storages: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut entries = vec![
        (format!("{folder}/data.pkl"), pickle.to_vec()),
        (format!("{folder}/byteorder"), b"little".to_vec()),
    ];
    for (key, bytes) in storages {
        entries.push((format!("{folder}/data/{key}"), bytes.clone()));
    }
    entries.push((format!("{folder}/version"), b"3\n".to_vec()));
    zipped(&entries)
}

pub fn zipped(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        zip.start_file(name.as_str(), options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}
