//! Minimises a function by the signs of its gradient alone: iRprop+.
//!
//! Every coordinate has its own step, which grows while the sign of its derivative stays and shrinks when the sign
//! changes. Neither the scale of a target nor a flat loss (Huber far from its target, a saturated sigmoid) therefore
//! slows the descent down; they stopped L-BFGS 15 % above the minimum for the pointers of the expansion model. C. Igel
//! and M. Hüsken, *Improving the Rprop learning algorithm*, NC 2000.

/// The first step of every coordinate.
const FIRST: f64 = 1e-2;
/// The factors by which a step grows: for coordinates that never went too far, and for the others.
const GROWTH: [f64; 2] = [2.0, 1.2];
/// The factor by which a step shrinks after it went too far.
const SHRINK: f64 = 0.5;
/// The number of evaluations in a row without a better value after which the minimum counts as found.
const PATIENCE: usize = 4;

/// The state of a minimisation.
#[derive(Clone, Debug)]
pub(in crate::train::uninformed) struct Rprop {
    trial: Vec<f64>,
    steps: Vec<f64>,
    /// The derivatives at the previous trial; zero for coordinates whose step has just shrunk.
    before: Vec<f64>,
    moved: Vec<f64>,
    /// Whether a coordinate has gone too far before.
    turned: Vec<bool>,
    value: f64,
    best: Vec<f64>,
    best_value: f64,
    /// The first value.
    start: f64,
    /// The fraction of the scale by which a value must be better to count as better.
    small: f64,
    /// The best value at the last such improvement, and the number of evaluations since then.
    mark: f64,
    since: usize,
    converged: bool,
    stuck: bool,
}

impl Rprop {
    /// Creates a minimisation from a point. The minimum counts as found when evaluations lower the value by less than
    /// `small` of its scale.
    pub(super) fn new(point: Vec<f64>, small: f64) -> Self {
        let count = point.len();
        Self {
            best: point.clone(),
            trial: point,
            steps: vec![FIRST; count],
            before: vec![0.0; count],
            moved: vec![0.0; count],
            turned: vec![false; count],
            value: f64::INFINITY,
            best_value: f64::INFINITY,
            start: f64::NAN,
            small,
            mark: f64::INFINITY,
            since: 0,
            converged: count == 0,
            stuck: false,
        }
    }

    /// Returns the best point so far.
    pub(super) fn point(&self) -> &[f64] {
        &self.best
    }

    /// Returns the next point to evaluate.
    pub(super) fn trial(&self) -> &[f64] {
        &self.trial
    }

    /// Returns whether the minimisation has ended.
    pub(super) fn is_done(&self) -> bool {
        self.converged || self.stuck
    }

    /// Takes the value and the gradient at the trial point.
    pub(super) fn tell(&mut self, value: f64, gradient: &[f64]) {
        if self.is_done() {
            return;
        }
        let finite = value.is_finite() && gradient.iter().all(|part| part.is_finite());
        if self.start.is_nan() {
            self.start = value;
            self.stuck = !finite;
            if self.stuck {
                return;
            }
        }
        if !finite {
            self.back();
            return;
        }
        let worse = value > self.value;
        // While every step grows, the minimum is still ahead, however flat the function is.
        let turns = gradient
            .iter()
            .zip(&self.before)
            .any(|(new, old)| new * old < 0.0);
        let ahead = !worse && !turns && gradient.iter().any(|part| *part != 0.0);
        self.look(value, ahead);
        self.value = value;
        for (at, derivative) in gradient.iter().enumerate() {
            self.advance(at, *derivative, worse);
        }
    }

    /// Records the value, and whether the last evaluations improved it.
    fn look(&mut self, value: f64, ahead: bool) {
        if value < self.best_value {
            self.best_value = value;
            self.best.copy_from_slice(&self.trial);
        }
        let scale = self.best_value.abs() + (self.start - self.best_value).abs();
        if self.best_value < self.mark - self.small * scale {
            self.mark = self.best_value;
            self.since = 0;
        } else if !ahead {
            self.since += 1;
        }
        self.converged = self.since >= PATIENCE;
    }

    /// Moves one coordinate.
    fn advance(&mut self, at: usize, derivative: f64, worse: bool) {
        let turn = derivative * self.before[at];
        self.before[at] = derivative;
        if turn < 0.0 {
            self.steps[at] *= SHRINK;
            self.turned[at] = true;
            self.before[at] = 0.0;
            // Only if the value became worse: another coordinate may have caused the change of sign.
            if worse {
                self.trial[at] -= self.moved[at];
                self.moved[at] = 0.0;
            } else {
                self.moved[at] = 0.0;
            }
            return;
        }
        if turn > 0.0 {
            self.steps[at] *= GROWTH[usize::from(self.turned[at])];
        }
        self.moved[at] = match derivative {
            d if d > 0.0 => -self.steps[at],
            d if d < 0.0 => self.steps[at],
            _ => 0.0,
        };
        self.trial[at] += self.moved[at];
    }

    /// Returns to the best point with shorter steps, because the function is not finite at the trial.
    fn back(&mut self) {
        self.trial.copy_from_slice(&self.best);
        self.steps.iter_mut().for_each(|step| *step *= SHRINK);
        self.turned.fill(true);
        self.before.fill(0.0);
        self.since += 1;
        self.stuck = self.since >= 8 * PATIENCE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the minimum and the number of evaluations.
    fn minimise(start: Vec<f64>, f: impl Fn(&[f64]) -> (f64, Vec<f64>)) -> (Vec<f64>, usize) {
        let mut descent = Rprop::new(start, 1e-4);
        for evaluations in 0..400 {
            if descent.is_done() {
                assert!(!descent.stuck);
                return (descent.point().to_vec(), evaluations);
            }
            let (value, gradient) = f(descent.trial());
            descent.tell(value, &gradient);
        }
        panic!("no minimum in 400 evaluations: {descent:?}");
    }

    #[test]
    fn the_scale_of_the_target_does_not_matter() {
        for target in [1e-2, 1.0, 50.0, 1e6] {
            let (point, evaluations) = minimise(vec![0.0], |x| {
                let away = x[0] - target;
                // Huber with delta 1: the slope is independent of the distance.
                let clipped = away.clamp(-1.0, 1.0);
                (1e-3 + clipped * (away - clipped / 2.0), vec![clipped])
            });
            let off = (point[0] - target).abs();
            assert!(off < (0.01 * target).max(0.05), "{target}: {point:?}");
            assert!(evaluations < 90, "{target}: {evaluations}");
        }
    }

    #[test]
    fn a_flat_place_is_left() {
        let (point, _) = minimise(vec![-12.0], |x| {
            let y = 1.0 / (1.0 + (-x[0]).exp());
            (
                0.01 + (y - 0.3).powi(2),
                vec![2.0 * (y - 0.3) * y * (1.0 - y)],
            )
        });
        let found = 1.0 / (1.0 + (-point[0]).exp());
        assert!((found - 0.3).abs() < 0.02, "{point:?}");
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
        let mut lost = Rprop::new(vec![0.0], 1e-3);
        lost.tell(f64::NAN, &[0.0]);
        assert!(lost.is_done() && lost.stuck);
    }
}
