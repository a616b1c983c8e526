//! Shows progress and files the metrics' values: Burn's metrics renderer, as this crate wants it.
//!
//! Everything here is called on the thread that collects metrics, in order, so an epoch is complete when it is closed.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::Instant;

use burn::train::Interrupter;
use burn::train::logger::{EvaluationProgressLogger, TrainingProgressLogger};
use burn::train::metric::{MetricDefinition, MetricId, NumericEntry};
use burn::train::renderer::{
    EvaluationName, MetricState, MetricsRenderer, MetricsRendererEvaluation,
    MetricsRendererTraining,
};
use indicatif::{ProgressBar, ProgressStyle};

use super::journal::{Entries, Journal};
use crate::diagnosis::number;
use crate::history::{ALL_TASKS, Split, quantity};

/// What is shown while training goes on, on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    /// A bar for the running epoch and a line for each finished one; only the lines if it is not a terminal.
    #[default]
    Auto,
    /// A line for each finished epoch.
    Lines,
    /// Nothing.
    Silent,
}

pub(super) struct Recorder {
    journal: Journal,
    interrupter: Interrupter,
    names: HashMap<MetricId, String>,
    shown: Progress,
    bar: ProgressBar,
    epochs: usize,
    began: Instant,
}

impl Recorder {
    pub(super) fn new(journal: Journal, interrupter: Interrupter, shown: Progress) -> Self {
        let bar = match shown == Progress::Auto && std::io::stderr().is_terminal() {
            true => ProgressBar::no_length(),
            false => ProgressBar::hidden(),
        };
        let style = ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} {msg} eta {eta}");
        if let Ok(style) = style {
            bar.set_style(style.progress_chars("=> "));
        }
        Self {
            journal,
            interrupter,
            names: HashMap::new(),
            shown,
            bar,
            epochs: 0,
            began: Instant::now(),
        }
    }

    /// Files the final value of a metric called `task/quantity`.
    fn file(&self, split: Split, state: MetricState) {
        let MetricState::Numeric(entry, Some(NumericEntry::Final(value))) = state else {
            return;
        };
        let Some(name) = self.names.get(&entry.metric_id) else {
            return;
        };
        let (task, quantity) = name.split_once('/').unwrap_or((ALL_TASKS, name));
        let mut entries = self.journal.lock();
        let epoch = entries.epoch;
        entries.history.record(epoch, split, task, quantity, value);
    }

    fn say(&self, line: String) {
        if self.shown != Progress::Silent {
            self.bar.suspend(|| eprintln!("{line}"));
        }
    }

    fn close_epoch(&mut self) {
        let mut entries = self.journal.lock();
        let epoch = entries.epoch;
        if let Err(error) = entries.close_epoch() {
            self.interrupter.stop(Some(&error.to_string()));
            entries.failure.get_or_insert(error);
            return;
        }
        let line = epoch_line(
            &entries,
            epoch,
            self.epochs,
            self.began.elapsed().as_secs_f64(),
        );
        drop(entries);
        self.say(line);
        self.began = Instant::now();
    }
}

/// `epoch  3/20   4.1 s  type 1.021 (+7 %)  pointers 0.0081 (-2 %)`: validation losses, skill in brackets.
fn epoch_line(entries: &Entries, epoch: usize, epochs: usize, seconds: f64) -> String {
    let width = epochs.to_string().len();
    let mut line = format!("epoch {epoch:>width$}/{epochs} {seconds:>6.1} s");
    for task in entries.tasks.names() {
        let get = |quantity| entries.history.get(epoch, Split::Valid, task, quantity);
        if let Some(loss) = get(quantity::LOSS) {
            line += &format!("  {task} {}", number(loss));
        }
        if let Some(skill) = get(quantity::SKILL) {
            line += &format!(" ({:+.0} %)", 100.0 * skill);
        }
    }
    line
}

impl TrainingProgressLogger for Recorder {
    fn start(&mut self, epochs: usize, _first: usize, _items: Option<usize>, _label: Option<&str>) {
        self.epochs = epochs;
        self.began = Instant::now();
    }

    fn update_epoch(&mut self, _epoch: usize) {
        self.close_epoch();
    }

    fn start_split(&mut self, split: &str, items: usize) {
        let epoch = self.journal.lock().epoch;
        self.bar.reset();
        self.bar.set_length(items as u64);
        self.bar
            .set_prefix(format!("epoch {epoch}/{} {split}", self.epochs));
    }

    fn update_split(&mut self, items: usize) {
        self.bar.set_position(items as u64);
    }

    fn end_split(&mut self) {}

    fn end(&mut self) {
        self.bar.finish_and_clear();
    }

    fn log_event_training(&mut self, _event: String) {}
}

impl MetricsRendererTraining for Recorder {
    fn update_train(&mut self, state: MetricState) {
        self.file(Split::Train, state);
    }

    fn update_valid(&mut self, state: MetricState) {
        self.file(Split::Valid, state);
    }
}

impl MetricsRenderer for Recorder {
    fn manual_close(&mut self) {}

    fn register_metric(&mut self, definition: MetricDefinition) {
        let name = definition.name.to_string();
        self.names.insert(definition.metric_id, name);
    }
}

// Burn asks every renderer to be able to evaluate; a training run never does.
impl MetricsRendererEvaluation for Recorder {
    fn update_test(&mut self, _name: EvaluationName, _state: MetricState) {}
}

impl EvaluationProgressLogger for Recorder {
    fn start_global_progress(&mut self, _tests: usize) {}
    fn start_test(&mut self, _name: &str, _items: usize) {}
    fn update_test_progress(&mut self, _items: usize) {}
    fn end_test(&mut self) {}
    fn end_global_progress(&mut self) {}
    fn log_event_evaluation(&mut self, _event: String) {}
}
