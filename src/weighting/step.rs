//! Defines the input of a strategy in a training step.

use std::cell::OnceCell;

use burn::tensor::{DType, Tensor};

use crate::loss::{Gram, TaskLosses};

/// The input of a strategy in a training step.
#[derive(Debug)]
pub struct Step<'a> {
    /// The raw losses.
    pub losses: &'a TaskLosses,
    /// The Gram matrix of the raw gradients, for a strategy that [needs](super::Needs) it in this step.
    pub gram: Option<&'a Gram>,
    /// The epoch, counted from 1; 1 in a loop that does not count epochs.
    pub epoch: usize,
    /// The step since the start of the training, counted from 0.
    pub step: usize,
    /// Whether a rule from the Gram matrix gives the combined gradient the length of the mean gradient.
    pub(super) rescale: bool,
    numbers: OnceCell<Numbers>,
}

/// The Gram matrix, the losses and the active tasks, on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers {
    /// The inner products, `K * K` values, row by row.
    pub gram: Vec<f64>,
    /// The raw losses, `K` values; 0 for an inactive task.
    pub losses: Vec<f64>,
    /// Whether each task is present with a finite loss.
    pub active: Vec<bool>,
}

impl<'a> Step<'a> {
    /// Creates a step from losses alone, in epoch 1 and step 0.
    pub fn new(losses: &'a TaskLosses) -> Self {
        Self {
            losses,
            gram: None,
            epoch: 1,
            step: 0,
            rescale: false,
            numbers: OnceCell::new(),
        }
    }

    /// Sets the Gram matrix of the raw gradients.
    pub fn with_gram(mut self, gram: Option<&'a Gram>) -> Self {
        self.gram = gram;
        self.numbers = OnceCell::new();
        self
    }

    /// Sets the position in the training: the epoch, counted from 1, and the step, counted from 0.
    pub fn at(mut self, epoch: usize, step: usize) -> Self {
        self.epoch = epoch;
        self.step = step;
        self
    }

    /// Sets whether a rule from the Gram matrix gives the combined gradient the length of the mean gradient.
    pub fn rescaled(mut self, rescale: bool) -> Self {
        self.rescale = rescale;
        self
    }

    /// Returns the step with other losses and another Gram matrix, for a rule inside another rule.
    pub(super) fn seen_as<'b>(&self, losses: &'b TaskLosses, gram: Option<&'b Gram>) -> Step<'b> {
        Step::new(losses)
            .with_gram(gram)
            .at(self.epoch, self.step)
            .rescaled(self.rescale)
    }

    /// Reads the Gram matrix and the losses to the host, in one transfer that waits for the device. Later calls
    /// return the numbers of the first call.
    ///
    /// # Panics
    ///
    /// If the step has no Gram matrix: a rule that calls this method must declare the need in
    /// [`needs`](super::LossWeighting::needs). Also if the device cannot be read.
    pub fn numbers(&self) -> &Numbers {
        self.numbers.get_or_init(|| {
            let Some(gram) = self.gram else {
                panic!(
                    "a strategy that needs the Gram matrix was given a step without one: \
                     use `step::backward`, which measures it"
                )
            };
            let active = self.losses.active();
            let losses = self.losses.masked(&active).inner();
            let tasks = losses.dims()[0];
            let matrix = gram.matrix().reshape([tasks * tasks]);
            let active = active.float().cast(DType::F32);
            let all = Tensor::cat(vec![matrix, losses, active], 0);
            let all: Vec<f64> = all.into_data().iter::<f64>().collect();
            let (gram, rest) = all.split_at(tasks * tasks);
            let (losses, active) = rest.split_at(tasks);
            Numbers {
                gram: gram.to_vec(),
                losses: losses.to_vec(),
                active: active.iter().map(|active| *active > 0.5).collect(),
            }
        })
    }
}
