//! The batches of an epoch as a loader of Burn, from any source.
//!
//! Burn's own loader advances one generator from epoch to epoch, whose state no checkpoint holds. This one counts its
//! epochs, so a run can be taken up at any of them. The device's random state is set anew with every training batch, so that
//! whatever else draws from it in a step, a measurement say, does not change the steps after it. It is set when a batch is taken,
//! so a batch that was made ahead must not have drawn from it.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::data::dataloader::{DataLoader, DataLoaderIterator, Progress};
use burn::data::dataset::DatasetError;
use burn::tensor::{Device, StreamId};

use super::Source;
use super::ahead::{Ahead, Maker, place};

/// The batches of an epoch, one by one.
pub(in crate::train) struct EpochLoader<B> {
    source: Arc<dyn Source<B>>,
    /// Samples of a batch.
    count: fn(&B) -> usize,
    /// Batches of an epoch.
    batches: usize,
    /// Fixes what is drawn; none where the device's random state is left alone, as in validation.
    seed: Option<u64>,
    device: Device,
    /// Devices that take batches in turn with that one.
    more: Arc<[Device]>,
    epoch: Arc<AtomicUsize>,
    /// Batches that are made while a step runs.
    ahead: usize,
    /// The stream of the thread that makes them, the same in every epoch: a GPU keeps memory for each stream for good.
    stream: StreamId,
}

// By hand, because a batch need not be `Clone`.
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
    /// Creates a loader whose first pass is epoch 1 and one pass over the source.
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

    /// Has so many batches made ahead, on a thread of their own; none where it is 0.
    pub(in crate::train) fn ahead(mut self, batches: usize) -> Self {
        self.ahead = batches;
        self
    }

    /// Makes batches on these devices in turn: the first of an epoch on the loader's own device, the next on the first of these, and
    /// so on.
    pub(in crate::train) fn and_on(mut self, more: &[Device]) -> Self {
        self.more = more.into();
        self
    }

    /// Makes an epoch so many batches long, whatever the source has; passes over the source follow each other.
    pub(in crate::train) fn of_length(mut self, batches: usize) -> Self {
        self.batches = batches;
        self
    }

    /// Makes `epoch` the next pass.
    pub(in crate::train) fn starting_at(self, epoch: usize) -> Self {
        self.epoch.store(epoch, Ordering::Relaxed);
        self
    }

    /// Samples of an epoch, about, where the batches differ.
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
    /// Of the batches to come; they are counted through all passes.
    numbers: Range<usize>,
    /// The first of the epoch.
    first: usize,
    devices: Vec<Device>,
    batches: Made<'a, B>,
    /// Samples.
    seen: usize,
}

/// When batches are made.
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
        // Burn takes the last batch by it.
        let seen = if self.numbers.is_empty() {
            all
        } else {
            self.seen.min(all.saturating_sub(1))
        };
        Progress::new(seen, all, Some("samples".into()))
    }
}

/// The batches of an epoch in groups, one for each step of the optimizer; the last group is smaller if they do not come out
/// even.
pub(in crate::train) struct Groups<B> {
    pub(in crate::train) batches: EpochLoader<B>,
    /// Batches of a group.
    pub(in crate::train) size: usize,
}

impl<B: 'static> Groups<B> {
    /// Steps of an epoch.
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
