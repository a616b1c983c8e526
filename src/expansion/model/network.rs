//! Defines the network: input dropout, BiLSTM, pooled features, four heads.

use burn::module::{Module, ModuleMapper, Param};
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::activation::{relu, sigmoid, softmax};
use burn::tensor::{Device, Tensor};

use super::batch::ExpansionBatch;
use super::config::{ExpansionModelConfig, Pooling};
use super::evaluation::ExpansionEvaluation;
use super::output::ExpansionOutput;
use super::task_names;
use crate::error::Result;
use crate::expansion::label::CountdownForm;
use crate::loss::{
    CrossEntropy, Labelled, Reduction, TaskLosses, binary_cross_entropy_with_logits, cross_entropy,
    huber,
};
use crate::model::{Branches, MultiTaskModel};
use crate::nn::{BiLstm, BiLstmConfig, Dropout, Readout, readout};
use crate::task::TaskSet;

// The positions of the tasks.
const TYPE: usize = 0;
const POINTERS: usize = 1;
const BINARY: usize = 2;
const COUNTDOWN: usize = 3;

/// The intermediate values from which the heads compute their outputs.
struct Read {
    /// The logits of the mask, `[batch, time]`.
    binary: Tensor<2>,
    /// The countdown in its form per bar, `[batch, time]`.
    countdown: Option<Tensor<2>>,
    /// The pooled vectors of the type, the pointers and a scalar countdown.
    pooled: Branches<Tensor<2>>,
}

/// A BiLSTM over a window of bars with heads for type, pointers, binary mask and countdown.
///
/// Created by [`ExpansionModelConfig::init`].
///
/// ```text
/// representation = BiLSTM(dropout(x))                           [batch, time, 2H]
/// features       = relu(projection(mean over time))             [batch, P]
///                  relu(projection(mean over time, attention mean, attention position))
///                                                               [batch, P]      with Pooling::Attention
/// type           = Linear(dropout(features))                    [batch, types]
/// pointers       = sigmoid(Linear(dropout(features)))           [batch, 2]
/// binary         = Linear(dropout(representation))              [batch, time]
/// countdown      = scale * Linear(dropout(representation))      [batch, time]
///                  scale * Linear(dropout(features))            [batch, 1]      in scalar form
/// ```
#[derive(Module, Debug)]
pub struct ExpansionModel {
    pub(super) input_dropout: Dropout,
    pub(super) lstm: BiLstm,
    pub(super) attention: Option<Linear>,
    pub(super) projection: Linear,
    pub(super) head_dropout: Dropout,
    pub(super) classifier: Linear,
    pub(super) pointers: Linear,
    pub(super) binary: Linear,
    pub(super) countdown: Linear,
    /// The loss of the type where the types have weights.
    #[module(skip)]
    pub(super) weighted_type: Option<CrossEntropy>,
    #[module(skip)]
    pub(super) tasks: TaskSet,
    #[module(skip)]
    pub(super) config: ExpansionModelConfig,
}

impl ExpansionModelConfig {
    /// Builds the model on `device`. As in PyTorch, the BiLSTM starts uniform in ±1/sqrt(hidden) and every linear layer
    /// uniform in ±1/sqrt(inputs).
    ///
    /// # Errors
    ///
    /// As [`validate`](Self::validate).
    pub fn init(&self, device: &Device) -> Result<ExpansionModel> {
        self.validate()?;
        let width = 2 * self.hidden;
        let lstm = BiLstmConfig::new(self.features, self.hidden)
            .with_layers(self.layers)
            .with_dropout(self.layer_dropout)
            .init(device)?;
        let countdown_input = match self.countdown {
            CountdownForm::PerBar => width,
            CountdownForm::Scalar => self.projection,
        };
        let (pooled, attention) = match self.pooling {
            Pooling::Mean => (width, None),
            Pooling::Attention => (2 * width + 1, Some(preference(width, device))),
        };
        Ok(ExpansionModel {
            input_dropout: Dropout::new(self.input_dropout),
            lstm,
            attention,
            projection: linear(pooled, self.projection, device),
            head_dropout: Dropout::new(self.head_dropout),
            classifier: linear(self.projection, self.types.len(), device),
            pointers: linear(self.projection, 2, device),
            binary: linear(width, 1, device),
            countdown: linear(countdown_input, 1, device),
            weighted_type: match self.class_weights {
                Some(_) => Some(self.type_loss().init(device)?),
                None => None,
            },
            tasks: self.tasks()?,
            config: self.clone(),
        })
    }
}

/// Creates the attention layer. It has no bias, because a softmax ignores a constant.
fn preference(input: usize, device: &Device) -> Linear {
    let mut layer = linear(input, 1, device);
    layer.bias = None;
    layer
}

