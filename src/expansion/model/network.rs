//! The network: input dropout, BiLSTM, pooled features, four heads.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Tensor;
use burn::tensor::activation::{relu, sigmoid, softmax};

use super::config::ExpansionModelConfig;
use super::evaluation::ExpansionEvaluation;
use super::output::ExpansionOutput;
use crate::expansion::batch::ExpansionBatch;
use crate::expansion::countdown::CountdownForm;
use crate::loss::{Reduction, TaskLosses, binary_cross_entropy_with_logits, cross_entropy, huber};
use crate::model::MultiTaskModel;
use crate::nn::{BiLstm, Dropout, Readout, readout};
use crate::task::TaskSet;

/// A BiLSTM over a window of bars with heads for type, pointers, binary mask and countdown.
///
/// ```text
/// representation = BiLSTM(dropout(x))                           [batch, time, 2H]
/// features       = relu(projection(mean over time))             [batch, P]
/// type           = Linear(dropout(features))                    [batch, 3]
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
    #[module(skip)]
    pub(super) tasks: TaskSet,
    #[module(skip)]
    pub(super) config: ExpansionModelConfig,
}

impl ExpansionModel {
    /// The outputs of all heads.
    ///
    /// # Shapes
    ///
    /// - features: `[batch, time, features]`
    pub fn forward(&self, features: Tensor<3>) -> ExpansionOutput {
        self.heads(self.encode(features))
    }

    /// The representation of a batch of features.
    ///
    /// # Shapes
    ///
    /// - features: `[batch, time, features]`
    /// - output: `[batch, time, 2 hidden]`
    pub fn encode(&self, features: Tensor<3>) -> Tensor<3> {
        self.lstm.forward(self.input_dropout.forward(features))
    }

    /// The outputs of all heads from the representation, `[batch, time, 2 hidden]`.
    pub fn heads(&self, representation: Tensor<3>) -> ExpansionOutput {
        let drop = |x: Tensor<2>| self.head_dropout.forward(x);
        let (binary, per_bar, pooled) = self.read(representation);
        let features = relu(self.projection.forward(pooled));
        let countdown = per_bar.unwrap_or_else(|| self.countdown.forward(drop(features.clone())));
        let countdown = match self.config.countdown_scale == 1.0 {
            true => countdown,
            false => countdown * self.config.countdown_scale,
        };
        ExpansionOutput {
            kinds: self.classifier.forward(drop(features.clone())),
            pointers: sigmoid(self.pointers.forward(drop(features))),
            binary,
            countdown,
        }
    }

    /// What is read from every bar, and the pooled vector: the mask's logits, the countdown if it is per bar.
    fn read(&self, representation: Tensor<3>) -> (Tensor<2>, Option<Tensor<2>>, Tensor<2>) {
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
        (binary, countdown, pooled)
    }

    /// The model with recurrent layers that training leaves as they are; it costs no backward pass through them.
    pub fn with_frozen_backbone(mut self) -> Self {
        self.lstm = self.lstm.no_grad();
        self
    }

    /// The configuration the model was made from.
    pub fn config(&self) -> &ExpansionModelConfig {
        &self.config
    }

    /// The recurrent layers.
    pub fn lstm(&self) -> &BiLstm {
        &self.lstm
    }
}

impl MultiTaskModel for ExpansionModel {
    type Batch = ExpansionBatch;
    type Evaluation = ExpansionEvaluation;

    fn tasks(&self) -> &TaskSet {
        &self.tasks
    }

    fn represent(&self, batch: &ExpansionBatch) -> Tensor<3> {
        self.encode(batch.features.clone())
    }

    fn task_losses(&self, representation: Tensor<3>, batch: &ExpansionBatch) -> TaskLosses {
        let output = self.heads(representation);
        let config = &self.config;
        let mean = Reduction::Mean;
        TaskLosses::new(vec![
            cross_entropy(output.kinds, batch.kinds.clone(), None, mean),
            huber(
                output.pointers,
                batch.pointers.clone(),
                config.pointer_delta,
                None,
                mean,
            ),
            binary_cross_entropy_with_logits(
                output.binary,
                batch.binary.clone(),
                config.positive_weight,
                None,
                mean,
            ),
            huber(
                output.countdown,
                batch.countdown.clone(),
                config.countdown_delta,
                None,
                mean,
            ),
        ])
    }

    fn evaluate(&self, representation: Tensor<3>, batch: &ExpansionBatch) -> ExpansionEvaluation {
        ExpansionEvaluation::new(
            self.heads(representation),
            batch.labels.clone(),
            self.config.window,
        )
    }

    fn samples(batch: &ExpansionBatch) -> usize {
        batch.labels.len()
    }
}

fn listed<const N: usize>(found: Readout<N>) -> (Vec<Tensor<2>>, Tensor<2>) {
    (found.steps.into(), found.mean)
}

/// The mean over time weighted by the softmax of `logits`, and where in the window the weights lie, `[batch, width + 1]`.
fn attend(representation: Tensor<3>, logits: Tensor<2>) -> Tensor<2> {
    let [batch, time, width] = representation.dims();
    let device = representation.device();
    let weights = softmax(logits, 1);
    let positions = Tensor::arange(0..time as i64, &device).float() / time as f64;
    let center = (weights.clone() * positions.reshape([1, time])).sum_dim(1);
    let mean = weights.reshape([batch, 1, time]).matmul(representation);
    Tensor::cat(vec![mean.reshape([batch, width]), center], 1)
}
