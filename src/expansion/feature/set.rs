//! Defines the set of features that a network sees, and computes the rows of a window.

use super::columns::window_columns;
use super::returns::{MOVES, window_moves};
use super::shape::{FEATURES, window_features};
use crate::expansion::bars::Bar;

/// The features of a bar that a network sees: the twelve [features](super::window_features), then, if the network was
/// trained with them, the position in the window, the [move features](super::window_moves) and those of
/// [further columns](super::window_columns). Default: the twelve only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeatureSet {
    /// Whether the position in the window is included.
    pub position: bool,
    /// Whether the move features are included.
    pub moves: bool,
    /// The number of further columns of the bars that are features, the last.
    pub further: usize,
}

impl FeatureSet {
    /// Returns the number of features of a bar: 12 to 17, and the further columns.
    pub fn columns(self) -> usize {
        self.base() + if self.moves { MOVES } else { 0 } + self.further
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
    further: Vec<f32>,
}

impl FeatureRows {
    /// Creates an empty set of rows with capacity for `bars` bars.
    pub(crate) fn new(set: FeatureSet, bars: usize) -> Self {
        Self {
            set,
            values: Vec::with_capacity(bars * set.columns()),
            shapes: Vec::new(),
            moves: Vec::new(),
            further: Vec::new(),
        }
    }

    /// Adds a row for every bar of a window. `further` holds the further columns of the bars, bar after bar.
    pub(crate) fn add(&mut self, window: &[Bar], further: &[f64]) {
        let FeatureSet {
            position,
            moves,
            further: columns,
        } = self.set;
        assert_eq!(
            further.len(),
            columns * window.len(),
            "a row of further columns is needed for each bar"
        );
        if !moves && columns == 0 {
            window_features(window, position, &mut self.values);
            return;
        }
        self.shapes.clear();
        self.moves.clear();
        self.further.clear();
        window_features(window, position, &mut self.shapes);
        if moves {
            window_moves(window, &mut self.moves);
        }
        if columns > 0 {
            window_columns(further, columns, &mut self.further);
        }
        let steps = if moves { MOVES } else { 0 };
        for (t, shape) in self.shapes.chunks(self.set.base()).enumerate() {
            self.values.extend_from_slice(shape);
            let step = &self.moves[t * steps..(t + 1) * steps];
            self.values.extend_from_slice(step);
            let further = &self.further[t * columns..(t + 1) * columns];
            self.values.extend_from_slice(further);
        }
    }

    /// Returns all rows, one after another.
    pub(crate) fn into_values(self) -> Vec<f32> {
        self.values
    }
}
