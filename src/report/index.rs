//! Writes the page of a folder of runs.

use std::path::Path;

use super::lines::{LineChart, LineSeries, Vertical};
use super::page::{Around, Cell, Section, grid, page, paragraph, table};
use super::sections::listed;
use super::style_class::SERIES;
use super::text::{number, spread};
use crate::diagnosis::{Verdict, diagnose};
use crate::error::{Error, Result};
use crate::history::{ALL_TASKS, History, Split, quantity, write_atomically};

const FILE: &str = "index.html";
/// The largest number of tasks with a column and a chart.
const TASKS: usize = 64;

/// A run of the folder.
struct Run {
    name: String,
    /// Whether the run has a `report.html`.
    has_page: bool,
    history: History,
}

/// Writes `index.html` for the runs in a folder and returns the number of runs.
///
/// A run is a subfolder with a `history.csv`. The table has a row per run with the verdict on every task at the best
/// epoch, and a link to the run's `report.html` if the file exists. For two or more runs, charts below overlay the
/// relative losses and the skills of the runs, at most of the last eight by name.
///
/// # Errors
///
/// [`Error::Io`](crate::Error::Io) if the folder cannot be read or the page cannot be written. An unreadable history is
/// reported on the page.
///
/// # Example
///
/// ```no_run
/// let runs = equipoise::report::write_index("runs")?;
/// println!("runs/index.html shows {runs} runs");
/// # Ok::<(), equipoise::Error>(())
/// ```
pub fn write_index(folder: impl AsRef<Path>) -> Result<usize> {
    let folder = folder.as_ref();
    let (runs, unread) = runs(folder)?;
    let mut sections = vec![Section {
        anchor: "runs".into(),
        title: "Runs".into(),
        body: overview(&runs)
            + &unread
                .iter()
                .map(|text| paragraph(text))
                .collect::<String>(),
    }];
    sections.extend(courses(&runs));
    let title = format!("Runs in {}", folder.display());
    let around = Around {
        title: &title,
        ..Around::default()
    };
    write_atomically(folder.join(FILE), page(&around, &sections).as_bytes())?;
    Ok(runs.len())
}

