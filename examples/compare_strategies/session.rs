//! Trains the runs of a comparison with a progress bar, and prints and writes the results.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use equipoise::Result;
use equipoise::comparison::{Results, TUNED_FIXED};
use equipoise::expansion::comparison::Comparison;

use crate::TERMINAL;
use crate::pool::{Failure, ProcessPool};
use crate::progress::Progress;

/// The number of names in a message about missing runs.
const NAMED: usize = 8;

/// The end of the training.
pub enum Ending {
    /// Interrupted by Ctrl-C.
    Interrupted {
        /// The number of ended runs.
        ended: usize,
        /// The number of all runs.
        runs: usize,
    },
    /// All runs finished or failed.
    Done(Vec<Failure>),
}

/// Trains all runs of the comparison, at most `jobs` in parallel.
pub fn train(
    comparison: &mut Comparison,
    jobs: usize,
    interrupts: Arc<AtomicUsize>,
) -> Result<Ending> {
    let (runs, epochs) = comparison.planned();
    let mut pool = ProcessPool {
        jobs,
        interrupts,
        progress: Progress::new(runs, epochs),
    };
    let mut failures = Vec::new();
    let done = comparison.run(|batch| {
        let failed = pool.work(batch)?;
        let done = failed.is_some();
        failures.extend(failed.unwrap_or_default());
        Ok(done)
    });
    pool.progress.end();
    let (ended, runs) = pool.progress.runs();
    Ok(if done? {
        Ending::Done(failures)
    } else {
        Ending::Interrupted { ended, runs }
    })
}

/// Prints the failed runs again and returns the exit code, which reports a failure to a calling program. A failed
/// candidate of the search is no gap in the table.
pub fn failed(comparison: &Comparison, failures: &[Failure]) -> ExitCode {
    for name in comparison.failed() {
        let words = failures.iter().find(|failure| &failure.name == name);
        match words {
            Some(Failure { words, .. }) => TERMINAL.warn(&format!("{name} failed: {words}")),
            None => TERMINAL.warn(&format!("failed: {name}")),
        }
    }
    if comparison.failed().is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Prints which runs are not finished, and returns whether there are none.
pub fn complete(comparison: &Comparison) -> Result<bool> {
    let missing = comparison.missing()?;
    if missing.is_empty() {
        return Ok(true);
    }
    let shown = missing[..missing.len().min(NAMED)].join(", ");
    let more = match missing.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    TERMINAL.warn(&format!(
        "{} runs are not finished and not in the table: {shown}{more}",
        missing.len()
    ));
    Ok(false)
}

/// Prints and writes the table and its facts.
pub fn report(comparison: &Comparison, results: &Results, out: &Path) -> Result<()> {
    TERMINAL.line(&format!("\n{}", results.table()));
    for reference in ["sum", TUNED_FIXED] {
        let beside = results.differences(reference);
        if !beside.is_empty() {
            TERMINAL.line(&beside);
        }
    }
    let facts = comparison.facts();
    for (name, text) in &facts {
        TERMINAL.line(&format!("{name}: {text}"));
    }
    results.write(out)?;
    let page = results.page("Strategies side by side", facts);
    page.write(out.join("report.html"))?;
    TERMINAL.line("");
    for (what, file) in [
        ("every run", "comparison.csv"),
        ("means", "summary.csv"),
        ("verdicts", "verdicts.csv"),
        ("report", "report.html"),
    ] {
        let file = out.join(file);
        TERMINAL.line(&format!("{what:<10} {}", file.display()));
    }
    Ok(())
}
