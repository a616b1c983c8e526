//! Stores the settings of a run in its folder, and compares them when the run is resumed.

use std::path::Path;

use serde::Serialize;

use super::config::TrainConfig;
use crate::difference::same_or_named;
use crate::error::{Error, Result};
use crate::format::Format;
use crate::history::write_atomically;

/// The file in the folder of a run.
const FILE: &str = "train.json";
/// Version 2 has its number in the file.
const FORMAT: Format = Format::new(2);
/// The field for the number of devices, present if there are several; the number decides how many batches a step has.
const DEVICES: &str = "devices";
const REMEDY: &str =
    "as in the run that is resumed; to go on with another, start a new run from its network";

/// The content of the file.
#[derive(Serialize)]
struct Settings<'a> {
    #[serde(flatten)]
    config: &'a TrainConfig,
    #[serde(skip_serializing_if = "Option::is_none")]
    devices: Option<usize>,
}

/// Checks that the settings equal those of the run in `run`, of which `done` epochs are finished. Settings that decide
/// only the length of the run and what is kept may differ: `epochs`, `patience`, `watch`, `keep_checkpoints`,
/// `baseline` and `non_finite`.
///
/// # Errors
///
/// [`Error::Setting`] naming the first setting that differs, `devices` if the number of devices differs, or `epochs` if
/// it is below `done`; [`Error::Io`], [`Error::Format`] or [`Error::Config`] if the file cannot be read. A run without the file, from an
/// earlier version, passes.
pub(super) fn check(config: &TrainConfig, devices: usize, run: &Path, done: usize) -> Result<()> {
    if config.epochs < done {
        let expected = format!("at least {done}: so many are done in {}", run.display());
        return Err(Error::setting("epochs", config.epochs, expected));
    }
    let Some(stored) = read(devices, run)? else {
        return Ok(());
    };
    let mut asked = config.clone();
    asked.epochs = stored.epochs;
    asked.patience = stored.patience;
    asked.watch.clone_from(&stored.watch);
    asked.keep_checkpoints = stored.keep_checkpoints;
    asked.baseline = stored.baseline;
    asked.non_finite = stored.non_finite;
    same_or_named(&asked, &stored, REMEDY)
}

/// Checks the number of devices of a run.
///
/// # Errors
///
/// The errors of [`check`].
pub(super) fn check_devices(devices: usize, run: &Path) -> Result<()> {
    read(devices, run).map(|_| ())
}

/// Reads the settings of a run on `devices` devices; returns `None` if there is no file.
fn read(devices: usize, run: &Path) -> Result<Option<TrainConfig>> {
    let path = run.join(FILE);
    if !path.exists() {
        return Ok(None);
    }
    let mut stored: serde_json::Value = FORMAT.read_json(&path)?;
    let broken = |error: serde_json::Error| Error::Config {
        path: path.clone(),
        reason: error.to_string(),
    };
    let on = stored.as_object_mut().and_then(|all| all.remove(DEVICES));
    let on = on.map_or(Ok(1), serde_json::from_value::<usize>);
    let on = on.map_err(broken)?;
    if on != devices {
        let expected = format!("{on}, {REMEDY}");
        return Err(Error::setting(DEVICES, devices, expected));
    }
    serde_json::from_value(stored).map(Some).map_err(broken)
}

/// Writes the settings of a run.
///
/// # Errors
///
/// [`Error::Io`] with the path.
pub(super) fn write(config: &TrainConfig, devices: usize, run: &Path) -> Result<()> {
    let settings = Settings {
        config,
        devices: (devices > 1).then_some(devices),
    };
    write_atomically(run.join(FILE), FORMAT.to_json(&settings).as_bytes())
}
