//! Refuses modules that were saved whole, with the line that saves their tensors.

use super::place::Place;
use super::remedy::Remedy;

/// A module that was saved whole, by `torch.save(model, FILE)`.
#[derive(Clone, Debug)]
pub(super) struct WholeModule {
    pub(super) place: Place,
    pub(super) class: String,
}

impl WholeModule {
    /// Returns the reason why the module is not read.
    pub(super) fn refusal(&self, remedy: &Remedy<'_>) -> String {
        let class = &self.class;
        let place = if self.place.0.is_empty() {
            String::new()
        } else {
            format!(" under {}", self.place.words())
        };
        let program = if class.starts_with("__main__.") {
            "the program that defines"
        } else {
            "a program that can import"
        };
        let load = format!(
            "{}{}.state_dict()",
            remedy.load(true),
            self.place.subscripts()
        );
        format!(
            "holds a whole module, an object of `{class}`{place}; its class is code, which is not run. Save its tensors, in \
             {program} this class: `{}`",
            remedy.save(&load)
        )
    }
}
