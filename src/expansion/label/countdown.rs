//! Defines the countdown and its two forms.

use serde::{Deserialize, Serialize};

/// The largest absolute value of the countdown, in bars: 20.
pub const COUNTDOWN_CLIP: f32 = 20.0;

/// The form of the countdown to the start of the expansion. Default [`PerBar`](Self::PerBar).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CountdownForm {
    /// The number of bars to the start, clipped to ±20, at every bar. The head reads the representation.
    #[default]
    PerBar,
    /// The start divided by the length of the window. The head reads the pooled features.
    Scalar,
}

/// Returns `clip(start - t, -20, 20)`.
pub(crate) fn countdown(start: usize, t: usize) -> f32 {
    (start as f32 - t as f32).clamp(-COUNTDOWN_CLIP, COUNTDOWN_CLIP)
}
