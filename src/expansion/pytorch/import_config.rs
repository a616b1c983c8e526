//! Defines the settings of an import that no tensor determines.

use crate::expansion::label::CountdownForm;
use crate::expansion::model::ExpansionModelConfig;

/// The properties of a network that its tensors do not determine.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportConfig {
    /// Bars per window, 1 to 10000; the network works with any, so no tensor tells.
    pub window: usize,
    /// The form of the countdown head where the sizes leave it open, which is when twice the hidden units are as many
    /// as the pooled features. `None` refuses such a file.
    pub countdown: Option<CountdownForm>,
}

impl Default for ImportConfig {
    fn default() -> Self {
        Self {
            window: ExpansionModelConfig::default().window,
            countdown: None,
        }
    }
}

impl ImportConfig {
    /// Sets the bars per window.
    pub fn with_window(mut self, window: usize) -> Self {
        self.window = window;
        self
    }

    /// Sets the form of the countdown head where the sizes leave it open.
    pub fn with_countdown(mut self, countdown: CountdownForm) -> Self {
        self.countdown = Some(countdown);
        self
    }
}
