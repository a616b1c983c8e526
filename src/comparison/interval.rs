//! Mean and 95 % interval over a few runs.

use crate::statistics::half_width;

/// The mean of some values and the interval that holds the mean of all values like them, in 95 of 100 cases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The mean; NaN of no values.
    pub mean: f64,
    /// The lower end; NaN of fewer than two values, which do not tell how far others would lie.
    pub low: f64,
    /// The upper end, likewise.
    pub high: f64,
    /// How many values there were.
    pub count: usize,
}

impl Interval {
    /// Creates the mean and interval of the finite ones among `values`. A value that is not finite is left out and not counted,
    /// so a smaller `count` than expected says that runs went wrong.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count as f64;
        let half = half_width(&values);
        Self {
            mean,
            low: mean - half,
            high: mean + half,
            count,
        }
    }

    /// Returns the same interval without what lies beyond bounds that no value can pass, such as 0 and 1 of an accuracy.
    pub fn within(mut self, least: f64, most: f64) -> Self {
        // Comparisons, because what is not known stays so.
        if self.low < least {
            self.low = least;
        }
        if self.high > most {
            self.high = most;
        }
        self
    }

    /// Returns whether a bound cut off a part of it.
    pub(crate) fn is_clipped(&self) -> bool {
        let (below, above) = (self.mean - self.low, self.high - self.mean);
        (below - above).abs() > 1e-9 * (below + above)
    }

    /// Returns half of the interval's width.
    pub fn half(&self) -> f64 {
        (self.high - self.low) / 2.0
    }

    /// Returns whether the two have a point in common; not known, and so false, without an interval.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_an_interval_of_no_width() {
        let interval = Interval::of([2.0, 2.0, 2.0]);
        assert_eq!(
            (interval.low, interval.high, interval.half()),
            (2.0, 2.0, 0.0)
        );
        assert!(interval.overlaps(&interval));
    }

    #[test]
    fn without_an_interval_nothing_overlaps() {
        let one = Interval::of([2.0]);
        assert_eq!((one.mean, one.count), (2.0, 1));
        assert!(one.low.is_nan() && one.high.is_nan());
        assert!(!one.overlaps(&one));
        assert!(Interval::of([]).mean.is_nan());
    }
}
