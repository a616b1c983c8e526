//! Batches of an epoch, whose order and random state depend on the seed, the epoch and their number alone.
//!
//! Burn's own loader advances one generator from epoch to epoch, whose state no checkpoint holds. This one counts its
//! epochs and draws each anew, so a run can be taken up at any of them. The device's random state is set anew with every
//! batch, so that whatever else draws from it in a step, a measurement say, does not change the steps after it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataloader::{DataLoader, DataLoaderIterator, Progress};
use burn::data::dataset::{Dataset, DatasetError};
use burn::tensor::Device;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The order of the samples in an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As in the dataset, every time; the device's random state is left alone. For validation.
    Sequential,
    /// Shuffled anew each epoch, and the device's random state (dropout) set anew with each batch. For training.
    Shuffled {
        /// Fixes all epochs.
        seed: u64,
    },
}

/// A data loader that can start at any epoch.
pub struct EpochLoader<I, B> {
    dataset: Arc<dyn Dataset<I>>,
    batcher: Arc<dyn Batcher<I, B>>,
    batch_size: usize,
    order: Order,
    device: Device,
    epoch: AtomicUsize,
}

impl<I, B> EpochLoader<I, B> {
    /// A loader of batches of `batch_size` samples, the last one shorter if they do not come out even. The first pass is
    /// epoch 1.
    ///
    /// # Panics
    ///
    /// If `batch_size` is 0.
    pub fn new(
        dataset: impl Dataset<I> + 'static,
        batcher: impl Batcher<I, B> + 'static,
        batch_size: usize,
        order: Order,
        device: &Device,
    ) -> Self {
        assert!(batch_size > 0, "a batch needs at least one sample");
        Self {
            dataset: Arc::new(dataset),
            batcher: Arc::new(batcher),
            batch_size,
            order,
            device: device.clone(),
            epoch: AtomicUsize::new(1),
        }
    }

    /// Makes `epoch` the next pass.
    pub fn starting_at(self, epoch: usize) -> Self {
        self.epoch.store(epoch, Ordering::Relaxed);
        self
    }

    /// Steps per epoch.
    pub fn steps(&self) -> usize {
        self.dataset.len().div_ceil(self.batch_size)
    }

    /// The order of the samples, and what the batches' random states are drawn from.
    fn begin_epoch(&self) -> (Vec<usize>, Option<ChaCha8Rng>) {
        let epoch = self.epoch.fetch_add(1, Ordering::Relaxed);
        let mut order: Vec<usize> = (0..self.dataset.len()).collect();
        let Order::Shuffled { seed } = self.order else {
            return (order, None);
        };
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(epoch as u64);
        order.shuffle(&mut random);
        (order, Some(random))
    }

    fn with(&self, dataset: Arc<dyn Dataset<I>>, device: &Device) -> Self {
        Self {
            dataset,
            batcher: self.batcher.clone(),
            batch_size: self.batch_size,
            order: self.order,
            device: device.clone(),
            epoch: AtomicUsize::new(self.epoch.load(Ordering::Relaxed)),
        }
    }
}

impl<I, B> DataLoader<B> for EpochLoader<I, B>
where
    I: Send + Sync + Clone + 'static,
    B: Send + 'static,
{
    fn iter<'a>(&'a self) -> Box<dyn DataLoaderIterator<B> + 'a> {
        let (order, random) = self.begin_epoch();
        Box::new(EpochIterator {
            order,
            random,
            loader: self,
            position: 0,
        })
    }

    fn num_items(&self) -> usize {
        self.dataset.len()
    }

    fn to_device(&self, device: &Device) -> Arc<dyn DataLoader<B>> {
        Arc::new(self.with(self.dataset.clone(), device))
    }

    fn slice(&self, start: usize, end: usize) -> Arc<dyn DataLoader<B>> {
        let part =
            burn::data::dataset::transform::PartialDataset::new(self.dataset.clone(), start, end);
        Arc::new(self.with(Arc::new(part), &self.device))
    }
}

struct EpochIterator<'a, I, B> {
    loader: &'a EpochLoader<I, B>,
    order: Vec<usize>,
    random: Option<ChaCha8Rng>,
    position: usize,
}

impl<I, B> Iterator for EpochIterator<'_, I, B> {
    type Item = Result<B, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        let end = self.position.saturating_add(self.loader.batch_size);
        let end = end.min(self.order.len());
        let chosen = &self.order[self.position..end];
        if chosen.is_empty() {
            return None;
        }
        let items: Result<Vec<I>, DatasetError> = chosen
            .iter()
            .map(|index| self.loader.dataset.get(*index))
            .collect();
        self.position = end;
        if let Some(random) = &mut self.random {
            self.loader.device.seed(random.random());
        }
        Some(items.map(|items| self.loader.batcher.batch(items, &self.loader.device)))
    }
}

impl<I, B> DataLoaderIterator<B> for EpochIterator<'_, I, B> {
    fn progress(&self) -> Progress {
        Progress::new(self.position, self.order.len(), Some("samples".into()))
    }
}
