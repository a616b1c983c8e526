//! Computes a linear head with one output per position and its own dropout mask, as one differentiable operation on
//! GPUs.
//!
//! In plain operations, a head creates a mask, a copy of the sequence with zeros, a product and a sum, and all of them
//! again in the backward pass. Here one launch reads the sequence once and computes the mask from a seed. The backward
//! pass is one launch and the sum over its cubes.

mod extension;
mod form;
mod kernel;
mod launch;

use burn::backend::Dispatch;
use burn::nn::Linear;
use burn::tensor::{DType, Distribution, Tensor};

use self::extension::HeadLayer;
use self::form::Form;
use super::Dropout;
use crate::gpu;

/// The number of buffers of the largest kernel.
const BINDINGS: usize = 6;

/// Returns whether the kernels support this input.
pub(super) fn serves<const N: usize>(heads: [&Linear; N], input: &Tensor<3>) -> bool {
    let single = |head: &&Linear| {
        let bias = head.bias.as_ref();
        let bias = bias.is_none_or(|bias| bias.val().dtype() == DType::F32);
        bias && head.weight.val().dtype() == DType::F32
    };
    if !heads.iter().all(single) {
        return false;
    }
    let Some(limits) = gpu::limits(input) else {
        return false;
    };
    let elements = input.dims().iter().product::<usize>() as u64;
    let fits = limits.bindings >= BINDINGS && limits.units >= kernel::UNITS as usize;
    let [batch, time, _] = input.dims();
    let cubes = (batch * time).div_ceil(kernel::ROWS as usize);
    let fits = fits && limits.shared >= kernel::SHARED && cubes <= limits.cubes;
    fits && elements < u64::from(u32::MAX)
}

/// Computes the output of every head at every step, `[batch, time]` each.
pub(super) fn heads<const N: usize>(
    dropout: &Dropout,
    heads: [&Linear; N],
    input: &Tensor<3>,
) -> [Tensor<2>; N] {
    let [batch, time, width] = input.dims();
    let drops = dropout.active(input) && N > 0;
    let seeds = drops.then(|| {
        // One draw for all heads, from the random state of the device.
        let device = input.device().inner();
        Tensor::<1>::random([2 * N], Distribution::Default, (&device, DType::F32))
    });
    let mut index = 0;
    heads.map(|head| {
        let form = Form {
            rows: batch * time,
            width,
            bias: head.bias.is_some(),
            drops,
            threshold: dropout.threshold(),
            scale: dropout.scale(),
            seed: index,
        };
        index += 1;
        let weight = head.weight.val().into_dispatch();
        let bias = match &head.bias {
            Some(bias) => bias.val().into_dispatch(),
            // A placeholder that is not read.
            None => weight.clone(),
        };
        let seeds = match &seeds {
            Some(seeds) => seeds.clone().into_dispatch(),
            None => weight.clone(),
        };
        let input = input.clone().into_dispatch();
        let found = <Dispatch as HeadLayer>::head(input, weight, bias, seeds, form);
        Tensor::<1>::from_dispatch(found).reshape([batch, time])
    })
}
