//! Computes means and their 95 % intervals.
//!
//! The intervals use Student's t, because with three values the normal quantile would be half as large.

/// The quantiles of Student's t at 0.975 for 1 to 30 degrees of freedom.
const QUANTILES: [f64; 30] = [
    12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157,
    2.228139, 2.200985, 2.178813, 2.160369, 2.144787, 2.131450, 2.119905, 2.109816, 2.100922,
    2.093024, 2.085963, 2.079614, 2.073873, 2.068658, 2.063899, 2.059539, 2.055529, 2.051831,
    2.048407, 2.045230, 2.042272,
];

/// The quantile of the normal distribution at 0.975.
const NORMAL: f64 = 1.959_964;

/// Returns half of the 95 % interval around the mean of `values`; NaN if there are fewer than two.
pub(crate) fn half_width(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let Some(freedom) = values.len().checked_sub(1).filter(|freedom| *freedom > 0) else {
        return f64::NAN;
    };
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    quantile(freedom) * (squares / freedom as f64 / count).sqrt()
}

/// Returns the mean; NaN without values.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Returns the quantile of Student's t at 0.975 for `freedom` degrees of freedom, at least 1.
///
/// Beyond the table, the first two terms of the expansion around the normal quantile are used; the error is below
/// 0.0001.
pub(crate) fn quantile(freedom: usize) -> f64 {
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
    fn an_interval_needs_two_values() {
        assert!(half_width(&[]).is_nan() && half_width(&[2.0]).is_nan());
        assert_eq!(half_width(&[2.0, 2.0]), 0.0);
        // Mean 2, standard deviation 1, t(2) = 4.303.
        assert!((half_width(&[1.0, 2.0, 3.0]) - 4.302653 / 3f64.sqrt()).abs() < 1e-9);
    }
}
