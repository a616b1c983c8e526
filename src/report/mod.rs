//! Writes a run or several runs as one HTML page.
//!
//! A [`Report`] shows one run: the verdict on each task with causes and remedy; then skills, losses, gradients,
//! weights, metrics and the sections that the caller adds. A [`Comparison`] shows several strategies side by side. Both
//! pages are made from plain records. Each page is one HTML file without scripts or external resources, readable on a
//! phone, in dark mode and on paper, with or without colours.
//!
//! | file | purpose |
//! |---|---|
//! | `sections/` | the parts of a run's page, one per file |
//! | `comparison`, `strategies`, `intervals` | the page of several strategies |
//! | `index` | the page of a folder of runs |
//! | `lines`, `sparkline` | charts |
//! | `svg`, `canvas`, `axis`, `style_class`, `figure` | drawing: elements, layout, scales, style classes, captions |
//! | `thin` | lines with many points |
//! | `page`, `style.css`, `text` | the document |

// Some drawing functions are used only by the sections of the expansion domain.
#![cfg_attr(not(feature = "expansion"), allow(dead_code))]

mod axis;
mod canvas;
mod comparison;
mod figure;
mod index;
mod intervals;
mod lines;
mod page;
mod sections;
mod sparkline;
mod strategies;
mod style_class;
mod svg;
mod text;
mod thin;

/// Exports the drawing functions for the sections of other modules.
#[cfg(feature = "expansion")]
pub(crate) mod drawing {
    pub(crate) use super::axis::{Axis, drawable};
    pub(crate) use super::canvas::{Frame, Plot};
    pub(crate) use super::figure::Figure;
    pub(crate) use super::page::{Cell, grid, paragraph, table};
    pub(crate) use super::style_class::StyleClass;
    pub(crate) use super::svg::{Anchor, Level};
    pub(crate) use super::text::{count, number, width};
}

use std::path::Path;

pub use comparison::{Comparison, ComparisonCell, ComparisonReference, ComparisonRow};
pub use index::write_index;
pub use page::Section;

use self::page::{Around, page};
use crate::diagnosis::{Trials, diagnose, diagnose_with};
use crate::error::Result;
use crate::history::{History, write_atomically};

/// The page of one run as an HTML document.
///
/// # Example
///
/// ```
/// use equipoise::history::{History, Split, quantity};
/// use equipoise::report::Report;
///
/// let mut history = History::new();
/// for (epoch, loss) in [(1, 0.9), (2, 0.4)] {
///     history.record(epoch, Split::Valid, "price", quantity::LOSS, loss);
///     history.record(epoch, Split::Valid, "price", quantity::SKILL, 1.0 - loss);
///     history.record(epoch, Split::Valid, "price", quantity::SKILL_MARGIN, 0.02);
/// }
/// let page = Report::new("A run")
///     .with_fact("strategy", "uncertainty")
///     .with_history(&history)
///     .html();
/// assert!(page.contains("price learned"));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    title: String,
    facts: Vec<(String, String)>,
    history: History,
    trials: Option<Trials>,
    commands: Vec<(String, String)>,
    sections: Vec<Section>,
    status: String,
    refresh: Option<u32>,
}

impl Report {
    /// Creates an empty page with a title.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            ..Self::default()
        }
    }

    /// Adds a fact about the run at the foot of the page, such as the strategy.
    pub fn with_fact(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.facts.push((name.into(), text.into()));
        self
    }

    /// Adds several facts about the run at the foot of the page.
    pub fn with_facts(mut self, facts: impl IntoIterator<Item = (String, String)>) -> Self {
        self.facts.extend(facts);
        self
    }

    /// Sets the history to show.
    pub fn with_history(mut self, history: &History) -> Self {
        self.history = history.clone();
        self
    }

    /// Sets the results of experiments on the run, used by the diagnosis. Default `None`.
    pub fn with_trials(mut self, trials: Option<Trials>) -> Self {
        self.trials = trials;
        self
    }

    /// Adds a command to copy for a task, shown in place of the remedy's sentence.
    pub fn with_command(mut self, task: impl Into<String>, command: impl Into<String>) -> Self {
        self.commands.push((task.into(), command.into()));
        self
    }

    /// Sets the status line under the title, such as `stopped early: ...`.
    pub fn with_status(mut self, status: impl Into<String>) -> Self {
        self.status = status.into();
        self
    }

    /// Sets the seconds after which browsers reload the page, for a run in progress. Default `None`: no reload.
    pub fn with_refresh(mut self, seconds: Option<u32>) -> Self {
        self.refresh = seconds;
        self
    }

    /// Adds a section of the caller, below the sections of the history and above the final numbers.
    pub fn with_section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// Writes the page as one self-contained file, in one move.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) with the path.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        write_atomically(path, self.html().as_bytes())
    }

    /// Returns the page as an HTML document. Equal reports give equal bytes.
    ///
    /// The charts and sentences of more than 64 tasks are those of the 64 tasks with the lowest skill, and the first 2000
    /// tasks are listed; the page says so.
    pub fn html(&self) -> String {
        let listed = sections::listed(&self.history);
        let diagnoses = match &self.trials {
            Some(trials) => diagnose_with(&listed, trials),
            None => diagnose(&listed),
        };
        let (drawn, told) = sections::drawn_tasks(&listed, &diagnoses);
        let history = &*drawn;
        let all = self.history.tasks().len();
        let answers = sections::answers(&listed, &diagnoses, &self.commands, told.as_ref(), all);
        let mut parts = vec![answers];
        parts.extend(sections::skill(history));
        parts.extend(sections::verdicts(&diagnoses, told.as_ref()));
        parts.push(sections::losses(history));
        parts.push(sections::gradients(history, all));
        parts.push(sections::weights(history));
        parts.extend(sections::metrics(history));
        parts.extend(self.sections.iter().cloned());
        parts.push(sections::final_numbers(history));
        let around = Around {
            title: &self.title,
            status: &self.status,
            foot: &self.facts,
            refresh: self.refresh,
            ..Around::default()
        };
        page(&around, &parts)
    }
}
