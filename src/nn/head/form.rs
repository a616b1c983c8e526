//! The parameters of the kernels of a head.

/// Sizes and dropout of a head on a sequence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Form {
    pub(super) rows: usize,
    pub(super) width: usize,
    pub(super) bias: bool,
    /// Whether elements are dropped.
    pub(super) drops: bool,
    /// Elements with a hash below the threshold are dropped.
    pub(super) threshold: u32,
    /// The factor of the elements that are kept.
    pub(super) scale: f32,
    /// The index of the head's seed among the drawn seeds.
    pub(super) seed: usize,
}
