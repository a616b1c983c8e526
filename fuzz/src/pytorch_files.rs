//! Checkpoints of PyTorch: whole archives, their pickles, and safetensors files.

use std::io::Write;
use std::path::Path;

use equipoise::expansion::pytorch::PytorchCheckpoint;
use equipoise::pytorch::PytorchFile;
use zip::write::SimpleFileOptions;

use super::scratch;

/// An archive is read twice the same.
pub fn pytorch(bytes: &[u8]) {
    read_twice(&scratch::file("net.pt", bytes));
}

/// A safetensors file is read twice the same.
pub fn safetensors(bytes: &[u8]) {
    read_twice(&scratch::file("net.safetensors", bytes));
}

/// A pickle in a good archive is read twice the same. The archive has the data of two tensors.
pub fn pickle(bytes: &[u8]) {
    let path = scratch::folder().join("pickle.pt");
    let file = std::fs::File::create(&path).expect("a file");
    let mut archive = zip::ZipWriter::new(file);
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let entries: [(&str, &[u8]); 5] = [
        ("net/data.pkl", bytes),
        ("net/byteorder", b"little"),
        ("net/data/0", &[0; 48]),
        ("net/data/1", &[1; 16]),
        ("net/version", b"3\n"),
    ];
    for (name, content) in entries {
        archive.start_file(name, stored).expect("an entry");
        archive.write_all(content).expect("an entry");
    }
    archive.finish().expect("an archive");
    read_twice(&path);
}

fn read_twice(path: &Path) {
    let read = || {
        let file = PytorchFile::read(path).map_err(|error| error.to_string())?;
        let mut numbers = Vec::new();
        for dictionary in file.dictionaries() {
            for name in dictionary.names() {
                let found = dictionary.numbers(name).expect("a tensor of this name");
                let found = found.map_err(|error| error.to_string());
                let bits = found.map(|all| all.into_iter().map(f32::to_bits).collect::<Vec<_>>());
                numbers.push((dictionary.key(), name.to_owned(), bits));
            }
        }
        Ok::<_, String>(numbers)
    };
    // Which of several faults is told is not fixed, because the tensors of a file have no order.
    assert_eq!(read().ok(), read().ok());
    let network = || {
        let read = PytorchCheckpoint::read(path).map_err(|error| error.to_string())?;
        Ok::<_, String>((read.config().clone(), read.notes().to_vec()))
    };
    assert_eq!(network().ok(), network().ok());
}
