//! Defines the label of a window.

use super::expansion_type::ExpansionType;

/// The expansion of a window, in bars counted from the first bar of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowLabel {
    /// The first bar of the expansion.
    pub start: usize,
    /// The last bar of the expansion, inclusive.
    pub end: usize,
    /// The type of the expansion.
    pub kind: ExpansionType,
}
