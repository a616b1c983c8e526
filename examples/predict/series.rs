//! Predicts all windows of a file of bars.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use equipoise::Result;
use equipoise::expansion::bars::{Gaps, OfAnotherFile};
use equipoise::expansion::duration;
use equipoise::expansion::predictor::{Predictions, Predictor};
use equipoise::expansion::run;
use equipoise::expansion::run::ExpansionConfig;
use indicatif::{ProgressBar, ProgressStyle};

use crate::shared::signals::Signals;
use crate::shared::terminal::Terminal;
use crate::sink::{Reader, Sink};

/// The time after which the progress is shown.
const PATIENCE: Duration = Duration::from_secs(2);

/// A file of bars and the predictor for its windows.
pub struct SeriesRun<'a> {
    pub file: &'a Path,
    pub config: &'a ExpansionConfig,
    pub predictor: &'a Predictor,
    pub skip_outages: bool,
    /// The settings that are those of the run, not given for this file.
    pub of_another_file: OfAnotherFile,
}

impl SeriesRun<'_> {
    /// Predicts all windows and writes them to `sink`.
    pub fn predict(&self, mut sink: Sink, terminal: Terminal) -> Result<ExitCode> {
        let signals = Signals::listen(terminal);
        let waiting = terminal.waiting(&format!("reading {}", self.file.display()));
        let data = &self.config.data;
        let (bars, notes) = run::read_other_bars(self.file, data, self.of_another_file)?;
        drop(waiting);
        notes.iter().for_each(|note| terminal.note(note));
        let predictions = self.predictor.windows(&bars, self.config.data.stride)?;
        let outages = Gaps::find(&bars, None);
        self.tell_gaps(&predictions, &outages, terminal);
        let began = Instant::now();
        let mut progress = Progress::new(&predictions, terminal);
        for found in predictions {
            let found = found?;
            progress.step();
            if self.skip_outages && outages.cut(found.first, found.bars) {
                continue;
            }
            if sink.write(&found)? == Reader::Left {
                return Ok(ExitCode::SUCCESS);
            }
            if let Some(code) = signals.exit_code() {
                progress.end();
                return interrupted(code, sink, terminal);
            }
        }
        progress.end();
        let (written, seconds) = (sink.written(), began.elapsed().as_secs_f64());
        sink.finish()?;
        terminal.note(&format!(
            "{written} windows in {seconds:.1} s, {:.0} a second",
            written as f64 / seconds.max(1e-9)
        ));
        Ok(ExitCode::SUCCESS)
    }

    /// Prints the number of windows with gaps: those left out, or those predicted nevertheless.
    fn tell_gaps(&self, predictions: &Predictions, outages: &Gaps, terminal: Terminal) {
        if let Some(longest) = self.predictor.max_gap() {
            if predictions.over_gaps() > 0 {
                terminal.note(&format!(
                    "left out {} windows that reach over a gap longer than {} (--max-gap)",
                    predictions.over_gaps(),
                    duration::show(longest)
                ));
            }
            return;
        }
        let length = self.predictor.window();
        let firsts = predictions.firsts().iter().copied();
        let over = firsts.filter(|first| outages.cut(*first, length)).count();
        if over == 0 {
            return;
        }
        let gaps = outages.outages().len();
        terminal.note(&if self.skip_outages {
format!("left out {over} windows that reach over one of {gaps} gaps that are not usual for this series")
} else {
format!(
                "{over} windows reach over one of {gaps} gaps that are not usual for this series, as no window did in \
                 training; --skip-outages leaves them out"
            )
});
    }
}

/// Ends after a signal. An unfinished file is not written; other outputs get every line up to here.
fn interrupted(code: u8, mut sink: Sink, terminal: Terminal) -> Result<ExitCode> {
    let what = if sink.is_unfinished() {
        format!("{} was not written", sink.name().display())
    } else {
        sink.flush()?;
        format!("{} windows were written", sink.written())
    };
    terminal.warn(&format!("interrupted; {what}"));
    Ok(ExitCode::from(code))
}

/// A progress bar, shown after [`PATIENCE`].
struct Progress {
    bar: Option<ProgressBar>,
    windows: u64,
    done: u64,
    began: Instant,
    terminal: Terminal,
}

impl Progress {
    fn new(predictions: &Predictions, terminal: Terminal) -> Self {
        Self {
            bar: None,
            windows: predictions.size_hint().1.unwrap_or(0) as u64,
            done: 0,
            began: Instant::now(),
            terminal,
        }
    }

    fn step(&mut self) {
        self.done += 1;
        // Reading the clock for every window would be too slow.
        if self.done.is_multiple_of(64) && self.began.elapsed() > PATIENCE {
            let (windows, began, terminal) = (self.windows, self.began, self.terminal);
            let bar = self
                .bar
                .get_or_insert_with(|| shown(windows, began, terminal));
            bar.set_position(self.done);
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn shown(windows: u64, began: Instant, terminal: Terminal) -> ProgressBar {
    if terminal.is_quiet() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(windows).with_elapsed(began.elapsed());
    if bar.is_hidden() {
        terminal.note(&format!("predicting for {windows} windows ..."));
    }
    let style = "{bar:40} {pos}/{len} windows, {per_sec}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar
}
