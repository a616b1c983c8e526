//! Chooses the network of a PyTorch file that a run starts from.

use std::path::Path;

use crate::error::{Error, Result};
#[cfg(feature = "pytorch")]
use crate::pytorch::Selection;

/// Which tensors of a PyTorch file a run starts from. The defaults fit a file with one network in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InitSelection {
    /// The key of the dictionary in the file, such as `ema` or `model.state_dict`. Default `None`: the one whose names
    /// fit.
    pub key: Option<String>,
    /// The prefix of the names, such as `student.`. Default `None`: the one behind which the names fit.
    pub prefix: Option<String>,
    /// Names of tensors that may be left out, or the starts of names up to a dot. Default none: a tensor that the
    /// network does not have is an error.
    pub leave_out: Vec<String>,
}

impl InitSelection {
    /// Checks that nothing is chosen in a file that holds one network only.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming the choice.
    pub(super) fn check_unused(&self, file: &Path) -> Result<()> {
        let given = |text: &Option<String>| text.clone();
        let leave_out = (!self.leave_out.is_empty()).then(|| self.leave_out.join(", "));
        for (field, value) in [
            ("Selection::key", given(&self.key)),
            ("Selection::prefix", given(&self.prefix)),
            ("Selection::leave_out", leave_out),
        ] {
            if let Some(value) = value {
                let expected = format!(
                    "left out: {} is no PyTorch file, and holds one network",
                    file.display()
                );
                return Err(Error::setting(field, value, expected));
            }
        }
        Ok(())
    }

    /// Returns the choice for the reader of PyTorch files.
    #[cfg(feature = "pytorch")]
    pub(super) fn selection(&self) -> Selection {
        Selection {
            key: self.key.clone(),
            prefix: self.prefix.clone(),
            leave_out: self.leave_out.clone(),
        }
    }
}
