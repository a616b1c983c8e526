//! Registers the layer with Burn: the kernels for GPUs and for fusion, and the layer with its backward pass for
//! autodiff.
//!
//! There are two traits, because autodiff would have to implement every method of a single trait, and it cannot
//! implement methods with several results.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients as Graph;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::fusion::custom::TensorSpec;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, ExtensionType, backend_extension};
use burn::tensor::{DType, Shape};
use burn_cubecl::CubeBackend;

use super::form::Form;
use super::launch::{self, ForwardTensors, Sequences};
use super::weights::{Gradients, Wanted, Weights};

/// The parameters of a layer, in the order of [`Weights`].
#[derive(ExtensionType)]
#[extension_type(fusion)]
pub(super) struct Parameters<B: Backend> {
    pub(super) forward_input: FloatTensor<B>,
    pub(super) forward_recurrent: FloatTensor<B>,
    pub(super) forward_input_bias: FloatTensor<B>,
    pub(super) forward_recurrent_bias: FloatTensor<B>,
    pub(super) backward_input: FloatTensor<B>,
    pub(super) backward_recurrent: FloatTensor<B>,
    pub(super) backward_input_bias: FloatTensor<B>,
    pub(super) backward_recurrent_bias: FloatTensor<B>,
}

impl<B: Backend> Parameters<B> {
    pub(super) fn new(weights: [FloatTensor<B>; 8]) -> Self {
        let [a, b, c, d, e, f, g, h] = weights;
        Self {
            forward_input: a,
            forward_recurrent: b,
            forward_input_bias: c,
            forward_recurrent_bias: d,
            backward_input: e,
            backward_recurrent: f,
            backward_input_bias: g,
            backward_recurrent_bias: h,
        }
    }

    fn weights(self) -> Weights<FloatTensor<B>> {
        Weights([
            self.forward_input,
            self.forward_recurrent,
            self.forward_input_bias,
            self.forward_recurrent_bias,
            self.backward_input,
            self.backward_recurrent,
            self.backward_input_bias,
            self.backward_recurrent_bias,
        ])
    }
}

/// The tensors that the backward pass reads besides the gradient of the output.
#[derive(ExtensionType)]
#[extension_type(fusion)]
pub(super) struct Remembered<B: Backend> {
    input: FloatTensor<B>,
    counts: FloatTensor<B>,
    gates: FloatTensor<B>,
    cells: FloatTensor<B>,
    states: FloatTensor<B>,
}

/// The kernels of a layer. The initial `states` are read if the form `begins` with them, and the lengths `counts` if
/// the form is `padded`; otherwise any tensor may be passed.
#[backend_extension(Cube, Fusion)]
pub(super) trait LstmKernels: Backend {
    /// Computes the output.
    #[fusion(dtype = input, shape = Shape::from(form.output()))]
    fn lstm_output(
        input: FloatTensor<Self>,
        states: FloatTensor<Self>,
        counts: FloatTensor<Self>,
        #[extension_type] parameters: Parameters<Self>,
        form: Form,
    ) -> FloatTensor<Self>;

    /// Computes the output and the tensors that the backward pass reads: the gates after the activation, the cells and
    /// the hidden states before each step.
    #[fusion(meta = kept)]
    fn lstm_kept(
        input: FloatTensor<Self>,
        states: FloatTensor<Self>,
        counts: FloatTensor<Self>,
        #[extension_type] parameters: Parameters<Self>,
        form: Form,
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
    );

    /// Computes the gradients of the input, of the initial states, and of the input weights, the recurrent weights and
    /// the biases of one direction, then of the other. Unwanted gradients have one element.
    #[fusion(meta = gradients)]
    #[allow(clippy::type_complexity)]
    fn lstm_back(
        output: FloatTensor<Self>,
        #[extension_type] remembered: Remembered<Self>,
        #[extension_type] parameters: Parameters<Self>,
        form: Form,
        wanted: Wanted,
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
    );
}

fn spec<const D: usize>(shape: [usize; D]) -> TensorSpec {
    TensorSpec::new(Shape::from(shape), DType::F32)
}

fn kept(
    _input: &TensorSpec,
    _states: &TensorSpec,
    _counts: &TensorSpec,
    _parameters: &ParametersMetadata,
    form: &Form,
) -> (TensorSpec, TensorSpec, TensorSpec, TensorSpec) {
    let stored = |shape: [usize; 3]| TensorSpec::new(Shape::from(shape), form.stored());
    let before = stored(form.before());
    (
        spec(form.output()),
        stored(form.gates()),
        before.clone(),
        before,
    )
}

type Eight<T> = (T, T, T, T, T, T, T, T);

fn gradients(
    _output: &TensorSpec,
    remembered: &RememberedMetadata,
    _parameters: &ParametersMetadata,
    form: &Form,
    wanted: &Wanted,
) -> Eight<TensorSpec> {
    let or_nothing = |wanted: bool, spec_of: TensorSpec| if wanted { spec_of } else { spec([1]) };
    let hidden = form.compiled.hidden;
    let of = |shape: &[usize]| {
        let shape = Shape::from(shape.to_vec());
        or_nothing(wanted.weights, TensorSpec::new(shape, DType::F32))
    };
    let input = of(&[4 * hidden, form.features]);
    let recurrent = of(&[4 * hidden, hidden]);
    let bias = of(&[4 * hidden]);
    (
        or_nothing(wanted.input, remembered.input.clone()),
        or_nothing(wanted.states, spec(form.states())),
        input.clone(),
        recurrent.clone(),
        bias.clone(),
        input,
        recurrent,
        bias,
    )
}

