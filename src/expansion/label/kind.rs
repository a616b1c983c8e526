//! Defines the types of expansion.

use std::fmt;

/// The type of an expansion: its relation to the move just before it, and its class in the task `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ExpansionType {
    /// The price had no direction before the expansion, which breaks out of a consolidation. Class 0.
    Breakout,
    /// The price moved in the direction of the expansion. Class 1.
    Continuation,
    /// The price moved against the direction of the expansion. Class 2.
    Reversal,
}

impl ExpansionType {
    /// All types in the order of their classes.
    pub const ALL: [Self; 3] = [Self::Breakout, Self::Continuation, Self::Reversal];
    /// The number of types.
    pub const COUNT: usize = Self::ALL.len();

    /// Returns the class, from 0 to 2.
    pub fn index(self) -> usize {
        self as usize
    }

    /// Returns the type of a class, or `None` if the class is above 2.
    ///
    /// ```
    /// use equipoise::expansion::label::ExpansionType;
    ///
    /// assert_eq!(ExpansionType::from_index(2), Some(ExpansionType::Reversal));
    /// assert_eq!(ExpansionType::from_index(3), None);
    /// ```
    pub fn from_index(class: usize) -> Option<Self> {
        Self::ALL.get(class).copied()
    }

    /// Returns the name: `breakout`, `continuation` or `reversal`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Breakout => "breakout",
            Self::Continuation => "continuation",
            Self::Reversal => "reversal",
        }
    }
}

/// Writes the [name](ExpansionType::name).
impl fmt::Display for ExpansionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
