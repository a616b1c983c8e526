//! Checkpoints of this crate, damaged.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::Device;
use equipoise::train::checkpoint::load_network;

use super::scratch;
use super::tape::Tape;

/// The module of a checkpoint: the network of a run under its name.
#[derive(Module, Debug)]
struct Whole {
    network: Linear,
}

/// A damaged checkpoint is refused, or gives the numbers that were saved. With the checksum of the damaged bytes, which
/// only an attacker writes, it is at least read without a panic.
pub fn checkpoint(bytes: &[u8]) {
    let device = Device::flex();
    let network = || LinearConfig::new(3, 2).init(&device);
    let saved = network();
    let whole = Whole {
        network: saved.clone(),
    };
    let path = scratch::folder().join("model-1.bpk");
    // Saving never replaces a file.
    let _ = std::fs::remove_file(&path);
    whole.into_record().save(path.clone()).expect("a file");
    let good = std::fs::read(&path).expect("the file");

    let mut tape = Tape(bytes);
    let hostile = tape.byte() % 2 == 1;
    let damaged = changed(&good, &mut tape);
    std::fs::write(&path, &damaged).expect("a file");
    let of = if hostile { &damaged } else { &good };
    let sum = format!("{:08x}\n", crc32fast::hash(of));
    std::fs::write(path.with_extension("bpk.crc32"), sum).expect("a file");
    let numbers = |network: &Linear| {
        let data = network.weight.val().into_data();
        data.iter::<f32>().map(f32::to_bits).collect::<Vec<_>>()
    };
    if let Ok(loaded) = load_network(network(), &path, &[])
        && !hostile
    {
        assert_eq!(damaged, good, "a damaged checkpoint was accepted");
        assert_eq!(numbers(&loaded), numbers(&saved));
    }
}

/// Overwrites, cuts, inserts.
fn changed(good: &[u8], tape: &mut Tape<'_>) -> Vec<u8> {
    let mut bytes = good.to_vec();
    while tape.goes_on() {
        let place = |tape: &mut Tape<'_>, length: usize| tape.word() as usize % (length + 1);
        match tape.below(4) {
            0 => bytes.truncate(place(tape, bytes.len())),
            1 => {
                let at = place(tape, bytes.len());
                bytes.insert(at, tape.byte());
            }
            _ if bytes.is_empty() => {}
            _ => {
                let at = place(tape, bytes.len() - 1);
                bytes[at] ^= tape.byte();
            }
        }
    }
    bytes
}
