//! The report of a run, whatever became of it.

use std::path::Path;

use equipoise::expansion::config::ExpansionConfig;
use equipoise::expansion::figures;
use equipoise::expansion::model::ExpansionModel;
use equipoise::expansion::run;
use equipoise::expansion::windows::Windows;
use equipoise::history::History;
use equipoise::report::Report;
use equipoise::train::Outcome;
use equipoise::{Error, Result};

use crate::terminal::Terminal;

/// The report's name in the run's folder.
pub const PAGE: &str = "report.html";

/// What is known of a run before it begins.
pub struct Page<'a> {
    out: &'a Path,
    config: &'a ExpansionConfig,
    facts: Vec<(String, String)>,
}

impl<'a> Page<'a> {
    /// The settings, and what was said of the data.
    pub fn new(out: &'a Path, config: &'a ExpansionConfig, notes: &[String]) -> Self {
        Self {
            out,
            config,
            facts: figures::facts(config, notes),
        }
    }

    /// Writes the page of a run that ended as it should, or was stopped.
    pub fn write(self, outcome: &Outcome<ExpansionModel>, valid: &Windows) -> Result<()> {
        let windows = match outcome.history.last_epoch() {
            0 => Vec::new(),
            _ => {
                let device = self.config.backend.device()?;
                let network = &outcome.model.network;
                let batcher = run::batcher(self.config, valid.bars());
                figures::window_figures(network, valid, &batcher, &device, figures::SHOWN)?
            }
        };
        let file = self.out.join(PAGE);
        self.report("stopped early", outcome.stopped.as_deref())
            .with_history(&outcome.history)
            .with_windows(windows)
            .write(file)
    }

    /// What was recorded before the training failed is shown too.
    pub fn write_failed(self, error: &Error, terminal: Terminal) {
        let failed = matches!(error, Error::NonFiniteLoss { .. } | Error::Training { .. });
        if !failed {
            return;
        }
        let Ok(history) = History::read_csv(self.out.join("history.csv")) else {
            return;
        };
        let file = self.out.join(PAGE);
        let report = self.report("failed", Some(&error.to_string()));
        match report.with_history(&history).write(&file) {
            Ok(()) => terminal.result(&format!("report       {}", file.display())),
            Err(error) => terminal.warn(&format!("there is no report: {error}")),
        }
    }

    /// How the run ended comes before all that was known.
    fn report(self, how: &str, reason: Option<&str>) -> Report {
        let page = Report::new(format!("Training run {}", self.out.display()));
        let page = match reason {
            Some(reason) => page.with_fact(how, reason),
            None => page,
        };
        page.with_facts(self.facts)
    }
}
