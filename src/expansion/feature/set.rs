//! Which features of a bar a network sees, and a window as rows of them.

use super::returns::{MOVES, window_moves};
use super::shape::{FEATURES, window_features};
use crate::expansion::bars::Bar;

/// The features of a bar that a network sees: the twelve [`features`](super::window_features), and if it was trained with them the
/// position in the window and the [`moves`](super::window_moves), in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeatureSet {
    /// Whether the position in the window is one of them.
    pub position: bool,
    /// Whether the moves are among them.
    pub moves: bool,
}

impl FeatureSet {
    /// How many features a bar has.
    pub fn columns(self) -> usize {
        self.base() + if self.moves { MOVES } else { 0 }
    }

    /// Those before the moves.
    fn base(self) -> usize {
        FEATURES - usize::from(!self.position)
    }
}

/// Makes the rows of one window after another, without an allocation for each.
pub(crate) struct FeatureRows {
    set: FeatureSet,
    values: Vec<f32>,
    shapes: Vec<f32>,
    moves: Vec<f32>,
}

impl FeatureRows {
    /// No window yet, with room for `bars` bars.
    pub(crate) fn new(set: FeatureSet, bars: usize) -> Self {
        Self {
            set,
            values: Vec::with_capacity(bars * set.columns()),
            shapes: Vec::new(),
            moves: Vec::new(),
        }
    }

    /// Adds a row for every bar of a window.
    pub(crate) fn add(&mut self, window: &[Bar]) {
        if !self.set.moves {
            window_features(window, self.set.position, &mut self.values);
            return;
        }
        self.shapes.clear();
        self.moves.clear();
        window_features(window, self.set.position, &mut self.shapes);
        window_moves(window, &mut self.moves);
        let shapes = self.shapes.chunks(self.set.base());
        for (shape, step) in shapes.zip(self.moves.chunks(MOVES)) {
            self.values.extend_from_slice(shape);
            self.values.extend_from_slice(step);
        }
    }

    /// Returns all rows, one after another.
    pub(crate) fn into_values(self) -> Vec<f32> {
        self.values
    }
}
