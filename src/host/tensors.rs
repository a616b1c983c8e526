//! Converts between tensors in host memory and slices.

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

/// Returns whether the CPU kernels support a tensor: in host memory and single precision.
pub(crate) fn applies<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.dtype() == DType::F32 && serves(&tensor.device())
}

/// Returns whether tensors of a device are in host memory.
pub(crate) fn serves(device: &burn::tensor::Device) -> bool {
    match device.clone().inner().as_dispatch() {
        #[cfg(feature = "flex")]
        DispatchDevice::Flex(_) => true,
        #[cfg(feature = "ndarray")]
        DispatchDevice::NdArray(_) => true,
        #[allow(unreachable_patterns)]
        _ => false,
    }
}

/// The values of a tensor in single precision, row-major: borrowed if the tensor is contiguous, copied otherwise.
#[derive(Clone, Debug)]
pub(crate) enum TensorValues {
    /// A contiguous tensor.
    #[cfg(feature = "flex")]
    Held(FloatTensor<burn::backend::Flex>),
    /// A copy.
    Copied(Vec<f32>),
}

impl TensorValues {
    /// Reads a tensor that [the kernels support](applies), without its graph.
    pub(crate) fn of<const D: usize>(tensor: Tensor<D>) -> Self {
        let tensor = tensor.inner();
        #[cfg(feature = "flex")]
        if let DispatchDevice::Flex(_) = tensor.device().as_dispatch() {
            let tensor = tensor.try_into_primitive::<burn::backend::Flex>();
            return Self::read::<burn::backend::Flex>(tensor.expect("its device says so"));
        }
        let values = tensor.into_data().try_into_vec();
        Self::Copied(values.expect("the kernels are in single precision"))
    }

    pub(crate) fn read<B: Backend>(tensor: FloatTensor<B>) -> Self {
        #[cfg(feature = "flex")]
        let tensor = match held::<B>(tensor) {
            Ok(held) => return Self::Held(held),
            Err(tensor) => tensor,
        };
        Self::Copied(to_vec::<B>(tensor))
    }

    /// Returns the values as a vector if the tensor has no other owner, and `self` otherwise.
    pub(crate) fn into_unique(self) -> Result<Vec<f32>, Self> {
        match self {
            #[cfg(feature = "flex")]
            Self::Held(tensor) if tensor.is_unique() => Ok(to_vec::<burn::backend::Flex>(tensor)),
            Self::Copied(values) => Ok(values),
            #[cfg(feature = "flex")]
            held => Err(held),
        }
    }

    /// Puts the memory into the pool if the tensor has no other owner.
    pub(crate) fn recycle(self) {
        match self {
            #[cfg(feature = "flex")]
            Self::Held(tensor) if tensor.is_unique() => {
                let (bytes, _, _) = tensor.into_data().into_parts();
                // Memory that was not allocated as floats goes back to its allocator.
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

impl Deref for TensorValues {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            #[cfg(feature = "flex")]
            Self::Held(tensor) => tensor.as_slice().expect("checked when it was read"),
            Self::Copied(values) => values,
        }
    }
}

/// Returns the tensor as a tensor of the flex backend if it is one, in single precision and contiguous.
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

/// Reads a tensor in host memory into a vector.
fn to_vec<B: Backend>(tensor: FloatTensor<B>) -> Vec<f32> {
    ready(B::float_into_data(tensor))
        .try_into_vec()
        .expect("the kernels are in single precision")
}

/// The values of an integer tensor of any width, row-major: borrowed if the tensor is contiguous and has 64 bits,
/// copied otherwise.
#[derive(Clone, Debug)]
pub(crate) enum Integers {
    /// A contiguous tensor.
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

/// Creates a tensor from row-major values.
pub(crate) fn to_tensor<B: Backend>(
    values: Vec<f32>,
    shape: &[usize],
    device: &Device<B>,
) -> FloatTensor<B> {
    B::float_from_data(TensorData::new(values, shape.to_vec()), device)
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::backend::Flex;
    use burn::backend::ops::{FloatTensorOps, IntTensorOps};

    use super::*;

    type Floats = FloatTensor<Flex>;

    fn floats(values: &[f32], shape: &[usize]) -> Floats {
        to_tensor::<Flex>(values.to_vec(), shape, &Default::default())
    }

    fn turned(tensor: Floats) -> Floats {
        Flex::float_swap_dims(tensor, 0, 1)
    }

    const SIX: [f32; 6] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];

    #[test]
    fn values_are_row_major_however_they_lie_and_copied_only_out_of_order() {
        let straight = floats(&SIX, &[2, 3]);
        let held = TensorValues::read::<Flex>(straight.clone());
        assert!(matches!(held, TensorValues::Held(_)));
        assert_eq!(*held, SIX);
        let copied = TensorValues::read::<Flex>(turned(straight.clone()));
        assert!(matches!(copied, TensorValues::Copied(_)));
        assert_eq!(*copied, [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        // The second row is contiguous but does not begin at offset 0.
        let row = Flex::float_slice(straight, &[(1..2).into(), (0..3).into()]);
        assert_eq!(*TensorValues::read::<Flex>(row), SIX[3..]);
    }

    #[test]
    fn only_what_nobody_else_holds_is_given_away() {
        let tensor = floats(&SIX, &[6]);
        let also_held = tensor.clone();
        let shared = TensorValues::read::<Flex>(tensor)
            .into_unique()
            .unwrap_err();
        assert_eq!(*shared, SIX);
        drop(also_held);
        assert_eq!(shared.into_unique().unwrap(), SIX);
        // A part of a tensor without another owner.
        let all = floats(&SIX, &[2, 3]);
        let row = Flex::float_slice(all, &[(1..2).into(), (0..3).into()]);
        let row = TensorValues::read::<Flex>(row).into_unique().unwrap();
        assert_eq!(row, SIX[3..]);
    }

    /// Memory that is given back while another owner reads it would change during the read.
    #[test]
    fn what_somebody_else_holds_is_not_recycled() {
        let _alone = memory::tests::alone();
        // A size that no other test uses, because all tests share the pool, and that Miri can fill.
        let len = if cfg!(miri) { 1 << 14 } else { (1 << 19) + 5 };
        let tensor = floats(&vec![1.0; len], &[len]);
        let also_held = TensorValues::read::<Flex>(tensor.clone());
        TensorValues::read::<Flex>(tensor).recycle();
        memory::take(len).fill(2.0);
        assert!(also_held.iter().all(|v| *v == 1.0));
        let address = also_held.as_ptr();
        also_held.recycle();
        let again = memory::take(len);
        assert_eq!(again.as_ptr(), address, "now it is");
    }

    #[test]
    fn integers_of_any_width_are_read_and_copied_only_if_narrow() {
        let read = |data| Integers::read::<Flex>(Flex::int_from_data(data, &Default::default()));
        let wide = read(TensorData::new(vec![3i64, -4, 1 << 40], [3]));
        assert!(matches!(wide, Integers::Held(_)));
        assert_eq!(*wide, [3, -4, 1 << 40]);
        let narrow = read(TensorData::new(vec![3i32, -4, 7], [3]));
        assert!(matches!(narrow, Integers::Copied(_)));
        assert_eq!(*narrow, [3, -4, 7]);
    }

    #[test]
    fn kernels_serve_single_precision_in_host_memory() {
        let device = burn::tensor::Device::flex();
        let single = Tensor::<1>::zeros([2], &device);
        assert!(applies(&single));
        assert!(applies(&Tensor::<1>::zeros([2], &device.autodiff())));
        assert!(!applies(&single.cast(DType::F64)));
    }
}
