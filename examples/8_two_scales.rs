//! Trains on a representation in two parts: a fine and a coarse map of a convolutional network.
//!
//! One head predicts every pixel, the other the whole image.
//!
//! ```text
//! cargo run --release --example 8_two_scales
//! ```
//!
//! Both tasks read both maps, so the Gram matrix covers everything that they share. A part that only one task reads
//! shows no conflict, and hides a conflict in the layers before it.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::MaxPool2dConfig;
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::optim::AdamWConfig;
use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{Device, Distribution, Int, Tensor};
use equipoise::loss::{
    Reduction::Mean, TaskLosses, binary_cross_entropy_with_logits, cross_entropy,
};
use equipoise::weighting::{Strategy, StrategyConfig};
use equipoise::{Task, TaskSet, step};

/// The number of pixels along a side.
const SIDE: usize = 12;

#[derive(Module, Debug)]
struct Training {
    fine: Conv2d,
    coarse: Conv2d,
    inside: Conv2d,
    quadrant: Linear,
    weighting: Strategy,
}

impl Training {
    /// Computes the maps, `[batch, 8, 12, 12]` and `[batch, 16, 6, 6]`.
    fn represent(&self, images: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let fine = self.fine.forward(images).tanh();
        let pool = MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init();
        let coarse = self.coarse.forward(pool.forward(fine.clone())).tanh();
        (fine, coarse)
    }

    fn inside(&self, (fine, coarse): (Tensor<4>, Tensor<4>)) -> Tensor<4> {
        let nearest = InterpolateOptions::new(InterpolateMode::Nearest);
        let coarse = interpolate(coarse, nearest.with_output_size([SIDE, SIDE]));
        self.inside.forward(Tensor::cat(vec![fine, coarse], 1))
    }

    fn quadrant(&self, (fine, coarse): (Tensor<4>, Tensor<4>)) -> Tensor<2> {
        let pool = MaxPool2dConfig::new([4, 4]).with_strides([4, 4]).init();
        let fine: Tensor<2> = pool.forward(fine).flatten(1, 3);
        let coarse: Tensor<2> = coarse.flatten(1, 3);
        self.quadrant.forward(Tensor::cat(vec![fine, coarse], 1))
    }
}

/// Draws images with a bright square of 4 by 4 pixels; returns them with the mask of the square and the quarter of its
/// corner.
fn batch(count: usize, device: &Device) -> (Tensor<4>, Tensor<4>, Tensor<1, Int>) {
    let uniform = Distribution::Uniform(0.0, 8.99);
    let corners = Tensor::<2>::random([count, 2], uniform, device).int();
    let axis = Tensor::<1, Int>::arange(0..SIDE as i64, device);
    let along = |side: usize| {
        let from = corners.clone().narrow(1, side, 1).expand([count, SIDE]);
        let offset = axis.clone().unsqueeze::<2>().expand([count, SIDE]) - from;
        let within = offset.clone().greater_equal_elem(0).float();
        within * offset.lower_elem(4).float()
    };
    let (rows, columns) = (along(0), along(1));
    let inside = rows.reshape([count, 1, SIDE, 1]) * columns.reshape([count, 1, 1, SIDE]);
    let noise = Tensor::random(
        [count, 1, SIDE, SIDE],
        Distribution::Normal(0.0, 0.5),
        device,
    );
    let half = |side| corners.clone().narrow(1, side, 1).greater_elem(3).int();
    let quadrant = (half(0) * 2 + half(1)).reshape([count]);
    (inside.clone() + noise, inside, quadrant)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = Device::flex().autodiff();
    device.seed(1);
    let pixels = Task::binary("inside", SIDE * SIDE);
    let tasks = TaskSet::new([pixels, Task::classification("quadrant", 4)])?;
    let conv = |channels| {
        let config = Conv2dConfig::new(channels, [3, 3]).with_padding(PaddingConfig2d::Same);
        config.init(&device)
    };
    let mut training = Training {
        fine: conv([1, 8]),
        coarse: conv([8, 16]),
        inside: conv([24, 1]),
        quadrant: LinearConfig::new(8 * 9 + 16 * 36, 4).init(&device),
        weighting: StrategyConfig::named("con-fig")?.init(&tasks, &device)?,
    };
    let mut optimizer = AdamWConfig::new().init();
    for index in 0..=150 {
        let (images, inside, quadrant) = batch(32, &device);
        let pass = step::backward(&training.weighting, training.represent(images), |shared| {
            let [first, second] = shared.each();
            let (found, chosen) = (training.inside(first), training.quadrant(second));
            TaskLosses::new(vec![
                binary_cross_entropy_with_logits(found, inside.clone(), 1.0, None, Mean),
                cross_entropy(chosen, quadrant.clone(), None, Mean),
            ])
        });
        if index % 50 == 0 {
            let losses = pass.losses().values().into_data();
            let cosines = pass.gram().map(|gram| gram.cosines().narrow(0, 0, 1));
            let cosine = cosines.map(|row| row.into_data().to_string());
            println!(
                "{index:>3}: losses {losses} cosines {}",
                cosine.unwrap_or_default()
            );
        }
        let gradients = pass.gradients(&training);
        training = optimizer.step(3e-3, training, gradients);
    }
    Ok(())
}
