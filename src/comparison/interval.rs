//! Mean and 95 % interval over a few runs: Student's t, because with three seeds the normal quantile would be half of it.

/// Quantiles of Student's t at 0.975 for 1 to 30 degrees of freedom.
const QUANTILES: [f64; 30] = [
    12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157,
    2.228139, 2.200985, 2.178813, 2.160369, 2.144787, 2.131450, 2.119905, 2.109816, 2.100922,
    2.093024, 2.085963, 2.079614, 2.073873, 2.068658, 2.063899, 2.059539, 2.055529, 2.051831,
    2.048407, 2.045230, 2.042272,
];

/// The same quantile of the normal distribution.
const NORMAL: f64 = 1.959_964;

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
    /// The mean and interval of the finite ones among `values`. A value that is not finite is left out and not counted,
    /// so a smaller `count` than expected says that runs went wrong.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count as f64;
        let half = half_width(&values, mean);
        Self {
            mean,
            low: mean - half,
            high: mean + half,
            count,
        }
    }

    /// Half of the interval's width.
    pub fn half(&self) -> f64 {
        (self.high - self.low) / 2.0
    }

    /// Whether the two have a point in common; not known, and so false, without an interval.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }
}

fn half_width(values: &[f64], mean: f64) -> f64 {
    let freedom = match values.len() {
        0 | 1 => return f64::NAN,
        count => count - 1,
    };
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let variance = squares / freedom as f64;
    quantile(freedom) * (variance / values.len() as f64).sqrt()
}

/// Beyond the table, the first two terms of the expansion around the normal quantile; off by less than 0.0001.
fn quantile(freedom: usize) -> f64 {
    if let Some(quantile) = QUANTILES.get(freedom - 1) {
        return *quantile;
    }
    let (z, n) = (NORMAL, freedom as f64);
    z + (z.powi(3) + z) / (4.0 * n)
        + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * n * n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_beyond_the_table_go_on_from_it() {
        assert!((quantile(30) - 2.042272).abs() < 1e-9);
        // From a printed table.
        for (freedom, expected) in [(40, 2.0211), (60, 2.0003), (120, 1.9799)] {
            let found = quantile(freedom);
            assert!((found - expected).abs() < 1e-4, "{freedom}: {found}");
        }
    }

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
