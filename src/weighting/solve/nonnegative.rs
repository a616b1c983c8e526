//! Minimises a convex quadratic over numbers that are not negative.
//!
//! Needs: the matrix; one linear term a problem. Remembers: the last solution, where the next problem starts.
//!
//! ```text
//! minimise x'Ax / 2 + q'x   subject to x >= 0
//! ```
//!
//! The active-set method of Lawson and Hanson (Solving Least Squares Problems, 1974, chapter 23), on the Gram matrix
//! instead of the rows. It keeps a set of free coordinates with a factor of their block; the steepest of the other
//! coordinates joins, and coordinates that would turn negative leave. The optimum of the last free set is exact, so
//! the answer is exact once the set is right.

use super::{Factor, GramMatrix, dot};

/// The rounding error of a slope, in units of the precision of its summands.
const ROUNDING: f64 = 8.0;
/// The rounding error of a slope along a direction in which dependent rows cancel, which is less exact.
const FLAT: f64 = 256.0;
/// The least relative slope that counts along a direction in which dependent rows cancel.
const LEAST_FLAT: f64 = 1e-10;

/// The error of a problem without a minimum: the objective falls without bound along a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbounded;

/// A solver for one matrix and many linear terms.
#[derive(Clone, Debug)]
pub struct NonNegative<'a> {
    matrix: &'a GramMatrix,
    factor: Factor,
    x: Vec<f64>,
    /// Coordinates that did not lower the objective since the last change of the free set.
    refused: Vec<bool>,
    /// Whether a coordinate is free, by index.
    free: Vec<bool>,
    /// Whether the objective is known to have a minimum.
    bounded: bool,
}

impl<'a> NonNegative<'a> {
    /// Creates a solver that starts from zero.
    pub fn new(matrix: &'a GramMatrix) -> Self {
        let size = matrix.len();
        Self {
            matrix,
            factor: Factor::new(size),
            x: vec![0.0; size],
            refused: vec![false; size],
            free: vec![false; size],
            bounded: false,
        }
    }

    /// Returns the solution of the last problem.
    pub fn solution(&self) -> &[f64] {
        &self.x
    }

    /// Returns the factor of the block of the free coordinates.
    pub fn factor(&self) -> &Factor {
        &self.factor
    }

    /// Solves the problem with the linear term `linear`, starting from the last solution.
    ///
    /// # Errors
    ///
    /// [`Unbounded`] if there is no minimum. The solver is then reset to zero.
    ///
    /// # Panics
    ///
    /// If `linear` does not have one value per row of the matrix.
    pub fn minimise(&mut self, linear: &[f64]) -> Result<(), Unbounded> {
        assert_eq!(linear.len(), self.matrix.len(), "one value a row");
        self.refused.fill(false);
        self.settle(linear, None);
        // Each free set has a lower minimum than the set before, so no set repeats; the bound guards against
        // rounding.
        for _ in 0..16 * linear.len() + 16 {
            let Some(entering) = self.steepest(linear) else {
                break;
            };
            self.enter(entering, linear)?;
        }
        self.polish(linear);
        Ok(())
    }

    /// Solves a problem that is known to have a minimum, such as a squared distance, starting from the last solution.
    ///
    /// A direction along which such an objective seems to fall without bound is rounding of the matrix, and is
    /// ignored.
    ///
    /// # Panics
    ///
    /// If `linear` does not have one value per row of the matrix.
    pub fn minimise_bounded(&mut self, linear: &[f64]) {
        self.bounded = true;
        let solved = self.minimise(linear);
        self.bounded = false;
        debug_assert!(solved.is_ok(), "a bounded problem has a minimum");
    }

    /// Returns the fixed coordinate along which the objective falls most, or `None` if it falls along no coordinate.
    fn steepest(&self, linear: &[f64]) -> Option<usize> {
        let size: f64 = self.x.iter().sum();
        let rounding = ROUNDING * self.matrix.precision();
        let mut best = None;
        let mut lowest = 0.0;
        for (j, &bend) in linear.iter().enumerate() {
            if self.free[j] || self.refused[j] {
                continue;
            }
            let slope = dot(self.matrix.row(j), &self.x) + bend;
            if slope < lowest && slope < -rounding * (size + bend.abs()) {
                (best, lowest) = (Some(j), slope);
            }
        }
        best
    }

