//! Predicts bars from standard input: every window as soon as its last bar arrives.

use std::io::{BufRead, stdin};
use std::process::ExitCode;

use equipoise::expansion::bars::{CsvLines, CsvOptions};
use equipoise::expansion::duration;
use equipoise::expansion::predictor::{Predictor, Stream};
use equipoise::expansion::run::ExpansionConfig;
use equipoise::{Error, Result};

use crate::shared::terminal::Terminal;
use crate::sink::{Reader, Sink};

/// The name of standard input in messages.
const ORIGIN: &str = "standard input";

pub fn predict(
    config: &ExpansionConfig,
    options: &CsvOptions,
    predictor: &Predictor,
    mut sink: Sink,
    terminal: Terminal,
) -> Result<ExitCode> {
    let data = &config.data;
    let mut lines = CsvLines::new(ORIGIN, options);
    let mut stream = predictor.stream(data.stride)?;
    let mut input = stdin().lock();
    let (mut line, mut dropped) = (Vec::new(), 0);
    while read(&mut input, &mut line)? {
        let bar = match lines.take(&line) {
            Err(error) if data.skip_bad_rows && lines.can_go_on() => {
                if dropped == 0 {
                    terminal.note(&format!("dropped a row, and will drop others: {error}"));
                }
                dropped += 1;
                continue;
            }
            bar => bar?,
        };
        let notes = lines.take_notes();
        notes.iter().for_each(|note| terminal.note(note));
        let Some((bar, time)) = bar else { continue };
        let Some(found) = stream.push_row(bar, time, lines.columns())? else {
            continue;
        };
        if sink.write(&found)? == Reader::Left || sink.flush()? == Reader::Left {
            return Ok(ExitCode::SUCCESS);
        }
    }
    if dropped > 0 {
        terminal.note(&format!("dropped {dropped} bad rows"));
    }
    lines.finish()?;
    if let Some(found) = stream.finish()? {
        sink.write(&found)?;
    }
    let windows = sink.written();
    sink.finish()?;
    summary(&stream, predictor, windows, terminal)?;
    Ok(ExitCode::SUCCESS)
}

fn summary(
    stream: &Stream,
    predictor: &Predictor,
    windows: usize,
    terminal: Terminal,
) -> Result<()> {
    let (bars, over_gaps) = (stream.taken(), stream.over_gaps());
    if bars < predictor.window() {
        return Err(Error::TooFew {
            unit: "bars",
            origin: ORIGIN.into(),
            found: bars,
            needed: predictor.window(),
            why: format!("one window has {}", predictor.window()),
        });
    }
    terminal.note(&format!("{windows} windows of {bars} bars"));
    if let (Some(longest), 1..) = (predictor.max_gap(), over_gaps) {
        terminal.note(&format!(
            "left out {over_gaps} windows that reach over a gap longer than {} (--max-gap)",
            duration::show(longest)
        ));
    }
    Ok(())
}

/// Reads the next line. Returns `false` at the end of the input.
fn read(input: &mut impl BufRead, line: &mut Vec<u8>) -> Result<bool> {
    line.clear();
    let read = input.read_until(b'\n', line);
    read.map(|bytes| bytes > 0)
        .map_err(Error::io("read", ORIGIN))
}