impl LstmKernels for CubeBackend {
    fn lstm_output(
        input: FloatTensor<Self>,
        states: FloatTensor<Self>,
        counts: FloatTensor<Self>,
        parameters: Parameters<Self>,
        form: Form,
    ) -> FloatTensor<Self> {
        let sequences = Sequences {
            input,
            states,
            counts,
        };
        launch::run(sequences, parameters.weights(), form, false).output
    }

    fn lstm_kept(
        input: FloatTensor<Self>,
        states: FloatTensor<Self>,
        counts: FloatTensor<Self>,
        parameters: Parameters<Self>,
        form: Form,
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
    ) {
        let sequences = Sequences {
            input,
            states,
            counts,
        };
        let made = launch::run(sequences, parameters.weights(), form, true);
        let [cells, states] = [made.cells, made.states].map(|kept| kept.expect("it was asked for"));
        (made.output, made.gates, cells, states)
    }

    fn lstm_back(
        output: FloatTensor<Self>,
        remembered: Remembered<Self>,
        parameters: Parameters<Self>,
        form: Form,
        wanted: Wanted,
    ) -> Eight<FloatTensor<Self>> {
        let kept = ForwardTensors {
            output,
            input: remembered.input,
            counts: remembered.counts,
            gates: remembered.gates,
            cells: remembered.cells,
            states: remembered.states,
        };
        let found = launch::run_back(kept, parameters.weights(), form, wanted);
        let [a, b, c, d, e, f] = found.weights;
        (found.input, found.states, a, b, c, d, e, f)
    }
}

/// A layer as an operation of a backend.
#[backend_extension(Cube, Autodiff)]
pub(super) trait LstmLayer: Backend {
    /// Computes the output of the layer. The arguments are those of [`LstmKernels::lstm_output`].
    fn lstm_layer(
        input: FloatTensor<Self>,
        states: FloatTensor<Self>,
        counts: FloatTensor<Self>,
        #[extension_type] parameters: Parameters<Self>,
        form: Form,
    ) -> FloatTensor<Self>;
}

impl LstmLayer for burn::backend::Cube {
    fn lstm_layer(
        input: FloatTensor<Self>,
        states: FloatTensor<Self>,
        counts: FloatTensor<Self>,
        parameters: Parameters<Self>,
        form: Form,
    ) -> FloatTensor<Self> {
        Self::lstm_output(input, states, counts, parameters, form)
    }
}

#[derive(Debug)]
struct LstmBackward;

/// The tensors that the backward pass needs.
#[derive(Clone, Debug)]
struct Saved<T> {
    form: Form,
    weights: Weights<T>,
    input: T,
    counts: T,
    gates: T,
    cells: T,
    states: T,
}

impl<B: Backend + LstmKernels> Backward<B, 10> for LstmBackward {
    type State = Saved<FloatTensor<B>>;

    fn backward(
        self,
        ops: Ops<Self::State, 10>,
        graph: &mut Graph,
        _checkpointer: &mut Checkpointer,
    ) {
        let Saved {
            form,
            weights,
            input,
            counts,
            gates,
            cells,
            states,
        } = ops.state;
        let output = graph.consume::<B>(&ops.node);
        let wanted = Wanted {
            input: ops.parents[0].is_some(),
            states: form.begins && ops.parents[1].is_some(),
            weights: ops.parents[2..].iter().any(Option::is_some),
        };
        let remembered = Remembered {
            input,
            counts,
            gates,
            cells,
            states,
        };
        let parameters = Parameters::new(weights.0);
        let found = B::lstm_back(output, remembered, parameters, form, wanted);
        let found = Gradients {
            input: found.0,
            states: found.1,
            weights: [found.2, found.3, found.4, found.5, found.6, found.7],
        };
        let mut register = |parent: usize, wanted: bool, gradient: FloatTensor<B>| {
            if let (Some(node), true) = (&ops.parents[parent], wanted) {
                graph.register::<B>(node.id, gradient);
            }
        };
        register(0, wanted.input, found.input);
        register(1, wanted.states, found.states);
        for (direction, of) in found.weights.chunks(3).enumerate() {
            let there = direction < form.compiled.directions;
            let first = 2 + 4 * direction;
            let [input, recurrent, bias] = [&of[0], &of[1], &of[2]].map(Clone::clone);
            register(first, there, input);
            register(first + 1, there, recurrent);
            register(first + 2, there, bias.clone());
            register(first + 3, there, bias);
        }
    }
}

impl<B: Backend + LstmKernels, C: CheckpointStrategy> LstmLayer for Autodiff<B, C> {
    fn lstm_layer(
        input: FloatTensor<Self>,
        states: FloatTensor<Self>,
        counts: FloatTensor<Self>,
        parameters: Parameters<Self>,
        form: Form,
    ) -> FloatTensor<Self> {
        let [a, b, c, d, e, f, g, h] = parameters.weights().0;
        let tensors = [input, states, a, b, c, d, e, f, g, h];
        let nodes = tensors.each_ref().map(|tensor| tensor.node());
        let [input, states, weights @ ..] = tensors.map(|tensor| tensor.into_primitive());
        let counts = counts.into_primitive();
        let parameters = Parameters::new(weights.clone());
        match LstmBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let (output, gates, cells, before) =
                    B::lstm_kept(input.clone(), states, counts.clone(), parameters, form);
                let saved = Saved {
                    form,
                    weights: Weights(weights),
                    input,
                    counts,
                    gates,
                    cells,
                    states: before,
                };
                prepared.finish(saved, output)
            }
            OpsKind::UnTracked(prepared) => {
                prepared.finish(B::lstm_output(input, states, counts, parameters, form))
            }
        }
    }
}
