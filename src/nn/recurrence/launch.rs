//! Launches the kernels of a layer on tensors of a GPU, with the matrix products around them.
//!
//! Only files of this name and `crate::gpu` use the GPU tensors of Burn, whose interface changes between minor
//! versions.

use burn::backend::cubecl::dtype_to_storage_type;
use burn::tensor::{DType, Shape};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::matmul::{MatmulStrategy, matmul};
use burn_cubecl::kernel::{cast, into_contiguous};
use burn_cubecl::tensor::CubeTensor;

use burn::backend::ops::FloatTensorOps;

use super::form::Form;
use super::weights::{Gradients, Wanted, Weights};
use super::{backward, forward, pack};
use crate::gpu::{empty, over, part};

/// The inputs of a layer: tensors in the precision of the state, without a graph.
pub(super) struct Sequences {
    /// The input, of any shape whose rows are the positions in the order of the form.
    pub(super) input: CubeTensor,
    pub(super) states: CubeTensor,
    pub(super) counts: CubeTensor,
}

/// The results of the forward pass. Without `keep`, `gates` must not be read, and `cells` and `states` are `None`.
pub(super) struct Made {
    pub(super) output: CubeTensor,
    pub(super) gates: CubeTensor,
    pub(super) cells: Option<CubeTensor>,
    pub(super) states: Option<CubeTensor>,
}

pub(super) fn run(
    sequences: Sequences,
    weights: Weights<CubeTensor>,
    form: Form,
    keep: bool,
) -> Made {
    let weights = weights.map(into_contiguous);
    let gates = input_gates(sequences.input, &weights, form);
    let recurrent = recurrent(&weights, form);
    let states = form.begins.then(|| into_contiguous(sequences.states));
    let counts = form.padded.then(|| into_contiguous(sequences.counts));
    let output = empty(&gates, form.output(), DType::F32);
    let before = |keep: bool| keep.then(|| empty(&gates, form.before(), gates.dtype));
    let (cells, states_before) = (before(keep), before(keep));
    forward::forward::launch(
        &gates.client,
        form.cubes(),
        form.units(),
        gates.clone().into_tensor_arg(),
        recurrent.into_tensor_arg(),
        states.map(CubeTensor::into_tensor_arg).into(),
        counts.map(CubeTensor::into_tensor_arg).into(),
        output.clone().into_tensor_arg(),
        cells.clone().map(CubeTensor::into_tensor_arg).into(),
        states_before
            .clone()
            .map(CubeTensor::into_tensor_arg)
            .into(),
        form.batch,
        form.time,
        form.compiled,
        dtype_to_storage_type(gates.dtype),
    );
    Made {
        output,
        gates,
        cells,
        states: states_before,
    }
}

/// The tensors that the backward pass reads.
pub(super) struct ForwardTensors {
    /// The gradient of the output.
    pub(super) output: CubeTensor,
    pub(super) input: CubeTensor,
    pub(super) counts: CubeTensor,
    pub(super) gates: CubeTensor,
    pub(super) cells: CubeTensor,
    pub(super) states: CubeTensor,
}

/// Runs the backward pass. Unwanted gradients are placeholders of one element that must not be read.
pub(super) fn run_back(
    kept: ForwardTensors,
    weights: Weights<CubeTensor>,
    form: Form,
    wanted: Wanted,
) -> Gradients<CubeTensor> {
    let weights = weights.map(into_contiguous);
    let output = into_contiguous(kept.output);
    // The gradients of the gates overwrite the gates, unless the gates have another owner or another precision.
    let in_place = !form.compiled.half && kept.gates.can_mut();
    let pre_activation = (!in_place).then(|| empty(&output, form.gates(), DType::F32));
    let deltas = pre_activation.clone().unwrap_or_else(|| kept.gates.clone());
    let counts = form.padded.then(|| into_contiguous(kept.counts));
    let nothing = empty(&output, [1], DType::F32);
    let transposed = transposed(&weights, form);
    let states = wanted
        .states
        .then(|| empty(&output, form.states(), DType::F32));
    backward::backward::launch(
        &output.client,
        form.cubes(),
        form.units(),
        output.clone().into_tensor_arg(),
        kept.gates.into_tensor_arg(),
        kept.cells.into_tensor_arg(),
        pre_activation.map(CubeTensor::into_tensor_arg).into(),
        transposed.into_tensor_arg(),
        counts.map(CubeTensor::into_tensor_arg).into(),
        states.clone().map(CubeTensor::into_tensor_arg).into(),
        form.batch,
        form.time,
        form.compiled,
        dtype_to_storage_type(form.stored()),
    );
    let of_input = wanted
        .input
        .then(|| input_gradient(&deltas, &weights, kept.input.meta.shape().clone(), form));
    let weights = if wanted.weights {
        weight_gradients(deltas, kept.input, kept.states, form)
    } else {
        std::array::from_fn(|_| nothing.clone())
    };
    Gradients {
        input: of_input.unwrap_or_else(|| nothing.clone()),
        states: states.unwrap_or(nothing),
        weights,
    }
}

/// Computes the inputs' share of the gates of all directions, `[directions, rows, 4 hidden]`.
fn input_gates(input: CubeTensor, weights: &Weights<CubeTensor>, form: Form) -> CubeTensor {
    let input = rows(input, form);
    let packed = packed_input(weights, form);
    let out = empty(&input, form.gates(), form.stored());
    let (input, packed) = (
        in_precision(input, out.dtype),
        in_precision(packed, out.dtype),
    );
    product(input, transpose(packed), out)
}