fn linear(input: usize, output: usize, device: &Device) -> Linear {
    let bound = 1.0 / (input as f64).sqrt();
    let uniform = Initializer::Uniform {
        min: -bound,
        max: bound,
    };
    let bias: Param<_> = uniform.init([output], device);
    let mut layer = LinearConfig::new(input, output)
        .with_initializer(uniform)
        .init(device);
    layer.bias = Some(bias);
    layer
}

impl ExpansionModel {
    /// Computes the outputs of all heads.
    ///
    /// # Shapes
    ///
    /// - features: `[batch, time, features]`
    pub fn forward(&self, features: Tensor<3>) -> ExpansionOutput {
        self.heads(self.encode(features))
    }

    /// Computes the representation of a batch of features.
    ///
    /// # Shapes
    ///
    /// - features: `[batch, time, features]`
    /// - output: `[batch, time, 2 hidden]`
    pub fn encode(&self, features: Tensor<3>) -> Tensor<3> {
        self.lstm.forward(self.input_dropout.forward(features))
    }

    /// Computes the outputs of all heads from the representation, `[batch, time, 2 hidden]`.
    pub fn heads(&self, representation: Tensor<3>) -> ExpansionOutput {
        self.branched_heads(&Branches::together(representation, self.tasks.len()))
    }

    /// Computes the output of every head from the branch of its task.
    fn branched_heads(&self, shared: &Branches<Tensor<3>>) -> ExpansionOutput {
        let drop = |x: Tensor<2>| self.head_dropout.forward(x);
        let read = self.read(shared);
        let [kinds, pointers, countdown] = read
            .pooled
            .map([0, 1, 2], |pooled| relu(self.projection.forward(pooled)));
        let countdown = read
            .countdown
            .unwrap_or_else(|| self.countdown.forward(drop(countdown)));
        let countdown = if self.config.countdown_scale == 1.0 {
            countdown
        } else {
            countdown * self.config.countdown_scale
        };
        ExpansionOutput {
            kinds: self.classifier.forward(drop(kinds)),
            pointers: sigmoid(self.pointers.forward(drop(pointers))),
            binary: read.binary,
            countdown,
        }
    }

    /// Computes the outputs per bar and the pooled vectors of the type, the pointers and the countdown.
    fn read(&self, shared: &Branches<Tensor<3>>) -> Read {
        if !shared.is_separate() {
            return self.read_together(shared.of(BINARY));
        }
        let per_bar = self.config.countdown == CountdownForm::PerBar;
        let dropout = &self.head_dropout;
        let single = |head: &Linear, task| {
            let [steps] = readout(dropout, [head], shared.of(task)).steps;
            steps
        };
        let pooled = |task| self.pooled(shared.of(task));
        let countdown = per_bar.then(|| single(&self.countdown, COUNTDOWN));
        // With a countdown per bar, the third pooled vector is unused.
        let third = if per_bar { TYPE } else { COUNTDOWN };
        let (kinds, pointers) = (pooled(TYPE), pooled(POINTERS));
        let third = if third == TYPE {
            kinds.clone()
        } else {
            pooled(third)
        };
        Read {
            binary: single(&self.binary, BINARY),
            countdown,
            pooled: Branches::separate(vec![kinds, pointers, third]),
        }
    }

    /// Returns the pooled vector of one task's branch.
    fn pooled(&self, representation: Tensor<3>) -> Tensor<2> {
        let dropout = &self.head_dropout;
        match &self.attention {
            None => readout(dropout, [], representation).mean,
            Some(attention) => {
                let found = readout(dropout, [attention], representation.clone());
                let [logits] = found.steps;
                Tensor::cat(vec![found.mean, attend(representation, logits)], 1)
            }
        }
    }

    /// Computes the result of [`read`](Self::read) from one representation shared by all tasks.
    fn read_together(&self, representation: Tensor<3>) -> Read {
        let per_bar = self.config.countdown == CountdownForm::PerBar;
        let shared = self.attention.as_ref().map(|_| representation.clone());
        let (binary, countdown, dropout) = (&self.binary, &self.countdown, &self.head_dropout);
        let (steps, mean) = match (per_bar, &self.attention) {
            (true, None) => listed(readout(dropout, [binary, countdown], representation)),
            (true, Some(attention)) => {
                let heads = [binary, countdown, attention];
                listed(readout(dropout, heads, representation))
            }
            (false, None) => listed(readout(dropout, [binary], representation)),
            (false, Some(attention)) => {
                listed(readout(dropout, [binary, attention], representation))
            }
        };
        let mut steps = steps.into_iter();
        let mut next = || steps.next().expect("an output for each head");
        let binary = next();
        let countdown = per_bar.then(&mut next);
        let pooled = match shared {
            Some(shared) => Tensor::cat(vec![mean, attend(shared, next())], 1),
            None => mean,
        };
        Read {
            binary,
            countdown,
            pooled: Branches::together(pooled, 3),
        }
    }

