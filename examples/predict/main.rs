//! Predicts the expansion of every window of a series with a trained network, one line per window.
//!
//! ```text
//! cargo run --release --example predict -- runs/uncertainty-1 bars.csv > found.csv
//! tail -n +1 -f bars.csv | cargo run --release --example predict -- runs/uncertainty-1 - --stride 1 --format jsonl
//! ```
//!
//! `equipoise::expansion::predictor` computes the predictions; the program adds the arguments and the files.

mod network;
mod series;
#[path = "../shared/mod.rs"]
mod shared;
mod sink;
mod stream;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use equipoise::{Error, Result};

use series::SeriesRun;
use shared::backend::BackendName;
use shared::files::readable;
use shared::reader::{ReaderFlags, max_gap};
use shared::terminal::Terminal;
use sink::{Format, Sink};

/// Finds the expansion in every window of price bars with a trained network.
///
/// The columns: first and last bar of the window, start and end of the expansion (bars are counted from 0), its type with
/// the probability, the agreement of the three sources (pointers, binary mask, countdown) as their mean overlap, the
/// expected F1 of the span of the mask, times, the longest time between two bars of the window in seconds, and the span of
/// each source.
#[derive(Parser)]
#[command(version)]
pub struct Arguments {
    /// Folder of a run (its best epoch), a model-N.bpk in it, or a PyTorch checkpoint (.pt, .safetensors; built with
    /// --features pytorch)
    network: PathBuf,
    /// CSV or Parquet file of bars; - reads CSV from standard input, and predicts with every bar as it arrives
    bars: PathBuf,
    /// File to write, whole at the end, or with - line by line [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// csv or jsonl, a JSON object in every line [default: as --out ends, else csv]
    #[arg(long, value_enum, hide_possible_values = true)]
    format: Option<Format>,
    /// Bars from the first bar of one window to that of the next [default: that of the run]
    #[arg(long, value_name = "N")]
    stride: Option<usize>,
    /// Leave out windows with a longer time between two bars, such as 3h or 2d [default: that of the run, else none is left
    /// out]
    #[arg(long, value_name = "TIME", value_parser = max_gap)]
    max_gap: Option<Duration>,
    /// Leave out windows that reach over a gap that is not usual for the series, as training does; not with -
    #[arg(long, conflicts_with = "max_gap")]
    skip_outages: bool,
    /// Epoch of the run [default: the best]
    #[arg(long, value_name = "N")]
    epoch: Option<usize>,
    /// Settings in JSON for a PyTorch checkpoint, if they differ from those of the original network
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    reader: ReaderFlags,
    /// flex or ndarray (CPU), wgpu (GPU); all but flex need their --features at build [default: that of the run]
    #[arg(long, value_enum, hide_possible_values = true)]
    backend: Option<BackendName>,
    /// Print only errors
    #[arg(long, short)]
    quiet: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    shared::flags::know(&Arguments::command());
    let terminal = Terminal::new(arguments.quiet);
    work(&arguments, terminal).unwrap_or_else(|error| {
        terminal.warn(&format!("error: {error}"));
        ExitCode::FAILURE
    })
}

fn work(arguments: &Arguments, terminal: Terminal) -> Result<ExitCode> {
    let (bars, out) = (&arguments.bars, arguments.out.as_deref());
    if bars == Path::new("-") {
        if arguments.skip_outages {
            let expected = "left out with -: what is usual is told from the whole series; give a limit with --max-gap";
            return Err(Error::setting("--skip-outages", "given", expected));
        }
        let (config, predictor) = network::load(arguments, terminal)?;
        let sink = Sink::by_lines(out, arguments.format)?;
        let options = config.data.csv_options();
        let options = options.with_of_another_file(arguments.reader.of_another_file());
        return stream::predict(&config, &options, &predictor, sink, terminal);
    }
    readable("BARS", bars, "a CSV or Parquet file of bars")?;
    let same = |out: &Path| Some(out.canonicalize().ok()? == bars.canonicalize().ok()?);
    if out.and_then(same) == Some(true) {
        return Err(Error::file(bars, "would be overwritten by --out"));
    }
    let (config, predictor) = network::load(arguments, terminal)?;
    let sink = Sink::whole(out, arguments.format)?;
    let series = SeriesRun {
        file: bars,
        config: &config,
        predictor: &predictor,
        skip_outages: arguments.skip_outages,
        of_another_file: arguments.reader.of_another_file(),
    };
    series.predict(sink, terminal)
}
