//! The countdown: bars until the expansion starts, in its two forms.

use serde::{Deserialize, Serialize};

/// The countdown is clipped to this many bars on either side of the start.
pub const COUNTDOWN_CLIP: f32 = 20.0;

/// What the countdown head predicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CountdownForm {
    /// Bars to the start, clipped to ±20, at every bar; the head reads the representation.
    #[default]
    PerBar,
    /// The start over the window's length; the head reads the pooled features.
    Scalar,
}

/// `clip(start - t, -20, 20)`.
pub(crate) fn countdown(start: usize, t: usize) -> f32 {
    (start as f32 - t as f32).clamp(-COUNTDOWN_CLIP, COUNTDOWN_CLIP)
}
