//! Writes the line of Python that turns the file at hand into one that is read.

use std::path::Path;

use super::text::quoted;

/// A file, for lines of Python that read it and write another beside it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remedy<'a> {
    path: &'a Path,
}

impl<'a> Remedy<'a> {
    pub(super) fn new(path: &'a Path) -> Self {
        Self { path }
    }

    pub(super) fn path(&self) -> &'a Path {
        self.path
    }

    /// Returns the call that reads the file. With `code` the classes and functions that the file names are called.
    pub(super) fn load(&self, code: bool) -> String {
        if self.is_safetensors() {
            return format!("safetensors.torch.load_file({})", self.file());
        }
        let weights_only = if code { "False" } else { "True" };
        format!(
            "torch.load({}, map_location=\"cpu\", weights_only={weights_only})",
            self.file()
        )
    }

    /// Returns the call that reads a TorchScript program, with its tensors.
    pub(super) fn script(&self) -> String {
        let file = self.file();
        format!("torch.jit.load({file}, map_location=\"cpu\").state_dict()")
    }

    /// Returns the call that writes an expression to a new file beside this one.
    pub(super) fn save(&self, expression: &str) -> String {
        let (library, ending) = if self.is_safetensors() {
            ("safetensors.torch.save_file", "safetensors")
        } else {
            ("torch.save", "pt")
        };
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
        let new = self.path.with_file_name(format!("{stem}_weights.{ending}"));
        format!(
            "{library}({expression}, {})",
            quoted(&new.to_string_lossy())
        )
    }

    fn file(&self) -> String {
        quoted(&self.path.to_string_lossy())
    }

    fn is_safetensors(&self) -> bool {
        let ending = self.path.extension();
        ending.is_some_and(|ending| ending.eq_ignore_ascii_case("safetensors"))
    }
}
