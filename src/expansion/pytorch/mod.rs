//! Checkpoints of the original network, from PyTorch and back. Needs the feature `pytorch`.
//!
//! # In
//!
//! [`PytorchCheckpoint::read`] takes a `.pt` file (of `torch.save`, PyTorch 1.6 or later) or a `.safetensors` file, with
//! the tensors alone or, in a `.pt`, under `model_state_dict` beside an optimizer's state and whatever else:
//!
//! ```python
//! torch.save(model.state_dict(), "network.pt")
//! torch.save({"epoch": 7, "model_state_dict": model.state_dict(), "optimizer_state_dict": ...}, "training.pt")
//! safetensors.torch.save_model(model, "network.safetensors")
//! ```
//!
//! ```no_run
//! use burn::tensor::Device;
//! use equipoise::expansion::pytorch::PytorchCheckpoint;
//!
//! let checkpoint = PytorchCheckpoint::read("network.pt")?;
//! println!("{} hidden units", checkpoint.config().hidden);
//! let model = checkpoint.model(&Device::flex())?;
//! # Ok::<(), equipoise::Error>(())
//! ```
//!
//! The sizes are read off the tensors. Every tensor must be there with its shape, hold finite numbers, and no other tensor
//! may be there; the first that is wrong is named, and nothing is loaded by half. Double and half precision are converted,
//! which [`PytorchCheckpoint::notes`] tells; so is the prefix `module.` of DataParallel.
//!
//! To train on, give the file to [`RunOptions::init`](crate::expansion::run::RunOptions::init) or to `train_expansion --init`, after
//! [`run::follow_init`](crate::expansion::run::follow_init) has fitted the config to it.
//!
//! # Out
//!
//! [`PytorchExport`] writes `.safetensors` with the original names, which PyTorch takes with `strict=True`:
//!
//! ```no_run
//! use equipoise::expansion::run::export_run;
//!
//! export_run("runs/uncertainty-1", 20)?.write("network.safetensors")?;
//! # Ok::<(), equipoise::Error>(())
//! ```
//!
//! ```python
//! model.load_state_dict(safetensors.torch.load_file("network.safetensors"), strict=True)
//! ```
//!
//! The original network has a log sigma for each task, and `strict=True` misses them in a file without; a strategy that
//! learns none can be given some with [`PytorchExport::with_log_sigma`]. For the newer network, which holds its binary head
//! under two names, choose [`Generation::Span`].
//!
//! # Why the pickle is read here
//!
//! A `.pt` file is a zip archive around a pickle, and a pickle is a program. The reader of `burn-store` 0.22.1
//! (`pytorch-reader`) never panicked and never gave a wrong number in 68,360 bit flips and 8,545 truncations of a small
//! file. But it is made to read what it can: a pickle that calls `os.system` loads without a word (the call is dropped, not
//! run), of two tensors with one name the last wins, and the strides are not shown. Here such a file is refused by name, so
//! the pickle is read by a small machine of our own that knows the instructions of PyTorch's `weights_only` loader and
//! twenty names, on top of the `zip` crate, which checks every checksum. A safetensors file has no checksum; what can be
//! checked there are names, shapes and finiteness.

mod archive;
mod export;
mod import;
mod import_config;
mod layout;
mod names;
mod parameters;
mod pickle;
mod state;
mod tensor;

pub use export::PytorchExport;
pub use import::PytorchCheckpoint;
pub use import_config::ImportConfig;
pub use names::Generation;
