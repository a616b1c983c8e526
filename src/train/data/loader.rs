//! Loads the batches of an epoch from any source, as a data loader of Burn.
//!
//! Burn's own loader advances one generator from epoch to epoch, and no checkpoint holds its state. This loader counts
//! its epochs, so a run can continue from any epoch. The random state of the device is set before every training batch,
//! so a measurement that draws from the device in one step does not change later steps. It is set when a batch is
//! taken, so a batch made ahead must not draw from it.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::data::dataloader::{DataLoader, DataLoaderIterator, Progress};
use burn::data::dataset::DatasetError;
use burn::tensor::{Device, StreamId};

use super::Source;
use super::ahead::{Ahead, Maker, place};

/// A loader of the batches of an epoch.
pub(in crate::train) struct EpochLoader<B> {
    source: Arc<dyn Source<B>>,
    /// Returns the number of samples of a batch.
    count: fn(&B) -> usize,
    /// The number of batches of an epoch.
    batches: usize,
    /// The seed of the random numbers; `None` leaves the random state of the device unchanged, as in validation.
    seed: Option<u64>,
    device: Device,
    /// Devices that take batches in turn with `device`.
    more: Arc<[Device]>,
    epoch: Arc<AtomicUsize>,
    /// The number of batches made while a step runs.
    ahead: usize,
    /// The stream of the thread that makes batches ahead, the same in every epoch, because a GPU keeps memory for each
    /// stream permanently.
    stream: StreamId,
}

// Implemented by hand, because a batch need not be `Clone`.
impl<B> Clone for EpochLoader<B> {
    fn clone(&self) -> Self {
        Self {
            source: self.source.clone(),
            device: self.device.clone(),
            more: self.more.clone(),
            epoch: Arc::new(AtomicUsize::new(self.epoch.load(Ordering::Relaxed))),
            ..*self
        }
    }
}

impl<B: 'static> EpochLoader<B> {
    /// Creates a loader whose first epoch is epoch 1 and one pass over the source.
    pub(in crate::train) fn new(
        source: Arc<dyn Source<B>>,
        count: fn(&B) -> usize,
        seed: Option<u64>,
        device: &Device,
    ) -> Self {
        Self {
            batches: source.batches(),
            source,
            count,
            seed,
            device: device.clone(),
            more: Arc::new([]),
            epoch: Arc::new(AtomicUsize::new(1)),
            ahead: 0,
            stream: StreamId::allocate(),
        }
    }

    /// Sets how many batches a separate thread makes ahead; 0 makes none ahead.
    pub(in crate::train) fn ahead(mut self, batches: usize) -> Self {
        self.ahead = batches;
        self
    }

    /// Makes batches on several devices in turn: the first batch of an epoch on the loader's own device, the second on
    /// the first of `more`, and so on.
    pub(in crate::train) fn and_on(mut self, more: &[Device]) -> Self {
        self.more = more.into();
        self
    }

    /// Sets the number of batches of an epoch. Passes over the source follow each other.
    pub(in crate::train) fn of_length(mut self, batches: usize) -> Self {
        self.batches = batches;
        self
    }

    /// Sets the next epoch.
    pub(in crate::train) fn starting_at(self, epoch: usize) -> Self {
        self.epoch.store(epoch, Ordering::Relaxed);
        self
    }

    /// Returns the number of samples of an epoch, approximate if the batches differ in size.
    pub(in crate::train) fn samples(&self) -> usize {
        let of_source = self.source.batches().max(1);
        if self.batches == of_source {
            return self.source.samples();
        }
        (self.source.samples() * self.batches).div_ceil(of_source)
    }

    fn begin_epoch(&self) -> EpochIterator<'_, B>
    where
        B: Send,
    {
        let epoch = self.epoch.fetch_add(1, Ordering::Relaxed);
        let numbers = (epoch - 1) * self.batches..epoch * self.batches;
        let seed = self.seed.unwrap_or_default();
        let own = [self.device.clone()];
        let devices: Vec<Device> = own.into_iter().chain(self.more.iter().cloned()).collect();
        EpochIterator {
            numbers: numbers.clone(),
            first: numbers.start,
            batches: match self.ahead {
                0 => Made::Now(Maker::new(&*self.source, seed, devices.clone())),
                most => {
                    let source = self.source.clone();
                    let on = (devices.clone(), self.stream);
                    Made::Ahead(Ahead::start(source, seed, on, numbers, most))
                }
            },
            devices,
            seen: 0,
            loader: self,
        }
    }
}

