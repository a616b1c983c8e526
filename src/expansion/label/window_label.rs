//! The label of one window.

use super::kind::ExpansionType;

/// The expansion of one window, in bars counted from the window's first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowLabel {
    /// The first bar of the expansion.
    pub start: usize,
    /// The last bar of the expansion; it belongs to the expansion.
    pub end: usize,
    /// The type.
    pub kind: ExpansionType,
}
