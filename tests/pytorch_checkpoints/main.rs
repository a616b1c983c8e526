//! PyTorch checkpoints of the expansion network: the same outputs, the same bits on the way back, and a clear error for
//! every file that is not one.

#![cfg(all(feature = "expansion", feature = "pytorch"))]

#[path = "../support/mod.rs"]
mod support;

mod archives;
mod as_saved;
mod damage;
mod goldens;
mod networks;
mod objects;
mod refused;
mod round_trip;
mod torch;
mod writer;

use std::path::PathBuf;

use equipoise::Error;
use equipoise::expansion::label::CountdownForm;
use equipoise::expansion::pytorch::{ImportConfig, PytorchCheckpoint};

/// A folder with one file.
struct Scene {
    folder: tempfile::TempDir,
    name: &'static str,
}

impl Scene {
    fn new(name: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, name }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(self.name)
    }

    /// Reads these bytes as a file.
    fn read(&self, bytes: &[u8]) -> Result<PytorchCheckpoint, Error> {
        // A file that is written over is brought to the disk at once, which takes longer than all else here.
        let _ = std::fs::remove_file(self.path());
        std::fs::write(self.path(), bytes).unwrap();
        let open = ImportConfig::default().with_countdown(CountdownForm::PerBar);
        PytorchCheckpoint::read_with(self.path(), &open)
    }

    /// What is said about these bytes, which must be refused as a checkpoint of this name.
    #[track_caller]
    fn refusal(&self, bytes: &[u8]) -> String {
        let error = self.read(bytes).expect_err("it must be refused");
        assert!(matches!(error, Error::Checkpoint { .. }), "{error:?}");
        let text = error.to_string();
        let start = format!("checkpoint {}: ", self.path().display());
        assert!(text.starts_with(&start), "{text}");
        assert!(text.len() < 1000, "{text}");
        text[start.len()..].to_string()
    }
}

/// Fails unless every part is in the text.
#[track_caller]
fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}
