//! Computes mean and 95 % interval over a few runs.

use crate::statistics::half_width;

/// A mean with its 95 % interval from Student's t.
///
/// # Example
///
/// ```
/// use equipoise::comparison::Interval;
///
/// let interval = Interval::of([1.0, 2.0, 3.0]);
/// assert_eq!((interval.mean, interval.count), (2.0, 3));
/// assert!(interval.low < 0.0 && interval.high > 4.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The mean; NaN without values.
    pub mean: f64,
    /// The lower end of the interval; NaN for fewer than two values.
    pub low: f64,
    /// The upper end of the interval; NaN for fewer than two values.
    pub high: f64,
    /// The number of finite values.
    pub count: usize,
}

impl Interval {
    /// Computes the mean and the interval of the finite `values`.
    ///
    /// Values that are not finite are left out and not counted, so a `count` below the number of runs indicates
    /// failures.
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

    /// Clips the interval to the range of the quantity, such as 0 to 1 for an accuracy.
    pub fn within(mut self, least: f64, most: f64) -> Self {
        // Comparisons, because NaN must stay NaN.
        if self.low < least {
            self.low = least;
        }
        if self.high > most {
            self.high = most;
        }
        self
    }

    /// Returns whether the interval was clipped, so that the mean is not in its centre.
    pub(crate) fn is_clipped(&self) -> bool {
        let (below, above) = (self.mean - self.low, self.high - self.mean);
        (below - above).abs() > 1e-9 * (below + above)
    }

    /// Returns half of the interval's width; NaN without an interval.
    pub fn half(&self) -> f64 {
        (self.high - self.low) / 2.0
    }

    /// Returns whether the two intervals have a point in common. False if one of them is NaN.
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
