//! Measures the gradients of the tasks at the representation: shares, norms and conflicts.
//!
//! A loss value says how far a task has come, not how much it moves the shared network. [`audit`] measures that: the
//! gradient of every task at the representation, raw and weighted, its share of all, and the angles between them.

mod audit;

pub use audit::{Audit, PendingAudit, audit};
pub(crate) use audit::{BranchMeasurement, branch_gradients, measure};
