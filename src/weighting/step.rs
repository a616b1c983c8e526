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
    /// The epoch, counted from 1; 1 in a loop that does not count.
    pub epoch: usize,
    /// The step since the beginning of the training, counted from 0.
    pub step: usize,
    /// Whether a rule from the Gram matrix gives the combined gradient the length of the mean gradient.
    pub(super) rescale: bool,
    numbers: OnceCell<Numbers>,
}

/// The Gram matrix, the losses and which tasks are active, on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers {
    /// The inner products, `K * K`, row by row.
    pub gram: Vec<f64>,
    /// The raw losses, `K`; 0 for an inactive task.
    pub losses: Vec<f64>,
    /// Whether each task is present with a finite loss.
    pub active: Vec<bool>,
}

impl<'a> Step<'a> {
    /// Begins a step with losses alone.
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

    /// Adds the Gram matrix of the raw gradients.
    pub fn with_gram(mut self, gram: Option<&'a Gram>) -> Self {
        self.gram = gram;
        self.numbers = OnceCell::new();
        self
    }

    /// Sets the position in the training.
    pub fn at(mut self, epoch: usize, step: usize) -> Self {
        self.epoch = epoch;
        self.step = step;
        self
    }

    /// Asks for a combined gradient of the length of the mean gradient, of a strategy from the Gram matrix.
    pub fn rescaled(mut self, rescale: bool) -> Self {
        self.rescale = rescale;
        self
    }

    /// Returns the same step with other losses and another Gram matrix, as a rule inside another sees it.
    pub(super) fn seen_as<'b>(&self, losses: &'b TaskLosses, gram: Option<&'b Gram>) -> Step<'b> {
        Step::new(losses)
            .with_gram(gram)
            .at(self.epoch, self.step)
            .rescaled(self.rescale)
    }

    /// Reads the Gram matrix and the losses to the host, in one transfer that waits for the device; once a step, however often
    /// it is asked.
    ///
    /// # Panics
    ///
    /// If the step has no Gram matrix: a rule that asks for it says so in [`needs`](super::LossWeighting::needs). Also if the
    /// device cannot be read.
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
