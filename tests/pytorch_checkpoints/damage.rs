//! Damage: cut at every length, bits flipped, pickles of noise. Never a panic, and from a `.pt`, whose entries have
//! checksums, never other numbers.

use std::sync::LazyLock;

use equipoise::expansion::pytorch::PytorchCheckpoint;
use proptest::prelude::*;

use crate::Scene;
use crate::networks::{safetensors_file, smallest, tables, torch_file};
use crate::support::{devices, fixture, parameters};
use crate::writer::archive;

static TORCH: LazyLock<Vec<u8>> = LazyLock::new(|| torch_file(&tables(&smallest(), 8)).write());
static SAFETENSORS: LazyLock<Vec<u8>> = LazyLock::new(|| safetensors_file(&tables(&smallest(), 8)));

/// A file as PyTorch itself wrote it, with its padding and alignment.
static REAL: LazyLock<Vec<u8>> =
    LazyLock::new(|| std::fs::read(fixture("checkpoints/compact_raw.pt")).unwrap());

/// What pickles of PyTorch are made of.
const PIECES: [&[u8]; 32] = [
    b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"ctorch._utils\n_rebuild_parameter\n",
    b"ctorch\nFloatStorage\n",
    b"ctorch\nQInt8Storage\n",
    b"ctorch\nSize\n",
    b"ccollections\nOrderedDict\n",
    b"ccollections\ndefaultdict\n",
    b"ccollections\nCounter\n",
    b"c__builtin__\nset\n",
    b"c__builtin__\ngetattr\n",
    b"cnumpy\ndtype\n",
    b"cnets\nNetwork\n",
    b"X\x07\0\0\0storage",
    b"X\x01\0\0\x000",
    b"X\x0b\0\0\0_parameters",
    b"X\x08\0\0\0_modules",
    b"K\0K\x01\x85K\x01\x85",
    b"(K\x01K\x02t",
    b"N",
    b")",
    b"]",
    b"}",
    b"(",
    b"t",
    b"e",
    b"u",
    b"s",
    b"R",
    b"\x81",
    b"b",
    b"Q",
    b"q\0h\0",
];

static TORCH_STORAGES: LazyLock<Vec<(String, Vec<u8>)>> =
    LazyLock::new(|| vec![("0".to_string(), vec![0; 4])]);

type Contents = (
    Option<[f32; 4]>,
    std::collections::BTreeMap<String, crate::support::Table>,
);

fn contents(checkpoint: &PytorchCheckpoint) -> Contents {
    let model = checkpoint.model(&devices()[0].1).unwrap();
    (checkpoint.log_sigma(), parameters(&model))
}

/// An error, or what the whole file says.
fn error_or_same(scene: &Scene, bytes: &[u8], whole: &Contents) -> bool {
    match scene.read(bytes) {
        Ok(checkpoint) => contents(&checkpoint) == *whole,
        Err(_) => true,
    }
}

#[test]
fn a_file_that_was_cut_is_an_error_at_every_length() {
    for (name, bytes) in [("net.pt", &*TORCH), ("net.safetensors", &*SAFETENSORS)] {
        let scene = Scene::new(name);
        for length in 0..bytes.len() {
            scene.refusal(&bytes[..length]);
        }
        assert!(scene.read(bytes).is_ok());
    }
    let scene = Scene::new("real.pt");
    for length in (0..REAL.len())
        .step_by(9973)
        .chain(REAL.len() - 200..REAL.len())
    {
        scene.refusal(&REAL[..length]);
    }
}

#[test]
fn every_bit_of_a_small_file_counts_or_does_not_matter() {
    let scene = Scene::new("net.pt");
    let whole = contents(&scene.read(&TORCH).unwrap());
    // Seven bits a byte further each time: every byte is hit, and every place of a bit.
    for bit in (0..TORCH.len() * 8).step_by(7) {
        let mut bytes = TORCH.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(error_or_same(&scene, &bytes, &whole), "bit {bit}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn flipped_bits_give_an_error_or_the_same_bits(
        bits in prop::collection::vec(any::<prop::sample::Index>(), 1..8),
    ) {
        let scene = Scene::new("net.pt");
        let whole = contents(&scene.read(&TORCH).unwrap());
        let mut bytes = TORCH.clone();
        for bit in bits {
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        prop_assert!(error_or_same(&scene, &bytes, &whole));
    }

    #[test]
    fn a_flipped_bit_in_a_real_file_is_seen(bit in any::<prop::sample::Index>()) {
        let scene = Scene::new("real.pt");
        let bit = bit.index(REAL.len() * 8);
        let mut bytes = REAL.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(checkpoint) = scene.read(&bytes) {
            let whole = PytorchCheckpoint::read(fixture("checkpoints/compact_raw.pt")).unwrap();
            prop_assert_eq!(contents(&checkpoint), contents(&whole));
        }
    }

    /// There is no checksum, so a flipped bit of a number stays; what is read is finite and whole, or an error.
    #[test]
    fn flipped_bits_of_safetensors_never_panic(
        bits in prop::collection::vec(any::<prop::sample::Index>(), 1..8),
        header in any::<bool>(),
    ) {
        let mut bytes = SAFETENSORS.clone();
        let end = if header { 1600 } else { bytes.len() };
        for bit in bits {
            let bit = bit.index(end * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        if let Ok(checkpoint) = Scene::new("net.safetensors").read(&bytes) {
            let (_, parameters) = contents(&checkpoint);
            for table in parameters.values() {
                prop_assert!(table.values.iter().all(|v| v.is_finite()));
            }
        }
    }

    /// The checksums made right again, so that the damage reaches the pickle.
    #[test]
    fn damaged_pickles_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cut in any::<prop::sample::Index>(),
        whole in any::<bool>(),
    ) {
        let file = torch_file(&tables(&smallest(), 8));
        let mut pickle = file.pickle();
        for (place, byte) in changes {
            let place = place.index(pickle.len());
            pickle[place] = byte;
        }
        if !whole {
            pickle.truncate(cut.index(pickle.len()));
        }
        let _ = Scene::new("net.pt").read(&file.write_with(&pickle));
    }

    /// Pieces of pickles with names of every kind, in any order.
    #[test]
    fn pieces_of_pickles_never_panic(
        pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..60),
    ) {
        let mut pickle = vec![0x80, 2];
        pickle.extend(pieces.concat());
        pickle.push(b'.');
        let _ = Scene::new("net.pt").read(&archive(&pickle, &TORCH_STORAGES));
    }

    #[test]
    fn pickles_of_noise_never_panic(
        instructions in prop::collection::vec(
            prop::sample::select(b"\x80(N\x88JKM\x8aGX)]}t\x85\x86\x87aeushjqrcRbQ\x81\n.\0\x01\x02\x05".to_vec()),
            0..200,
        ),
    ) {
        let mut pickle = vec![0x80, 2];
        pickle.extend(instructions);
        let _ = Scene::new("net.pt").read(&archive(&pickle, &[]));
    }
}
