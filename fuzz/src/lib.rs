//! Properties of everything that reads what a user gives. Each function takes the bytes of a fuzzer and panics where a
//! property does not hold. `tests/fuzz_corpus.rs` replays the corpus with the same functions.
//!
//! * `csv`, `csv_lines`, `labels`, `parquet`, `windows`, `config`, `history`, `pytorch`, `safetensors`: the bytes are
//!   the file.
//! * `csv_rows`, `parquet_rows`: the bytes choose bars and a form to write them in; what is read is what was written.
//! * `pickle`: the bytes are the pickle in an archive of PyTorch.
//! * `checkpoint`: the bytes are changes of a good checkpoint, with or without its checksum.
//! * `tensorboard`: the bytes are a history that is written.

mod checkpoint;
mod files;
mod memory;
mod parquet_files;
mod pytorch_files;
mod rows;
mod scratch;
mod tables;
mod tape;

pub use checkpoint::checkpoint;
pub use files::{config, csv, csv_lines, history, labels};
pub use memory::{MEMORY, Memory, measured};
pub use parquet_files::{parquet, parquet_rows, windows};
pub use pytorch_files::{pickle, pytorch, safetensors};
pub use rows::csv_rows;
pub use tables::tensorboard;

/// A property and its name, which is the name of its target and of the folder of its corpus.
pub type Property = (&'static str, fn(&[u8]));

/// All properties.
pub const ALL: [Property; 14] = [
    ("csv", csv),
    ("csv_lines", csv_lines),
    ("csv_rows", csv_rows),
    ("labels", labels),
    ("config", config),
    ("history", history),
    ("parquet", parquet),
    ("parquet_rows", parquet_rows),
    ("windows", windows),
    ("pytorch", pytorch),
    ("pickle", pickle),
    ("safetensors", safetensors),
    ("checkpoint", checkpoint),
    ("tensorboard", tensorboard),
];
