//! The three types of expansion: what the numbers 0, 1 and 2 of the task `type` mean.
//!
//! The simulator builds expansions of a type and the rule labeller recognises it; both take the meaning from
//! here. The type says how the expansion relates to the move just before it.

/// The price was going nowhere before the expansion: it breaks out of a consolidation.
pub const BREAKOUT: usize = 0;
/// The price was already moving in the direction of the expansion.
pub const CONTINUATION: usize = 1;
/// The price was moving against the direction of the expansion.
pub const REVERSAL: usize = 2;

/// How many types there are.
pub const COUNT: usize = 3;

/// The name of each type, indexed by its number.
pub const NAMES: [&str; COUNT] = ["breakout", "continuation", "reversal"];