    /// Returns the model with frozen recurrent layers. Training leaves them unchanged and needs no backward pass
    /// through them.
    pub fn with_frozen_backbone(mut self) -> Self {
        self.lstm = self.lstm.no_grad();
        self
    }

    /// Sets whether a GPU computes the recurrent layers in half precision, see [`BiLstm::with_half_precision`].
    pub fn with_half_precision(mut self, half: bool) -> Self {
        self.lstm = self.lstm.with_half_precision(half);
        self
    }

    /// Returns the settings of the model.
    pub fn config(&self) -> &ExpansionModelConfig {
        &self.config
    }

    /// Returns the recurrent layers.
    pub fn lstm(&self) -> &BiLstm {
        &self.lstm
    }
}

/// The loss of the type of a batch, on the stack for the time of one call.
#[allow(clippy::large_enum_variant)]
enum TypeLoss {
    /// The mean over the windows.
    Mean(Tensor<1>),
    /// The mean by the weights of the types, with their sum.
    Weighted(Labelled),
}

impl MultiTaskModel for ExpansionModel {
    type Batch = ExpansionBatch;
    type Shared = Tensor<3>;
    type Evaluation = ExpansionEvaluation;

    fn tasks(&self) -> &TaskSet {
        &self.tasks
    }

    fn represent(&self, batch: &ExpansionBatch) -> Tensor<3> {
        self.encode(batch.features.clone())
    }

    fn task_losses(&self, shared: Branches<Tensor<3>>, batch: &ExpansionBatch) -> TaskLosses {
        let output = self.branched_heads(&shared);
        let config = &self.config;
        let mean = Reduction::Mean;
        // First, as a launch of its own on a GPU: between the others it would part what is fused.
        let kinds = match &self.weighted_type {
            Some(loss) => TypeLoss::Weighted(loss.forward(output.kinds, batch.kinds.clone(), None)),
            None => TypeLoss::Mean(cross_entropy(output.kinds, batch.kinds.clone(), None, mean)),
        };
        let pointers = huber(
            output.pointers,
            batch.pointers.clone(),
            config.pointer_delta,
            None,
            mean,
        );
        let binary = binary_cross_entropy_with_logits(
            output.binary,
            batch.binary.clone(),
            config.positive_weight,
            None,
            mean,
        );
        let countdown = huber(
            output.countdown,
            batch.countdown.clone(),
            config.countdown_delta,
            None,
            mean,
        );
        match kinds {
            TypeLoss::Mean(kinds) => TaskLosses::new(vec![kinds, pointers, binary, countdown]),
            // Batches count by the weights of their types, so that the mean over an epoch is that over all windows.
            TypeLoss::Weighted(kinds) => TaskLosses::by_name(&self.tasks, &batch.features.device())
                .weighted(task_names::TYPE, kinds)
                .loss(task_names::POINTERS, pointers)
                .loss(task_names::BINARY, binary)
                .loss(task_names::COUNTDOWN, countdown)
                .build(),
        }
    }

    fn evaluate(
        &self,
        representation: Tensor<3>,
        batch: &ExpansionBatch,
    ) -> Option<ExpansionEvaluation> {
        Some(ExpansionEvaluation::new(
            self.heads(representation),
            batch.labels.clone(),
            self.config.window,
        ))
    }

    /// Only the countdown has an output factor: `countdown_scale`.
    fn with_output_scale(&self, task: usize, factor: f64) -> Option<Self> {
        if task != COUNTDOWN {
            return None;
        }
        let mut network = self.clone();
        network.config.countdown_scale *= factor;
        network.countdown = network.countdown.map(&mut Divided { by: factor });
        Some(network)
    }

    fn samples(batch: &ExpansionBatch) -> usize {
        batch.labels.len()
    }
}

/// Divides parameters by a constant.
struct Divided {
    by: f64,
}

impl ModuleMapper for Divided {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let by = self.by;
        param.map(|value| {
            if !value.is_autodiff() {
                return value.div_scalar(by);
            }
            let tracked = value.is_require_grad();
            Tensor::from_inner(value.inner().div_scalar(by)).set_require_grad(tracked)
        })
    }
}

fn listed<const N: usize>(found: Readout<N>) -> (Vec<Tensor<2>>, Tensor<2>) {
    (found.steps.into(), found.mean)
}

/// Returns the mean over time weighted by the softmax of `logits` and the mean position of the weights,
/// `[batch, width + 1]`.
fn attend(representation: Tensor<3>, logits: Tensor<2>) -> Tensor<2> {
    let [batch, time, width] = representation.dims();
    let device = representation.device();
    let weights = softmax(logits, 1);
    let positions = Tensor::arange(0..time as i64, &device).float() / time as f64;
    let center = (weights.clone() * positions.reshape([1, time])).sum_dim(1);
    let mean = weights.reshape([batch, 1, time]).matmul(representation);
    Tensor::cat(vec![mean.reshape([batch, width]), center], 1)
}
