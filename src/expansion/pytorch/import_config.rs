//! Defines the settings of an import that no tensor determines.

use crate::expansion::label::CountdownForm;
use crate::expansion::model::ExpansionModelConfig;
use crate::pytorch::Selection;

/// The properties of a network that its tensors do not determine.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportConfig {
    /// The number of bars per window, 1 to 10000. Default 105. No tensor depends on it.
    pub window: usize,
    /// The form of the countdown head if the sizes fit both forms, which is the case if `projection` equals twice
    /// `hidden`. Default `None`: a file that fits both is refused.
    pub countdown: Option<CountdownForm>,
    /// Which tensors of the file are read. The default fits a file with one such network in it.
    pub selection: Selection,
}

impl Default for ImportConfig {
    fn default() -> Self {
        Self {
            window: ExpansionModelConfig::default().window,
            countdown: None,
            selection: Selection::default(),
        }
    }
}

impl ImportConfig {
    /// Sets the number of bars per window.
    pub fn with_window(mut self, window: usize) -> Self {
        self.window = window;
        self
    }

    /// Sets the form of the countdown head for a file whose sizes fit both forms.
    pub fn with_countdown(mut self, countdown: CountdownForm) -> Self {
        self.countdown = Some(countdown);
        self
    }

    /// Sets which tensors of the file are read.
    pub fn with_selection(mut self, selection: Selection) -> Self {
        self.selection = selection;
        self
    }
}
