//! Solves the equations of a fair bargain.
//!
//! Needs: the Gram matrix. Remembers: nothing.
//!
//! ```text
//! G w = w^(-p), w > 0:  the minimum of  w'Gw / 2 - sum w^(1-p) / (1-p)   (p = 1: sum log w)
//! ```
//!
//! Newton's method along curves that stay positive, with a step that hardly passes the minimum. In the variables `w_i
//! / w_i(before)` the second derivative is `W G W` plus a positive diagonal, which is never ill-conditioned, for rows
//! of any length.

use super::{Degenerate, Factor, GramMatrix, Scaled, dot, least_norm, vanishes, vanishing};

/// The maximum number of Newton steps; 20 are already many.
const MOST_STEPS: usize = 60;
/// The relative gap in the equations that is accepted in the end.
const ACCEPTED: f64 = 1e-9;

/// Returns the `w > 0` with `G w = w^(-power)`.
///
/// # Errors
///
/// [`Degenerate::Stationary`] if a convex combination vanishes, [`Degenerate::NoSolution`] if a row is zero.
///
/// # Panics
///
/// If `power` is not positive.
pub fn balanced(gram: &GramMatrix, power: f64) -> Result<Vec<f64>, Degenerate> {
    assert!(power > 0.0, "the power must be positive");
    let scaled = Scaled::new(gram)?;
    if (0..gram.len()).any(|i| scaled.is_zero(i)) {
        return Err(Degenerate::NoSolution);
    }
    let bargain = Bargain::new(&scaled, power);
    let solved = bargain.solve(bargain.alone()).or_else(|why| {
        if why == Degenerate::NoSolution {
            by_way_of_one(&scaled, power)
        } else {
            Err(why)
        }
    });
    let stationary = || {
        let shortest = least_norm(&scaled.matrix, &scaled.shares());
        vanishes(&scaled.matrix, &shortest)
    };
    match solved {
        // Along a vanishing combination the values diverge, while the gap in the equations shrinks.
        Ok(y) if bargain.ran_away(&y) && stationary() => Err(Degenerate::Stationary),
        Ok(y) => Ok(scaled.back(&y)),
        Err(_) if stationary() => Err(Degenerate::Stationary),
        Err(why) => Err(why),
    }
}

/// The ratio of a value to the value that its row alone would need, above which the answer is checked again.
const FAR: f64 = 100.0;

/// Solves the equations of power one first, which are the easiest, and then moves to `power` in stages.
///
/// For rows whose lengths are many orders of magnitude apart and powers far from one.
fn by_way_of_one(scaled: &Scaled, power: f64) -> Result<Vec<f64>, Degenerate> {
    let mut bargain = Bargain::new(scaled, 1.0);
    let mut y = bargain.solve(bargain.alone())?;
    let stages = (4.0 * power.log2().abs()).ceil();
    for stage in 1..=stages as usize {
        let next = Bargain::new(scaled, power.powf(stage as f64 / stages));
        y = next.solve(next.guess(&bargain, &y))?;
        bargain = next;
    }
    Ok(y)
}

/// The equations `A y = k y^(-p)` of the scaled rows, with `k = d^(1-p)`.
struct Bargain<'a> {
    matrix: &'a GramMatrix,
    rights: Vec<f64>,
    power: f64,
}

impl<'a> Bargain<'a> {
    fn new(scaled: &'a Scaled, power: f64) -> Self {
        let rights = scaled
            .factors
            .iter()
            .map(|factor| factor.powf(1.0 - power))
            .collect();
        Self {
            matrix: &scaled.matrix,
            rights,
            power,
        }
    }

    /// Returns the value that each row would need if it were the only row.
    fn alone(&self) -> Vec<f64> {
        let alone = |(i, right): (usize, &f64)| {
            (right / self.matrix.at(i, i)).powf(1.0 / (1.0 + self.power))
        };
        self.rights.iter().enumerate().map(alone).collect()
    }

