//! Finds the shortest vector in the convex hull of the gradients.
//!
//! Needs: the scaled Gram matrix and each row's share in the sum of the weights. Remembers: nothing.
//!
//! ```text
//! minimise y'Ay   subject to y >= 0, d'y = 1
//! ```
//!
//! The sum is moved into the objective: the minimiser of `y'Ay + (d'y - 1)^2` over `y >= 0` is a multiple of the
//! answer, for any least length, also zero.

use super::{Factor, GramMatrix, NonNegative, dot};

/// Returns the `y >= 0` with `shares . y = 1` and the least `y'Ay`.
///
/// The diagonal of `matrix` should be near one and the largest share 1.
///
/// # Panics
///
/// If `shares` does not have one value per row.
pub fn least_norm(matrix: &GramMatrix, shares: &[f64]) -> Vec<f64> {
    if let Some(zero) = (0..matrix.len()).find(|&i| matrix.at(i, i) <= 0.0) {
        let mut only = vec![0.0; matrix.len()];
        only[zero] = 1.0 / shares[zero];
        return only;
    }
    let bent = matrix.plus_outer(1.0, shares);
    let linear: Vec<f64> = shares.iter().map(|share| -share).collect();
    let mut solver = NonNegative::new(&bent);
    solver.minimise_bounded(&linear);
    let y =
        sharpened(matrix, shares, solver.factor()).unwrap_or_else(|| solver.solution().to_vec());
    let sum = dot(&y, shares);
    y.into_iter().map(|value| value / sum).collect()
}

/// Recomputes the answer on the rows of `support` without the bent matrix and its rounding. Returns `None` if the
/// rows are dependent or a value is negative.
fn sharpened(matrix: &GramMatrix, shares: &[f64], support: &Factor) -> Option<Vec<f64>> {
    let mut factor = Factor::new(matrix.len());
    let independent = support.rows().iter().all(|&row| factor.append(matrix, row));
    let values = if independent {
        factor.refined(matrix, shares)
    } else {
        Vec::new()
    };
    let usable = independent && values.iter().all(|value| *value >= 0.0);
    usable.then(|| {
        let mut y = vec![0.0; matrix.len()];
        for (&row, value) in factor.rows().iter().zip(values) {
            y[row] = value;
        }
        y
    })
}
