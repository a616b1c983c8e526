//! Defines where the batches of a run come from: a data set, several data sets in turn, or a custom source.
//!
//! The batches of a [`Source`] depend on the pass alone, so a run can continue from any epoch: no generator carries a
//! state from pass to pass, and no state has to be recorded.

mod ahead;
mod dataset;
mod loader;
mod mixture;

pub use dataset::{BatchBy, Data};
pub(super) use loader::{EpochLoader, Groups};
pub use mixture::{Alternation, Mixture};

use burn::data::dataset::DatasetError;
use burn::tensor::Device;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::Result;

/// Batches that are made on demand.
pub type Batches<'a, B> = Box<dyn Iterator<Item = Result<B, DatasetError>> + 'a>;

/// A source of batches of any size.
///
/// # Example
///
/// A source that makes its batches instead of reading them:
///
/// ```
/// use burn::tensor::{Device, Distribution, Tensor};
/// use equipoise::train::{Batches, DataPass, Source};
///
/// struct Noise;
///
/// impl Source<Tensor<2>> for Noise {
///     fn samples(&self) -> usize {
///         10 * 32
///     }
///
///     fn batches(&self) -> usize {
///         10
///     }
///
///     fn pass(&self, _: DataPass, from: usize, device: &Device) -> Batches<'_, Tensor<2>> {
///         let device = device.clone();
///         // The device's generator is seeded before each batch, so the numbers depend on the pass and on the batch.
///         let batch = move |_| Ok(Tensor::random([32, 8], Distribution::Default, &device));
///         Box::new((from..self.batches()).map(batch))
///     }
/// }
/// ```
pub trait Source<B>: Send + Sync + 'static {
    /// Returns the number of samples in a pass, for the progress output.
    fn samples(&self) -> usize;

    /// Returns the number of batches in a pass, at least 1 and equal in every pass.
    fn batches(&self) -> usize;

    /// Checks the settings of the source before training begins. The default accepts everything.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) naming the invalid setting.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Returns the batches of a pass, starting with batch number `from`, counted from 0.
    ///
    /// Equal passes give equal batches. Random numbers on the host come from [`DataPass::random`]; the caller seeds the
    /// generator of the device before each training batch. A run on several devices begins a pass for every batch, so
    /// beginning a pass should cost little.
    fn pass(&self, pass: DataPass, from: usize, device: &Device) -> Batches<'_, B>;
}

/// Returns `count` batches of a pass, spread evenly over it; each batch is made on demand.
pub(super) fn spread<'a, B: 'static>(
    source: &'a dyn Source<B>,
    pass: DataPass,
    count: usize,
    device: &'a Device,
) -> impl Iterator<Item = Result<B, DatasetError>> + 'a {
    let all = source.batches();
    let count = count.min(all);
    (0..count).map(move |number| {
        let at = number * all / count;
        device.seed(pass.seed_of(at));
        let batch = source.pass(pass, at, device).next();
        batch.expect("a source gives as many batches as it says (`Source::batches`)")
    })
}

impl<B: 'static> Source<B> for Box<dyn Source<B>> {
    fn samples(&self) -> usize {
        (**self).samples()
    }

    fn batches(&self) -> usize {
        (**self).batches()
    }

    fn check(&self) -> Result<()> {
        (**self).check()
    }

    fn pass(&self, pass: DataPass, from: usize, device: &Device) -> Batches<'_, B> {
        (**self).pass(pass, from, device)
    }
}

/// One pass over the data, and the seed of its random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataPass {
    seed: u64,
    number: u64,
}

impl DataPass {
    /// Creates the pass with a number, counted from 1.
    pub fn new(seed: u64, number: usize) -> Self {
        let number = number as u64;
        Self { seed, number }
    }

    /// Returns the number of the pass, counted from 1.
    pub fn number(&self) -> usize {
        self.number as usize
    }

    /// Creates the generator of the pass, which starts from the same state whenever the pass is repeated.
    pub fn random(&self) -> ChaCha8Rng {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(self.number);
        random
    }

    /// Returns a pass over a part of the data, with its own generator.
    pub fn of_part(&self, part: usize, number: usize) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        // The streams of passes count up from below.
        random.set_stream(u64::MAX - part as u64);
        Self::new(random.random(), number)
    }

    /// Returns the seed of the device for a batch, counted from 0.
    pub(super) fn seed_of(&self, batch: usize) -> u64 {
        let mut random = ChaCha8Rng::seed_from_u64(!self.seed);
        random.set_stream(self.number);
        random.set_word_pos(2 * batch as u128);
        random.random()
    }
}
