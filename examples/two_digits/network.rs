//! Defines a small convolutional network with three heads and a representation of rank 4.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::MaxPool2dConfig;
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, TensorData};
use equipoise::loss::{Reduction, TaskLosses, cross_entropy, huber};
use equipoise::model::{Branches, MultiTaskModel};
use equipoise::{Result, Task, TaskSet};

use super::data::{Batch, SplitMix64};

/// A network that predicts the class of each digit and the sum of both.
#[derive(Module, Debug)]
pub struct Network {
    first: Conv2d,
    second: Conv2d,
    left: Head,
    right: Head,
    addition: Head,
    #[module(skip)]
    tasks: TaskSet,
}

#[derive(Module, Debug)]
struct Head {
    hidden: Linear,
    out: Linear,
}

impl Head {
    fn forward(&self, shared: Tensor<4>) -> Tensor<2> {
        let hidden = self.hidden.forward(shared.flatten(1, 3));
        self.out.forward(relu(hidden))
    }
}

/// Draws parameters uniformly in [-bound, bound).
struct Draws(SplitMix64);

impl Draws {
    fn param<const D: usize>(
        &mut self,
        shape: [usize; D],
        bound: f64,
        device: &Device,
    ) -> Param<Tensor<D>> {
        let value = |_| ((2.0 * self.0.unit() - 1.0) * bound) as f32;
        let values: Vec<f32> = (0..shape.iter().product()).map(value).collect();
        Param::from_data(TensorData::new(values, shape), device)
    }

    fn conv(&mut self, channels: [usize; 2], device: &Device) -> Conv2d {
        let mut conv = Conv2dConfig::new(channels, [3, 3])
            .with_padding(PaddingConfig2d::Same)
            .init(device);
        let inputs = (channels[0] * 9) as f64;
        let shape = [channels[1], channels[0], 3, 3];
        conv.weight = self.param(shape, (6.0 / inputs).sqrt(), device);
        conv.bias = Some(self.param([channels[1]], (1.0 / inputs).sqrt(), device));
        conv
    }

    /// Draws a linear layer. `gain` is 6 before a ReLU, else 1.
    fn linear(&mut self, inputs: usize, outputs: usize, gain: f64, device: &Device) -> Linear {
        let mut linear = LinearConfig::new(inputs, outputs).init(device);
        let bound = (gain / inputs as f64).sqrt();
        // The weights are drawn output by output, but the layer stores them input by input.
        let rows = self.param([outputs, inputs], bound, device);
        linear.weight = Param::from_tensor(rows.val().transpose());
        let bound = (1.0 / inputs as f64).sqrt();
        linear.bias = Some(self.param([outputs], bound, device));
        linear
    }

    fn head(&mut self, outputs: usize, device: &Device) -> Head {
        Head {
            hidden: self.linear(144, 32, 6.0, device),
            out: self.linear(32, outputs, 1.0, device),
        }
    }
}

impl Network {
    /// Creates a network. Its initial values depend on the seed alone.
    pub fn new(seed: u64, device: &Device) -> Result<Self> {
        let mut draws = Draws(SplitMix64(10 + seed));
        Ok(Self {
            first: draws.conv([1, 8], device),
            second: draws.conv([8, 16], device),
            left: draws.head(10, device),
            right: draws.head(10, device),
            addition: draws.head(1, device),
            tasks: TaskSet::new([
                Task::classification("left", 10),
                Task::classification("right", 10),
                Task::regression("addition", 1),
            ])?,
        })
    }
}

fn sum(batch: &Batch) -> Tensor<2> {
    let [left, right] = batch.digits.clone();
    (left + right).float().unsqueeze_dim(1)
}

impl MultiTaskModel for Network {
    type Batch = Batch;
    type Shared = Tensor<4>;
    /// Whether the left digit is wrong, whether the right digit is wrong, and the error of the sum: `[batch]` each.
    type Evaluation = [Tensor<1>; 3];

    fn tasks(&self) -> &TaskSet {
        &self.tasks
    }

    fn represent(&self, batch: &Batch) -> Tensor<4> {
        let pool = MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init();
        let first = pool.forward(relu(self.first.forward(batch.canvases.clone())));
        pool.forward(relu(self.second.forward(first)))
    }

    fn task_losses(&self, shared: Branches<Tensor<4>>, batch: &Batch) -> TaskLosses {
        let [left, right, addition] = shared.each();
        let mean = Reduction::Mean;
        let class = |head: &Head, shared, side: usize| {
            cross_entropy(head.forward(shared), batch.digits[side].clone(), None, mean)
        };
        let found = self.addition.forward(addition);
        TaskLosses::new(vec![
            class(&self.left, left, 0),
            class(&self.right, right, 1),
            huber(found, sum(batch), 4.0, None, mean),
        ])
    }

    fn evaluate(&self, shared: Tensor<4>, batch: &Batch) -> Option<[Tensor<1>; 3]> {
        let wrong = |head: &Head, side: usize| {
            let found = head.forward(shared.clone()).argmax(1).squeeze_dim::<1>(1);
            found.not_equal(batch.digits[side].clone()).float()
        };
        let off = (self.addition.forward(shared.clone()) - sum(batch)).abs();
        let off = off.squeeze_dim(1);
        Some([wrong(&self.left, 0), wrong(&self.right, 1), off])
    }

    fn samples(batch: &Batch) -> usize {
        batch.canvases.dims()[0]
    }
}