    /// Frees coordinate `j` and finds the minimum of the new free set.
    fn enter(&mut self, j: usize, linear: &[f64]) -> Result<(), Unbounded> {
        let mut free = self.factor.append(self.matrix, j);
        if !free && self.is_flat(j, linear[j]) {
            self.refused[j] = true;
            return Ok(());
        }
        while !free {
            if !self.slide(j) {
                return self.endless(j, linear);
            }
            free = self.factor.append(self.matrix, j);
        }
        self.free[j] = true;
        self.settle(linear, Some(j));
        Ok(())
    }

    /// Refuses coordinate `j`, along which the objective falls without bound, or the whole problem if it may be
    /// unbounded.
    fn endless(&mut self, j: usize, linear: &[f64]) -> Result<(), Unbounded> {
        if self.bounded {
            self.x[j] = 0.0;
            self.settle(linear, None);
            self.refused[j] = true;
            return Ok(());
        }
        self.factor.clear();
        self.x.fill(0.0);
        self.free.fill(false);
        Err(Unbounded)
    }

    /// Returns whether the slope along coordinate `j`, whose row depends on the free rows, is rounding.
    fn is_flat(&self, j: usize, bend: f64) -> bool {
        let size = self.x.iter().sum::<f64>() + bend.abs();
        let flat = (FLAT * self.matrix.precision()).max(LEAST_FLAT);
        dot(self.matrix.row(j), &self.x) + bend > -flat * size
    }

    /// Moves along the direction in which row `j` and the free rows cancel, until a free coordinate is zero.
    ///
    /// The objective is linear along this direction. Returns `false`, with nothing changed, if no coordinate limits
    /// the move.
    fn slide(&mut self, j: usize) -> bool {
        let mut direction: Vec<f64> = self
            .factor
            .rows()
            .iter()
            .map(|&i| self.matrix.at(i, j))
            .collect();
        self.factor.solve(&mut direction);
        let limit = |(&i, &pull): (&usize, &f64)| (pull > 0.0).then(|| self.x[i] / pull);
        let Some((position, length)) =
            smallest(self.factor.rows().iter().zip(&direction).map(limit))
        else {
            return false;
        };
        for (&i, pull) in self.factor.rows().iter().zip(&direction) {
            self.x[i] = (self.x[i] - length * pull).max(0.0);
        }
        self.x[j] += length;
        self.fix(position);
        true
    }

    /// Moves to the minimum of the free set, and fixes coordinates that would turn negative on the way.
    ///
    /// `entered` is the coordinate that has just become free. If it is the first to turn negative, its slope was
    /// rounding.
    fn settle(&mut self, linear: &[f64], entered: Option<usize>) {
        let mut target = Vec::with_capacity(linear.len());
        let mut helped = true;
        while !self.factor.rows().is_empty() {
            target.clear();
            target.extend(self.factor.rows().iter().map(|&i| -linear[i]));
            self.factor.solve(&mut target);
            let rows = self.factor.rows();
            let fractions = rows.iter().zip(&target).map(|(&i, &to)| {
                (to <= 0.0).then(|| self.x[i] / (self.x[i] - to).max(f64::MIN_POSITIVE))
            });
            let Some((position, fraction)) = smallest(fractions) else {
                for (&i, &to) in rows.iter().zip(&target) {
                    self.x[i] = to;
                }
                if helped {
                    self.refused.fill(false);
                }
                return;
            };
            for (&i, &to) in rows.iter().zip(&target) {
                self.x[i] = (self.x[i] + fraction * (to - self.x[i])).max(0.0);
            }
            if entered == Some(rows[position]) {
                self.refused[rows[position]] = true;
                helped = false;
            }
            self.fix(position);
        }
    }

    /// Fixes the free coordinate at `position` of the factor at zero.
    fn fix(&mut self, position: usize) {
        let row = self.factor.rows()[position];
        self.x[row] = 0.0;
        self.free[row] = false;
        self.factor.remove(position);
    }

    /// Corrects the solution on its free set with its own residual.
    fn polish(&mut self, linear: &[f64]) {
        let mut rest: Vec<f64> = self
            .factor
            .rows()
            .iter()
            .map(|&i| -linear[i] - dot(self.matrix.row(i), &self.x))
            .collect();
        self.factor.solve(&mut rest);
        for (&i, correction) in self.factor.rows().iter().zip(&rest) {
            self.x[i] = (self.x[i] + correction).max(0.0);
        }
    }
}

/// Returns the position and value of the smallest number present.
fn smallest(values: impl Iterator<Item = Option<f64>>) -> Option<(usize, f64)> {
    let mut best: Option<(usize, f64)> = None;
    for (position, value) in values.enumerate() {
        if let Some(value) = value
            && best.is_none_or(|(_, least)| value < least)
        {
            best = Some((position, value));
        }
    }
    best
}
