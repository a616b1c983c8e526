//! Makes batches on demand, or ahead on a thread.

use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{Builder, JoinHandle};

use burn::data::dataset::DatasetError;
use burn::tensor::{Device, StreamId};

use super::{Batches, DataPass, Source};

/// Returns the pass of a batch and the position of the batch in the pass. `number` counts over all passes.
pub(super) fn place<B: 'static>(
    source: &dyn Source<B>,
    seed: u64,
    number: usize,
) -> (DataPass, usize) {
    let of_source = source.batches().max(1);
    let pass = DataPass::new(seed, number / of_source + 1);
    (pass, number % of_source)
}

/// Makes batches one after another.
pub(super) struct Maker<'a, B> {
    source: &'a dyn Source<B>,
    seed: u64,
    /// The devices that take batches in turn, at least one.
    devices: Vec<Device>,
    /// The open pass with its number.
    open: Option<(usize, Batches<'a, B>)>,
}

impl<'a, B: 'static> Maker<'a, B> {
    pub(super) fn new(source: &'a dyn Source<B>, seed: u64, devices: Vec<Device>) -> Self {
        Self {
            source,
            seed,
            devices,
            open: None,
        }
    }

    /// Makes the batch with a number, counted over all passes; usually the successor of the last batch. `turn` is the
    /// position in the epoch, which selects the device.
    pub(super) fn make(&mut self, number: usize, turn: usize) -> Result<B, DatasetError> {
        let (pass, at) = place(self.source, self.seed, number);
        let device = &self.devices[turn % self.devices.len()];
        // An open pass makes all its batches on one device.
        let held = self.open.take();
        let alike = self.devices.iter().all(|device| *device == self.devices[0]);
        let held = held.filter(|(held, _)| *held == pass.number() && alike);
        let (_, mut batches) = held.unwrap_or_else(|| {
            let batches = self.source.pass(pass, at, device);
            (pass.number(), batches)
        });
        let batch = batches.next();
        self.open = Some((pass.number(), batches));
        batch.expect("a source gives as many batches as it says (`Source::batches`)")
    }
}

/// Batches that a thread makes ahead of the consumer.
pub(super) struct Ahead<B> {
    batches: Option<Receiver<Result<B, DatasetError>>>,
    thread: Option<JoinHandle<()>>,
}

impl<B: Send + 'static> Ahead<B> {
    /// Starts with the first of `numbers`; at most `most` batches wait, at least 1.
    pub(super) fn start(
        source: Arc<dyn Source<B>>,
        seed: u64,
        (devices, stream): (Vec<Device>, StreamId),
        numbers: Range<usize>,
        most: usize,
    ) -> Self {
        // The thread holds one more batch.
        let (sender, batches) = sync_channel(most.saturating_sub(1));
        let work = move || {
            let mut maker = Maker::new(&*source, seed, devices);
            for (turn, number) in numbers.enumerate() {
                // The epoch was stopped, and no more batches are taken.
                if sender.send(maker.make(number, turn)).is_err() {
                    return;
                }
            }
        };
        let thread = Builder::new()
            .name("batches".into())
            .spawn(move || stream.executes(work));
        Self {
            batches: Some(batches),
            thread: Some(thread.expect("the system gives a thread")),
        }
    }

    /// Waits for the next batch.
    ///
    /// # Panics
    ///
    /// With the panic of the source, if it panicked.
    pub(super) fn next(&mut self) -> Result<B, DatasetError> {
        let batches = self.batches.as_ref().expect("until it is dropped");
        match batches.recv() {
            Ok(batch) => batch,
            Err(_) => match self.thread.take().map(JoinHandle::join) {
                Some(Err(panic)) => resume_unwind(panic),
                _ => unreachable!("more batches are taken than were asked for"),
            },
        }
    }
}

impl<B> Drop for Ahead<B> {
    fn drop(&mut self) {
        // The thread ends when the channel is closed.
        drop(self.batches.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
