//! Trains a transformer on sequences of different lengths, with masked padding in trunk, readout and losses.
//!
//! ```text
//! cargo run --release --example 9_padded_sequences
//! ```

use burn::module::Module;
use burn::nn::transformer::{
    TransformerEncoder, TransformerEncoderConfig, TransformerEncoderInput,
};
use burn::nn::{Linear, LinearConfig};
use burn::optim::AdamWConfig;
use burn::tensor::{Bool, Device, Distribution, Int, Tensor};
use equipoise::loss::{Reduction::Mean, TaskLosses, binary_cross_entropy_with_logits, huber};
use equipoise::weighting::{Strategy, StrategyConfig};
use equipoise::{Task, TaskSet, step};

/// The number of positions of the longest sequence, and of features per position.
const LONGEST: usize = 16;
const FEATURES: usize = 4;

#[derive(Module, Debug)]
struct Training {
    embed: Linear,
    encoder: TransformerEncoder,
    peak: Linear,
    above: Linear,
    weighting: Strategy,
}

struct Batch {
    /// The features, `[batch, 16, 4]`, with any values in the padding.
    inputs: Tensor<3>,
    /// Whether each position is padding, `[batch, 16]`.
    padding: Tensor<2, Bool>,
    /// The largest first feature of the sequence, `[batch, 1]`.
    peaks: Tensor<2>,
    /// Whether the second feature is above the third, `[batch, 16]`.
    above: Tensor<2>,
}

fn batch(count: usize, device: &Device) -> Batch {
    let shape = [count, LONGEST, FEATURES];
    let inputs = Tensor::<3>::random(shape, Distribution::Normal(0.0, 1.0), device);
    let uniform = Distribution::Uniform(4.0, LONGEST as f64 + 0.99);
    let lengths = Tensor::<2>::random([count, 1], uniform, device).int();
    let positions = Tensor::<1, Int>::arange(0..LONGEST as i64, device);
    let positions = positions.unsqueeze::<2>().expand([count, LONGEST]);
    let padding = positions.greater_equal(lengths.expand([count, LONGEST]));
    let feature = |index: usize| inputs.clone().narrow(2, index, 1).squeeze_dim::<2>(2);
    let seen = feature(0).mask_fill(padding.clone(), f32::NEG_INFINITY);
    Batch {
        peaks: seen.max_dim(1),
        above: feature(1).greater(feature(2)).float(),
        inputs: inputs.clone(),
        padding,
    }
}

impl Training {
    fn represent(&self, batch: &Batch) -> Tensor<3> {
        let input = TransformerEncoderInput::new(self.embed.forward(batch.inputs.clone()));
        self.encoder.forward(input.mask_pad(batch.padding.clone()))
    }

    fn losses(&self, branches: equipoise::model::Branches<Tensor<3>>, batch: &Batch) -> TaskLosses {
        let [first, second] = branches.each();
        let [count, _, width] = first.dims();
        // The mean over the positions without padding.
        let wide = batch.padding.clone().unsqueeze_dim::<3>(2);
        let kept = first.mask_fill(wide.expand([count, LONGEST, width]), 0.0);
        let lengths = batch.padding.clone().bool_not().float().sum_dim(1);
        let pooled = kept.sum_dim(1).squeeze_dim::<2>(1) / lengths;
        let there = batch.padding.clone().bool_not();
        let above = self.above.forward(second).squeeze_dim::<2>(2);
        let mask = Some(there.clone());
        let above = binary_cross_entropy_with_logits(above, batch.above.clone(), 1.0, mask, Mean);
        let peak = huber(
            self.peak.forward(pooled),
            batch.peaks.clone(),
            1.0,
            None,
            Mean,
        );
        let tasks = self.weighting.tasks();
        TaskLosses::by_name(tasks, &peak.device())
            .loss("peak", peak)
            .masked("above", above, there)
            .build()
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = Device::flex().autodiff();
    device.seed(1);
    let above = Task::binary("above", LONGEST);
    let tasks = TaskSet::new([Task::regression("peak", 1), above])?;
    let linear = |inputs, outputs| LinearConfig::new(inputs, outputs).init(&device);
    let encoder = TransformerEncoderConfig::new(16, 32, 2, 1).with_dropout(0.0);
    let mut training = Training {
        embed: linear(FEATURES, 16),
        encoder: encoder.init(&device),
        peak: linear(16, 1),
        above: linear(16, 1),
        weighting: StrategyConfig::named("uncertainty")?.init(&tasks, &device)?,
    };
    let mut optimizer = AdamWConfig::new().init();
    for index in 0..=200 {
        let batch = batch(32, &device);
        let shared = training.represent(&batch);
        let pass = step::backward(&training.weighting, shared, |shared| {
            training.losses(shared, &batch)
        });
        if index % 50 == 0 {
            let losses = pass.losses().values().into_data();
            println!(
                "{index:>3}: losses {losses} weights {}",
                pass.weights().into_data()
            );
        }
        let gradients = pass.gradients(&training);
        training = optimizer.step(3e-3, training, gradients);
    }
    Ok(())
}
