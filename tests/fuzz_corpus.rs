//! Replays the corpus of the fuzzers (`fuzz/corpus`), the inputs that once reached new code or found a fault, with the
//! properties of the fuzzers.
#![cfg(all(
    feature = "expansion",
    feature = "parquet",
    feature = "pytorch",
    feature = "tensorboard"
))]

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

#[path = "../fuzz/src/lib.rs"]
mod properties;

#[global_allocator]
static MEMORY: properties::Memory = properties::MEMORY;

/// The panics that were printed.
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// One test, because the memory is measured for the whole process.
#[test]
fn every_property_holds_for_the_corpus() {
    std::panic::set_hook(Box::new(|panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        eprintln!("{panic}");
    }));
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, property) in properties::ALL {
        let mut files: Vec<_> = fs::read_dir(corpus.join(name))
            .unwrap_or_else(|error| panic!("{name}: {error}"))
            .map(|file| file.unwrap().path())
            .collect();
        files.sort();
        assert!(files.len() >= 3, "{name} has {} inputs", files.len());
        for file in files {
            // A panic inside does not say which input it was.
            println!("{}", file.display());
            properties::measured(&MEMORY, &fs::read(&file).unwrap(), property);
        }
    }
    // The Parquet library panics on some of them, which nobody is to see.
    assert_eq!(PANICS.load(Ordering::Relaxed), 0);
    // A bound that cannot be broken would be replayed in vain.
    let greedy: fn(&[u8]) = |_| {
        let held = vec![1u8; 100 << 20];
        assert_eq!(held[held.len() / 2], 1);
    };
    let caught = std::panic::catch_unwind(|| properties::measured(&MEMORY, b"small", greedy));
    assert!(caught.is_err());
    assert_eq!(PANICS.load(Ordering::Relaxed), 1);
}
