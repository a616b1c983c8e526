//! Runs the layers of an LSTM in one or two directions, with a kernel if there is one.

#[cfg(feature = "gpu-kernels")]
use burn::tensor::DType;
use burn::tensor::{Device, Tensor};

#[cfg(feature = "gpu-kernels")]
use super::LstmWeights;
#[cfg(feature = "cpu-kernels")]
use super::fused;
use super::layer::{Ends, Layer, Stack};
#[cfg(feature = "gpu-kernels")]
use super::recurrence;
use super::{Kernel, LstmState, reference};

/// The implementation that computes a layer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The kernel if it applies, plain tensor operations otherwise.
    Kernel,
    /// Plain tensor operations.
    Reference,
}

impl Stack<'_> {
    /// Computes the hidden states of the last layer.
    pub(super) fn forward(&self, input: Tensor<3>, by: By) -> Tensor<3> {
        self.run(input, None, by, false).0
    }

    /// Computes the hidden states of the last layer and the final states of all layers.
    pub(super) fn forward_from(
        &self,
        input: Tensor<3>,
        state: Option<LstmState>,
    ) -> (Tensor<3>, LstmState) {
        let (output, ends) = self.run(input, state, By::Kernel, true);
        let part = |which: usize| {
            let of_layers = ends.iter().map(|ends| ends.clone().narrow(0, which, 1));
            Tensor::cat(of_layers.map(|ends| ends.squeeze_dim::<3>(0)).collect(), 0)
        };
        (output, LstmState::new(part(0), part(1)))
    }

    fn run(
        &self,
        input: Tensor<3>,
        state: Option<LstmState>,
        by: By,
        ends: bool,
    ) -> (Tensor<3>, Vec<Ends>) {
        self.check(&input, state.as_ref());
        let mut found = Vec::new();
        let mut output = input;
        for (index, layer) in self.layers.iter().enumerate() {
            if index > 0 {
                output = self.dropout.forward(output);
            }
            let begin = state.as_ref().map(|state| self.begin(index, state));
            let (next, end) = self.layer(*layer, output, begin, by, ends);
            output = next;
            found.extend(end);
        }
        (output, found)
    }

    fn layer(
        &self,
        layer: Layer<'_>,
        input: Tensor<3>,
        begin: Option<Ends>,
        by: By,
        ends: bool,
    ) -> (Tensor<3>, Option<Ends>) {
        #[cfg(feature = "gpu-kernels")]
        if by == By::Kernel
            && input.dtype() == DType::F32
            && layer.directions().into_iter().all(LstmWeights::is_single)
            && let Some(Ok(fit)) =
                recurrence::serves(layer, input.dims(), self.wish(), &input.device())
        {
            return recurrence::forward(self, layer, input, begin, ends, fit);
        }
        let begin = begin.unwrap_or_else(|| self.zeros(&input));
        #[cfg(feature = "cpu-kernels")]
        if by == By::Kernel && crate::host::applies(&input) {
            return fused::forward(self, layer, input, begin, ends);
        }
        let _ = by;
        if self.batch_first {
            return reference::forward(layer, input, begin, self.lengths, ends);
        }
        let input = input.swap_dims(0, 1);
        let (output, end) = reference::forward(layer, input, begin, self.lengths, ends);
        (output.swap_dims(0, 1), end)
    }

    /// Returns whether batch comes before time, and whether half precision is requested.
    #[cfg(feature = "gpu-kernels")]
    fn wish(&self) -> (bool, bool) {
        (self.batch_first, self.half)
    }

    /// Returns the kernel that computes the layers over an input of this shape.
    pub(super) fn kernel(&self, input: [usize; 3], device: &Device) -> Kernel {
        #[cfg(feature = "cpu-kernels")]
        if crate::host::serves(device) {
            return Kernel::Cpu;
        }
        #[cfg(feature = "gpu-kernels")]
        {
            let mut input = input;
            let mut half = true;
            for layer in &self.layers {
                match recurrence::serves(*layer, input, self.wish(), device) {
                    Some(Ok(fit)) => half &= fit.half,
                    Some(Err(unfit)) => return Kernel::Plain(unfit.to_string()),
                    None => return Kernel::Plain("there are no kernels for this device".into()),
                }
                input[2] = layer.directions().len() * layer.forward.hidden();
            }
            if half { Kernel::GpuHalf } else { Kernel::Gpu }
        }
        #[cfg(not(feature = "gpu-kernels"))]
        {
            let _ = (input, device, self.half);
            Kernel::Plain("there are no kernels for this device".into())
        }
    }

    /// Returns the initial states of a layer.
    fn begin(&self, index: usize, state: &LstmState) -> Ends {
        let directions = self.layers[0].directions().len();
        let of = |states: &Tensor<3>| states.clone().narrow(0, index * directions, directions);
        Tensor::stack(vec![of(&state.hidden), of(&state.cell)], 0)
    }

    /// Returns the initial states of a layer if none are given: zeros.
    fn zeros(&self, input: &Tensor<3>) -> Ends {
        let [directions, batch, hidden] = self.state_of_layer(input);
        let like = (&input.device(), input.dtype());
        Tensor::zeros([2, directions, batch, hidden], like)
    }

    /// Returns directions, batch and hidden units.
    fn state_of_layer(&self, input: &Tensor<3>) -> [usize; 3] {
        let layer = self.layers[0];
        let batch = input.dims()[usize::from(!self.batch_first)];
        [layer.directions().len(), batch, layer.forward.hidden()]
    }

    fn check(&self, input: &Tensor<3>, state: Option<&LstmState>) {
        let shape = input.dims();
        assert!(
            shape[0] > 0 && shape[1] > 0,
            "the layer needs a sequence and a position at least, the input is {shape:?}"
        );
        self.check_widths(shape[2]);
        if let Some(lengths) = self.lengths {
            assert_eq!(
                lengths.batch_first(),
                self.batch_first,
                "the layer and the lengths differ in which of batch and time comes first (`batch_first`)"
            );
            lengths.check(input);
        }
        if let Some(state) = state {
            self.check_state(input, state);
        }
    }

    /// Checks the number of input features of every direction of every layer.
    fn check_widths(&self, features: usize) {
        let mut features = features;
        for layer in &self.layers {
            let directions = layer.directions();
            for weights in &directions {
                let wanted = weights.input();
                assert_eq!(
                    features, wanted,
                    "the layer reads {wanted} features per step, the input has {features}"
                );
            }
            features = directions.iter().map(|weights| weights.hidden()).sum();
        }
    }

    fn check_state(&self, input: &Tensor<3>, state: &LstmState) {
        let [directions, batch, hidden] = self.state_of_layer(input);
        let wanted = [self.layers.len() * directions, batch, hidden];
        for (name, found) in [("hidden", &state.hidden), ("cell", &state.cell)] {
            let shape = found.dims();
            assert_eq!(
                shape, wanted,
                "`{name}` of the initial state has the shape {shape:?}, but the layer needs [layers * directions, batch, hidden] = {wanted:?}"
            );
            assert_eq!(
                found.dtype(),
                input.dtype(),
                "`{name}` of the initial state and the input differ in precision"
            );
        }
    }
}
