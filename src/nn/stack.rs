//! Runs the layers of an LSTM in one or two directions, with a kernel if there is one.

use std::fmt;

use burn::tensor::{DType, Device, Tensor};

#[cfg(feature = "cpu-kernels")]
use super::fused;
use super::layer::{Ends, Layer, Stack};
#[cfg(feature = "gpu-kernels")]
use super::recurrence;
use super::{Kernel, LstmState, LstmWeights, reference};

/// The implementation that computes a layer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The kernel if it applies, plain tensor operations otherwise.
    Kernel,
    /// Plain tensor operations.
    Reference,
}

/// The chosen implementation of a layer.
enum Choice {
    #[cfg(feature = "cpu-kernels")]
    Cpu,
    #[cfg(feature = "gpu-kernels")]
    Gpu(recurrence::Fit),
    Plain(Unserved),
}

/// The reason why no kernel computes a layer.
enum Unserved {
    Unwanted,
    Precision,
    Device,
    #[cfg(feature = "gpu-kernels")]
    Unfit(recurrence::Unfit),
}

impl fmt::Display for Unserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unwanted => f.write_str("no kernel is wanted"),
            Self::Precision => {
                f.write_str("the kernels need input and weights in single precision")
            }
            Self::Device => f.write_str("there are no kernels for this device"),
            #[cfg(feature = "gpu-kernels")]
            Self::Unfit(unfit) => unfit.fmt(f),
        }
    }
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
        let choice = match by {
            By::Kernel => self.choice(layer, input.dims(), input.dtype(), &input.device()),
            By::Reference => Choice::Plain(Unserved::Unwanted),
        };
        #[cfg(feature = "gpu-kernels")]
        if let Choice::Gpu(fit) = choice {
            return recurrence::forward(self, layer, input, begin, ends, fit);
        }
        let begin = begin.unwrap_or_else(|| self.zeros(&input));
        #[cfg(feature = "cpu-kernels")]
        if matches!(choice, Choice::Cpu) {
            return fused::forward(self, layer, input, begin, ends);
        }
        let _ = choice;
        if self.batch_first {
            return reference::forward(layer, input, begin, self.lengths, ends);
        }
        let input = input.swap_dims(0, 1);
        let (output, end) = reference::forward(layer, input, begin, self.lengths, ends);
        (output.swap_dims(0, 1), end)
    }

    /// Chooses the implementation of a layer for an input of this shape and precision.
    fn choice(&self, layer: Layer<'_>, input: [usize; 3], dtype: DType, device: &Device) -> Choice {
        if dtype != DType::F32 || !layer.directions().into_iter().all(LstmWeights::is_single) {
            return Choice::Plain(Unserved::Precision);
        }
        #[cfg(feature = "cpu-kernels")]
        if crate::host::serves(device) {
            return Choice::Cpu;
        }
        #[cfg(feature = "gpu-kernels")]
        match recurrence::serves(layer, input, (self.batch_first, self.half), device) {
            Some(Ok(fit)) => return Choice::Gpu(fit),
            Some(Err(unfit)) => return Choice::Plain(Unserved::Unfit(unfit)),
            None => {}
        }
        let _ = (input, device, self.half);
        Choice::Plain(Unserved::Device)
    }

    /// Returns the kernel that computes the layers over an input of this shape in single precision.
    pub(super) fn kernel(&self, input: [usize; 3], device: &Device) -> Kernel {
        let mut input = input;
        let mut found = Kernel::GpuHalf;
        for layer in &self.layers {
            match self.choice(*layer, input, DType::F32, device) {
                #[cfg(feature = "cpu-kernels")]
                Choice::Cpu => found = Kernel::Cpu,
                #[cfg(feature = "gpu-kernels")]
                Choice::Gpu(fit) if !fit.half => found = Kernel::Gpu,
                #[cfg(feature = "gpu-kernels")]
                Choice::Gpu(_) => {}
                Choice::Plain(reason) => return Kernel::Plain(reason.to_string()),
            }
            input[2] = layer.directions().len() * layer.forward.hidden();
        }
        found
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
