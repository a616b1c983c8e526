// The documentation of the crate: the README, a map of the modules and the feature flags.
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
//! In reading order. Each module depends only on modules above it.
//!
//! * [`error`]: the [`Error`] type of the crate, which names the faulty file, line, field or task.
//! * [`task`]: [`Task`] and [`TaskSet`], the quantities that a network predicts, in a fixed order.
//! * [`loss`]: raw losses as pure functions with an explicit reduction and mask, and
//!   [`TaskLosses`](loss::TaskLosses), the losses of one step as one tensor.
//! * [`weighting`]: the trait [`LossWeighting`](weighting::LossWeighting), the built-in strategies, and
//!   [`StrategyConfig`](weighting::StrategyConfig), which selects a strategy from JSON.
//! * [`model`]: [`MultiTaskModel`](model::MultiTaskModel), the interface of a trainable network, and
//!   [`Branches`](model::Branches), the branches of the shared representation that the tasks read.
//! * [`gradient`]: [`audit`](gradient::audit), which measures the gradient of every task at the shared representation,
//!   and the conflicts between them.
//! * [`step`]: [`backward`](step::backward), the single call for a step in a training loop of your own, under every
//!   strategy.
//! * [`nn`]: the LSTM in two directions and in one, [`BiLstm`](nn::BiLstm) and [`Lstm`](nn::Lstm), over sequences of
//!   equal or different lengths ([`Lengths`](nn::Lengths)) and from any state, [`Dropout`](nn::Dropout), and the
//!   [`readout`](nn::readout) of a sequence. Independent of tasks.
#![cfg_attr(
    feature = "train",
    doc = "* [`history`]: the records of a run, as plain data and as CSV.
* [`diagnosis`]: [`diagnose`](diagnosis::diagnose), a verdict on every task from a history, in words and numbers.
* [`probe`]: measurements of causes by experiment, with short forks of a run that differ in one change each.
* [`report`]: [`Report`](report::Report), which writes a history as one HTML page, and a page for comparisons.
* [`train`]: [`Trainer`](train::Trainer), which trains any model under any strategy on `burn::train`, with data, history,
  checkpoints and resume.
* [`comparison`]: [`Compare`](comparison::Compare), which compares strategies on any model, over several seeds."
)]
#![cfg_attr(
    feature = "pytorch",
    doc = "* [`pytorch`]: weights of any model from PyTorch's files and back, by a table of names."
)]
#![cfg_attr(
    feature = "expansion",
    doc = "* [`guide`]: pages on the use of the crate: the files of the folder `docs`.
* [`expansion`]: price bars, windows, features, labels, the four-headed model, its metrics, and a whole run in one config.
  It uses the modules above as any other crate would."
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
//! The numbered examples in the folder `examples` can be read in order: your own model, your own strategy, the verdict
//! from a history, your own model under the `Trainer`, a measurement with the audit, networks and data of other shapes,
//! a strategy in an existing loop of Burn, and weights from PyTorch. `two_digits` compares all strategies;
//! `train_expansion` is a whole run over price bars, and `predict` uses the trained network.
//!
//! # Feature flags
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `flex` | yes | Burn's recommended CPU backend |
//! | `ndarray` | no | Burn's older CPU backend |
//! | `wgpu` | no | Burn's GPU backend with fusion and autotuning, and the kernels of this crate for it; a long first build |
//! | `vulkan`, `metal`, `cuda`, `rocm` | no | as `wgpu`, for this interface only |
//! | `train` | yes | the modules `train`, `history`, `diagnosis`, `probe`, `report` and `comparison`, and the crates they need |
//! | `expansion` | yes | the module `expansion`: price bars and the four-headed model; implies `train` |
//! | `pytorch` | no | the module `pytorch`: weights from PyTorch and back; with `expansion` also `expansion::pytorch` |
//! | `parquet` | no | bars and labelled windows from Parquet files; implies `expansion` |
//! | `tensorboard` | no | `train::TensorBoard`: the numbers of a run as TensorBoard event files; implies `train` |
//!
//! The backend features enable backends of Burn, some with kernels of this crate in addition. They can be combined: the
//! device chosen at run time selects the backend.
#![deny(missing_docs, rustdoc::broken_intra_doc_links)]

#[cfg(any(feature = "train", feature = "pytorch"))]
mod atomic;
#[cfg(feature = "train")]
pub mod comparison;
#[cfg(feature = "train")]
pub mod diagnosis;
#[cfg(feature = "train")]
mod difference;
pub mod error;
#[cfg(feature = "expansion")]
pub mod expansion;
#[cfg(any(feature = "train", feature = "pytorch"))]
mod format;
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
mod printable;
#[cfg(feature = "train")]
pub mod probe;
#[cfg(feature = "pytorch")]
pub mod pytorch;
#[cfg(feature = "train")]
mod quiet;
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