impl<B: Send + 'static> DataLoader<B> for EpochLoader<B> {
    fn iter<'a>(&'a self) -> Box<dyn DataLoaderIterator<B> + 'a> {
        Box::new(self.begin_epoch())
    }

    fn num_items(&self) -> usize {
        self.samples()
    }

    fn to_device(&self, device: &Device) -> Arc<dyn DataLoader<B>> {
        let mut moved = self.clone();
        moved.device = device.clone();
        Arc::new(moved)
    }

    fn slice(&self, _start: usize, _end: usize) -> Arc<dyn DataLoader<B>> {
        unreachable!("Burn is told of one device, which needs the whole of the data")
    }
}

struct EpochIterator<'a, B: 'static> {
    loader: &'a EpochLoader<B>,
    /// The numbers of the remaining batches, counted over all passes.
    numbers: Range<usize>,
    /// The number of the first batch of the epoch.
    first: usize,
    devices: Vec<Device>,
    batches: Made<'a, B>,
    /// The number of samples taken.
    seen: usize,
}

/// Batches made on demand or ahead.
enum Made<'a, B: 'static> {
    Now(Maker<'a, B>),
    Ahead(Ahead<B>),
}

impl<B: Send + 'static> Iterator for EpochIterator<'_, B> {
    type Item = Result<B, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        let number = self.numbers.next()?;
        let loader = self.loader;
        if let Some(seed) = loader.seed {
            let (pass, at) = place(&*loader.source, seed, number);
            let turn = (number - self.first) % self.devices.len();
            self.devices[turn].seed(pass.seed_of(at));
        }
        let batch = match &mut self.batches {
            Made::Now(maker) => maker.make(number, number - self.first),
            Made::Ahead(ahead) => ahead.next(),
        };
        if let Ok(batch) = &batch {
            self.seen += (loader.count)(batch);
        }
        Some(batch)
    }
}

impl<B: Send + 'static> DataLoaderIterator<B> for EpochIterator<'_, B> {
    fn progress(&self) -> Progress {
        let all = self.loader.samples();
        // Burn recognises the last batch by this number.
        let seen = if self.numbers.is_empty() {
            all
        } else {
            self.seen.min(all.saturating_sub(1))
        };
        Progress::new(seen, all, Some("samples".into()))
    }
}

/// The batches of an epoch in groups, one group for each step of the optimizer. The last group is smaller if the
/// batches do not divide evenly.
pub(in crate::train) struct Groups<B> {
    pub(in crate::train) batches: EpochLoader<B>,
    /// The number of batches of a group.
    pub(in crate::train) size: usize,
}

impl<B: 'static> Groups<B> {
    /// Returns the number of steps of an epoch.
    pub(in crate::train) fn steps(&self) -> usize {
        self.batches.batches.div_ceil(self.size)
    }
}

impl<B: Send + 'static> DataLoader<Vec<B>> for Groups<B> {
    fn iter<'a>(&'a self) -> Box<dyn DataLoaderIterator<Vec<B>> + 'a> {
        Box::new(GroupIterator {
            batches: self.batches.begin_epoch(),
            size: self.size,
        })
    }

    fn num_items(&self) -> usize {
        self.batches.samples()
    }

    fn to_device(&self, device: &Device) -> Arc<dyn DataLoader<Vec<B>>> {
        let mut batches = self.batches.clone();
        batches.device = device.clone();
        let size = self.size;
        Arc::new(Self { batches, size })
    }

    fn slice(&self, _start: usize, _end: usize) -> Arc<dyn DataLoader<Vec<B>>> {
        unreachable!("Burn is told of one device, which needs the whole of the data")
    }
}

struct GroupIterator<'a, B: 'static> {
    batches: EpochIterator<'a, B>,
    size: usize,
}

impl<B: Send + 'static> Iterator for GroupIterator<'_, B> {
    type Item = Result<Vec<B>, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        let group: Result<Vec<B>, _> = self.batches.by_ref().take(self.size).collect();
        match group {
            Ok(group) if group.is_empty() => None,
            group => Some(group),
        }
    }
}

impl<B: Send + 'static> DataLoaderIterator<Vec<B>> for GroupIterator<'_, B> {
    fn progress(&self) -> Progress {
        self.batches.progress()
    }
}
