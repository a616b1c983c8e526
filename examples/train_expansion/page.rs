//! The report of a run, whatever became of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use equipoise::diagnosis::Trials;
use equipoise::expansion::model::ExpansionModel;
use equipoise::expansion::run;
use equipoise::expansion::run::ExpansionConfig;
use equipoise::expansion::window::Windows;
use equipoise::history::History;
use equipoise::report::Report;
use equipoise::train::Outcome;
use equipoise::{Error, Result};

use crate::shared::terminal::Terminal;

/// The report's name in the run's folder.
pub const PAGE: &str = "report.html";

/// Seconds after which a browser reads the page of a running training again.
const REFRESH: u32 = 10;

/// What is known of a run before it begins.
#[derive(Clone)]
pub struct Page {
    out: PathBuf,
    config: ExpansionConfig,
    facts: Vec<(String, String)>,
    /// Whether a page of the running training was written.
    live: Arc<AtomicBool>,
}

impl Page {
    /// The settings, and what was said of the data.
    pub fn new(out: &Path, config: &ExpansionConfig, notes: &[String]) -> Self {
        Self {
            out: out.to_path_buf(),
            config: config.clone(),
            facts: run::facts(config, notes),
            live: Arc::default(),
        }
    }

    /// Writes the page of a run that goes on. That it cannot be written is said at the end.
    pub fn write_live(&self, history: &History) {
        let status = format!(
            "running: epoch {} of {}",
            history.last_epoch(),
            self.config.train.epochs
        );
        let page = self.report().with_status(status).with_history(history);
        let written = page.with_refresh(Some(REFRESH)).write(self.file());
        self.live.fetch_or(written.is_ok(), Ordering::Relaxed);
    }

    /// Writes the page of a run that ended as it should, or was stopped.
    pub fn write(
        self,
        outcome: &Outcome<ExpansionModel>,
        valid: &Windows,
        trials: Option<Trials>,
        commands: &[(String, String)],
    ) -> Result<()> {
        let windows = match outcome.history.last_epoch() {
            0 => Vec::new(),
            _ => {
                let device = self.config.backend.device()?;
                let network = &outcome.model.network;
                let batcher = run::batcher(&self.config, valid.bars());
                run::window_figures(network, valid, &batcher, &device, run::SHOWN)?
            }
        };
        let status = match &outcome.stopped {
            Some(reason) => format!("stopped early: {reason}"),
            None => format!("{} epochs", outcome.history.last_epoch()),
        };
        let mut report = self
            .report()
            .with_status(status)
            .with_history(&outcome.history)
            .with_trials(trials);
        if let Some(section) = run::window_section(&windows) {
            report = report.with_section(section);
        }
        for (task, command) in commands {
            report = report.with_command(task, command);
        }
        report.write(self.file())
    }

    /// What was recorded before the training failed is shown too.
    pub fn write_failed(self, error: &Error, terminal: Terminal) {
        let failed = matches!(error, Error::NonFiniteLoss { .. } | Error::Training { .. });
        // A page of a run that goes on would be read again for ever.
        if !failed && !self.live.load(Ordering::Relaxed) {
            return;
        }
        let Ok(history) = History::read_csv(self.out.join("history.csv")) else {
            return;
        };
        let file = self.file();
        let report = self.report().with_status(format!("failed: {error}"));
        match report.with_history(&history).write(&file) {
            Ok(()) => terminal.result(&format!("report       {}", file.display())),
            Err(error) => terminal.warn(&format!("there is no report: {error}")),
        }
    }

    fn file(&self) -> PathBuf {
        self.out.join(PAGE)
    }

    fn report(&self) -> Report {
        let title = format!("Training run {}", self.out.display());
        Report::new(title).with_facts(self.facts.clone())
    }
}
