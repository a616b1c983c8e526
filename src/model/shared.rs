//! Defines shared representations: tensors of any rank, and tuples, vectors and arrays of representations.

use burn::tensor::{Gradients, Tensor};

use super::OneSample;
use crate::loss::Gram;

/// A representation that all heads read, with the operations on its gradients.
///
/// Implemented for tensors of any rank, and for pairs, triples, arrays and vectors of representations.
///
/// The Gram matrix covers only values that the tasks read in common. If a representation has several parts and every
/// task reads a different part, the gradients at the representation are orthogonal even if the tasks conflict in the
/// trunk: the conflict is hidden. Choose the last tensor that all tasks read.
///
/// The parts of a representation may change their length from batch to batch. The parts of a gradient have the shapes
/// of their representation.
pub trait Shared: Clone + Send + 'static {
    /// Returns a leaf with equal values: detached from the graph, requiring a gradient, and a new node at every call,
    /// so that the gradients of two leaves stay separate.
    fn leaf(&self) -> Self;

    /// Removes the gradient of a leaf from `from` and returns it, off the graph. Returns zeros if no gradient
    /// arrived.
    fn take_gradient(&self, from: &mut Gradients) -> Self;

    /// Returns the inner products of all pairs of gradients over all their elements, `[K, K]`, in single precision or
    /// wider.
    ///
    /// # Panics
    ///
    /// If `gradients` is empty.
    fn gram(gradients: &[Self]) -> Tensor<2>;

    /// Returns the sum of the gradients times their weights, `[K]`. A gradient of weight 0 is left out, even if it is
    /// not finite.
    ///
    /// # Panics
    ///
    /// If `gradients` is empty.
    fn combine(gradients: Vec<Self>, weights: Tensor<1>) -> Self;

    /// Returns the sizes of every part, in order; samples are along the first dimension.
    fn sizes(&self) -> Vec<Vec<usize>>;

    /// Returns the mean over the samples of every part, flat and off the graph, in order.
    fn sample_means(&self) -> Vec<Tensor<1>>;

    /// Returns a representation of equal sizes in which all samples are equal: the input of a predictor without
    /// information on its sample.
    fn repeated(&self, sample: &mut OneSample) -> Self;

    /// Returns the sum of the products of all elements with the elements of `gradient`, `[1]`. The backward pass of
    /// this sum passes `gradient` to the trunk.
    fn pull(self, gradient: Self) -> Tensor<1>;

    /// Returns a gradient of zeros, off the graph.
    #[doc(hidden)]
    fn zero_gradient(&self) -> Self;

    /// Returns the mean over samples and steps of the summed absolute values of the elements, `[1]`.
    #[doc(hidden)]
    fn reach(&self) -> Tensor<1>;

    /// Returns the memory of a gradient that is no longer needed to the pool, for the next step.
    #[doc(hidden)]
    fn recycle(self) {}
}

impl<const D: usize> Shared for Tensor<D> {
    fn leaf(&self) -> Self {
        self.clone().detach().require_grad()
    }

    fn take_gradient(&self, from: &mut Gradients) -> Self {
        match self.grad_remove(from) {
            Some(gradient) => gradient,
            None => self.zero_gradient(),
        }
    }

    fn zero_gradient(&self) -> Self {
        self.clone().inner().zeros_like()
    }

    fn gram(gradients: &[Self]) -> Tensor<2> {
        Gram::products(gradients)
    }

    fn combine(gradients: Vec<Self>, weights: Tensor<1>) -> Self {
        Gram::combine(gradients, weights)
    }

    fn sizes(&self) -> Vec<Vec<usize>> {
        vec![self.dims().to_vec()]
    }

    fn sample_means(&self) -> Vec<Tensor<1>> {
        let values = self.clone().inner();
        vec![values.mean_dim(0).flatten(0, D - 1)]
    }

    fn repeated(&self, sample: &mut OneSample) -> Self {
        sample.next_part(self.dims())
    }

    fn pull(self, gradient: Self) -> Tensor<1> {
        Gram::pull(self, gradient)
    }

    fn reach(&self) -> Tensor<1> {
        let samples = self.dims()[..D.saturating_sub(1)].iter().product::<usize>();
        Gram::sizes(self.clone().inner()) / samples.max(1) as f64
    }

    fn recycle(self) {
        Gram::recycle(self);
    }
}

