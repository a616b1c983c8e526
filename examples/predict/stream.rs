//! Bars from standard input: every window is answered as soon as its last bar is there.

use std::io::{BufRead, stdin};
use std::process::ExitCode;

use equipoise::expansion::bars::csv::{CsvLines, CsvOptions};
use equipoise::expansion::config::ExpansionConfig;
use equipoise::expansion::duration;
use equipoise::expansion::predictor::{Predictor, Stream};
use equipoise::{Error, Result};

use crate::sink::{Reader, Sink};
use crate::terminal::Terminal;

/// What standard input is called in messages.
const ORIGIN: &str = "standard input";

pub fn predict(
    config: &ExpansionConfig,
    predictor: &Predictor,
    mut sink: Sink,
    terminal: Terminal,
) -> Result<ExitCode> {
    let data = &config.data;
    let options = CsvOptions::default()
        .with_date_order(data.date_order)
        .with_decimal_mark(data.decimal_mark);
    let mut lines = CsvLines::new(ORIGIN, &options);
    let mut stream = predictor.stream(data.stride)?;
    let mut input = stdin().lock();
    let mut line = Vec::new();
    while read(&mut input, &mut line)? {
        let bar = match lines.take(&line) {
            Err(error) if data.skip_bad_rows && lines.can_go_on() => {
                terminal.note(&format!("dropped a row: {error}"));
                continue;
            }
            bar => bar?,
        };
        let notes = lines.take_notes();
        notes.iter().for_each(|note| terminal.note(note));
        let Some((bar, time)) = bar else { continue };
        let Some(found) = stream.push(bar, time)? else {
            continue;
        };
        if sink.write(&found)? == Reader::Left || sink.flush()? == Reader::Left {
            return Ok(ExitCode::SUCCESS);
        }
    }
    lines.finish()?;
    let windows = sink.written();
    sink.finish()?;
    summary(&stream, predictor, windows, terminal);
    Ok(ExitCode::SUCCESS)
}

fn summary(stream: &Stream, predictor: &Predictor, windows: usize, terminal: Terminal) {
    let (bars, over_gaps) = (stream.taken(), stream.over_gaps());
    if bars < predictor.window() {
        return terminal.warn(&format!(
            "{bars} bars, but a window has {}: nothing was predicted",
            predictor.window()
        ));
    }
    terminal.note(&format!("{windows} windows of {bars} bars"));
    if let (Some(longest), 1..) = (predictor.max_gap(), over_gaps) {
        terminal.note(&format!(
            "left out {over_gaps} windows that reach over a gap longer than {} (--max-gap)",
            duration::show(longest)
        ));
    }
}

/// The next line; false at the end.
fn read(input: &mut impl BufRead, line: &mut Vec<u8>) -> Result<bool> {
    line.clear();
    let read = input.read_until(b'\n', line);
    read.map(|bytes| bytes > 0)
        .map_err(Error::io("read", ORIGIN))
}
