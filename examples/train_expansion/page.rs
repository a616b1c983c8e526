//! The report of a run, whatever became of it.

use std::path::Path;

use equipoise::expansion::config::ExpansionConfig;
use equipoise::expansion::figures;
use equipoise::expansion::model::ExpansionModel;
use equipoise::expansion::windows::Windows;
use equipoise::history::History;
use equipoise::report::Report;
use equipoise::train::Outcome;
use equipoise::weighting::Weighting;
use equipoise::{Error, Result};

use crate::terminal::Terminal;

/// The report's name in the run's folder.
pub const PAGE: &str = "report.html";

/// The page before anything is known but the settings.
pub fn page(out: &Path, config: &ExpansionConfig, notes: &[String]) -> Report {
    let facts = figures::facts(config, notes);
    Report::new(format!("Training run {}", out.display())).with_facts(facts)
}

/// Writes the page of a run that ended as it should, or was stopped.
pub fn write(
    page: Report,
    out: &Path,
    config: &ExpansionConfig,
    outcome: &Outcome<ExpansionModel, Weighting>,
    valid: &Windows,
) -> Result<()> {
    let windows = match outcome.history.last_epoch() {
        0 => Vec::new(),
        _ => {
            let (network, device) = (&outcome.model.network, config.backend.device()?);
            let position = config.data.position;
            figures::window_figures(network, valid, position, &device, figures::SHOWN)?
        }
    };
    let page = match &outcome.stopped {
        Some(reason) => page.with_fact("stopped early", reason),
        None => page,
    };
    page.with_history(&outcome.history)
        .with_windows(windows)
        .write(out.join(PAGE))
}

/// What was recorded before the training failed is shown too.
pub fn write_failed(page: Report, out: &Path, error: &Error, terminal: Terminal) {
    let failed = matches!(error, Error::NonFiniteLoss { .. } | Error::Training { .. });
    if failed && let Ok(history) = History::read_csv(out.join("history.csv")) {
        let file = out.join(PAGE);
        let page = page.with_fact("failed", error.to_string());
        match page.with_history(&history).write(&file) {
            Ok(()) => terminal.result(&format!("report       {}", file.display())),
            Err(error) => terminal.warn(&format!("there is no report: {error}")),
        }
    }
}
