//! Prints the results of a run: a table of the tasks, their verdicts, the metrics and the paths of the files.

use std::path::Path;

use console::Color;
use equipoise::diagnosis::{TaskDiagnosis, Trials, Verdict, diagnose, diagnose_with};
use equipoise::expansion::run::{InstrumentScores, QuickTest};
use equipoise::history::{ALL_TASKS, History, Split};
use equipoise::report::write_index;
use equipoise::train::checkpoint;

use crate::page::PAGE;
use crate::shared::terminal::Terminal;

/// Returns the verdicts, with the results of the experiments if there were any.
pub fn diagnosed(history: &History, trials: Option<&Trials>) -> Vec<TaskDiagnosis> {
    match trials {
        Some(trials) => diagnose_with(history, trials),
        None => diagnose(history),
    }
}

/// Prints a table of the tasks, their verdicts with commands, and the metrics, for the epoch whose network is kept.
pub fn tell(
    terminal: Terminal,
    history: &History,
    tasks: &[TaskDiagnosis],
    commands: &[(String, String)],
) {
    if tasks.is_empty() {
        terminal.line("\nno epoch was finished");
        return;
    }
    let kept = history.best_epoch().unwrap_or(history.last_epoch());
    terminal.line(&format!(
        "\n{:<10} {:>11} {:>11} {:>14}  verdict",
        "task",
        "loss ep. 1",
        format!("loss ep. {kept}"),
        "skill"
    ));
    for task in tasks {
        terminal.line(&row(terminal, task));
    }
    terminal.line("");
    for task in tasks {
        terminal.say(&task.sentence);
        for (_, command) in commands.iter().filter(|(name, _)| *name == task.task) {
            terminal.line(&format!("  {command}"));
        }
    }
    terminal.say(&metrics(history, kept));
}

/// Prints the quick test: whether the countdown stands still while the pointers improve.
pub fn quick(terminal: Terminal, history: &History) {
    if let Some(test) = QuickTest::of(history, "countdown", "pointers") {
        terminal.say(&test.sentence);
    }
}

/// The largest number of instruments whose scores are printed. The report shows more.
const PRINTED: usize = 12;

/// Prints the scores of every instrument, if there are several and not many.
pub fn instruments(terminal: Terminal, scores: &[InstrumentScores]) {
    if scores.is_empty() || scores.len() > PRINTED {
        return;
    }
    let widest = scores.iter().map(|one| one.name.chars().count());
    let width = widest.max().unwrap_or(0).max("instrument".len());
    let line = |[name, windows, kind, f1, pointers, countdown]: [String; 6]| {
        format!("{name:<width$} {windows:>9} {kind:>14} {f1:>9} {pointers:>14} {countdown:>16}")
    };
    terminal.line("");
    terminal.line(&line(InstrumentScores::COLUMNS.map(String::from)));
    for one in scores {
        terminal.line(&line(one.row()));
    }
}

fn row(terminal: Terminal, task: &TaskDiagnosis) -> String {
    let color = match task.verdict {
        Verdict::Learned => Color::Green,
        Verdict::Diverged => Color::Red,
        _ => Color::Yellow,
    };
    format!(
        "{:<10} {:>11} {:>11} {:>14}  {}",
        task.task,
        fixed(task.first_loss, 5, 11),
        fixed(task.loss, 5, 11),
        skill(task),
        terminal.painted(task.verdict.to_string(), Some(color))
    )
}

/// Returns the skill of the epoch whose network is kept, with half of its 95 % interval.
fn skill(task: &TaskDiagnosis) -> String {
    match (task.skill, task.skill_margin) {
        (Some(skill), Some(margin)) => format!("{} ± {}", fixed(skill, 3, 6), fixed(margin, 3, 5)),
        (Some(skill), None) => fixed(skill, 3, 6),
        (None, _) => "-".into(),
    }
}

/// Formats a number with the given decimals, or in scientific notation where they would not fit or show nothing.
fn fixed(value: f64, digits: usize, width: usize) -> String {
    let usual = format!("{value:.digits$}");
    let nothing = value != 0.0 && usual.parse() == Ok(0.0);
    if usual.len() <= width && !nothing {
        usual
    } else {
        let shorter = (0..4).rev().map(|digits| format!("{value:.digits$e}"));
        let fitting = shorter.into_iter().find(|text| text.len() <= width);
        fitting.unwrap_or(usual)
    }
}

/// Returns the metrics of the epoch whose network is kept.
fn metrics(history: &History, epoch: usize) -> String {
    let all: Vec<String> = [
        (ALL_TASKS, "span_f1", "span F1"),
        (ALL_TASKS, "iou", "IoU"),
        (ALL_TASKS, "hit_at_3", "hit@3"),
        ("type", "accuracy", "type accuracy"),
        ("countdown", "error_in_bars", "countdown error in bars"),
    ]
    .into_iter()
    .filter_map(|(task, quantity, name)| {
        let value = history.series(Split::Valid, task, quantity).at(epoch)?;
        Some(format!("{name} {}", fixed(value, 3, 9)))
    })
    .collect();
    all.join(", ")
}

/// Prints the paths of the files; if quiet, only the path of the report.
pub fn files(terminal: Terminal, out: &Path, history: &History, best: Option<usize>) {
    terminal.line("");
    terminal.result(&format!("report       {}", out.join(PAGE).display()));
    for (name, file) in [("history", "history.csv"), ("config", "config.json")] {
        terminal.line(&format!("{name:<12} {}", out.join(file).display()));
    }
    for (name, epoch) in [("last", Some(history.last_epoch())), ("best", best)] {
        if let Some(epoch) = epoch
            && checkpoint::model_file(out, epoch).exists()
        {
            let file = checkpoint::model_file(out, epoch);
            terminal.line(&format!(
                "{name} model   {} (epoch {epoch})",
                file.display()
            ));
        }
    }
}

/// Writes a page over all runs in the folder `runs`, if the run is in it with others, and prints its path.
pub fn index(terminal: Terminal, out: &Path) {
    let Some(folder) = out.parent().filter(|folder| folder.ends_with("runs")) else {
        return;
    };
    match write_index(folder) {
        Ok(runs) if runs > 1 => {
            let page = folder.join("index.html");
            terminal.line(&format!("{:<12} {}", "all runs", page.display()));
        }
        Ok(_) => {}
        Err(error) => terminal.warn(&format!("there is no page over all runs: {error}")),
    }
}
