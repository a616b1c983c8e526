//! One minimisation, driven from outside: it says where it wants its function evaluated ([`Descent::trial`]) and is told the result
//! ([`Descent::tell`]), so that several advance side by side and one pass over the data evaluates all of them.
//!
//! It begins with Rprop, which comes from any start near the minimum whatever the scale of the target is, and ends with L-BFGS, which needs
//! few evaluations there.

mod lbfgs;
mod rprop;

use self::lbfgs::Lbfgs;
use self::rprop::Rprop;

/// One minimisation.
#[derive(Clone, Debug)]
pub(in crate::train::uninformed) enum Descent {
    Coarse(Rprop),
    Fine(Lbfgs),
}

impl Descent {
    /// Begins at a point. A minimum is taken as found when evaluations bring less than `small` of the value's scale.
    pub(super) fn new(point: Vec<f64>, small: f64) -> Self {
        Self::Coarse(Rprop::new(point, small))
    }

    /// Goes on from the best point where few evaluations have to do; for another function of the same form too.
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

    /// Returns the value at the best point so far; `None` if that is not known yet, or the descent is a coarse one still.
    pub(super) fn value(&self) -> Option<f64> {
        match self {
            Self::Coarse(_) => None,
            Self::Fine(lbfgs) => lbfgs.value(),
        }
    }

    /// Returns the point at which the function is to be evaluated.
    pub(super) fn trial(&self) -> &[f64] {
        match self {
            Self::Coarse(rprop) => rprop.trial(),
            Self::Fine(lbfgs) => lbfgs.trial(),
        }
    }

    /// Returns whether there is nothing more to do.
    pub(super) fn is_done(&self) -> bool {
        match self {
            Self::Coarse(rprop) => rprop.is_done(),
            Self::Fine(lbfgs) => lbfgs.is_done(),
        }
    }

    /// Returns whether a minimum was found, to 1 % of the value's scale.
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
