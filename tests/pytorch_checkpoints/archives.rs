//! Archives of any name, with and without the records of large archives.

use crate::Scene;
use crate::networks::{smallest, tables, torch_file};
use crate::support::fixture;
use crate::writer::archive_in;

/// `torch.save` names the folder in the archive after the file. Of 21 characters, it makes the first entry of the
/// directory as long as the record that large archives have at their end.
#[test]
fn a_file_is_read_whatever_its_name() {
    let file = torch_file(&tables(&smallest(), 7));
    let scene = Scene::new("net.pt");
    for length in 1..=60 {
        let folder = &"best_model_checkpoint_of_the_run_with_the_lowest_loss_so_far_"[..length];
        let bytes = archive_in(folder, &file.pickle(), &file.storages);
        for (form, bytes) in [
            ("plain", bytes.clone()),
            ("values in both", with_large_records(&bytes, false)),
            ("values in the larger", with_large_records(&bytes, true)),
        ] {
            let found = scene.read(&bytes);
            assert!(found.is_ok(), "{length}, {form}: {}", found.unwrap_err());
        }
    }
}

/// Names beyond ASCII, with and without the flag that says so.
#[test]
fn a_file_is_read_whatever_its_letters() {
    let file = torch_file(&tables(&smallest(), 7));
    let scene = Scene::new("net.pt");
    for folder in [
        "größtes modell (2)",
        "модель",
        "模型_模型_模型",
        "a.b.c",
        "it's \\ %20",
    ] {
        let mut bytes = archive_in(folder, &file.pickle(), &file.storages);
        scene
            .read(&bytes)
            .unwrap_or_else(|error| panic!("{folder}: {error}"));
        for (header, flags) in [(b"PK\x03\x04", 7), (b"PK\x01\x02", 9)] {
            let starts = bytes.windows(4).enumerate();
            let starts = starts.filter(|(_, four)| four == header);
            let starts: Vec<usize> = starts.map(|(at, _)| at).collect();
            for start in starts {
                bytes[start + flags] &= !0x08;
            }
        }
        scene
            .read(&bytes)
            .unwrap_or_else(|error| panic!("{folder}, no flag: {error}"));
    }
}

/// The end of a large archive, as PyTorch always writes it (the smaller record has the values too), or as Python's
/// zipfile does (the smaller record points to the larger).
fn with_large_records(bytes: &[u8], pointing: bool) -> Vec<u8> {
    let end = bytes.len() - 22;
    let record = &bytes[end..];
    let entries = u64::from(u16::from_le_bytes([record[10], record[11]]));
    let four = |at: usize| u64::from(u32::from_le_bytes(record[at..at + 4].try_into().unwrap()));
    let (size, start) = (four(12), four(16));
    let mut large = bytes[..end].to_vec();
    large.extend(b"PK\x06\x06");
    large.extend(44u64.to_le_bytes());
    large.extend([45, 0, 45, 0]);
    large.extend([0; 8]);
    for value in [entries, entries, size, start] {
        large.extend(value.to_le_bytes());
    }
    large.extend(b"PK\x06\x07");
    large.extend([0; 4]);
    large.extend((end as u64).to_le_bytes());
    large.extend(1u32.to_le_bytes());
    let smaller = large.len();
    large.extend(record);
    if pointing {
        large[smaller + 8..smaller + 20].fill(0xff);
    }
    large
}

/// Files of PyTorch itself, under a name of every length: its folder stands in the local headers and in the directory.
#[test]
fn a_real_file_is_read_whatever_its_name() {
    let bytes = std::fs::read(fixture("checkpoints/compact_raw.pt")).unwrap();
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(&bytes)).unwrap();
    let mut entries = Vec::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).unwrap();
        let name = entry.name().unwrap().into_owned();
        let (_, name) = name.split_once('/').unwrap();
        let mut contents = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut contents).unwrap();
        entries.push((name.to_string(), contents));
    }
    let scene = Scene::new("real.pt");
    let whole = scene.read(&bytes).unwrap();
    for length in [1, 20, 21, 22, 60] {
        let folder = "m".repeat(length);
        let renamed = entries.iter();
        let renamed =
            renamed.map(|(name, contents)| (format!("{folder}/{name}"), contents.clone()));
        let renamed = crate::writer::zipped(&renamed.collect::<Vec<_>>());
        let found = scene.read(&with_large_records(&renamed, false)).unwrap();
        assert_eq!(found.log_sigma(), whole.log_sigma(), "{length}");
    }
}
