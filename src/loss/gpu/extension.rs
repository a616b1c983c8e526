//! Registers the losses with Burn: the kernels for GPUs and for fusion, and the losses with their backward passes for
//! autodiff.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::fusion::custom::TensorSpec;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, TensorMetadata, backend_extension};
use burn::tensor::{DType, Shape};
use burn_cubecl::CubeBackend;

use super::launch;

type Six<T> = (T, T, T, T, T, T);

/// The kernels of the losses.
#[backend_extension(Cube, Fusion)]
pub(super) trait LossKernels: Backend {
    /// Computes the cross entropy of every row, `[rows]`.
    #[fusion(dtype = logits, shape = Shape::from([logits[0]]))]
    fn row_losses_plain(logits: FloatTensor<Self>, targets: IntTensor<Self>) -> FloatTensor<Self>;

    /// Computes the cross entropy of every row, `[rows]`, and its derivative with respect to every logit.
    #[fusion(meta = rows)]
    fn row_losses_kept(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// Concatenates the first `count` losses.
    #[fusion(dtype = a, shape = Shape::from([*count]))]
    fn together(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
        e: FloatTensor<Self>,
        f: FloatTensor<Self>,
        count: usize,
    ) -> FloatTensor<Self>;

    /// Splits `[count]` numbers into `[1]` each. After the last element, the last is repeated.
    #[fusion(meta = split)]
    #[allow(clippy::type_complexity)]
    fn split(
        gradient: FloatTensor<Self>,
        count: usize,
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
    );
}

fn rows(logits: &TensorSpec, _targets: &TensorSpec) -> (TensorSpec, TensorSpec) {
    let losses = TensorSpec::new(Shape::from([logits.shape[0]]), DType::F32);
    (losses, logits.clone())
}

fn split(_gradient: &TensorSpec, _count: &usize) -> Six<TensorSpec> {
    let one = || TensorSpec::new(Shape::from([1]), DType::F32);
    (one(), one(), one(), one(), one(), one())
}

impl LossKernels for CubeBackend {
    fn row_losses_plain(logits: FloatTensor<Self>, targets: IntTensor<Self>) -> FloatTensor<Self> {
        launch::row_losses(logits, targets, false).0
    }

    fn row_losses_kept(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let (losses, slopes) = launch::row_losses(logits, targets, true);
        (losses, slopes.expect("they were asked for"))
    }

    fn together(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
        e: FloatTensor<Self>,
        f: FloatTensor<Self>,
        count: usize,
    ) -> FloatTensor<Self> {
        launch::losses_together([a, b, c, d, e, f], count)
    }

    fn split(gradient: FloatTensor<Self>, count: usize) -> Six<FloatTensor<Self>> {
        let [a, b, c, d, e, f] = launch::split_losses(gradient, count);
        (a, b, c, d, e, f)
    }
}

/// The losses as operations of a backend.
#[backend_extension(Cube, Autodiff)]
pub(super) trait LossLayer: Backend {
    /// Computes the cross entropy of every row, `[rows]`.
    fn row_losses(logits: FloatTensor<Self>, targets: IntTensor<Self>) -> FloatTensor<Self>;

    /// Concatenates the first `count` losses.
    fn losses_together(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
        e: FloatTensor<Self>,
        f: FloatTensor<Self>,
        count: usize,
    ) -> FloatTensor<Self>;
}

impl LossLayer for burn::backend::Cube {
    fn row_losses(logits: FloatTensor<Self>, targets: IntTensor<Self>) -> FloatTensor<Self> {
        Self::row_losses_plain(logits, targets)
    }

    fn losses_together(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
        e: FloatTensor<Self>,
        f: FloatTensor<Self>,
        count: usize,
    ) -> FloatTensor<Self> {
        Self::together(a, b, c, d, e, f, count)
    }
}

/// The backward pass of the cross entropy of rows.
#[derive(Debug)]
struct RowsBackward;

impl<B: Backend + LossKernels> Backward<B, 1> for RowsBackward {
    /// The derivatives, `[rows, classes]`.
    type State = FloatTensor<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        graph: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = graph.consume::<B>(&ops.node);
        let [to_logits] = &ops.parents;
        if let Some(node) = to_logits {
            let rows = gradient.shape()[0];
            let gradient = B::float_reshape(gradient, Shape::from([rows, 1]));
            let gradient = B::float_expand(gradient, ops.state.shape());
            graph.register::<B>(node.id, B::float_mul(ops.state, gradient));
        }
    }
}

/// The backward pass of the concatenation of losses.
#[derive(Debug)]
struct TogetherBackward;

impl<B: Backend + LossKernels> Backward<B, 6> for TogetherBackward {
    /// The number of losses.
    type State = usize;

    fn backward(
        self,
        ops: Ops<Self::State, 6>,
        graph: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let count = ops.state;
        let found = B::split(graph.consume::<B>(&ops.node), count);
        let found = [found.0, found.1, found.2, found.3, found.4, found.5];
        let there = ops.parents.iter().zip(found).take(count);
        for (parent, gradient) in there {
            if let Some(node) = parent {
                graph.register::<B>(node.id, gradient);
            }
        }
    }
}

impl<B: Backend + LossKernels, C: CheckpointStrategy> LossLayer for Autodiff<B, C> {
    fn row_losses(logits: FloatTensor<Self>, targets: IntTensor<Self>) -> FloatTensor<Self> {
        let prepared = RowsBackward.prepare::<C>([logits.node()]);
        let logits = logits.into_primitive();
        match prepared.compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let (losses, slopes) = B::row_losses_kept(logits, targets);
                prepared.finish(slopes, losses)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(B::row_losses_plain(logits, targets)),
        }
    }

    fn losses_together(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
        e: FloatTensor<Self>,
        f: FloatTensor<Self>,
        count: usize,
    ) -> FloatTensor<Self> {
        let losses = [a, b, c, d, e, f];
        let nodes = losses.each_ref().map(|loss| loss.node());
        let [a, b, c, d, e, f] = losses.map(|loss| loss.into_primitive());
        let prepared = TogetherBackward.prepare::<C>(nodes);
        let output = B::together(a, b, c, d, e, f, count);
        match prepared.compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(count, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}
