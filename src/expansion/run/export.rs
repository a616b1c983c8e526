//! Exports the network of a run to PyTorch.

use std::path::Path;

use super::config::ExpansionConfig;
use crate::error::Result;
use crate::expansion::pytorch::{Inputs, PytorchExport};
use crate::train::{MultiTask, checkpoint};

/// Exports the network of a run's checkpoint, with the names of its inputs, and with its log sigmas if the strategy of
/// the run learns them.
///
/// # Errors
///
/// [`Error::Io`](crate::Error::Io) or [`Error::Config`](crate::Error::Config) if the run's `config.json` cannot be
/// read, [`Error::Checkpoint`](crate::Error::Checkpoint) if the checkpoint is missing or does not fit.
pub fn export_run(run: impl AsRef<Path>, epoch: usize) -> Result<PytorchExport> {
    let config = ExpansionConfig::read(run.as_ref().join("config.json"))?;
    let device = config.backend.device()?;
    let (network, weighting) = config.build(&device)?;
    let file = checkpoint::model_file(&run, epoch);
    let trained = checkpoint::load_model(MultiTask::new(network, weighting), &file)?;
    let inputs = Inputs {
        position: config.data.position,
        moves: config.data.moves,
        further: config.data.features_from.clone(),
    };
    let export = PytorchExport::new(&trained.network)?.with_inputs(inputs);
    export.with_learned(&trained.weighting)
}
