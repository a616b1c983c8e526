//! Defines the set of features that a network sees, and computes the rows of a window.

use super::returns::{MOVES, window_moves};
use super::shape::{FEATURES, window_features};
use crate::expansion::bars::Bar;

/// The features of a bar that a network sees: the twelve [features](super::window_features), then, if the network was
/// trained with them, the position in the window and the [move features](super::window_moves). Default: the twelve only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeatureSet {
    /// Whether the position in the window is included.
    pub position: bool,
    /// Whether the move features are included.
    pub moves: bool,
}

impl FeatureSet {
    /// Returns the number of features of a bar, 12 to 17.
    pub fn columns(self) -> usize {
        self.base() + if self.moves { MOVES } else { 0 }
    }

    /// Returns the number of features before the move features.
    fn base(self) -> usize {
        FEATURES - usize::from(!self.position)
    }
}

/// The rows of several windows. Its buffers are reused, so a window costs no allocation.
pub(crate) struct FeatureRows {
    set: FeatureSet,
    values: Vec<f32>,
    shapes: Vec<f32>,
    moves: Vec<f32>,
}

impl FeatureRows {
    /// Creates an empty set of rows with capacity for `bars` bars.
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
