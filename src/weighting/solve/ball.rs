//! Finds the point of a ball whose smallest projection on the gradients is largest.
//!
//! Needs: the scaled Gram matrix, the projections at the centre, each row's share, the radius. Remembers: nothing.
//!
//! ```text
//! maximise m   subject to b_i + a_i . p >= m d_i for every row a_i,  |p| <= radius
//! p = sum y_i a_i with y >= 0;  its dual is min over the simplex of  b . w + radius |g_w|
//! ```
//!
//! For a given level `m` the shortest `p` is a quadratic problem over `y >= 0`. Its length is a convex function of `m`
//! that does not fall, so the level at which it equals the radius is found from above: on each set of active rows the
//! level is the root of a quadratic equation, and the set stops changing after a few rounds (K. Markowitz' critical
//! line, with the level as parameter).

use super::{Degenerate, GramMatrix, NonNegative, dot};

/// Returns `y >= 0`, the multipliers of the rows in the best point of the ball.
///
/// `at_centre` holds the projection of the centre on every row, `shares` the level's factor at every row (largest 1).
///
/// # Errors
///
/// [`Degenerate::Stationary`] if the best point is not on the sphere: no combination of rows points towards it.
///
/// # Panics
///
/// If `at_centre` or `shares` does not have one value per row.
pub fn farthest(
    matrix: &GramMatrix,
    at_centre: &[f64],
    shares: &[f64],
    radius: f64,
) -> Result<Vec<f64>, Degenerate> {
    let problem = Ball {
        matrix,
        at_centre,
        shares,
        radius,
    };
    let mut solver = NonNegative::new(matrix);
    let mut bracket = problem.bracket();
    let mut level = bracket.high;
    // The active rows whose equation gave the level; `None` for a level from the middle of the bracket.
    let mut expected: Option<Vec<usize>> = None;
    for _ in 0..MOST_LEVELS {
        if solver.minimise(&problem.linear(level)).is_err() {
            bracket.high = level;
            expected = None;
            // At a stationary point no level above zero is reached, but a combined gradient of zero reaches level
            // zero.
            level = if bracket.holds(0.0) {
                0.0
            } else {
                bracket.middle()
            };
        } else {
            let length = matrix.quadratic(solver.solution()).sqrt();
            let active = sorted(solver.factor().rows());
            let settled =
                (length - radius).abs() <= EXACT * radius || expected.as_ref() == Some(&active);
            if settled && let Some(y) = problem.on_sphere(&solver) {
                return Ok(y);
            }
            if length > radius {
                bracket.high = level;
            } else {
                bracket.low = level;
            }
            let guess = problem
                .level(&solver)
                .filter(|guess| !settled && bracket.holds(*guess));
            expected = guess.map(|_| active);
            level = guess.unwrap_or_else(|| bracket.middle());
        }
        if bracket.is_closed() {
            break;
        }
    }
    // All levels that can be reached are reached inside the ball.
    Err(Degenerate::Stationary)
}

/// The maximum number of levels to try; ten are already many.
const MOST_LEVELS: usize = 200;
/// The relative gap between length and radius that counts as zero.
const EXACT: f64 = 1e-13;

/// The relative gap from which the active rows count as wrong.
const REACHED: f64 = 1e-3;

struct Ball<'a> {
    matrix: &'a GramMatrix,
    at_centre: &'a [f64],
    shares: &'a [f64],
    radius: f64,
}

impl Ball<'_> {
    /// Returns the bounds of the best level: the level at the centre, and the lowest of the levels that each row
    /// allows at most.
    fn bracket(&self) -> Bracket {
        let (mut low, mut high) = (f64::INFINITY, f64::INFINITY);
        for (i, (centre, share)) in self.at_centre.iter().zip(self.shares).enumerate() {
            low = low.min(centre / share);
            high = high.min((centre + self.radius * self.matrix.norm(i)) / share);
        }
        Bracket { low, high }
    }

    fn linear(&self, level: f64) -> Vec<f64> {
        self.at_centre
            .iter()
            .zip(self.shares)
            .map(|(centre, share)| centre - level * share)
            .collect()
    }

    /// Returns the level at which the point of the active rows of `solver` has the length of the radius.
    fn level(&self, solver: &NonNegative<'_>) -> Option<f64> {
        let factor = solver.factor();
        let rise = factor.refined(self.matrix, self.shares);
        let start = factor.refined(self.matrix, self.at_centre);
        let over = |values: &[f64], weights: &[f64]| {
            factor
                .rows()
                .iter()
                .zip(weights)
                .map(|(&i, weight)| values[i] * weight)
                .sum::<f64>()
        };
        let (a, b, c) = (
            over(self.shares, &rise),
            over(self.shares, &start),
            over(self.at_centre, &start),
        );
        let discriminant = b * b - a * (c - self.radius * self.radius);
        (a > 0.0 && discriminant >= 0.0).then(|| (b + discriminant.sqrt()) / a)
    }

    /// Returns the multipliers at the level at which the active rows reach the sphere, or `None` if these rows are
    /// wrong.
    fn on_sphere(&self, solver: &NonNegative<'_>) -> Option<Vec<f64>> {
        let factor = solver.factor();
        let mut y = solver.solution().to_vec();
        if let Some(level) = self.level(solver) {
            let exact = factor.refined(self.matrix, &self.linear(level));
            // The gap was rounding, so a value whose sign changes is zero.
            for (&row, value) in factor.rows().iter().zip(exact) {
                y[row] = (-value).max(0.0);
            }
        }
        let length = self.matrix.quadratic(&y).sqrt();
        let reached = (length / self.radius - 1.0).abs() < REACHED;
        (reached && dot(&y, self.shares) > 0.0).then_some(y)
    }
}

struct Bracket {
    low: f64,
    high: f64,
}

impl Bracket {
    fn middle(&self) -> f64 {
        0.5 * self.low + 0.5 * self.high
    }

    fn holds(&self, level: f64) -> bool {
        self.low < level && level < self.high
    }

    fn is_closed(&self) -> bool {
        self.high - self.low <= 4.0 * f64::EPSILON * self.low.abs().max(self.high.abs())
    }
}

fn sorted(rows: &[usize]) -> Vec<usize> {
    let mut rows = rows.to_vec();
    rows.sort_unstable();
    rows
}
