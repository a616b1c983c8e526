//! The three types of expansion. The type says how the expansion relates to the move just before it.

use std::fmt;

/// The type of an expansion: its class in the task `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ExpansionType {
    /// The price was going nowhere before the expansion: it breaks out of a consolidation. Class 0.
    Breakout,
    /// The price was already moving in the direction of the expansion. Class 1.
    Continuation,
    /// The price was moving against the direction of the expansion. Class 2.
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

    /// Returns the type of a class, or `None` above 2.
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
