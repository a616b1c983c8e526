//! Writes the report of a run, during the training and after its end or failure.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use equipoise::diagnosis::Trials;
use equipoise::expansion::model::ExpansionModel;
use equipoise::expansion::run;
use equipoise::expansion::run::{ExpansionConfig, InstrumentScores};
use equipoise::expansion::window::Windows;
use equipoise::history::History;
use equipoise::report::Report;
use equipoise::train::Outcome;
use equipoise::{Error, Result};

use crate::shared::terminal::Terminal;

/// The file name of the report in the folder of the run.
pub const PAGE: &str = "report.html";

/// The time after which a browser reloads the page of a running training, in seconds.
const REFRESH: u32 = 10;

/// The facts about a run that are known before it starts.
#[derive(Clone)]
pub struct Page {
    out: PathBuf,
    config: ExpansionConfig,
    facts: Vec<(String, String)>,
    /// Whether a page was written during the training.
    live: Arc<AtomicBool>,
}

impl Page {
    /// Creates the page from the settings and the notes on the data.
    pub fn new(out: &Path, config: &ExpansionConfig, notes: &[String]) -> Self {
        Self {
            out: out.to_path_buf(),
            config: config.clone(),
            facts: config.facts(notes),
            live: Arc::default(),
        }
    }

    /// Writes the page of a running training. Errors are ignored here: [`write`](Self::write) returns them at the end.
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

    /// Writes the page of a completed or stopped run, and returns the scores of every instrument if there are several.
    pub fn write(
        self,
        outcome: &Outcome<ExpansionModel>,
        valid: &Windows,
        trials: Option<Trials>,
        commands: &[(String, String)],
    ) -> Result<Vec<InstrumentScores>> {
        let (windows, instruments) = match outcome.history.last_epoch() {
            0 => (Vec::new(), Vec::new()),
            _ => {
                let device = self.config.backend.device()?;
                let network = &outcome.model.network;
                let batcher = self.config.batcher(valid.bars());
                (
                    run::WindowFigure::of_predictions(
                        network,
                        valid,
                        &batcher,
                        &device,
                        run::WindowFigure::SHOWN,
                    )?,
                    run::InstrumentScores::of_predictions(network, valid, &batcher, &device)?,
                )
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
        let sections = [
            run::InstrumentScores::section(&instruments),
            run::WindowFigure::section(&windows),
        ];
        for section in sections.into_iter().flatten() {
            report = report.with_section(section);
        }
        for (task, command) in commands {
            report = report.with_command(task, command);
        }
        report.write(self.file())?;
        Ok(instruments)
    }

    /// Writes the page of a failed run, with the history up to the failure.
    pub fn write_failed(self, error: &Error, terminal: Terminal) {
        let failed = matches!(error, Error::NonFiniteLoss { .. } | Error::Training { .. });
        // A browser would reload the page of a running training for ever, so it is replaced.
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
