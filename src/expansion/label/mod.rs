//! Labels windows with their expansion, by a rule or from expansions marked by hand, and defines the two forms of the
//! countdown.

mod bar_reference;
mod by_hand;
mod classes;
mod countdown;
mod expansion_type;
mod mark_rows;
mod rule;
mod window_label;

pub(crate) use by_hand::Marked;
pub use by_hand::{Mark, Marks};
pub use classes::Classes;
pub(crate) use classes::check_names;
pub(crate) use countdown::countdown;
pub use countdown::{COUNTDOWN_CLIP, CountdownForm};
pub use expansion_type::ExpansionType;
pub use rule::{LabelConfig, RuleLabeller};
pub use window_label::WindowLabel;
