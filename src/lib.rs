// The door: the README as the first screen, a map of the rooms, the feature flags. There is no code here.
#![cfg_attr(
    feature = "expansion",
    doc = "[docs/training.md]: crate::guide::training"
)]
#![cfg_attr(
    feature = "expansion",
    doc = "[docs/strategies.md]: crate::guide::strategies"
)]
#![cfg_attr(
    feature = "expansion",
    doc = "[docs/verdicts.md]: crate::guide::verdicts"
)]
#![cfg_attr(feature = "expansion", doc = "[docs/runs.md]: crate::guide::runs")]
#![cfg_attr(
    feature = "expansion",
    doc = "[docs/comparing.md]: crate::guide::comparing"
)]
#![cfg_attr(feature = "expansion", doc = "[docs/bars.md]: crate::guide::bars")]
#![cfg_attr(feature = "expansion", doc = "[docs/recipe.md]: crate::guide::recipe")]
#![cfg_attr(
    feature = "expansion",
    doc = "[docs/pytorch.md]: crate::guide::pytorch"
)]
#![cfg_attr(feature = "expansion", doc = "[docs/gpu.md]: crate::guide::gpu")]
#![cfg_attr(
    feature = "expansion",
    doc = "[docs/determinism.md]: crate::guide::determinism"
)]
#![cfg_attr(
    feature = "expansion",
    doc = "[docs/performance.md]: crate::guide::performance"
)]
#![cfg_attr(
    feature = "expansion",
    doc = "[docs/loss-starvation.md]: crate::guide::loss_starvation"
)]
#![cfg_attr(
    feature = "expansion",
    doc = "[docs/checked.md]: crate::guide::checked"
)]
#![cfg_attr(feature = "expansion", doc = "[docs/design.md]: crate::guide::design")]
#![doc = ""]
#![doc = include_str!("../README.md")]
//!
//! # Map of the modules
//!
//! In reading order; a room knows only rooms above it.
//!
//! * [`error`]: the one [`Error`] type, which names the file, line, field or task that is wrong.
//! * [`task`]: [`Task`] and [`TaskSet`]: what a network predicts, in a fixed order.
//! * [`loss`]: raw losses as pure functions with an explicit reduction and mask, and
//!   [`TaskLosses`](loss::TaskLosses), the losses of one step as one tensor.
//! * [`weighting`]: the trait [`LossWeighting`](weighting::LossWeighting), the strategies of the field, and the
//!   [`StrategyConfig`](weighting::StrategyConfig) that picks a strategy from JSON.
//! * [`model`]: [`MultiTaskModel`](model::MultiTaskModel), what a network must offer to be trained by this crate, and
//!   [`Branches`](model::Branches), the representation as each task sees it.
//! * [`gradient`]: [`audit`](gradient::audit), whose gradient reaches the shared representation, and whether they agree.
//! * [`step`]: [`backward`](step::backward), the one call of a training loop of one's own, under every strategy.
//! * [`nn`]: the LSTM in two directions and in one, [`BiLstm`](nn::BiLstm) and [`Lstm`](nn::Lstm), over sequences of one length
//!   or of several ([`Lengths`](nn::Lengths)) and from any state, [`Dropout`](nn::Dropout), and the [`readout`](nn::readout) of a sequence. Knows nothing of tasks.
#![cfg_attr(
    feature = "train",
    doc = "* [`history`]: what happened in a run, as plain records and as CSV.
* [`diagnosis`]: [`diagnose`](diagnosis::diagnose), a history in, a verdict on every task out, in words and numbers.
* [`probe`]: causes by experiment, short forks of a run with one change each.
* [`report`]: [`Report`](report::Report), a history in, one page to look at out; the same for comparisons.
* [`train`]: [`Trainer`](train::Trainer), any model under any strategy on `burn::train`; data, history, checkpoints, resume.
* [`comparison`]: [`Compare`](comparison::Compare), strategies side by side for any model, over several seeds."
)]
#![cfg_attr(
    feature = "expansion",
    doc = "* [`guide`]: pages on the use of all this. They are the files of the folder `docs`.
* [`expansion`]: the domain: price bars, windows, features, labels, the four-headed model, its metrics, a whole run
  in one config. Built on the rooms above as any other user would build on them."
)]
#![cfg_attr(
    not(feature = "train"),
    doc = "* `train`, `history`, `diagnosis`, `probe`, `report`, `comparison`: not in this build; they need the feature `train`."
)]
#![cfg_attr(
    not(feature = "expansion"),
    doc = "* `expansion`: not in this build; it needs the feature `expansion`."
)]
//!
//! The numbered examples in the folder `examples` can be read in order: a model of one's own, a strategy of one's own,
//! what a history tells, one's own model under the `Trainer`, a measurement with the audit, and networks and data of other
//! shapes. `two_digits` compares all strategies; `train_expansion` is the whole job over price bars, `predict` uses what comes of it.
//!
//! # Feature flags
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `flex` | yes | Burn's recommended CPU backend |
//! | `ndarray` | no | Burn's older CPU backend |
//! | `wgpu` | no | Burn's GPU backend with fusion and autotuning, and the kernels of this crate for it; a long first build |
//! | `vulkan`, `metal`, `cuda`, `rocm` | no | the same through this interface alone |
//! | `train` | yes | the modules `train`, `history`, `diagnosis`, `probe`, `report` and `comparison`, and the crates they need |
//! | `expansion` | yes | the module `expansion`: price bars and the four-headed model; implies `train` |
//! | `pytorch` | no | `expansion::pytorch`: checkpoints from PyTorch and back; implies `expansion` |
//! | `parquet` | no | bars and labelled windows from Parquet files; implies `expansion` |
//! | `tensorboard` | no | `train::TensorBoard`: the numbers of a run as TensorBoard event files; implies `train` |
//!
//! The backends forward to Burn, some with kernels of this crate beside it, and can be combined: the device chosen at run time decides.
#![deny(missing_docs, rustdoc::broken_intra_doc_links)]

#[cfg(feature = "train")]
pub mod comparison;
#[cfg(feature = "train")]
pub mod diagnosis;
#[cfg(feature = "train")]
mod difference;
pub mod error;
#[cfg(feature = "expansion")]
pub mod expansion;
#[cfg(feature = "gpu-kernels")]
mod gpu;
pub mod gradient;
#[cfg(all(any(doc, doctest), feature = "expansion"))]
pub mod guide;
#[cfg(feature = "train")]
pub mod history;
#[cfg(feature = "cpu-kernels")]
mod host;
pub mod loss;
pub mod model;
pub mod nn;
#[cfg(feature = "train")]
pub mod probe;
#[cfg(feature = "train")]
pub mod report;
#[cfg(feature = "train")]
mod statistics;
pub mod step;
pub mod task;
#[cfg(feature = "train")]
mod text;
#[cfg(feature = "train")]
pub mod train;
pub mod weighting;

pub use error::{Error, Result};
pub use task::{Task, TaskKind, TaskSet};
