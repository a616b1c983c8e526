//! Whole runs on a GPU: a run that is resumed is the one that was never interrupted, and two devices take the steps of
//! one.
//!
//! Without a GPU a software Vulkan driver serves (`mesa-vulkan-drivers`).
#![cfg(all(feature = "wgpu", feature = "expansion"))]

mod support;

use std::fs;
use std::path::Path;

use burn::optim::SgdConfig;
use burn::tensor::{Device, DeviceKind};
use equipoise::train::{Outcome, TrainConfig, checkpoint};
use support::assert_close;
use support::tabular::{Network, Says, all, data, network, parameters, rows, strategy, trainer};

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

/// The moments of the optimizer are read by the thread that writes them, while the next steps would overwrite them.
/// Without waiting about every third of these checkpoints was wrong.
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

/// Batches of 16 on one device against batches of 8 on each of two.
#[test]
fn two_devices_take_the_steps_of_one() {
    let [one, two] = [DeviceKind::DefaultDevice, DeviceKind::Cpu].map(Device::wgpu);
    assert_ne!(one, two, "a test of two devices");
    for json in [
        r#"{"strategy": "running-mean"}"#,
        r#"{"strategy": "upgrad"}"#,
    ] {
        let fit = |batch: usize, more: &[Device]| {
            let folder = tempfile::tempdir().unwrap();
            let config = TrainConfig::default()
                .with_epochs(2)
                .with_learning_rate(0.05)
                .with_baseline(false);
            let network = network(Says::Masks, &one);
            // The last step has parts of 8 and 3.
            let train = data(rows(43, |row| (!row.is_multiple_of(3), true)), batch);
            let valid = data(rows(16, all), 16);
            let outcome = trainer(config, folder.path())
                .with_more_devices(more.to_vec())
                // Adam would hide a gradient of the wrong size.
                .with_optimizer(SgdConfig::new().init())
                .fit_sources(network, strategy(json, &one), train, valid, &one);
            parameters(&outcome.unwrap().model.network)
        };
        let (expected, found) = (fit(16, &[]), fit(8, std::slice::from_ref(&two)));
        for (path, found) in found {
            for (found, expected) in found.iter().zip(&expected[&path]) {
                assert_close(
                    &format!("{json}: {path}"),
                    f64::from(*found),
                    f64::from(*expected),
                    1e-5,
                    1e-6,
                );
            }
        }
    }
}
