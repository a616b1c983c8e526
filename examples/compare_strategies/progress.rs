//! What is shown while the runs go on, on standard error: a bar on a terminal, and a line for each run that ends.

use std::time::{Duration, Instant};

use equipoise::expansion::comparison::Job;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::TERMINAL;
use crate::pool::Failure;

/// Counts runs, and epochs for the time that is left, because runs differ in length and may be resumed.
pub struct Progress {
    bar: ProgressBar,
    runs: usize,
    epochs: usize,
    ended_runs: usize,
    /// Epochs of runs that have ended.
    ended: usize,
    /// Epochs that an earlier call of the program trained.
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

    /// Runs that have ended, and all.
    pub fn runs(&self) -> (usize, usize) {
        (self.ended_runs, self.runs)
    }

    /// A run was finished before.
    pub fn spare_run(&mut self, job: &Job) {
        self.ended_runs += 1;
        self.ended += job.config.train.epochs;
        self.spared += job.config.train.epochs;
    }

    /// A run goes on from an epoch.
    pub fn spare_epochs(&mut self, epochs: usize) {
        self.spared += epochs;
    }

    /// A run has ended, one way or the other.
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

    /// Takes the bar away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// The time left, as soon as an epoch of this call tells how long one takes.
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
