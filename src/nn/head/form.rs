//! What the kernels have to know of a head.

/// What a head is on a sequence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Form {
    pub(super) rows: usize,
    pub(super) width: usize,
    pub(super) bias: bool,
    /// Whether elements are dropped.
    pub(super) drops: bool,
    /// Elements whose hash is below it are dropped.
    pub(super) threshold: u32,
    /// What the others are multiplied by.
    pub(super) scale: f32,
    /// Which of the drawn seeds is this head's.
    pub(super) seed: usize,
}
