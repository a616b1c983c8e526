//! Fits the uninformed predictor of every task: the loss that the heads reach without knowledge of the sample they
//! predict.
//!
//! The heads of a copy of the network read a representation that is equal for every sample. It is fitted, with the
//! parameters that the task alone reaches, to the task's own loss on training batches. The loss of the result on the
//! validation data is the loss of a network without inputs, whatever the head, the loss or the mask is.
//!
//! Where a representation has positions (three dimensions or more: samples, positions, features), two predictors are
//! fitted: the *constant* predictor reads equal values at every position, the *position* predictor may read other
//! values at each position.
//!
//! The cost, the accuracy against closed forms, and the cases without a predictor are in `docs/verdicts.md`.
//!
//! | file | what it does |
//! |---|---|
//! | `descent` | minimises: Rprop, then L-BFGS, with values supplied by the caller |
//! | `outline` | describes the form of a representation, and builds the sample that replaces all samples |
//! | `parameters` | finds, reads and sets the parameters of one head |
//! | `fit` | fits the predictors of all tasks side by side |
//! | `measured` | measures their losses on a data set, batch by batch |

mod descent;
mod fit;
mod measured;
mod outline;
mod parameters;

pub(super) use self::measured::{BatchLosses, FILE, LossRows, OnBatches, Uninformed, read};
pub(super) use self::parameters::Reached;

use std::sync::Arc;

use burn::tensor::Device;

use self::fit::{Fit, Fitted};
use super::data::{DataPass, Source, spread};
use crate::error::Result;
use crate::history::NoBaseline;
use crate::model::MultiTaskModel;
use crate::task::{Task, TaskKind};

/// The approximate number of samples that a predictor is fitted to.
const SAMPLES: usize = 384;
/// The number of samples per class of the task with the most classes.
const PER_CLASS: usize = 20;
/// The number of batches that a predictor is fitted to.
const BATCHES: std::ops::RangeInclusive<usize> = 4..=128;

/// Fits the uninformed predictors of all tasks and measures their losses; records the reason for a task without a
/// predictor.
///
/// Deterministic, and without any effect on `network`. The generator of the device advances.
///
/// # Errors
///
/// [`Error::Training`] if a batch cannot be made or read.
pub(super) fn measure<M: MultiTaskModel>(
    network: &M,
    train: &Arc<dyn Source<M::Batch>>,
    valid: &Arc<dyn Source<M::Batch>>,
    seed: u64,
    device: &Device,
) -> Result<Uninformed> {
    let tracked = device.clone().autodiff();
    let tasks = network.tasks().len();
    let count = batches_to_fit(network, train.as_ref());
    let batches = spread(train.as_ref(), DataPass::new(seed, 1), count, &tracked)
        .map(|batch| batch.map_err(fit::unreadable))
        .collect::<Result<Vec<_>>>()?;
    let Some(mut fit) = Fit::new(network, batches, &tracked) else {
        let missing = vec![Some(NoBaseline::NotTheSamples); tasks];
        return Ok(Uninformed {
            missing,
            ..Uninformed::default()
        });
    };
    let constants = fit.constants();
    let positions = fit.positions();
    let fitted: Vec<&Fitted> = [Some(&constants), positions.as_ref()]
        .into_iter()
        .flatten()
        .collect();
    let mut valid = fit.losses_on(valid.as_ref(), &fitted)?.into_iter();
    let mut with_valid = |fitted: &Fitted| -> Result<[BatchLosses; 2]> {
        Ok([fit.fitted_losses(fitted)?, valid.next().unwrap_or_default()])
    };
    let missing = |task| match fitted.iter().all(|fitted| fitted.has_converged(task)) {
        _ if !fit.has_labels(task) => Some(NoBaseline::NoLabels),
        true => None,
        false => Some(NoBaseline::NotConverged),
    };
    Ok(Uninformed {
        constant: with_valid(&constants)?,
        position: positions.as_ref().map(&mut with_valid).transpose()?,
        missing: (0..tasks).map(missing).collect(),
    })
}

/// Returns the number of batches, large enough that the fitted constants hold for other data.
fn batches_to_fit<M: MultiTaskModel>(network: &M, train: &dyn Source<M::Batch>) -> usize {
    let classification = |task: &&Task| task.kind() == TaskKind::Classification;
    let classes = network.tasks().iter().filter(classification);
    let classes = classes.map(|task| task.elements());
    let wanted = SAMPLES.max(PER_CLASS * classes.max().unwrap_or(1).min(1000));
    let batch = (train.samples() / train.batches().max(1)).max(1);
    let wanted = wanted.div_ceil(batch);
    wanted
        .clamp(*BATCHES.start(), *BATCHES.end())
        .min(train.batches())
}
