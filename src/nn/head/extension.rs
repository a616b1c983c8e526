//! Registers the head with Burn: the kernels for GPUs and for fusion, and the head with its backward pass for autodiff.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::fusion::custom::TensorSpec;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, backend_extension};
use burn::tensor::{DType, Shape};
use burn_cubecl::CubeBackend;

use super::form::Form;
use super::launch;

/// The kernels of a head.
#[backend_extension(Cube, Fusion)]
pub(super) trait HeadKernels: Backend {
    /// Computes the output of every row, `[rows]`.
    #[fusion(dtype = input, shape = Shape::from([form.rows]))]
    fn head_output(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        seeds: FloatTensor<Self>,
        form: Form,
    ) -> FloatTensor<Self>;

    /// Computes the gradients of the input, if `wanted`, of the weights and of the bias.
    #[fusion(meta = gradients)]
    fn head_back(
        gradient: FloatTensor<Self>,
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        seeds: FloatTensor<Self>,
        form: Form,
        wanted: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

fn gradients(
    _gradient: &TensorSpec,
    input: &TensorSpec,
    weight: &TensorSpec,
    _seeds: &TensorSpec,
    _form: &Form,
    wanted: &bool,
) -> (TensorSpec, TensorSpec, TensorSpec) {
    let one = TensorSpec::new(Shape::from([1]), DType::F32);
    let of_input = if *wanted { input.clone() } else { one.clone() };
    (of_input, weight.clone(), one)
}

impl HeadKernels for CubeBackend {
    fn head_output(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        seeds: FloatTensor<Self>,
        form: Form,
    ) -> FloatTensor<Self> {
        launch::run(input, weight, bias, seeds, form)
    }

    fn head_back(
        gradient: FloatTensor<Self>,
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        seeds: FloatTensor<Self>,
        form: Form,
        wanted: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let [input, weight, bias] = launch::run_back(gradient, input, weight, seeds, form, wanted);
        (input, weight, bias)
    }
}

/// A head as an operation of a backend.
#[backend_extension(Cube, Autodiff)]
pub(super) trait HeadLayer: Backend {
    /// Computes the output of every row, `[rows]`. `bias` and `seeds` are read only if the form requires them;
    /// otherwise any tensor may be passed.
    fn head(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        seeds: FloatTensor<Self>,
        form: Form,
    ) -> FloatTensor<Self>;
}

impl HeadLayer for burn::backend::Cube {
    fn head(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        seeds: FloatTensor<Self>,
        form: Form,
    ) -> FloatTensor<Self> {
        Self::head_output(input, weight, bias, seeds, form)
    }
}

#[derive(Debug)]
struct HeadBackward;

/// The tensors that the backward pass needs.
#[derive(Clone, Debug)]
struct Saved<T> {
    form: Form,
    input: T,
    weight: T,
    seeds: T,
}

impl<B: Backend + HeadKernels> Backward<B, 3> for HeadBackward {
    type State = Saved<FloatTensor<B>>;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        graph: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let Saved {
            form,
            input,
            weight,
            seeds,
        } = ops.state;
        let gradient = graph.consume::<B>(&ops.node);
        let [to_input, to_weight, to_bias] = &ops.parents;
        let wanted = to_input.is_some();
        let found = B::head_back(gradient, input, weight, seeds, form, wanted);
        if let Some(node) = to_input {
            graph.register::<B>(node.id, found.0);
        }
        if let Some(node) = to_weight {
            graph.register::<B>(node.id, found.1);
        }
        if let (Some(node), true) = (to_bias, form.bias) {
            graph.register::<B>(node.id, found.2);
        }
    }
}

impl<B: Backend + HeadKernels, C: CheckpointStrategy> HeadLayer for Autodiff<B, C> {
    fn head(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        seeds: FloatTensor<Self>,
        form: Form,
    ) -> FloatTensor<Self> {
        let nodes = [input.node(), weight.node(), bias.node()];
        let [input, weight, bias, seeds] =
            [input, weight, bias, seeds].map(|tensor| tensor.into_primitive());
        let prepared = HeadBackward.prepare::<C>(nodes).compute_bound().stateful();
        let output = B::head_output(input.clone(), weight.clone(), bias, seeds.clone(), form);
        match prepared {
            OpsKind::Tracked(prepared) => {
                let saved = Saved {
                    form,
                    input,
                    weight,
                    seeds,
                };
                prepared.finish(saved, output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}
