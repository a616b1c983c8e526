//! Whole runs on a GPU: a run that is resumed is the one that was never interrupted.
//!
//! Without a GPU a software Vulkan driver serves (`mesa-vulkan-drivers`).
#![cfg(all(feature = "wgpu", feature = "train"))]

mod support;

use std::fs;
use std::path::Path;

use burn::tensor::{Device, DeviceKind};
use equipoise::train::{Outcome, TrainConfig, checkpoint};
use support::tabular::{Network, Says, all, data, network, rows, strategy, trainer};

/// Batches of an epoch.
const STEPS: usize = 8;
const EPOCHS: usize = 8;

fn device() -> Device {
    Device::wgpu(DeviceKind::DefaultDevice)
}

/// A run of all epochs, from the newest checkpoint in the folder where it is resumed.
fn fit(folder: &Path, resume: bool) -> Outcome<Network> {
    let device = device();
    let config = TrainConfig::default()
        .with_epochs(EPOCHS)
        .with_learning_rate(1e-2)
        .with_keep_checkpoints(EPOCHS)
        .with_baseline(false);
    let train = data(rows(STEPS * 16, all), 16).shuffled();
    let valid = data(rows(32, all), 16);
    let weighting = strategy(r#"{"strategy": "uncertainty"}"#, &device);
    let network = network(Says::Nothing, &device);
    trainer(config, folder)
        .resume(resume)
        .fit_sources(network, weighting, train, valid, &device)
        .unwrap()
}

/// What a run leaves that is stopped after an epoch.
fn copied_up_to(epoch: usize, run: &Path, to: &Path) {
    let (from, folder) = (checkpoint::folder(run), checkpoint::folder(to));
    fs::create_dir_all(&folder).unwrap();
    for part in ["model", "optim", "scheduler"] {
        for ending in ["bpk", "bpk.crc32"] {
            let name = format!("{part}-{epoch}.{ending}");
            fs::copy(from.join(&name), folder.join(&name)).unwrap();
        }
    }
    for name in ["history.csv", "train.json"] {
        fs::copy(run.join(name), to.join(name)).unwrap();
    }
}

/// The moments of the optimizer are read by the thread that writes them, while the next steps would overwrite them. Without waiting
/// about every third of these checkpoints was wrong.
#[test]
fn a_run_resumed_at_any_epoch_is_the_run_that_was_never_interrupted() {
    let whole = tempfile::tempdir().unwrap();
    let expected = fit(whole.path(), false);
    for epoch in 1..EPOCHS {
        let part = tempfile::tempdir().unwrap();
        copied_up_to(epoch, whole.path(), part.path());
        let resumed = fit(part.path(), true);
        let (found, expected) = (resumed.history.records(), expected.history.records());
        assert_eq!(found, expected, "resumed after epoch {epoch}");
    }
}
