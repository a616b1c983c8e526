//! Measures the losses of the uninformed predictors batch by batch, and the uncertainty of skills.

use std::path::Path;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::format::Format;
use crate::history::{NoBaseline, Split, write_atomically};
use crate::loss::TaskLosses;
use crate::statistics::quantile;
use crate::task::TaskSet;

/// The file in the folder of a run that holds the losses of the uninformed predictors in each batch of the validation
/// data.
pub(in crate::train) const FILE: &str = "baselines.csv";
/// Version 2 has its number in the column `format`.
const FORMAT: Format = Format::new(2);

/// The fraction of the loss by which knowledge of the position must lower it to count as an improvement.
pub(super) const WORTH: f64 = 0.02;

/// The least number of labels of the validation data for an interval: with fewer labels the distribution of a loss is
/// not known well enough.
const FEWEST: f64 = 50.0;

/// The losses of the uninformed predictors of all tasks.
#[derive(Clone, Debug, Default)]
pub(in crate::train) struct Uninformed {
    /// The losses of the constant predictors, on the batches they were fitted to and on the validation data.
    pub(super) constant: [BatchLosses; 2],
    /// The losses of the position predictors on both data sets; `None` without positions.
    pub(super) position: Option<[BatchLosses; 2]>,
    /// The reason why a task has no predictor; `None` if it has one.
    pub(super) missing: Vec<Option<NoBaseline>>,
}

/// The losses of the predictors in each batch of the validation data.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::train) struct OnBatches {
    pub(in crate::train) constant: BatchLosses,
    pub(in crate::train) position: Option<BatchLosses>,
}

impl Uninformed {
    /// Returns why there is no predictor for a task.
    pub(in crate::train) fn missing(&self, task: usize) -> Option<NoBaseline> {
        self.missing[task]
    }

    /// Returns the loss of the constant predictor of a task.
    pub(in crate::train) fn constant(&self, split: Split, task: usize) -> Option<f64> {
        self.known(&self.constant, split, task)
    }

    /// Returns the loss of the position predictor of a task, if the position helps on the data it was fitted to.
    pub(in crate::train) fn position(&self, split: Split, task: usize) -> Option<f64> {
        let position = self.position.as_ref()?;
        let fitted = |losses| self.known(losses, Split::Train, task);
        let (constant, known) = (fitted(&self.constant)?, fitted(position)?);
        let helps = constant - known > WORTH * constant.abs();
        helps.then(|| self.known(position, split, task))?
    }

    fn known(&self, [train, valid]: &[BatchLosses; 2], split: Split, task: usize) -> Option<f64> {
        let losses = match split {
            Split::Train => train,
            Split::Valid => valid,
        };
        let known = self.missing[task].is_none().then(|| losses.mean(task))?;
        known.filter(|loss| loss.is_finite())
    }

    /// Returns the losses in each batch of the validation data; `None` if no task has a predictor.
    pub(in crate::train) fn on_validation_data(&self) -> Option<OnBatches> {
        let known = self.missing.iter().any(Option::is_none);
        known.then(|| OnBatches {
            constant: self.constant[1].clone(),
            position: self.position.as_ref().map(|[_, valid]| valid.clone()),
        })
    }

    /// Writes the losses in each batch of the validation data, so that a resumed run compares with the same losses.
    pub(in crate::train) fn write(&self, file: &Path, tasks: &TaskSet) -> Result<()> {
        let Some(found) = self.on_validation_data() else {
            return Ok(());
        };
        let fail = |error: String| Error::file(file, error);
        let mut text = csv::Writer::from_writer(Vec::new());
        let batches = found.constant.losses.iter().zip(&found.constant.counts);
        for (batch, (losses, counts)) in batches.enumerate() {
            for (task, name) in tasks.names().enumerate() {
                let position = found.position.as_ref();
                let row = BaselineRow {
                    batch,
                    task: name.into(),
                    labels: counts[task],
                    constant: losses[task],
                    position: position.map(|position| position.losses[batch][task]),
                    format: Some(FORMAT.version),
                };
                text.serialize(row)
                    .map_err(|error| fail(error.to_string()))?;
            }
        }
        let bytes = text.into_inner().map_err(|error| fail(error.to_string()))?;
        write_atomically(file, &bytes)
    }
}

/// Reads the losses in each batch of the validation data; returns `None` if the file does not exist or holds other
/// tasks.
pub(in crate::train) fn read(file: &Path, tasks: &TaskSet) -> Result<Option<OnBatches>> {
    if !file.is_file() {
        return Ok(None);
    }
    let text = std::fs::read(file).map_err(Error::io("read", file))?;
    FORMAT.check_column(file, &text)?;
    let mut reader = csv::Reader::from_reader(text.as_slice());
    let rows: std::result::Result<Vec<BaselineRow>, csv::Error> = reader.deserialize().collect();
    let rows = rows.map_err(|error| {
        let line = error.position().map_or(1, |position| position.line());
        Error::line(file, line, error.to_string())
    })?;
    let names: Vec<&str> = tasks.names().collect();
    let fits = rows
        .iter()
        .enumerate()
        .all(|(index, row)| row.task == names[index % names.len()]);
    if !fits || rows.is_empty() || rows.len() % names.len() != 0 {
        return Ok(None);
    }
    let table = |value: fn(&BaselineRow) -> f64| -> Vec<Vec<f64>> {
        rows.chunks(names.len())
            .map(|row| row.iter().map(value).collect())
            .collect()
    };
    let counts = table(|row| row.labels);
    let position = rows.iter().all(|row| row.position.is_some());
    Ok(Some(OnBatches {
        position: position.then(|| BatchLosses {
            losses: table(|row| row.position.unwrap_or(f64::NAN)),
            counts: counts.clone(),
        }),
        constant: BatchLosses {
            losses: table(|row| row.constant),
            counts,
        },
    }))
}

