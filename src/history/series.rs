//! Holds the values of one quantity over the epochs.

use std::ops::Deref;

/// The values of one quantity of a task on a split, and the value known before training.
///
/// Dereferences to a slice of `(epoch, value)` with ascending epochs, counted from 1.
///
/// # Example
///
/// ```
/// use equipoise::history::{History, Split, quantity};
///
/// let mut history = History::new();
/// history.record(1, Split::Valid, "price", quantity::LOSS, 0.9);
/// history.record(2, Split::Valid, "price", quantity::LOSS, 0.4);
/// let loss = history.series(Split::Valid, "price", quantity::LOSS);
/// assert_eq!(loss.ends(), Some((0.9, 0.4)));
/// assert_eq!(loss[1], (2, 0.4));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    known: Option<f64>,
    points: Vec<(usize, f64)>,
}

impl Deref for Series {
    type Target = [(usize, f64)];

    fn deref(&self) -> &Self::Target {
        &self.points
    }
}

impl<'a> IntoIterator for &'a Series {
    type Item = (usize, f64);
    type IntoIter = std::iter::Copied<std::slice::Iter<'a, (usize, f64)>>;

    fn into_iter(self) -> Self::IntoIter {
        self.points.iter().copied()
    }
}

impl Series {
    pub(super) const fn new() -> Self {
        Self {
            known: None,
            points: Vec::new(),
        }
    }

    /// Inserts a value. Returns whether it replaced a value of the same epoch.
    pub(super) fn put(&mut self, epoch: usize, value: f64) -> bool {
        if epoch == 0 {
            return self.known.replace(value).is_some();
        }
        match self
            .points
            .binary_search_by_key(&epoch, |(epoch, _)| *epoch)
        {
            Ok(at) => {
                self.points[at].1 = value;
                true
            }
            Err(at) => {
                self.points.insert(at, (epoch, value));
                false
            }
        }
    }

    /// Returns the value known before training.
    pub fn known(&self) -> Option<f64> {
        self.known
    }

    /// Returns the value of an epoch. Epoch 0 is the value known before training.
    pub fn at(&self, epoch: usize) -> Option<f64> {
        if epoch == 0 {
            return self.known;
        }
        let found = self
            .points
            .binary_search_by_key(&epoch, |(epoch, _)| *epoch);
        found.ok().map(|at| self.points[at].1)
    }

    /// Iterates over the values without their epochs.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = f64> + ExactSizeIterator + '_ {
        self.points.iter().map(|(_, value)| *value)
    }

    /// Returns the value of the first epoch with a value.
    pub fn earliest(&self) -> Option<f64> {
        self.values().next()
    }

    /// Returns the value of the last epoch with a value.
    pub fn latest(&self) -> Option<f64> {
        self.values().next_back()
    }

    /// Returns the values of the first and of the last epoch.
    pub fn ends(&self) -> Option<(f64, f64)> {
        self.earliest().zip(self.latest())
    }

    /// Returns the sum over all epochs.
    pub fn total(&self) -> f64 {
        self.values().sum()
    }

    /// Returns the smallest finite value with its epoch, the earliest if several are equal.
    pub fn least(&self) -> Option<(usize, f64)> {
        self.finite().min_by(|(_, a), (_, b)| a.total_cmp(b))
    }

    /// Returns the largest finite value with its epoch, the earliest if several are equal.
    pub fn largest(&self) -> Option<(usize, f64)> {
        self.finite().min_by(|(_, a), (_, b)| b.total_cmp(a))
    }

    fn finite(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.into_iter().filter(|(_, value)| value.is_finite())
    }

    /// Returns the last half of the points, without the untypical start of the training.
    pub fn late(&self) -> &[(usize, f64)] {
        &self.points[self.points.len() / 2..]
    }

    /// Returns the mean of the finite values of the [last half](Self::late).
    pub fn late_mean(&self) -> Option<f64> {
        let late = self.late().iter().map(|(_, value)| *value);
        let finite: Vec<f64> = late.filter(|value| value.is_finite()).collect();
        (!finite.is_empty()).then(|| finite.iter().sum::<f64>() / finite.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_in_the_order_of_their_epochs_and_replaced() {
        let mut series = Series::new();
        for (epoch, value) in [(3, 0.3), (0, 9.0), (1, 0.1), (2, f64::NAN)] {
            assert!(!series.put(epoch, value));
        }
        assert!(series.put(3, 0.5) && series.put(0, 8.0));
        assert_eq!(series.known(), Some(8.0));
        assert_eq!(series.len(), 3);
        assert_eq!(series.ends(), Some((0.1, 0.5)));
        assert_eq!(
            (series.at(3), series.at(4), series.at(0)),
            (Some(0.5), None, Some(8.0))
        );
        assert_eq!(series.least(), Some((1, 0.1)));
        assert_eq!(series.largest(), Some((3, 0.5)));
        // The mean over the epochs 2 and 3, without the NaN.
        assert_eq!(series.late_mean(), Some(0.5));
    }
}