    /// Returns whether a value is far above the value that its row alone would need.
    fn ran_away(&self, y: &[f64]) -> bool {
        let pairs = y.iter().zip(self.alone());
        pairs.into_iter().any(|(value, alone)| *value > FAR * alone)
    }

    /// Returns a first guess from the solution `y` for another power, with an unchanged effect of the other rows on
    /// each row.
    fn guess(&self, other: &Self, y: &[f64]) -> Vec<f64> {
        let exponent = (1.0 + other.power) / (1.0 + self.power);
        let pairs = self.alone().into_iter().zip(other.alone());
        pairs
            .zip(y)
            .map(|((here, there), value)| here * (value / there).powf(exponent))
            .collect()
    }

    fn solve(&self, mut y: Vec<f64>) -> Result<Vec<f64>, Degenerate> {
        let mut best = (f64::INFINITY, y.clone());
        let mut worse = 0;
        for _ in 0..MOST_STEPS {
            let gap = self.gap(&y);
            if gap < best.0 {
                best = (gap, y.clone());
                worse = 0;
            } else if best.0 < ACCEPTED {
                worse += 1;
            }
            if best.0 < f64::EPSILON || worse == 2 {
                break;
            }
            let step = self.newton(&y)?;
            y = self.next(&y, &step);
            if self.vanishes(&y) {
                return Err(Degenerate::Stationary);
            }
        }
        if best.0 < ACCEPTED {
            Ok(best.1)
        } else {
            Err(Degenerate::NoSolution)
        }
    }

    /// Returns `k y^(1-p)`, the required share of each row in the squared length.
    fn wanted(&self, y: &[f64]) -> Vec<f64> {
        self.rights
            .iter()
            .zip(y)
            .map(|(right, value)| right * value.powf(1.0 - self.power))
            .collect()
    }

    /// Returns the largest gap in the equations, relative to the numbers in each sum.
    fn gap(&self, y: &[f64]) -> f64 {
        let wanted = self.wanted(y);
        let gap = |i: usize| {
            let (sum, size) = self.matrix.row(i).iter().zip(y).fold(
                (0.0, 0.0),
                |(sum, size), (product, value)| {
                    let part = product * value;
                    (sum + part, size + part.abs())
                },
            );
            (sum * y[i] - wanted[i]).abs() / (size * y[i] + wanted[i])
        };
        (0..y.len()).map(gap).fold(0.0, f64::max)
    }

    /// Returns the Newton step as a relative change of every value.
    fn newton(&self, y: &[f64]) -> Result<Vec<f64>, Degenerate> {
        let size = y.len();
        let wanted = self.wanted(y);
        let shares = self.matrix.times(y);
        // With ones on its diagonal, the second derivative keeps its digits.
        let roots: Vec<f64> = (0..size)
            .map(|i| (y[i] * y[i] * self.matrix.at(i, i) + self.power * wanted[i]).sqrt())
            .collect();
        let factors: Vec<f64> = (0..size).map(|i| y[i] / roots[i]).collect();
        let second = self.matrix.scaled(&factors);
        // Parallel rows far from their share need a slightly larger diagonal, which shortens the step slightly.
        let factor = [1.0, 1.0 + 1e-12, 1.0 + 1e-6]
            .into_iter()
            .find_map(|diagonal| with_diagonal(&second, diagonal));
        let factor = factor.ok_or(Degenerate::NoSolution)?;
        let mut step: Vec<f64> = (0..size)
            .map(|i| (wanted[i] - shares[i] * y[i]) / roots[i])
            .collect();
        factor.solve(&mut step);
        Ok(step
            .iter()
            .zip(&roots)
            .map(|(value, root)| value / root)
            .collect())
    }

    /// Returns the next values: the better of two curves along the relative `step`.
    ///
    /// A falling value follows a curve like the solution of its own equation with all other values fixed, and so
    /// stays positive: on a straight line, a value that is far too large would limit the step of all others. Nearly
    /// parallel rows need the straight line, on which one row gains what the other loses; there the curve starts at
    /// one half.
    fn next(&self, y: &[f64], step: &[f64]) -> Vec<f64> {
        let [curved, straight] = [0.0, -0.5].map(|knee| Curve {
            knee,
            power: self.power,
        });
        let length = self.length(y, step, &curved);
        if length == 1.0 {
            return curved.moved(y, step, length);
        }
        let other = self.length(y, step, &straight);
        if other > length {
            straight.moved(y, step, other)
        } else {
            curved.moved(y, step, length)
        }
    }