/// Computes the gradient of the input, in its shape.
fn input_gradient(
    gates: &CubeTensor,
    weights: &Weights<CubeTensor>,
    shape: Shape,
    form: Form,
) -> CubeTensor {
    let directions = form.compiled.directions;
    let out = empty(gates, [directions, form.rows(), form.features], DType::F32);
    let found = product(gates.clone(), packed_input(weights, form), out);
    let found = match directions {
        1 => found,
        _ => CubeBackend::float_sum_dim(found, 0),
    };
    CubeBackend::float_reshape(found, shape)
}

/// Computes the gradients of the input weights, the recurrent weights and the biases of one direction, then of the
/// other.
fn weight_gradients(
    gates: CubeTensor,
    input: CubeTensor,
    states: CubeTensor,
    form: Form,
) -> [CubeTensor; 6] {
    let directions = form.compiled.directions;
    let (hidden, features) = (form.compiled.hidden, form.features);
    let over = transpose(gates.clone());
    let of_input = empty(&gates, [directions, 4 * hidden, features], DType::F32);
    let of_input = product(over.clone(), rows(input, form), of_input);
    let of_recurrent = empty(&gates, [directions, 4 * hidden, hidden], DType::F32);
    let of_recurrent = product(over, in_precision(states, DType::F32), of_recurrent);
    let of_bias = CubeBackend::float_sum_dim(gates, 1);
    let at = |direction: usize| direction.min(directions - 1) * 4 * hidden;
    let of = |direction: usize| {
        [
            part(&of_input, at(direction) * features, [4 * hidden, features]),
            part(&of_recurrent, at(direction) * hidden, [4 * hidden, hidden]),
            part(&of_bias, at(direction), [4 * hidden]),
        ]
    };
    let [a, b, c] = of(0);
    let [d, e, f] = of(1);
    [a, b, c, d, e, f]
}

/// Returns the input as one matrix, `[1, rows, features]`.
fn rows(input: CubeTensor, form: Form) -> CubeTensor {
    let shape = Shape::from([1, form.rows(), form.features]);
    CubeBackend::float_reshape(into_contiguous(input), shape)
}

/// Packs the input weights, `[directions, 4 hidden, features]`.
fn packed_input(weights: &Weights<CubeTensor>, form: Form) -> CubeTensor {
    let (hidden, features) = (form.compiled.hidden, form.features);
    let [forward, backward] = weights.input();
    if form.compiled.directions == 1 {
        let shape = Shape::from([1, 4 * hidden, features]);
        return CubeBackend::float_reshape(forward.clone(), shape);
    }
    let packed = empty(forward, [2, 4 * hidden, features], DType::F32);
    let half = 4 * hidden * features;
    let (cubes, units) = over(forward, 2 * half);
    pack::pack_input::launch(
        &forward.client,
        cubes,
        units,
        forward.clone().into_tensor_arg(),
        backward.clone().into_tensor_arg(),
        packed.clone().into_tensor_arg(),
        half,
    );
    packed
}

/// Packs the recurrent weights and biases for the forward pass.
fn recurrent(weights: &Weights<CubeTensor>, form: Form) -> CubeTensor {
    let (directions, hidden) = (form.compiled.directions, form.compiled.hidden);
    let [forward, backward] = weights.recurrent();
    let [forward_input, backward_input] = weights.input_bias();
    let [forward_recurrent, backward_recurrent] = weights.recurrent_bias();
    let packed = empty(forward, [directions, hidden + 1, hidden, 4], DType::F32);
    let (cubes, units) = over(forward, directions * (hidden + 1) * hidden);
    pack::pack_recurrent::launch(
        &forward.client,
        cubes,
        units,
        forward.clone().into_tensor_arg(),
        forward_input.clone().into_tensor_arg(),
        forward_recurrent.clone().into_tensor_arg(),
        backward.clone().into_tensor_arg(),
        backward_input.clone().into_tensor_arg(),
        backward_recurrent.clone().into_tensor_arg(),
        packed.clone().into_tensor_arg(),
        directions,
        hidden,
    );
    packed
}

/// Packs the recurrent weights for the backward pass.
fn transposed(weights: &Weights<CubeTensor>, form: Form) -> CubeTensor {
    let (directions, hidden) = (form.compiled.directions, form.compiled.hidden);
    let [forward, backward] = weights.recurrent();
    let packed = empty(forward, [directions, hidden, hidden, 4], DType::F32);
    let (cubes, units) = over(forward, directions * hidden * hidden);
    pack::pack_transposed::launch(
        &forward.client,
        cubes,
        units,
        forward.clone().into_tensor_arg(),
        backward.clone().into_tensor_arg(),
        packed.clone().into_tensor_arg(),
        directions,
        hidden,
    );
    packed
}

/// Returns the tensor in a given precision.
fn in_precision(tensor: CubeTensor, dtype: DType) -> CubeTensor {
    if tensor.dtype == dtype {
        tensor
    } else {
        cast(tensor, dtype)
    }
}

fn product(left: CubeTensor, right: CubeTensor, out: CubeTensor) -> CubeTensor {
    let dtype = out.dtype;
    matmul(left, right, Some(out), MatmulStrategy::default(), dtype)
        .expect("the naive product serves every shape")
}

fn transpose(tensor: CubeTensor) -> CubeTensor {
    CubeBackend::float_swap_dims(tensor, 1, 2)
}
