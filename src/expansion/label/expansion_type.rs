//! Defines the type of an expansion, a class of the task `type`.

/// The type of an expansion: its class in the task `type`, counted from 0.
///
/// The rule and the simulator know three types, the constants, which relate the expansion to the move just before it.
/// Labels made by hand may have any number of types; their names are
/// [`ExpansionModelConfig::types`](crate::expansion::model::ExpansionModelConfig::types).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExpansionType(usize);

impl ExpansionType {
    /// The price had no direction before the expansion, which breaks out of a consolidation. Class 0.
    pub const BREAKOUT: Self = Self(0);
    /// The price moved in the direction of the expansion. Class 1.
    pub const CONTINUATION: Self = Self(1);
    /// The price moved against the direction of the expansion. Class 2.
    pub const REVERSAL: Self = Self(2);
    /// The types of the rule and of the simulator, in the order of their classes.
    pub const OF_RULE: [Self; 3] = [Self::BREAKOUT, Self::CONTINUATION, Self::REVERSAL];
    /// The names of the types of the rule, in the order of their classes.
    pub const RULE_NAMES: [&str; 3] = ["breakout", "continuation", "reversal"];

    /// Creates the type of a class.
    ///
    /// ```
    /// use equipoise::expansion::label::ExpansionType;
    ///
    /// assert_eq!(ExpansionType::new(2), ExpansionType::REVERSAL);
    /// ```
    pub const fn new(class: usize) -> Self {
        Self(class)
    }

    /// Returns the class, from 0.
    pub const fn index(self) -> usize {
        self.0
    }

    /// Returns the name of the type among the names of all types, or its number if they are fewer.
    ///
    /// ```
    /// use equipoise::expansion::label::ExpansionType;
    ///
    /// let names = ["flag".to_string(), "wedge".to_string()];
    /// assert_eq!(ExpansionType::new(1).name(&names), "wedge");
    /// ```
    pub fn name(self, names: &[String]) -> String {
        let name = names.get(self.0).cloned();
        name.unwrap_or_else(|| self.0.to_string())
    }
}
