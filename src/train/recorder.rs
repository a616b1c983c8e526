//! Shows progress and records the values of metrics, as a metrics renderer of Burn.
//!
//! All methods are called on the thread that collects metrics, in order, so an epoch is complete when it is closed.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use burn::train::Interrupter;
use burn::train::logger::{EvaluationProgressLogger, TrainingProgressLogger};
use burn::train::metric::{MetricDefinition, MetricId, NumericEntry};
use burn::train::renderer::{
    EvaluationName, MetricState, MetricsRenderer, MetricsRendererEvaluation,
    MetricsRendererTraining,
};

use super::journal::Journal;
use super::terminal::{
    EpochFacts, EpochLines, Phase, Progress, Screen, TimeLeft, coloured, columns, rough_duration,
};
use crate::history::{ALL_TASKS, Split};

/// The number of epoch lines between two headings.
const HEADING_EVERY: usize = 50;

pub(super) struct Recorder {
    journal: Journal,
    interrupter: Interrupter,
    names: HashMap<MetricId, String>,
    screen: Screen,
    /// The numbers of training and validation samples of an epoch.
    samples: [usize; 2],
    epochs: usize,
    /// The lines of epochs; set when the run begins.
    lines: Option<EpochLines>,
    lines_said: usize,
    time_left: TimeLeft,
    phase: Phase,
    began: Instant,
    epoch_began: Duration,
    trained: Duration,
}

impl Recorder {
    pub(super) fn new(
        journal: Journal,
        interrupter: Interrupter,
        shown: Progress,
        samples: [usize; 2],
    ) -> Self {
        Self {
            journal,
            interrupter,
            names: HashMap::new(),
            screen: Screen::new(shown),
            samples,
            epochs: 0,
            lines: None,
            lines_said: 0,
            time_left: TimeLeft::new(0, samples[0], samples[1]),
            phase: Phase::Training,
            began: Instant::now(),
            epoch_began: Duration::ZERO,
            trained: Duration::ZERO,
        }
    }

    /// Records the final value of a metric called `task/quantity`.
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

    fn close_epoch(&mut self) {
        if self.interrupter.should_stop() {
            // The epoch was not finished, so it is not recorded.
            return;
        }
        let mut entries = self.journal.lock();
        let epoch = entries.epoch;
        if let Err(error) = entries.close_epoch() {
            self.interrupter.stop(Some(&error.to_string()));
            entries.failure.get_or_insert(error);
            return;
        }
        drop(entries);
        self.say(epoch);
    }

    /// Prints the line of an epoch. The heading is repeated because lines scroll away.
    fn say(&mut self, epoch: usize) {
        let Some(lines) = self.lines.as_ref().filter(|_| self.screen.speaks()) else {
            return;
        };
        let entries = self.journal.lock();
        let facts = EpochFacts {
            epoch,
            took: self.began.elapsed().saturating_sub(self.epoch_began),
            trained: self.trained,
            best: entries.best_epoch() == Some(epoch),
        };
        let mut text = Vec::new();
        if self.lines_said == 0 {
            text.push(lines.legend());
        }
        if self.lines_said.is_multiple_of(HEADING_EVERY) {
            text.extend(lines.heading());
        }
        text.push(lines.line(&entries.history, facts));
        if self.screen.in_detail() {
            text.extend(lines.details(&entries.history, facts));
        }
        drop(entries);
        self.screen.say(&text);
        self.lines_said += 1;
    }

    /// Draws the progress bar of the epoch, which covers both phases, with the time left of the run.
    fn draw(&self, done: usize) {
        let [training, validation] = self.samples;
        let (name, before, all) = match self.phase {
            Phase::Training => ("train", 0, training),
            Phase::Validation => ("valid", training, validation),
        };
        let epoch = self.journal.lock().epoch;
        let digits = all.to_string().len();
        let what = format!("epoch {epoch}/{} {name} {done:>digits$}/{all}", self.epochs);
        let left = match self.time_left.left() {
            Some(left) => format!("{} left", rough_duration(left)),
            None => String::new(),
        };
        let whole = training + validation;
        self.screen.draw(what, before + done, whole, left);
    }
}

impl TrainingProgressLogger for Recorder {
    fn start(&mut self, epochs: usize, first: usize, _items: Option<usize>, _label: Option<&str>) {
        self.epochs = epochs;
        self.began = Instant::now();
        let [training, validation] = self.samples;
        let here = (epochs + 1).saturating_sub(first);
        self.time_left = TimeLeft::new(here, training, validation);
        let entries = self.journal.lock();
        let tasks: Vec<String> = entries.tasks.names().map(String::from).collect();
        let lines = EpochLines::new(&tasks, epochs, &entries.history, (coloured(), columns()));
        drop(entries);
        self.lines = Some(lines);
    }

    fn update_epoch(&mut self, _epoch: usize) {
        self.close_epoch();
    }

    fn start_split(&mut self, split: &str, _items: usize) {
        let now = self.began.elapsed();
        self.phase = match split {
            "valid" => Phase::Validation,
            _ => Phase::Training,
        };
        if self.phase == Phase::Training {
            self.epoch_began = now;
        }
        self.time_left.begin(self.phase, now);
        self.draw(0);
    }

    fn update_split(&mut self, items: usize) {
        self.time_left.moved(items, self.began.elapsed());
        self.draw(items);
    }

    fn end_split(&mut self) {
        if self.phase == Phase::Training {
            self.trained = self.began.elapsed().saturating_sub(self.epoch_began);
        }
    }

    fn end(&mut self) {
        self.screen.end();
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

// Burn requires evaluation of every renderer; a training run never evaluates.
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
