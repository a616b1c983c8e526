//! The parameters of both directions of a layer, generic over the tensor type.

/// The input weights, recurrent weights, input bias and recurrent bias of the forward direction, then of the backward
/// direction. With one direction, the second four repeat the first.
#[derive(Clone, Debug)]
pub(super) struct Weights<T>(pub(super) [T; 8]);

impl<T> Weights<T> {
    pub(super) fn map<U>(self, to: impl FnMut(T) -> U) -> Weights<U> {
        Weights(self.0.map(to))
    }

    pub(super) fn input(&self) -> [&T; 2] {
        self.of_both(0)
    }

    pub(super) fn recurrent(&self) -> [&T; 2] {
        self.of_both(1)
    }

    pub(super) fn input_bias(&self) -> [&T; 2] {
        self.of_both(2)
    }

    pub(super) fn recurrent_bias(&self) -> [&T; 2] {
        self.of_both(3)
    }

    fn of_both(&self, part: usize) -> [&T; 2] {
        [&self.0[part], &self.0[part + 4]]
    }
}

/// The gradients that the backward pass computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) input: bool,
    pub(super) states: bool,
    pub(super) weights: bool,
}

/// The results of the backward pass.
pub(super) struct Gradients<T> {
    pub(super) input: T,
    pub(super) states: T,
    /// The gradients of the input weights, the recurrent weights and both biases of one direction, then of the other.
    pub(super) weights: [T; 6],
}
