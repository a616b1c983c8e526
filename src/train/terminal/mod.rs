//! What a training run shows on a terminal, all of it on standard error.
//!
//! | file | what it does |
//! |---|---|
//! | `screen` | the bar, and the lines above it |
//! | `epoch_lines` | the lines of a finished epoch; `columns` where all tasks fit side by side, `summary` where not |
//! | `fields` | numbers in columns of a fixed width |
//! | `time_left` | how long the rest will take |

mod columns;
mod epoch_lines;
mod fields;
mod screen;
mod summary;
#[cfg(test)]
mod tests;
mod time_left;

pub(super) use epoch_lines::{EpochFacts, EpochLines};
pub(super) use fields::rough_duration;
pub use screen::Progress;
pub(super) use screen::{Screen, coloured, columns};
pub(super) use time_left::{Phase, TimeLeft};

use console::style;

/// The widest a line may be, and the narrowest terminal that lines are fitted to.
const WIDTH: usize = 100;
const NARROWEST: usize = 80;
/// Between two columns.
const GAP: usize = 2;
/// What follows the best epoch so far.
const MARK: &str = " *";
/// Skill from which a task has learned something, as in the verdicts.
const SKILLED: f64 = 0.05;

/// Colours a skill, if `coloured`. The text has the sign; the colour only helps to find it.
fn painted(text: String, skill: Option<f64>, coloured: bool) -> String {
    let styled = match skill {
        Some(skill) if coloured && skill >= SKILLED => style(text).green(),
        Some(skill) if coloured && skill < 0.0 => style(text).red(),
        _ => return text,
    };
    styled.force_styling(true).to_string()
}
