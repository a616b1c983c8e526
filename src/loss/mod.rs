//! Raw losses: pure functions from predictions and targets to one number, before any weighting.
//!
//! Every function takes a [`Reduction`] and an optional mask. A mask is a boolean tensor, `true` where an element
//! counts. The other elements contribute neither value nor gradient, even if their target is NaN. The mean over no
//! element is 0.
//!
//! Labels can have weights, by class or by sample. [`CrossEntropy`] and the element losses ([`huber_elements`],
//! [`binary_cross_entropy_elements`]) then give a [`Labelled`] loss, which holds the sum of these weights as well.

mod binary;
mod cross_entropy;
#[cfg(feature = "cpu-kernels")]
mod fused;
#[cfg(feature = "gpu-kernels")]
mod gpu;
mod gram;
mod huber;
mod labelled;
mod reduction;
mod shapes;
mod task_losses;
mod weighted_cross_entropy;

pub use binary::{binary_cross_entropy_elements, binary_cross_entropy_with_logits};
pub use cross_entropy::cross_entropy;
pub use gram::Gram;
pub use huber::{huber, huber_elements};
pub use labelled::Labelled;
pub use reduction::Reduction;
pub use task_losses::{NamedLosses, TaskLosses};
pub use weighted_cross_entropy::{CrossEntropy, CrossEntropyConfig};
