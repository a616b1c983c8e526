//! Between tensors in host memory and slices.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use burn::backend::tensor::{Device, FloatTensor, IntTensor};
use burn::backend::{Backend, DispatchDevice, ExecutionError};
use burn::tensor::{DType, Tensor, TensorData};

/// Whether a kernel on slices serves a tensor like this one: in host memory, single precision.
pub(crate) fn applies<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.dtype() == DType::F32 && in_host_memory(&tensor.device())
}

fn in_host_memory(device: &burn::tensor::Device) -> bool {
    match device.clone().inner().as_dispatch() {
        #[cfg(feature = "flex")]
        DispatchDevice::Flex(_) => true,
        #[cfg(feature = "ndarray")]
        DispatchDevice::NdArray(_) => true,
        #[allow(unreachable_patterns)]
        _ => false,
    }
}

/// The values of a tensor in single precision, row-major. Tensors in host memory are ready at once.
pub(crate) fn to_host<B: Backend>(tensor: FloatTensor<B>) -> Vec<f32> {
    ready(B::float_into_data(tensor))
        .try_into_vec()
        .expect("the kernels are in single precision")
}

/// The values of an integer tensor of any width, row-major.
pub(crate) fn to_host_integers<B: Backend>(tensor: IntTensor<B>) -> Vec<i64> {
    ready(B::int_into_data(tensor)).iter::<i64>().collect()
}

fn ready(data: impl Future<Output = Result<TensorData, ExecutionError>>) -> TensorData {
    match pin!(data).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(data) => data.expect("a tensor in host memory can be read"),
        Poll::Pending => unreachable!("a tensor in host memory is ready at once"),
    }
}

/// A tensor of row-major values.
pub(crate) fn to_tensor<B: Backend>(
    values: Vec<f32>,
    shape: &[usize],
    device: &Device<B>,
) -> FloatTensor<B> {
    B::float_from_data(TensorData::new(values, shape.to_vec()), device)
}
