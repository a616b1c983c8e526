//! Shows the progress of the runs on standard error: a bar on a terminal, and a line for each run that ends.

use std::time::{Duration, Instant};

use equipoise::expansion::comparison::Job;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::TERMINAL;
use crate::pool::Failure;

/// The progress of a comparison, in runs, and in epochs for the time left, because runs differ in length and may be
/// resumed.
pub struct Progress {
    bar: ProgressBar,
    runs: usize,
    epochs: usize,
    ended_runs: usize,
    /// The number of epochs of ended runs.
    ended: usize,
    /// The number of epochs that an earlier call of the program trained.
    spared: usize,
    began: Instant,
}

impl Progress {
    /// Creates the progress of a number of runs with a total number of epochs.
    pub fn new(runs: usize, epochs: usize) -> Self {
        let bar = ProgressBar::with_draw_target(Some(epochs as u64), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{prefix} [{bar:24}] {wide_msg}");
        if let Ok(style) = style {
            bar.set_style(style.progress_chars("=> "));
        }
        Self {
            bar,
            runs,
            epochs,
            ended_runs: 0,
            ended: 0,
            spared: 0,
            began: Instant::now(),
        }
    }

    /// Returns the number of ended runs and of all runs.
    pub fn runs(&self) -> (usize, usize) {
        (self.ended_runs, self.runs)
    }

    /// Records a run that an earlier call finished.
    pub fn spare_run(&mut self, job: &Job) {
        self.ended_runs += 1;
        self.ended += job.config.train.epochs;
        self.spared += job.config.train.epochs;
    }

    /// Records the epochs of a run that an earlier call trained in part.
    pub fn spare_epochs(&mut self, epochs: usize) {
        self.spared += epochs;
    }

    /// Records and prints the end of a run, finished or failed.
    pub fn ended(&mut self, job: &Job, took: Duration, failure: Option<&Failure>) {
        self.ended_runs += 1;
        self.ended += job.config.train.epochs;
        let (name, seconds) = (&job.name, took.as_secs_f64());
        let mut line = format!("[{}/{}] {name}  {seconds:.1} s", self.ended_runs, self.runs);
        match failure {
            Some(failure) => line += &format!("  FAILED:\n{}", indented(&failure.words)),
            None => line += &self.left(self.ended),
        }
        self.say(&line);
    }

    /// Draws the bar.
    pub fn show<'a>(&self, working: impl Iterator<Item = &'a Job>) {
        if self.bar.is_hidden() {
            return;
        }
        let (mut done, mut names) = (self.ended, Vec::new());
        for job in working {
            let epoch = job.epoch();
            done += epoch;
            names.push(format!("{} {epoch}/{}", job.name, job.config.train.epochs));
        }
        let runs = format!("{}/{} runs", self.ended_runs, self.runs);
        self.bar.set_prefix(runs + &self.left(done));
        self.bar.set_position(done as u64);
        // Last, because a narrow terminal cuts it off.
        self.bar.set_message(names.join(", "));
    }

    /// Prints a line above the bar.
    pub fn say(&self, line: &str) {
        self.bar.suspend(|| TERMINAL.note(line));
    }

    /// Removes the bar.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// Returns the time left as text, empty until this call has trained an epoch to measure.
    fn left(&self, done: usize) -> String {
        let trained = done.saturating_sub(self.spared);
        let left = self.epochs.saturating_sub(done);
        if trained == 0 || left == 0 {
            return String::new();
        }
        let time = self.began.elapsed().mul_f64(left as f64 / trained as f64);
        format!("  eta {}", HumanDuration(time))
    }
}

fn indented(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("    {line}")).collect();
    lines.join("\n")
}
