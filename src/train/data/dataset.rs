//! Batches of one data set: in order, shuffled, or drawn with weights.

use std::sync::Arc;

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::Dataset;
use burn::tensor::Device;
use rand::distr::Distribution;
use rand::distr::weighted::WeightedIndex;
use rand::seq::SliceRandom;

use super::{Batches, DataPass, Source};
use crate::error::{Error, Result};

/// A data set and how its samples become batches; the last batch of a pass is shorter if they do not come out even.
pub struct Data<I, B> {
    dataset: Arc<dyn Dataset<I>>,
    batcher: Arc<dyn Batcher<I, B>>,
    batch_size: usize,
    order: Order,
}

enum Order {
    Sequential,
    Shuffled,
    Weighted(WeightedIndex<f64>),
}

impl<I, B> Data<I, B> {
    /// Batches of `batch_size` samples in the order of the data set.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if `batch_size` is 0.
    pub fn new(
        dataset: impl Dataset<I> + 'static,
        batcher: impl Batcher<I, B> + 'static,
        batch_size: usize,
    ) -> Result<Self> {
        if batch_size == 0 {
            return Err(Error::setting("batch_size", 0, "at least 1"));
        }
        Ok(Self {
            dataset: Arc::new(dataset),
            batcher: Arc::new(batcher),
            batch_size,
            order: Order::Sequential,
        })
    }

    /// Has the samples shuffled anew in every pass.
    pub fn shuffled(mut self) -> Self {
        self.order = Order::Shuffled;
        self
    }

    /// Has as many samples as there are drawn with replacement in every pass, each as often as its weight says.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] unless there is a finite weight for each sample, none negative and one above 0.
    pub fn weighted(mut self, weights: &[f64]) -> Result<Self> {
        let samples = self.dataset.len();
        if weights.len() != samples {
            let expected = format!("one for each of {samples} samples");
            return Err(Error::setting(
                "weights",
                format!("a list of {}", weights.len()),
                expected,
            ));
        }
        if let Some(wrong) = weights.iter().find(|w| !w.is_finite() || **w < 0.0) {
            let expected = "a finite number that is not negative";
            return Err(Error::setting("weights", wrong, expected));
        }
        let index = WeightedIndex::new(weights)
            .map_err(|_| Error::setting("weights", "0 everywhere", "above 0 somewhere"))?;
        self.order = Order::Weighted(index);
        Ok(self)
    }

    /// Has samples drawn so that every class comes equally often; `classes` has the class of each sample.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] unless there is a class for each sample.
    pub fn balanced(self, classes: &[usize]) -> Result<Self> {
        let mut counts = vec![0usize; classes.iter().max().map_or(0, |largest| largest + 1)];
        classes.iter().for_each(|class| counts[*class] += 1);
        let weights: Vec<f64> = classes.iter().map(|c| 1.0 / counts[*c] as f64).collect();
        self.weighted(&weights)
    }

    fn order(&self, pass: DataPass) -> Vec<usize> {
        let all = 0..self.dataset.len();
        match &self.order {
            Order::Sequential => all.collect(),
            Order::Shuffled => {
                let mut order: Vec<usize> = all.collect();
                order.shuffle(&mut pass.random());
                order
            }
            Order::Weighted(index) => {
                let mut random = pass.random();
                all.map(|_| index.sample(&mut random)).collect()
            }
        }
    }
}

impl<I: 'static, B: 'static> Source<B> for Data<I, B> {
    fn samples(&self) -> usize {
        self.dataset.len()
    }

    fn batches(&self) -> usize {
        self.dataset.len().div_ceil(self.batch_size)
    }

    fn pass(&self, pass: DataPass, from: usize, device: &Device) -> Batches<'_, B> {
        let (order, device) = (self.order(pass), device.clone());
        let batch = move |number: usize| {
            let start = number * self.batch_size;
            let chosen = &order[start..(start + self.batch_size).min(order.len())];
            let items: Result<Vec<I>, _> = chosen
                .iter()
                .map(|index| self.dataset.get(*index))
                .collect();
            Ok(self.batcher.batch(items?, &device))
        };
        Box::new((from..self.batches()).map(batch))
    }
}