/// A row of the file.
#[derive(Serialize, Deserialize)]
struct BaselineRow {
    batch: usize,
    task: String,
    labels: f64,
    constant: f64,
    position: Option<f64>,
    /// The number of the form of the file, the same in every row.
    #[serde(default)]
    format: Option<u32>,
}

/// The losses and the numbers of labels of every task in every batch of a data set.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::train) struct BatchLosses {
    /// For each batch, the mean loss of every task over its labels.
    pub(in crate::train) losses: Vec<Vec<f64>>,
    /// For each batch, the number of labels of every task; 0 if the task is absent or its loss is not finite.
    pub(in crate::train) counts: Vec<Vec<f64>>,
}

impl BatchLosses {
    /// Returns the mean over all labels of a task; `None` without labels.
    pub(in crate::train) fn mean(&self, task: usize) -> Option<f64> {
        let rows = || self.losses.iter().zip(&self.counts);
        let labels: f64 = rows().map(|(_, counts)| counts[task]).sum();
        let counted = rows().filter(|(_, counts)| counts[task] > 0.0);
        let sum: f64 = counted
            .map(|(losses, counts)| losses[task] * counts[task])
            .sum();
        (labels > 0.0).then(|| sum / labels)
    }

    /// Returns half of the 95 % interval of the skill of a task, from the variation between batches of the difference
    /// to the predictor.
    ///
    /// `of_batches` are the losses of the predictor with the total loss `reference`. Without them, or if they have
    /// another number of batches, the loss of the predictor counts as equal in every batch, which widens the interval.
    /// Returns `None` if fewer than two batches have labels, or there are fewer than [`FEWEST`] labels.
    pub(in crate::train) fn margin(
        &self,
        task: usize,
        reference: f64,
        of_batches: Option<&Self>,
    ) -> Option<f64> {
        let same = |other: &&Self| other.counts.len() == self.counts.len();
        let paired = of_batches.filter(same);
        // The reference may come from another predictor than the losses of the batches.
        let own = paired.and_then(|batches| batches.mean(task));
        let shift = own.map_or(0.0, |own| reference - own);
        let gain = reference - self.mean(task)?;
        let mut labels = 0.0;
        let mut off = Vec::new();
        for batch in (0..self.counts.len()).filter(|batch| self.counts[*batch][task] > 0.0) {
            let count = self.counts[batch][task];
            let of_batch = paired.map(|paired| shift + paired.losses[batch][task]);
            let of_batch = of_batch
                .filter(|loss| loss.is_finite())
                .unwrap_or(reference);
            off.push(count * (of_batch - self.losses[batch][task] - gain));
            labels += count;
        }
        let batches = off.len();
        let freedom = batches.checked_sub(1).filter(|freedom| *freedom > 0)?;
        if labels < FEWEST {
            return None;
        }
        let squares: f64 = off.iter().map(|off| off * off).sum();
        let variance = squares * batches as f64 / freedom as f64;
        let margin = quantile(freedom) * variance.sqrt() / (labels * reference.abs());
        margin.is_finite().then_some(margin)
    }
}

/// Losses and numbers of labels on the device, batch by batch.
#[derive(Clone, Default)]
pub(in crate::train) struct LossRows {
    losses: Vec<Tensor<1>>,
    counts: Vec<Tensor<1>>,
}

impl LossRows {
    pub(in crate::train) fn add(&mut self, losses: &TaskLosses, samples: usize) {
        self.push(losses.values().inner(), losses.counts(samples));
    }

    pub(in crate::train) fn push(&mut self, losses: Tensor<1>, counts: Tensor<1>) {
        self.losses.push(losses);
        self.counts.push(counts);
    }

    /// Reads all rows, in two transfers.
    pub(in crate::train) fn read(self) -> Result<BatchLosses> {
        let Some(tasks) = self.losses.first().map(|row| row.dims()[0]) else {
            return Ok(BatchLosses::default());
        };
        let rows = |rows: Vec<Tensor<1>>| -> Result<Vec<Vec<f64>>> {
            let all = Tensor::cat(rows, 0).try_into_vec_as::<f32>();
            let all = all.map_err(|error| Error::Training {
                reason: format!("losses cannot be read from the device: {error}"),
            })?;
            let row = |row: &[f32]| row.iter().map(|value| f64::from(*value)).collect();
            Ok(all.chunks(tasks).map(row).collect())
        };
        Ok(BatchLosses {
            losses: rows(self.losses)?,
            counts: rows(self.counts)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn losses(values: &[f64]) -> BatchLosses {
        BatchLosses {
            losses: values.iter().map(|value| vec![*value]).collect(),
            counts: values.iter().map(|_| vec![20.0]).collect(),
        }
    }

    #[test]
    fn an_interval_is_that_of_the_paired_differences() {
        // Differences 1, 2 and 3: mean 2, standard deviation 1, t(2) = 4.303; the reference is 10.
        let (found, trivial) = (losses(&[4.0, 8.0, 12.0]), losses(&[5.0, 10.0, 15.0]));
        let margin = found.margin(0, 10.0, Some(&trivial)).unwrap();
        assert!((margin - 0.4302653 / 3f64.sqrt()).abs() < 1e-6, "{margin}");
        // Unpaired, the batches differ by more.
        let wide = found.margin(0, 10.0, None).unwrap();
        assert!(
            (wide - 4.0 * 0.4302653 / 3f64.sqrt()).abs() < 1e-6,
            "{wide}"
        );
        assert_eq!(losses(&[1.0]).margin(0, 1.0, None), None);
        // 40 labels.
        assert_eq!(losses(&[1.0, 2.0]).margin(0, 1.0, None), None);
    }
}
