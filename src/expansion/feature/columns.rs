//! Computes features from further columns of a file, such as the volume.

/// The largest quotient of a deviation that is rounding, in relation to the mean.
const ROUNDING: f64 = 1e-12;

/// Appends the features of further columns of a window to `out`: a row of `columns` values for every bar.
///
/// `values` holds the columns of the bars, bar after bar, `values[t * columns + column]`. The feature of a value `x[t]`
/// is its distance from the values of the column so far in the window, in standard deviations,
///
/// ```text
/// asinh((x[t] - m[t]) / s[t]),   m[t] = mean of x[0..=t],   s[t]^2 = mean of (x[0..=t] - m[t])^2
/// ```
///
/// and 0 while all values so far are equal, as at the first bar, in a column of zeros and in a constant column. So the
/// unit and the level of a column do not matter, and row `t` depends on bars `0..=t` of the window only. The quotient
/// is at most `sqrt(t)`; `asinh` is nearly the identity up to 1 and grows like a logarithm beyond. Finite values give
/// finite features.
///
/// # Panics
///
/// If `values` is not a whole number of rows.
///
/// # Example
/// ```
/// use equipoise::expansion::feature::window_columns;
///
/// let mut features = Vec::new();
/// window_columns(&[3.0, 3.0, 5.0], 1, &mut features);
/// assert_eq!(features[..2], [0.0, 0.0]);
/// // The mean is 11/3, the deviation sqrt(8)/3.
/// assert!((features[2] - 2f32.sqrt().asinh()).abs() < 1e-6);
/// ```
pub fn window_columns(values: &[f64], columns: usize, out: &mut Vec<f32>) {
    assert!(
        columns > 0 && values.len().is_multiple_of(columns),
        "{} values are no rows of {columns}",
        values.len()
    );
    let mut seen = vec![Seen::default(); columns];
    out.reserve(values.len());
    for row in values.chunks(columns) {
        let rows = seen.iter_mut().zip(row);
        out.extend(rows.map(|(seen, value)| seen.add(*value) as f32));
    }
}

/// The values of a column so far, by the method of Welford.
#[derive(Clone, Default)]
struct Seen {
    count: f64,
    mean: f64,
    /// The sum of the squared distances from the mean.
    squares: f64,
}

impl Seen {
    /// Adds a value and returns its feature.
    fn add(&mut self, value: f64) -> f64 {
        self.count += 1.0;
        let before = value - self.mean;
        self.mean += before / self.count;
        self.squares += before * (value - self.mean);
        let deviation = (self.squares / self.count).sqrt();
        if deviation <= ROUNDING * self.mean.abs() {
            return 0.0;
        }
        let distance = (value - self.mean) / deviation;
        if distance.is_finite() {
            distance.asinh()
        } else {
            0.0
        }
    }
}
