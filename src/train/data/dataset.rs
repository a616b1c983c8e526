//! Makes the batches of one data set: in order, shuffled, or drawn with weights.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::{Dataset, InMemDataset};
use burn::tensor::{Device, Tensor};
use rand::distr::Distribution;
use rand::distr::weighted::WeightedIndex;
use rand::seq::SliceRandom;

use super::{Batches, DataPass, Source};
use crate::error::{Error, Result};

/// A batcher from a function that maps samples and the device to a batch.
///
/// # Example
///
/// ```
/// use burn::data::dataloader::batcher::Batcher;
/// use burn::tensor::{Device, Tensor};
/// use equipoise::train::BatchBy;
///
/// let batcher = BatchBy(|samples: Vec<f32>, device: &Device| Tensor::<1>::from_floats(samples.as_slice(), device));
/// assert_eq!(batcher.batch(vec![1.0, 2.0], &Device::flex()).dims(), [2]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BatchBy<F>(pub F);

impl<I, B, F: Fn(Vec<I>, &Device) -> B + Send + Sync> Batcher<I, B> for BatchBy<F> {
    fn batch(&self, items: Vec<I>, device: &Device) -> B {
        (self.0)(items, device)
    }
}

/// A data set with a batcher. The last batch of a pass is shorter if the samples do not divide evenly.
pub struct Data<I, B> {
    dataset: Arc<dyn Dataset<I>>,
    batcher: Arc<dyn Batcher<I, B>>,
    batch_size: usize,
    order: Order,
    /// The order of the last pass: several devices that share the batches begin the pass once each.
    last: Mutex<Option<(DataPass, Arc<[usize]>)>>,
}

impl Data<i64, Tensor<2>> {
    /// Creates a source of batches of `batch_size` rows of a table, in order. The table stays on its device.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if `batch_size` is 0.
    ///
    /// # Example
    ///
    /// ```
    /// use burn::tensor::{Device, Distribution, Tensor};
    /// use equipoise::train::{Data, Source};
    ///
    /// let table = Tensor::random([100, 8], Distribution::Default, &Device::flex());
    /// assert_eq!(Data::from_rows(table, 32)?.shuffled().batches(), 4);
    /// # Ok::<(), equipoise::Error>(())
    /// ```
    pub fn from_rows(table: Tensor<2>, batch_size: usize) -> Result<Self> {
        let table = table.inner();
        let rows: Vec<i64> = (0..table.dims()[0] as i64).collect();
        let batcher = BatchBy(move |rows: Vec<i64>, device: &Device| {
            let chosen = Tensor::from_data(rows.as_slice(), &table.device());
            let batch = table.clone().select(0, chosen);
            let batch = batch.to_device(&device.clone().inner());
            if device.is_autodiff() {
                Tensor::from_inner(batch)
            } else {
                batch
            }
        });
        Self::new(InMemDataset::new(rows), batcher, batch_size)
    }
}

enum Order {
    Sequential,
    Shuffled,
    Weighted(WeightedIndex<f64>),
}

impl<I, B> Data<I, B> {
    /// Creates a source of batches of `batch_size` samples, in the order of the data set.
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
            last: Mutex::new(None),
        })
    }

    /// Shuffles the samples in every pass, each time in another order.
    pub fn shuffled(mut self) -> Self {
        self.order = Order::Shuffled;
        self.last = Mutex::new(None);
        self
    }

    /// Draws as many samples as the data set has, with replacement, with probabilities proportional to `weights`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] unless there is one finite weight per sample, none negative and at least one above 0.
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
        self.last = Mutex::new(None);
        Ok(self)
    }

    /// Draws samples so that every class is equally frequent; `classes` is the class of each sample.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] unless there is one class per sample.
    ///
    /// # Example
    ///
    /// ```
    /// use burn::data::dataset::InMemDataset;
    /// use burn::tensor::{Device, Tensor};
    /// use equipoise::train::{BatchBy, Data, Source};
    ///
    /// let batcher = BatchBy(|samples: Vec<f32>, device: &Device| Tensor::<1>::from_floats(samples.as_slice(), device));
    /// let data = Data::new(InMemDataset::new(vec![0.5; 4]), batcher, 2)?;
    /// assert_eq!(data.balanced(&[0, 0, 0, 1])?.batches(), 2);
    /// # Ok::<(), equipoise::Error>(())
    /// ```
    pub fn balanced(self, classes: &[usize]) -> Result<Self> {
        let mut counts: HashMap<usize, usize> = HashMap::new();
        for class in classes {
            *counts.entry(*class).or_default() += 1;
        }
        let weights: Vec<f64> = classes.iter().map(|c| 1.0 / counts[c] as f64).collect();
        self.weighted(&weights)
    }

    fn order(&self, pass: DataPass) -> Arc<[usize]> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((known, order)) if *known == pass => order.clone(),
            _ => {
                let order: Arc<[usize]> = self.drawn(pass).into();
                *last = Some((pass, order.clone()));
                order
            }
        }
    }

    fn drawn(&self, pass: DataPass) -> Vec<usize> {
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
