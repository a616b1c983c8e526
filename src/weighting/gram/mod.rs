//! Turns the Gram matrix of the tasks' gradients into weights: one file a method.
//!
//! Needs: inner products of the raw gradients, in `f64`. Remembers: nothing; GradVac and GradNorm have state, which the caller
//! hands in.
//!
//! Each function is pure. The weights are the factors of the raw gradients in the direction to descend along; their scale is
//! the publication's, and each file says which. A matrix without a regular answer gives [`Degenerate`], either as the
//! error or, where there are weights all the same, as the flag of the [`Answer`].

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
