//! Between tensors in host memory and slices.

#[cfg(feature = "flex")]
use std::any::Any;
use std::future::Future;
use std::ops::Deref;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use burn::backend::tensor::{Device, FloatTensor, IntTensor};
use burn::backend::{Backend, DispatchDevice, ExecutionError};
use burn::tensor::{DType, Tensor, TensorData};

use super::memory;

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

/// The values of a tensor in single precision, row-major: borrowed where the tensor lies in order, copied otherwise.
#[derive(Clone, Debug)]
pub(crate) enum Values {
    /// A tensor that is contiguous.
    #[cfg(feature = "flex")]
    Held(FloatTensor<burn::backend::Flex>),
    /// A copy.
    Copied(Vec<f32>),
}

impl Values {
    pub(crate) fn read<B: Backend>(tensor: FloatTensor<B>) -> Self {
        #[cfg(feature = "flex")]
        let tensor = match held::<B>(tensor) {
            Ok(held) => return Self::Held(held),
            Err(tensor) => tensor,
        };
        Self::Copied(to_vec::<B>(tensor))
    }

    /// The values for good, unless somebody else holds the tensor too.
    pub(crate) fn into_unique(self) -> Result<Vec<f32>, Self> {
        match self {
            #[cfg(feature = "flex")]
            Self::Held(tensor) if tensor.is_unique() => Ok(to_vec::<burn::backend::Flex>(tensor)),
            Self::Copied(values) => Ok(values),
            #[cfg(feature = "flex")]
            held => Err(held),
        }
    }

    /// Gives the memory back for the next use, unless somebody else holds the tensor too.
    pub(crate) fn recycle(self) {
        match self {
            #[cfg(feature = "flex")]
            Self::Held(tensor) if tensor.is_unique() => {
                let (bytes, _, _) = tensor.into_data().into_parts();
                // Memory that was not made as floats is the allocator's own business.
                if let Ok(values) = bytes.try_into_vec() {
                    memory::give(values);
                }
            }
            Self::Copied(values) => memory::give(values),
            #[cfg(feature = "flex")]
            Self::Held(_) => {}
        }
    }
}

impl Deref for Values {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            #[cfg(feature = "flex")]
            Self::Held(tensor) => tensor.as_slice().expect("checked when it was read"),
            Self::Copied(values) => values,
        }
    }
}

/// The tensor, if it is one of the flex backend, in single precision and contiguous.
#[cfg(feature = "flex")]
fn held<B: Backend>(
    tensor: FloatTensor<B>,
) -> Result<FloatTensor<burn::backend::Flex>, FloatTensor<B>> {
    type Flex = FloatTensor<burn::backend::Flex>;
    let mut tensor = Some(tensor);
    let same: Option<&mut Option<Flex>> = (&mut tensor as &mut dyn Any).downcast_mut();
    match same.and_then(|flex| flex.take_if(|flex| flex.as_slice::<f32>().is_some())) {
        Some(flex) => Ok(flex),
        None => Err(tensor.expect("it was not taken")),
    }
}

/// Tensors in host memory are ready at once.
fn to_vec<B: Backend>(tensor: FloatTensor<B>) -> Vec<f32> {
    ready(B::float_into_data(tensor))
        .try_into_vec()
        .expect("the kernels are in single precision")
}

/// The values of an integer tensor of any width, row-major: borrowed where the tensor lies in order and has 64 bits, copied
/// otherwise.
#[derive(Clone, Debug)]
pub(crate) enum Integers {
    /// A tensor that is contiguous.
    #[cfg(feature = "flex")]
    Held(IntTensor<burn::backend::Flex>),
    /// A copy.
    Copied(Vec<i64>),
}

impl Integers {
    pub(crate) fn read<B: Backend>(tensor: IntTensor<B>) -> Self {
        #[cfg(feature = "flex")]
        {
            let same: Option<&IntTensor<burn::backend::Flex>> =
                (&tensor as &dyn Any).downcast_ref();
            if let Some(flex) = same.filter(|flex| flex.as_slice::<i64>().is_some()) {
                return Self::Held(flex.clone());
            }
        }
        Self::Copied(ready(B::int_into_data(tensor)).iter::<i64>().collect())
    }
}

impl Deref for Integers {
    type Target = [i64];

    fn deref(&self) -> &[i64] {
        match self {
            #[cfg(feature = "flex")]
            Self::Held(tensor) => tensor.as_slice().expect("checked when it was read"),
            Self::Copied(values) => values,
        }
    }
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