    /// Returns the step length along a curve at which the objective has not risen and has almost no rising slope.
    fn length(&self, y: &[f64], step: &[f64], curve: &Curve) -> f64 {
        let allowed = 0.1 * self.slope(y, step, curve, 0.0).abs();
        let (before, size) = self.objective(y);
        let mut length = 1.0;
        while length > 1e-6 {
            let (after, _) = self.objective(&curve.moved(y, step, length));
            if after <= before + 1e-13 * size && self.slope(y, step, curve, length) <= allowed {
                break;
            }
            length *= 0.5;
        }
        length
    }

    /// Returns the objective, and the size of the numbers in its sum.
    fn objective(&self, y: &[f64]) -> (f64, f64) {
        let square = 0.5 * dot(&self.matrix.times(y), y);
        let gain = |(right, value): (&f64, &f64)| {
            if self.power == 1.0 {
                right * value.ln()
            } else {
                right * value.powf(1.0 - self.power) / (1.0 - self.power)
            }
        };
        let gains = self.rights.iter().zip(y).map(gain);
        let (sum, size) = gains.fold((0.0, 0.0), |(sum, size): (f64, f64), gain| {
            (sum + gain, size + gain.abs())
        });
        (square - sum, square + size)
    }

    /// Returns the slope of the objective along a curve at `length`.
    fn slope(&self, y: &[f64], step: &[f64], curve: &Curve, length: f64) -> f64 {
        let at = curve.moved(y, step, length);
        let shares = self.matrix.times(&at);
        let slope = |i: usize| {
            (shares[i] - self.rights[i] * at[i].powf(-self.power))
                * y[i]
                * step[i]
                * curve.bend(length * step[i])
        };
        (0..y.len()).map(slope).sum()
    }

    /// Returns whether the values have diverged along a combination that is zero.
    fn vanishes(&self, y: &[f64]) -> bool {
        let squares: f64 = (0..y.len())
            .map(|i| y[i] * y[i] * self.matrix.at(i, i))
            .sum();
        dot(&self.matrix.times(y), y) <= vanishing(self.matrix) * squares
    }
}

/// Returns the factor of `matrix` with another diagonal, if the result is positive definite.
fn with_diagonal(matrix: &GramMatrix, diagonal: f64) -> Option<Factor> {
    let size = matrix.len();
    let mut values = matrix.values().to_vec();
    values
        .iter_mut()
        .step_by(size + 1)
        .for_each(|value| *value = diagonal);
    let matrix = GramMatrix::new(size, values);
    let mut factor = Factor::new(size);
    (0..size)
        .all(|row| factor.append(&matrix, row))
        .then_some(factor)
}

/// A value as a function of its relative change: linear down to `1 + knee`, then a power that stays positive.
struct Curve {
    knee: f64,
    power: f64,
}

impl Curve {
    fn moved(&self, y: &[f64], step: &[f64], length: f64) -> Vec<f64> {
        y.iter()
            .zip(step)
            .map(|(value, change)| value * self.factor(length * change))
            .collect()
    }

    fn factor(&self, change: f64) -> f64 {
        if change >= self.knee {
            1.0 + change
        } else {
            (1.0 + self.knee) * self.beyond(change).powf(-1.0 / self.power)
        }
    }

    /// Returns the derivative of [`factor`](Self::factor).
    fn bend(&self, change: f64) -> f64 {
        if change >= self.knee {
            1.0
        } else {
            self.beyond(change).powf(-1.0 / self.power - 1.0)
        }
    }

    fn beyond(&self, change: f64) -> f64 {
        1.0 + self.power * (self.knee - change) / (1.0 + self.knee)
    }
}
