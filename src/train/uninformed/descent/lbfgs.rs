//! Minimises a smooth function: L-BFGS with a weak Wolfe line search.
//!
//! J. Nocedal, *Updating quasi-Newton matrices with limited storage*, Mathematics of Computation 35 (1980). The line
//! search by doubling and halving is that of A. Lewis and M. Overton, *Nonsmooth optimization via quasi-Newton
//! methods*, Mathematical Programming 141 (2013); it also suits losses with kinks.

use std::collections::VecDeque;

/// The number of stored pairs of a step and a change of the gradient.
const MEMORY: usize = 6;
/// The fraction of the decrease predicted by the slope that a step must reach.
const ARMIJO: f64 = 1e-4;
/// The fraction of the slope that may remain after a step.
const CURVATURE: f64 = 0.9;
/// The fraction of the value that the first step should bring, and the least length of the first step.
const FIRST_DECREASE: f64 = 1e-3;
const FIRST_STEP: f64 = 1e-4;
/// The fraction of a value within which a minimum counts as reached when the budget ends.
const NEAR: f64 = 0.01;
/// The number of trials of one line search. Doubling reaches any target from any start.
const TRIALS: usize = 40;
/// The relative precision of a value in single precision.
const ROUNDING: f64 = 1e-6;
/// The number of steps in a row with a small decrease after which the minimum counts as found.
const SMALL_STEPS: usize = 2;

/// The state of a minimisation.
#[derive(Clone, Debug)]
pub(in crate::train::uninformed) struct Lbfgs {
    point: Vec<f64>,
    trial: Vec<f64>,
    found: Option<Evaluated>,
    direction: Vec<f64>,
    /// The current step length, and the lengths known to be too short and too long.
    length: f64,
    short: f64,
    long: f64,
    trials: usize,
    memory: VecDeque<Update>,
    small_steps: usize,
    /// The fraction of the value's scale below which a decrease is small.
    small: f64,
    /// The first value.
    start: f64,
    /// The decrease of the last step, as a fraction of the value's scale.
    gain: f64,
    converged: bool,
    stuck: bool,
}

/// The value and the gradient at the point.
#[derive(Clone, Debug)]
struct Evaluated {
    value: f64,
    gradient: Vec<f64>,
}

#[derive(Clone, Debug)]
struct Update {
    step: Vec<f64>,
    change: Vec<f64>,
    inverse: f64,
}

impl Lbfgs {
    /// Creates a minimisation from a point. The minimum counts as found when steps lower the value by less than `small`
    /// of its scale.
    pub(super) fn new(point: Vec<f64>, small: f64) -> Self {
        Self {
            direction: vec![0.0; point.len()],
            trial: point.clone(),
            point,
            found: None,
            length: 0.0,
            short: 0.0,
            long: f64::INFINITY,
            trials: 0,
            memory: VecDeque::new(),
            small_steps: 0,
            small,
            start: f64::NAN,
            gain: f64::INFINITY,
            converged: false,
            stuck: false,
        }
    }

    /// Restarts at the same point, for another function of the same form; the estimate of the curvature is kept.
    pub(super) fn again(&mut self, small: f64) {
        self.small = small;
        self.found = None;
        self.trial.clone_from(&self.point);
        self.length = 0.0;
        self.gain = f64::INFINITY;
        self.small_steps = 0;
        self.converged = false;
        self.stuck = false;
    }

    /// Returns the best point so far.
    pub(super) fn point(&self) -> &[f64] {
        &self.point
    }

    /// Returns the value at the best point so far; `None` if it is not known yet.
    pub(super) fn value(&self) -> Option<f64> {
        self.found.as_ref().map(|found| found.value)
    }

    /// Returns the next point to evaluate.
    pub(super) fn trial(&self) -> &[f64] {
        &self.trial
    }

    /// Returns whether the minimisation has ended.
    pub(super) fn is_done(&self) -> bool {
        self.converged || self.stuck
    }

    /// Returns whether a minimum was found, or the last step lowered the value by less than 1 % of its scale.
    pub(super) fn has_converged(&self) -> bool {
        self.converged || (!self.stuck && self.gain < NEAR)
    }

    /// Takes the value and the gradient at the trial point.
    pub(super) fn tell(&mut self, value: f64, gradient: &[f64]) {
        self.take(value, gradient);
        self.trial.clear();
        let moved = |(at, along): (&f64, &f64)| at + self.length * along;
        self.trial
            .extend(self.point.iter().zip(&self.direction).map(moved));
    }

    fn take(&mut self, value: f64, gradient: &[f64]) {
        if self.is_done() {
            return;
        }
        let finite = value.is_finite() && gradient.iter().all(|part| part.is_finite());
        let Some(found) = &self.found else {
            if !finite {
                self.stuck = true;
                return;
            }
            self.start = value;
            self.found = Some(Evaluated {
                value,
                gradient: gradient.to_vec(),
            });
            self.aim();
            return;
        };
        let slope = dot(&found.gradient, &self.direction);
        let rounding = ROUNDING * found.value.abs();
        let promised = ARMIJO * self.length * slope;
        let enough = finite && value <= found.value + promised + rounding;
        let (before, here) = (found.value, self.length);
        if !enough {
            self.long = self.length;
        } else if dot(gradient, &self.direction) < CURVATURE * slope {
            self.short = self.length;
        } else {
            self.accept(value, gradient);
            return;
        }
        self.trials += 1;
        if self.trials >= TRIALS {
            // In single precision the end of the descent is flat, so any lower value is accepted.
            let better = value < found.value;
            if better {
                self.accept(value, gradient);
            } else {
                self.give_up();
            }
            return;
        }
        self.length = if self.long.is_infinite() {
            2.0 * self.length
        } else if self.short == 0.0 && finite {
            // The minimum of the parabola through the known values.
            let above = value - before - here * slope;
            (-slope * here * here / (2.0 * above)).clamp(0.1 * here, 0.5 * here)
        } else {
            (self.short + self.long) / 2.0
        };
        // The remaining gain is lost in the rounding.
        if -slope * self.length < rounding && self.long.is_finite() {
            self.converged = true;
        }
    }