/// Reads the runs in the order of their names, with a message for each run that cannot be read.
fn runs(folder: &Path) -> Result<(Vec<Run>, Vec<String>)> {
    let entries = std::fs::read_dir(folder).map_err(Error::io("read", folder))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<_> = paths
        .filter(|path| path.join("history.csv").is_file())
        .collect();
    paths.sort_by_key(|path| natural(&name(path)));
    let (mut runs, mut unread) = (Vec::new(), Vec::new());
    for path in paths {
        match History::read_csv(path.join("history.csv")) {
            Ok(history) => runs.push(Run {
                name: name(&path),
                has_page: path.join("report.html").is_file(),
                history,
            }),
            Err(error) => unread.push(format!("{} is not shown: {error}", name(&path))),
        }
    }
    Ok((runs, unread))
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Returns the sort key of a name: `manual-10` comes after `manual-9`.
fn natural(name: &str) -> (String, u64) {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (stem.into(), name[stem.len()..].parse().unwrap_or(0))
}

fn overview(runs: &[Run]) -> String {
    if runs.is_empty() {
        return paragraph("No folder here holds a run.");
    }
    let (tasks, note) = tasks_of(runs);
    let mut head: Vec<String> = ["run", "epochs", "best epoch", "relative loss there"]
        .map(String::from)
        .to_vec();
    head.extend(tasks.iter().map(|task| task.to_string()));
    let rows: Vec<Vec<Cell>> = runs.iter().map(|run| row(run, &tasks)).collect();
    table(
        "Verdicts at the best epoch of every run, with the skill",
        &head,
        1,
        &rows,
    ) + &note
}

/// Returns the tasks of the runs, at most [`TASKS`], and a note if there are more.
fn tasks_of(runs: &[Run]) -> (Vec<&str>, String) {
    let mut tasks: Vec<&str> = Vec::new();
    for task in runs.iter().flat_map(|run| run.history.tasks()) {
        if tasks.len() < TASKS && !tasks.contains(&task) {
            tasks.push(task);
        }
    }
    let most = runs.iter().map(|run| run.history.tasks().len()).max();
    let note = if most.is_some_and(|most| most > TASKS) {
        paragraph(&format!("The first {TASKS} tasks are shown."))
    } else {
        String::new()
    };
    (tasks, note)
}

fn row(run: &Run, tasks: &[&str]) -> Vec<Cell> {
    let history = &run.history;
    let link = format!("{}/report.html", in_link(&run.name));
    let best = history.best_epoch();
    let relative = history.series(Split::Valid, ALL_TASKS, quantity::RELATIVE_LOSS);
    let relative = best.and_then(|epoch| relative.at(epoch));
    let text = |value: Option<String>| value.map_or_else(Cell::missing, |text| Cell::text(&text));
    let diagnoses = diagnose(&listed(history));
    let verdict = |task: &&str| {
        let Some(found) = diagnoses.iter().find(|found| found.task == **task) else {
            return Cell::missing();
        };
        let sign = if found.verdict == Verdict::Learned {
            "✓"
        } else {
            "!"
        };
        let skill = found
            .skill
            .map_or(String::new(), |skill| format!(" {}", spread(skill, None)));
        Cell::lines(vec![format!("{sign} {}{skill}", found.verdict)])
    };
    let mut cells = vec![
        Cell::name(&run.name, run.has_page.then_some(link.as_str())),
        Cell::text(&history.last_epoch().to_string()),
        text(best.map(|epoch| epoch.to_string())),
        text(relative.map(number)),
    ];
    cells.extend(tasks.iter().map(verdict));
    cells
}

/// Returns the name of a folder for a link. A name such as `\\\\host`, `a:b` or `a#b` would lead to another place than the folder.
fn in_link(name: &str) -> String {
    let encoded = name.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    });
    encoded.collect()
}

/// Builds the section of charts that overlay the last runs by name. Returns `None` for fewer than two runs.
fn courses(runs: &[Run]) -> Option<Section> {
    if runs.len() < 2 {
        return None;
    }
    let shown = &runs[runs.len().saturating_sub(SERIES)..];
    let overlaid = |title: String, y_name: &str, task: &str, quantity: &str| {
        let series: Vec<LineSeries> = shown
            .iter()
            .enumerate()
            .map(|(number, run)| {
                let course = run.history.series(Split::Valid, task, quantity);
                LineSeries::new(&run.name, number, course)
            })
            .filter(|series| !series.points.is_empty())
            .collect();
        (!series.is_empty()).then(|| LineChart::new(title, y_name, series).with_long_names())
    };
    let name = quantity::RELATIVE_LOSS;
    let mut charts: Vec<LineChart> = overlaid("Relative loss".into(), "ratio", ALL_TASKS, name)
        .into_iter()
        .collect();
    let (tasks, _) = tasks_of(shown);
    charts.extend(tasks.into_iter().filter_map(|task| {
        let title = format!("Skill of {task}");
        let chart = overlaid(title, "1 − loss / best constant", task, quantity::SKILL)?;
        Some(
            chart
                .with_reference("no skill", Some(0.0))
                .with_vertical(Vertical::Free)
                .with_floor(-0.5),
        )
    }));
    let about = if runs.len() > SERIES {
        format!("The last {SERIES} of {} runs by name.", runs.len())
    } else {
        String::new()
    };
    let about = if about.is_empty() {
        about
    } else {
        paragraph(&about)
    };
    (!charts.is_empty()).then(|| Section {
        anchor: "courses".into(),
        title: "Over each other".into(),
        body: about + &grid(charts.iter().map(LineChart::html)),
    })
}
