//! Measures whether a mean over many outputs shrinks the gradient of a task at the shared trunk.
//!
//! ```text
//! cargo run --release --example 5_gradient_by_length
//! ```
//!
//! One head has an output at each of T steps, the other has two outputs on the mean over time. A common claim is that
//! the gradient share of the first is too small, because its loss is a mean over T elements, and that a factor of
//! sqrt(T) compensates. The audit measures the gradients at the representation. Both shrink in the same way: the mean
//! over time divides by T as well, only *before* the head. The shares do not depend on T, and with a factor of sqrt(T)
//! the first task takes the trunk from the other.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Distribution, Tensor};
use equipoise::gradient::audit;
use equipoise::loss::{Reduction, TaskLosses, huber};
use equipoise::model::{Branches, MultiTaskModel};
use equipoise::nn::{BiLstm, BiLstmConfig};
use equipoise::{Task, TaskSet};

const BATCH: usize = 32;
const INPUTS: usize = 12;
const HIDDEN: usize = 96;

/// A BiLSTM with a head per step and a head on the mean over time.
#[derive(Module, Debug)]
struct Network {
    trunk: BiLstm,
    per_step: Linear,
    pooled: Linear,
    #[module(skip)]
    tasks: TaskSet,
}

impl Network {
    fn new(length: usize, device: &Device) -> equipoise::Result<Self> {
        let linear = |outputs| LinearConfig::new(2 * HIDDEN, outputs).init(device);
        Ok(Self {
            trunk: BiLstmConfig::new(INPUTS, HIDDEN).init(device)?,
            per_step: linear(1),
            pooled: linear(2),
            tasks: TaskSet::new([
                Task::regression("per step", length),
                Task::regression("pooled", 2),
            ])?,
        })
    }
}

impl MultiTaskModel for Network {
    type Batch = Tensor<3>;
    type Shared = Tensor<3>;
    type Evaluation = ();

    fn tasks(&self) -> &TaskSet {
        &self.tasks
    }

    fn represent(&self, batch: &Tensor<3>) -> Tensor<3> {
        self.trunk.forward(batch.clone())
    }

    /// The targets are far from all outputs, so that every Huber derivative is one and only the heads differ.
    fn task_losses(&self, shared: Branches<Tensor<3>>, _: &Tensor<3>) -> TaskLosses {
        let loss = |output: Tensor<2>| {
            let target = output.clone().inner().full_like(-20.0);
            huber(output, target, 1.0, None, Reduction::Mean)
        };
        let [first, second] = shared.each();
        let per_step = self.per_step.forward(first);
        let pooled = self.pooled.forward(second.mean_dim(1).squeeze_dim(1));
        TaskLosses::new(vec![loss(per_step.squeeze_dim(2)), loss(pooled)])
    }

    fn samples(batch: &Tensor<3>) -> usize {
        batch.dims()[0]
    }
}

/// Returns the raw gradient norms of both tasks, the means over ten networks and batches.
fn norms(length: usize, device: &Device) -> equipoise::Result<[f64; 2]> {
    const DRAWS: u64 = 10;
    let mut sums = [0.0; 2];
    for seed in 0..DRAWS {
        device.seed(seed);
        let network = Network::new(length, device)?;
        let shape = [BATCH, length, INPUTS];
        let batch = Tensor::random(shape, Distribution::Normal(0.0, 1.0), device);
        let representation = network.represent(&batch);
        let sample = audit(&network, representation, &batch, Tensor::ones([2], device));
        let found = sample.read().expect("the CPU can be read").norms;
        for (sum, norm) in sums.iter_mut().zip(found) {
            *sum += norm / DRAWS as f64;
        }
    }
    Ok(sums)
}

fn main() -> equipoise::Result<()> {
    let device = Device::flex().autodiff();
    println!(
        "{:>6} {:>10} {:>10} {:>8} {:>18} {:>22}",
        "T", "per step", "pooled", "ratio", "share of per step", "with sqrt(outputs)"
    );
    for length in [15, 30, 60, 105, 210] {
        let [per_step, pooled] = norms(length, &device)?;
        let share = |factor: f64, other: f64| {
            100.0 * factor * per_step / (factor * per_step + other * pooled)
        };
        println!(
            "{length:>6} {per_step:>10.6} {pooled:>10.6} {:>8.3} {:>16.1} % {:>20.1} %",
            per_step / pooled,
            share(1.0, 1.0),
            share((length as f64).sqrt(), 2f64.sqrt()),
        );
    }
    Ok(())
}
