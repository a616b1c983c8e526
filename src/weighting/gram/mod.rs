//! Computes task weights from the Gram matrix of the tasks' gradients, one module per method.
//!
//! Needs: inner products of the raw gradients, in `f64`. Remembers: nothing; GradVac and GradNorm have state, which
//! the caller passes.
//!
//! Each function is pure. The weights are the factors of the raw gradients in the descent direction; their scale is
//! the scale of the publication, and each module states it. A matrix without a regular answer gives [`Degenerate`],
//! either as the error or, if there are weights nevertheless, as the flag of the [`Answer`].
//!
//! # Example
//!
//! ```
//! use equipoise::weighting::gram::{GramMatrix, mgda};
//!
//! // Two orthogonal gradients, of lengths 1 and 2.
//! let gram = GramMatrix::new(2, vec![1.0, 0.0, 0.0, 4.0]);
//! let answer = mgda::min_norm(&gram).expect("the matrix is finite");
//! assert!((answer.weights[0] - 0.8).abs() < 1e-12);
//! ```

pub mod aligned;
pub mod cagrad;
pub mod con_fig;
pub mod conic_grad;
pub mod dual_proj;
pub mod equal;
pub mod fair_grad;
pub mod grad_norm;
pub mod gradvac;
pub mod imtl_g;
pub mod mgda;
pub mod nash;
pub mod pcgrad;
pub mod upgrad;

pub use super::solve::{Answer, Degenerate, GramMatrix};
