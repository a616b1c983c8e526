//! Finds and lists the runs in a folder.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use equipoise::diagnosis::{TaskDiagnosis, diagnose};
use equipoise::expansion::run::ExpansionConfig;
use equipoise::history::History;
use equipoise::train::checkpoint;
use equipoise::{Error, Result};

use super::terminal::Terminal;

/// The folder in which runs without `--out` get a folder.
pub const RUNS: &str = "runs";

/// Returns the run in a folder whose newest checkpoint is the latest, or `None` without a run that can be resumed.
pub fn newest(folder: &Path) -> Option<PathBuf> {
    let ended = |run: &PathBuf| {
        let epoch = checkpoint::latest(run).ok()?;
        modified(&checkpoint::model_file(run, epoch))
    };
    let all = folders(folder).ok()?;
    let times = all.into_iter().filter_map(|run| Some((ended(&run)?, run)));
    times.max().map(|(_, run)| run)
}

/// Prints a line for each run in a folder: strategy, data, epochs and verdicts. Newer runs come last.
pub fn list(folder: &Path, terminal: Terminal) -> Result<()> {
    let mut runs = folders(folder)?;
    runs.sort_by_key(|run| modified(&run.join("config.json")));
    if runs.is_empty() {
        let reason = "has no folder with the config.json of a run";
        return Err(Error::file(folder, reason));
    }
    for run in runs {
        match described(&run) {
            Ok(line) => terminal.result(&line),
            Err(error) => terminal.warn(&format!("{error}")),
        }
    }
    Ok(())
}

/// Returns each task with its verdict: `type learned, pointers no better than a constant`.
pub fn verdicts(found: &[TaskDiagnosis]) -> String {
    let each = found
        .iter()
        .map(|task| format!("{} {}", task.task, task.verdict));
    each.collect::<Vec<_>>().join(", ")
}

/// Returns the subfolders with a config.
fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(Error::io("read", folder))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    Ok(paths
        .filter(|path| path.join("config.json").is_file())
        .collect())
}

fn modified(file: &Path) -> Option<SystemTime> {
    file.metadata().and_then(|found| found.modified()).ok()
}

fn described(run: &Path) -> Result<String> {
    let config = ExpansionConfig::read(run.join("config.json"))?;
    let kept = checkpoint::latest(run);
    let history = run.join("history.csv");
    let history = history
        .exists()
        .then(|| History::read_csv(history))
        .transpose()?;
    let data = match &config.data.path {
        Some(files) => files.to_string(),
        None => "simulated bars".into(),
    };
    let epochs = match kept {
        Ok(epoch) => format!("{epoch} of {} epochs", config.train.epochs),
        Err(_) => "no epoch kept".into(),
    };
    let strategy = config.weighting.name();
    let line = format!("{}: {strategy} on {data}, {epochs}", run.display());
    let found = history.as_ref().map(diagnose).unwrap_or_default();
    Ok(if found.is_empty() {
        line
    } else {
        format!("{line}; {}", verdicts(&found))
    })
}
