//! Minimises a function whose values the caller supplies: [`Descent::trial`] is the next point to evaluate,
//! [`Descent::tell`] takes the result. Several minimisations can thus advance side by side, and one pass over the data
//! evaluates all of them.
//!
//! The descent begins with Rprop, which comes near the minimum from any start and for any scale of the target, and ends
//! with L-BFGS, which needs few evaluations there.

mod lbfgs;
mod rprop;

use self::lbfgs::Lbfgs;
use self::rprop::Rprop;

/// A minimisation, coarse (Rprop) or fine (L-BFGS).
#[derive(Clone, Debug)]
pub(in crate::train::uninformed) enum Descent {
    Coarse(Rprop),
    Fine(Lbfgs),
}

impl Descent {
    /// Creates a descent from a point. The minimum counts as found when evaluations lower the value by less than
    /// `small` of its scale.
    pub(super) fn new(point: Vec<f64>, small: f64) -> Self {
        Self::Coarse(Rprop::new(point, small))
    }

    /// Continues with L-BFGS from the best point, also for another function of the same form.
    pub(super) fn refine(&mut self, small: f64) {
        match self {
            Self::Coarse(rprop) => *self = Self::Fine(Lbfgs::new(rprop.point().to_vec(), small)),
            Self::Fine(lbfgs) => lbfgs.again(small),
        }
    }

    /// Returns the best point so far.
    pub(super) fn point(&self) -> &[f64] {
        match self {
            Self::Coarse(rprop) => rprop.point(),
            Self::Fine(lbfgs) => lbfgs.point(),
        }
    }

    /// Returns the value at the best point so far; `None` if it is not known yet, or the descent is still coarse.
    pub(super) fn value(&self) -> Option<f64> {
        match self {
            Self::Coarse(_) => None,
            Self::Fine(lbfgs) => lbfgs.value(),
        }
    }

    /// Returns the next point to evaluate.
    pub(super) fn trial(&self) -> &[f64] {
        match self {
            Self::Coarse(rprop) => rprop.trial(),
            Self::Fine(lbfgs) => lbfgs.trial(),
        }
    }

    /// Returns whether the descent has ended.
    pub(super) fn is_done(&self) -> bool {
        match self {
            Self::Coarse(rprop) => rprop.is_done(),
            Self::Fine(lbfgs) => lbfgs.is_done(),
        }
    }

    /// Returns whether a minimum was found, to 1 % of the scale of the value.
    pub(super) fn has_converged(&self) -> bool {
        matches!(self, Self::Fine(lbfgs) if lbfgs.has_converged())
    }

    /// Takes the value and the gradient at the trial point.
    pub(super) fn tell(&mut self, value: f64, gradient: &[f64]) {
        match self {
            Self::Coarse(rprop) => rprop.tell(value, gradient),
            Self::Fine(lbfgs) => lbfgs.tell(value, gradient),
        }
    }
}
