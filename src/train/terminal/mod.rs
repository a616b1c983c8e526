//! Shows a training run on a terminal, on standard error.
//!
//! | file | what it does |
//! |---|---|
//! | `screen` | draws the progress bar and the lines above it |
//! | `epoch_lines` | formats the lines of a finished epoch: `columns` if all tasks fit side by side, else `summary` |
//! | `fields` | formats numbers in columns of a fixed width |
//! | `time_left` | estimates the time left |

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

/// The largest width of a line, and the smallest terminal width that lines are fitted to.
const WIDTH: usize = 100;
const NARROWEST: usize = 80;
/// The number of columns between two fields.
const GAP: usize = 2;
/// The mark behind the best epoch so far.
const MARK: &str = " *";
/// The skill from which a task has learned something, as in the verdicts.
const SKILLED: f64 = 0.05;

/// Colours a skill, if `coloured`. The text has the sign, so the colour only helps to find it.
fn painted(text: String, skill: Option<f64>, coloured: bool) -> String {
    let styled = match skill {
        Some(skill) if coloured && skill >= SKILLED => style(text).green(),
        Some(skill) if coloured && skill < 0.0 => style(text).red(),
        _ => return text,
    };
    styled.force_styling(true).to_string()
}