    fn accept(&mut self, value: f64, gradient: &[f64]) {
        let found = self.found.as_ref().expect("a point was evaluated");
        let step: Vec<f64> = self.direction.iter().map(|d| self.length * d).collect();
        let change: Vec<f64> = pairs(gradient, &found.gradient)
            .map(|(a, b)| a - b)
            .collect();
        let curvature = dot(&step, &change);
        if curvature > 1e-12 * dot(&change, &change).max(f64::MIN_POSITIVE) {
            self.memory.push_back(Update {
                inverse: 1.0 / curvature,
                step: step.clone(),
                change,
            });
            if self.memory.len() > MEMORY {
                self.memory.pop_front();
            }
        }
        let scale = value.abs() + (self.start - value).abs();
        let small = found.value - value <= self.small * scale;
        self.small_steps = if small { self.small_steps + 1 } else { 0 };
        for (at, by) in self.point.iter_mut().zip(&step) {
            *at += by;
        }
        self.gain = (found.value - value) / scale;
        self.found = Some(Evaluated {
            value,
            gradient: gradient.to_vec(),
        });
        if self.small_steps >= SMALL_STEPS {
            self.converged = true;
        } else {
            self.aim();
        }
    }

    /// Ends a line search without a better point: the curvature may belong to another place, so it is discarded once.
    fn give_up(&mut self) {
        if self.memory.is_empty() {
            self.converged = true;
        } else {
            self.memory.clear();
            self.aim();
        }
    }

    /// Chooses the next direction and the first step length along it.
    fn aim(&mut self) {
        let found = self.found.as_ref().expect("a point was evaluated");
        let (value, gradient) = (found.value, found.gradient.clone());
        let size = dot(&gradient, &gradient).sqrt();
        if size == 0.0 {
            self.converged = true;
            return;
        }
        self.direction = self.descent(&gradient);
        self.length = 1.0;
        if self.memory.is_empty() {
            // The curvature is unknown: the first step should bring a fraction of the value, but not move far if the
            // value is zero.
            let part = FIRST_DECREASE * value.abs().max(f64::MIN_POSITIVE) / size;
            self.length = part.max(FIRST_STEP) / size;
        }
        (self.short, self.long, self.trials) = (0.0, f64::INFINITY, 0);
    }

    /// Returns the negative gradient times the estimate of the inverse curvature.
    fn descent(&self, gradient: &[f64]) -> Vec<f64> {
        let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut factors = Vec::with_capacity(self.memory.len());
        for pair in self.memory.iter().rev() {
            let factor = pair.inverse * dot(&pair.step, &q);
            add(&mut q, -factor, &pair.change);
            factors.push(factor);
        }
        if let Some(last) = self.memory.back() {
            let scale = 1.0 / (last.inverse * dot(&last.change, &last.change));
            q.iter_mut().for_each(|value| *value *= scale);
        }
        for (pair, factor) in self.memory.iter().zip(factors.into_iter().rev()) {
            let back = pair.inverse * dot(&pair.change, &q);
            add(&mut q, factor - back, &pair.step);
        }
        q
    }
}

fn pairs<'a>(a: &'a [f64], b: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + 'a {
    a.iter().copied().zip(b.iter().copied())
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    pairs(a, b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f64], factor: f64, what: &[f64]) {
    for (to, what) in to.iter_mut().zip(what) {
        *to += factor * what;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the minimum and the number of evaluations.
    fn minimise(start: Vec<f64>, f: impl Fn(&[f64]) -> (f64, Vec<f64>)) -> (Vec<f64>, usize) {
        let mut descent = Lbfgs::new(start, 2e-4);
        for evaluations in 0..400 {
            if descent.is_done() {
                assert!(descent.has_converged());
                return (descent.point().to_vec(), evaluations);
            }
            let (value, gradient) = f(descent.trial());
            descent.tell(value, &gradient);
        }
        panic!("no minimum in 400 evaluations: {descent:?}");
    }

    #[test]
    fn a_curved_valley_is_followed_to_its_end() {
        let rosenbrock = |x: &[f64]| {
            let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
            let value = a * a + 100.0 * b * b;
            (value, vec![-2.0 * a - 400.0 * x[0] * b, 200.0 * b])
        };
        let (point, _) = minimise(vec![-1.2, 1.0], rosenbrock);
        assert!((point[0] - 1.0).abs() < 0.05, "{point:?}");
    }

    #[test]
    fn what_is_not_finite_is_not_stepped_into() {
        let (point, _) = minimise(vec![3.0], |x| {
            if x[0] > 0.0 {
                (x[0] - x[0].ln(), vec![1.0 - 1.0 / x[0]])
            } else {
                (f64::NAN, vec![f64::NAN])
            }
        });
        assert!((point[0] - 1.0).abs() < 0.02, "{point:?}");
        let mut lost = Lbfgs::new(vec![0.0], 1e-3);
        lost.tell(f64::NAN, &[0.0]);
        assert!(lost.is_done() && !lost.has_converged());
    }
}
