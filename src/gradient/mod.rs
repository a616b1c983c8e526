//! Measures the gradients of the tasks at the representation: shares, norms and conflicts.
//!
//! A loss value shows the progress of a task, not its effect on the shared network. [`audit`] measures the effect:
//! the gradient of every task at the representation, raw and weighted, its share of the sum of all norms, and the
//! angles between the gradients.

mod audit;

pub use audit::{Audit, PendingAudit, audit};
pub(crate) use audit::{BranchMeasurement, branch_gradients, measure};
