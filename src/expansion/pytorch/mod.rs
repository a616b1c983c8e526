//! Reads and writes PyTorch checkpoints of the original network. Needs the feature `pytorch`.
//!
//! # Import
//!
//! [`PytorchCheckpoint::read`] reads a `.pt` file (of `torch.save`, PyTorch 1.6 or later) or a `.safetensors` file. The
//! tensors are the file itself, or the dictionary in it whose names fit this network:
//!
//! ```python
//! torch.save(model.state_dict(), "network.pt")
//! torch.save({"epoch": 7, "model_state_dict": model.state_dict(), "optimizer_state_dict": ...}, "training.pt")
//! trainer.save_checkpoint("lightning.ckpt")
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
//! The sizes are inferred from the tensors. A missing or surplus tensor, a wrong shape or a number that is not finite
//! is an error that names the tensor, and nothing is loaded. What is converted, renamed or left out is in
//! [`PytorchCheckpoint::notes`]; the rules are those of [`pytorch`](crate::pytorch), which this module is built on.
//! [`ImportConfig::selection`] chooses among several networks in a file and leaves tensors out.
//!
//! To continue the training, fit the config to the file with
//! [`ExpansionConfig::follow_init`](crate::expansion::run::ExpansionConfig::follow_init) and pass the file as
//! [`RunOptions::init`](crate::expansion::run::RunOptions::init), or run `train_expansion --init`.
//!
//! # Export
//!
//! [`PytorchExport`] writes `.safetensors` with the original names, which PyTorch loads with `strict=True`:
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
//! The original network has one log sigma per task, and `strict=True` refuses a file without them. If the strategy of
//! the run learned none, add values with [`PytorchExport::with_log_sigma`]. For the newer network, which holds its
//! binary head under two names, choose [`Generation::Span`].
//!
//! No tensor tells what the inputs are. [`export_run`](crate::expansion::run::export_run) writes them into the metadata
//! of the file ([`Inputs`]), where [`PytorchCheckpoint::inputs`] finds them; PyTorch drops metadata when it saves
//! again.
//!
//! # Names
//!
//! H is `hidden` and P is `projection`. The linear layers, from `projection.0` on, also have a `bias`, `[outputs]`.
//! PyTorch stores their weights as `[outputs, inputs]`, Burn as `[inputs, outputs]`.
//!
//! | tensors in PyTorch | shape |
//! |---|---|
//! | `lstm.weight_ih_lN`, and `_reverse` | `[4H, features]` in layer 0, then `[4H, 2H]` |
//! | `lstm.weight_hh_lN`, and `_reverse` | `[4H, H]` |
//! | `lstm.bias_ih_lN`, `lstm.bias_hh_lN`, and `_reverse` | `[4H]` |
//! | `projection.0.weight` | `[P, 2H]` |
//! | `classifier.1.weight` | `[3, P]` |
//! | `pointer_head.1.weight` | `[2, P]` |
//! | `expansion_binary_head.1.weight`, in the newer network also `expansion_span_emission.1.weight` | `[1, 2H]` |
//! | `expansion_countdown_head.1.weight` | `[1, 2H]`, in scalar form `[1, P]` |
//! | `log_sigma_type`, `log_sigma_ptr`, `log_sigma_binary`, `log_sigma_countdown`, newer: `log_sigma_span` | `[]` |

mod export;
mod import;
mod import_config;
mod inputs;
mod layout;
mod names;
mod parameters;

pub use export::PytorchExport;
pub use import::PytorchCheckpoint;
pub use import_config::ImportConfig;
pub use inputs::Inputs;
pub use names::Generation;
