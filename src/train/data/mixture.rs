//! Alternates between several sources of batches, for tasks with separate data.

use std::sync::{Arc, OnceLock};

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::{Batches, DataPass, Source};
use crate::error::{Error, Result};

/// The number of batches of each source in a pass of a [`Mixture`]. The batches of a source are spread evenly over the
/// pass.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alternation {
    /// One batch of each source in turn, as many as the largest source has; smaller sources start again.
    #[default]
    RoundRobin,
    /// Every batch of every source once.
    Proportional,
    /// In proportion to `batches^(1 / T)`, at least one batch of each source, and about as many in total as the sources
    /// have together. `T = 1` is [`Proportional`](Self::Proportional); a large T gives every source about the same
    /// number.
    Temperature(f64),
    /// These numbers of batches, one for each source, at least 1 each.
    Numbers(Vec<usize>),
}

/// Batches of several sources in turn, such as one data set for each task.
///
/// A source at its end begins its next pass, even in the middle of an epoch, and continues there in the next epoch. For
/// validation use [`Alternation::Proportional`], which reads every batch once; the others read some batches twice or
/// never.
///
/// # Example
///
/// ```
/// use burn::data::dataloader::batcher::Batcher;
/// use burn::data::dataset::InMemDataset;
/// use burn::tensor::{Device, Tensor};
/// use equipoise::train::{Alternation, Data, Mixture, Source};
///
/// #[derive(Clone)]
/// struct ToTensor;
///
/// impl Batcher<f32, Tensor<1>> for ToTensor {
///     fn batch(&self, items: Vec<f32>, device: &Device) -> Tensor<1> {
///         Tensor::from_floats(items.as_slice(), device)
///     }
/// }
///
/// let data = |count| Data::new(InMemDataset::new(vec![1.0; count]), ToTensor, 8);
/// let mixture = Mixture::new(Alternation::RoundRobin)
///     .with("cats", data(80)?.shuffled())
///     .with("dogs", data(16)?.shuffled());
/// mixture.check()?;
/// assert_eq!(mixture.batches(), 20);
/// # Ok::<(), equipoise::Error>(())
/// ```
pub struct Mixture<B> {
    alternation: Alternation,
    parts: Vec<(String, Arc<dyn Source<B>>)>,
    /// The order of the sources, equal in every pass. It is kept because a run may begin a pass for every batch.
    turns: OnceLock<Vec<(usize, usize)>>,
}

impl<B: 'static> Mixture<B> {
    /// Creates a mixture without sources; [`with`](Self::with) adds them.
    pub fn new(alternation: Alternation) -> Self {
        Self {
            alternation,
            parts: Vec::new(),
            turns: OnceLock::new(),
        }
    }

    /// Adds a source. The name appears in error messages.
    pub fn with(mut self, name: &str, source: impl Source<B>) -> Self {
        self.parts.push((name.into(), Arc::new(source)));
        self.turns = OnceLock::new();
        self
    }

    /// Returns the number of batches of each source in a pass.
    fn numbers(&self) -> Vec<usize> {
        let own = self.parts.iter().map(|(_, source)| source.batches());
        let own: Vec<usize> = own.collect();
        match &self.alternation {
            Alternation::RoundRobin => {
                let most = own.iter().copied().max().unwrap_or_default();
                vec![most; own.len()]
            }
            Alternation::Proportional => own,
            Alternation::Temperature(temperature) => {
                // Relative to the largest source, so that nothing overflows at a small temperature.
                let most = own.iter().copied().max().unwrap_or(1).max(1) as f64;
                let powers = own
                    .iter()
                    .map(|n| (*n as f64 / most).powf(1.0 / temperature));
                let powers: Vec<f64> = powers.collect();
                let all: usize = own.iter().sum();
                let scale = all as f64 / powers.iter().sum::<f64>();
                let number = |power: &f64| ((power * scale).round() as usize).max(1);
                powers.iter().map(number).collect()
            }
            Alternation::Numbers(numbers) => numbers.clone(),
        }
    }

    /// Returns, for each batch of a pass, its source and its number among the batches of this source.
    fn turns(&self) -> Vec<(usize, usize)> {
        let numbers = self.numbers();
        let of = |(part, number): (usize, &usize)| {
            let number = *number;
            // The middle of the batch's share of the pass, as a fraction.
            (0..number).map(move |at| ((at as f64 + 0.5) / number as f64, part, at))
        };
        let mut turns: Vec<_> = numbers.iter().enumerate().flat_map(of).collect();
        turns.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        turns.into_iter().map(|(_, part, at)| (part, at)).collect()
    }
}

impl<B: 'static> Source<B> for Mixture<B> {
    fn samples(&self) -> usize {
        let parts = self.parts.iter().zip(self.numbers());
        let of = |((_, source), number): (&(String, Arc<dyn Source<B>>), usize)| {
            source.samples() * number / source.batches().max(1)
        };
        parts.map(of).sum()
    }

    fn batches(&self) -> usize {
        self.numbers().iter().sum()
    }

    fn check(&self) -> Result<()> {
        let names: Vec<&str> = self.parts.iter().map(|(name, _)| name.as_str()).collect();
        if names.is_empty() {
            return Err(Error::setting("sources", "none", "at least one"));
        }
        for (name, source) in &self.parts {
            source.check()?;
            if source.batches() == 0 {
                let found = format!("without a batch in {name}");
                return Err(Error::setting(
                    "sources",
                    found,
                    "at least one batch in each",
                ));
            }
        }
        match &self.alternation {
            Alternation::Temperature(t) if !(t.is_finite() && *t > 0.0) => {
                Err(Error::setting("temperature", t, "a positive finite number"))
            }
            Alternation::Numbers(numbers)
                if numbers.len() != names.len() || numbers.contains(&0) =>
            {
                let expected = format!("a number of at least 1 for each of {}", names.join(", "));
                Err(Error::setting("numbers", format!("{numbers:?}"), expected))
            }
            _ => Ok(()),
        }
    }

    fn pass(&self, pass: DataPass, from: usize, device: &Device) -> Batches<'_, B> {
        let (numbers, device) = (self.numbers(), device.clone());
        let behind = pass.number() - 1;
        let mut open: Vec<Option<Part<'_, B>>> = self.parts.iter().map(|_| None).collect();
        let turn = move |(part, at): (usize, usize)| {
            let source = &self.parts[part].1;
            let batch = behind * numbers[part] + at;
            let (number, at) = (batch / source.batches() + 1, batch % source.batches());
            let held = open[part].take().filter(|held| held.number == number);
            let mut held = held.unwrap_or_else(|| Part {
                number,
                batches: source.pass(pass.of_part(part, number), at, &device),
            });
            let next = held.batches.next();
            open[part] = Some(held);
            next.expect("a source gives as many batches as it says")
        };
        let turns = self.turns.get_or_init(|| self.turns());
        Box::new(turns.iter().copied().skip(from).map(turn))
    }
}

/// A source within one of its passes.
struct Part<'a, B> {
    number: usize,
    batches: Batches<'a, B>,
}