/// Implements [`Shared`] for a tuple of representations, from the types and indices of its parts.
macro_rules! shared_tuple {
    ($($part:ident $index:tt),+) => {
        impl<$($part: Shared),+> Shared for ($($part,)+) {
            fn leaf(&self) -> Self {
                ($(self.$index.leaf(),)+)
            }

            fn take_gradient(&self, from: &mut Gradients) -> Self {
                ($(self.$index.take_gradient(from),)+)
            }

            fn zero_gradient(&self) -> Self {
                ($(self.$index.zero_gradient(),)+)
            }

            fn gram(gradients: &[Self]) -> Tensor<2> {
                let parts = [$({
                    let part: Vec<$part> = gradients.iter().map(|g| g.$index.clone()).collect();
                    $part::gram(&part)
                }),+];
                sum(parts)
            }

            fn combine(gradients: Vec<Self>, weights: Tensor<1>) -> Self {
                ($({
                    let part = gradients.iter().map(|g| g.$index.clone()).collect();
                    $part::combine(part, weights.clone())
                },)+)
            }

            fn sizes(&self) -> Vec<Vec<usize>> {
                [$(self.$index.sizes()),+].concat()
            }

            fn sample_means(&self) -> Vec<Tensor<1>> {
                [$(self.$index.sample_means()),+].concat()
            }

            fn repeated(&self, sample: &mut OneSample) -> Self {
                ($(self.$index.repeated(sample),)+)
            }

            fn pull(self, gradient: Self) -> Tensor<1> {
                sum([$(self.$index.pull(gradient.$index)),+])
            }

            fn reach(&self) -> Tensor<1> {
                sum([$(self.$index.reach()),+])
            }

            fn recycle(self) {
                $(self.$index.recycle();)+
            }
        }
    };
}

shared_tuple!(A 0, B 1);
shared_tuple!(A 0, B 1, C 2);

fn sum<const D: usize>(parts: impl IntoIterator<Item = Tensor<D>>) -> Tensor<D> {
    parts
        .into_iter()
        .reduce(|sum, part| sum + part)
        .expect("a representation has at least one part")
}

/// Returns the parts at position `index` of several gradients.
fn column<S: Shared>(gradients: &[impl AsRef<[S]>], index: usize) -> Vec<S> {
    let part = |gradient: &dyn AsRef<[S]>| gradient.as_ref()[index].clone();
    gradients.iter().map(|g| part(g)).collect()
}

impl<S: Shared> Shared for Vec<S> {
    fn leaf(&self) -> Self {
        self.iter().map(S::leaf).collect()
    }

    fn take_gradient(&self, from: &mut Gradients) -> Self {
        self.iter().map(|part| part.take_gradient(from)).collect()
    }

    fn zero_gradient(&self) -> Self {
        self.iter().map(S::zero_gradient).collect()
    }

    fn gram(gradients: &[Self]) -> Tensor<2> {
        sum((0..gradients[0].len()).map(|part| S::gram(&column(gradients, part))))
    }

    fn combine(gradients: Vec<Self>, weights: Tensor<1>) -> Self {
        let parts = 0..gradients[0].len();
        parts
            .map(|part| S::combine(column(&gradients, part), weights.clone()))
            .collect()
    }

    fn sizes(&self) -> Vec<Vec<usize>> {
        self.iter().flat_map(S::sizes).collect()
    }

    fn sample_means(&self) -> Vec<Tensor<1>> {
        self.iter().flat_map(S::sample_means).collect()
    }

    fn repeated(&self, sample: &mut OneSample) -> Self {
        self.iter().map(|part| part.repeated(sample)).collect()
    }

    fn pull(self, gradient: Self) -> Tensor<1> {
        sum(self
            .into_iter()
            .zip(gradient)
            .map(|(part, gradient)| part.pull(gradient)))
    }

    fn reach(&self) -> Tensor<1> {
        sum(self.iter().map(S::reach))
    }

    fn recycle(self) {
        self.into_iter().for_each(S::recycle);
    }
}

impl<S: Shared, const N: usize> Shared for [S; N] {
    fn leaf(&self) -> Self {
        self.each_ref().map(S::leaf)
    }

    fn take_gradient(&self, from: &mut Gradients) -> Self {
        self.each_ref().map(|part| part.take_gradient(from))
    }

    fn zero_gradient(&self) -> Self {
        self.each_ref().map(S::zero_gradient)
    }

    fn gram(gradients: &[Self]) -> Tensor<2> {
        sum((0..N).map(|part| S::gram(&column(gradients, part))))
    }

    fn combine(gradients: Vec<Self>, weights: Tensor<1>) -> Self {
        std::array::from_fn(|part| S::combine(column(&gradients, part), weights.clone()))
    }

    fn sizes(&self) -> Vec<Vec<usize>> {
        self.iter().flat_map(S::sizes).collect()
    }

    fn sample_means(&self) -> Vec<Tensor<1>> {
        self.iter().flat_map(S::sample_means).collect()
    }

    fn repeated(&self, sample: &mut OneSample) -> Self {
        self.each_ref().map(|part| part.repeated(sample))
    }

    fn pull(self, gradient: Self) -> Tensor<1> {
        sum(self
            .into_iter()
            .zip(gradient)
            .map(|(part, gradient)| part.pull(gradient)))
    }

    fn reach(&self) -> Tensor<1> {
        sum(self.each_ref().map(S::reach))
    }

    fn recycle(self) {
        self.into_iter().for_each(S::recycle);
    }
}
