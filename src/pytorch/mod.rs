//! Loads PyTorch's files into Burn modules, and writes files that PyTorch loads. Needs the feature `pytorch`.
//!
//! [`load`] reads a `.pt` file (of `torch.save`, PyTorch 1.6 or later) or a `.safetensors` file into a module of any
//! form, and [`save`] writes a module as `.safetensors`. A [`NameTable`] lists the parts whose names differ.
//! [`PytorchFile`] and [`StateDict`] give access to the tensors themselves.
//!
//! # What is read
//!
//! * The file itself may be the dictionary of tensors, or hold it at most two containers below, as in checkpoints of
//!   Lightning (`state_dict`), nanoGPT (`model`) and many others. Among several the one whose names fit the module is
//!   taken. If several fit, the error names them; [`Selection::key`] chooses.
//! * A prefix that the names have, such as `module.`, `_orig_mod.` or `model.`, is taken off if the names fit behind
//!   it.
//! * Counters (`num_batches_tracked`, `n_averaged`) and entries that are no tensors are left out. A tensor that the
//!   module does not have is an error, unless [`Selection::leave_out`] names it.
//! * Double and half precision (float16, bfloat16) are converted to single precision.
//!
//! [`Loaded::notes`] has a sentence for each of these.
//!
//! # Layers
//!
//! | in Burn | in PyTorch |
//! |---|---|
//! | `Linear` | `nn.Linear`; its weight is stored the other way round |
//! | `BiLstm`, `Lstm` of this crate | `nn.LSTM`, all layers |
//! | `Lstm`, `BiLstm`, `Gru`, `BiGru`, `Rnn`, `BiRnn` of Burn | one layer of `nn.LSTM`, `nn.GRU`, `nn.RNN`: gates in the order i, f, g, o or r, z, n, both biases |
//! | `Conv1d` to `Conv3d`, `ConvTranspose1d` to `3d`, `Embedding` | the same layer, as it is |
//! | `BatchNorm`, `LayerNorm`, `GroupNorm`, `InstanceNorm`, `RmsNorm` | the same layer: `gamma` is `weight`, `beta` is `bias`, running statistics as they are |
//! | `MultiHeadAttention` | `nn.MultiheadAttention`: query, key and value in `in_proj_weight` |
//! | `PRelu` | `nn.PReLU` |
//! | a `Param` of your own | a parameter of the same name and shape |
//!
//! A layer is recognised by the name of its type, so a type of your own that is called as one of these is taken for it.
//! Settings are not in a file of tensors: strides, groups, activations, `eps` and the like must be set as in PyTorch.
//!
//! # Code in files
//!
//! A `.pt` file is a zip archive around a pickle, and a pickle is a program that `torch.load(.., weights_only=False)`
//! runs. Here nothing is run. Tensors and plain containers are read. A name of code (`os.system`, `builtins.eval`,
//! `getattr` in any but one harmless use, functions that import, open files or load other pickles) makes the whole file
//! refused, wherever the name stands, because no checkpoint needs it. Any other unknown name, such as
//! `argparse.Namespace`, `numpy.dtype` or a class of your own, is inert: the object is a placeholder that holds its
//! name alone. A placeholder in the place of a tensor that is needed is an error. Memory is bounded by the size of the
//! file, whatever sizes it claims.
//!
//! # Why the crate reads pickles itself
//!
//! The reader of `burn-store` 0.22.1 (`pytorch-reader`) never panicked and never gave a wrong number in 68,360 bit
//! flips and 8,545 truncations of a small file. But it is lenient: a pickle that calls `os.system` loads without a
//! message (the call is dropped, not run), of two tensors with one name the last wins, and the strides are not
//! accessible. This module refuses such files and names the reason; the `zip` crate below it checks every checksum. A
//! safetensors file has no checksum, so only names, shapes and finiteness are checked. The adapters of `burn-store`
//! transpose linear layers and rename the parameters of norms, but have no rule for recurrent layers, whose gates
//! PyTorch packs into one tensor.

mod archive;
mod choose;
mod entries;
mod file;
mod host_tensor;
mod layers;
mod load;
mod names;
mod pickle;
mod place;
mod remedy;
mod save;
mod search;
mod selection;
mod state;
mod state_dict;
mod stored;
mod text;
mod whole_module;

pub use file::PytorchFile;
pub use load::{Loaded, load};
pub use names::NameTable;
pub use save::save;
pub use selection::Selection;
pub use state_dict::StateDict;

// What the import and export of the expansion network build on.
#[cfg(feature = "expansion")]
pub(crate) use {
    choose::Wanted,
    entries::Entries,
    host_tensor::HostTensor,
    load::fill,
    save::{collect, write},
    state::mismatch,
    stored::Stored,
    text::names as list_names,
};
