//! Reads the user's files into windows, with notes on their content.

use std::path::{Path, PathBuf};

use super::config::{DataConfig, ExpansionConfig};
use super::files::DataFiles;
use super::names::Names;
use crate::error::{Error, Result};
use crate::expansion::bars::{
    Bars, CsvOptions, CsvReport, Instrument, OfAnotherFile, is_parquet, read_csv, read_instruments,
};
use crate::expansion::label::{Marks, RuleLabeller, WindowLabel};
use crate::expansion::table::duration;
use crate::expansion::window::{WindowGrid, Windows};

/// The number of training windows below which a type is hardly learned.
const FEW: usize = 10;

/// The largest number of instruments that a note names.
const NAMED: usize = 8;

/// Reads the windows of files of bars.
pub(crate) fn from_files(
    paths: &DataFiles,
    config: &ExpansionConfig,
    notes: &mut Vec<String>,
) -> Result<Windows> {
    let data = &config.data;
    let files = paths.files()?;
    for file in &files {
        if is_parquet(file) && parquet::holds_windows(file)? {
            if files.len() == 1 {
                return parquet::windows(file, config, notes);
            }
            let reason =
                "holds labelled windows, which can be read only as the only file of `data.path`";
            return Err(Error::file(file, reason));
        }
    }
    let instruments = read_each(&files, data, notes)?;
    let grid = WindowGrid {
        length: config.model.window,
        stride: data.stride,
        at_most: data.max_samples,
        max_gap: data.max_gap,
    };
    let windows = match &data.marks {
        None => {
            config.check_rule_types()?;
            let labeller = RuleLabeller::new(data.labels.clone())?;
            Windows::by_rule_each(&instruments, &grid, &labeller)?
        }
        Some(file) => {
            let marks = marks(file, &instruments, config, notes)?;
            Windows::by_hand_each(&instruments, &grid, &marks)?
        }
    };
    notes.extend(without_note(&windows, instruments.len()));
    notes.extend(gap_note(&windows, data));
    notes.extend(left_out_note(&windows, data));
    Ok(windows)
}

/// Reads the instruments of all files.
fn read_each(
    files: &[PathBuf],
    data: &DataConfig,
    notes: &mut Vec<String>,
) -> Result<Vec<Instrument>> {
    let mut options = data.csv_options();
    if files.len() > 1 {
        // One of the files may hold it, and the others not.
        options.instrument = None;
    }
    // The name in the file, and the instrument under a name of its own.
    let mut all: Vec<(String, Instrument)> = Vec::new();
    for file in files {
        let (instruments, report) = read_instruments(file, &options)?;
        notes.push(read_note(file, &instruments));
        notes.extend(report_notes(file, report));
        for mut instrument in instruments {
            if let Some(name) = &options.instrument {
                instrument.name.clone_from(name);
            }
            // The same name in another file is another series, because it may have the same hours.
            let own = instrument.name.clone();
            instrument.name = unused(&own, file, &all);
            all.push((own, instrument));
        }
    }
    match &data.instrument {
        Some(names) if options.instrument.is_none() => chosen(all, names),
        _ => Ok(all.into_iter().map(|(_, instrument)| instrument).collect()),
    }
}

/// Returns the name of an instrument, with its file if another instrument has the name. Not with the folder of the file,
/// so that a run can be resumed from another place.
fn unused(name: &str, file: &Path, all: &[(String, Instrument)]) -> String {
    let free = |name: &String| all.iter().all(|(_, other)| other.name != *name);
    let file = file.file_name().unwrap_or_default().to_string_lossy();
    let numbered = (2..).map(|number| format!("{name} ({file}, {number})"));
    [name.to_owned(), format!("{name} ({file})")]
        .into_iter()
        .chain(numbered)
        .find(free)
        .expect("numbers do not end")
}

/// Returns the instruments with these names, in the order of the names. A name that several files have is all of their
/// instruments.
fn chosen(all: Vec<(String, Instrument)>, names: &Names) -> Result<Vec<Instrument>> {
    if names.is_empty() {
        let expected = "a name, or a list with at least one name";
        return Err(Error::setting("data.instrument", "an empty list", expected));
    }
    let find = |name: &String| {
        let has = |(own, one): &&(String, Instrument)| own == name || one.name == *name;
        let found: Vec<Instrument> = all.iter().filter(has).map(|(_, one)| one.clone()).collect();
        if found.is_empty() {
            let known = all.iter().take(NAMED).map(|(_, one)| one.name.as_str());
            let known: Vec<&str> = known.collect();
            let more = if all.len() > NAMED { ", ..." } else { "" };
            let expected = format!(
                "some of the {} instruments that are read: {}{more}",
                all.len(),
                known.join(", ")
            );
            return Err(Error::setting("data.instrument", name, expected));
        }
        Ok(found)
    };
    let mut found: Vec<Instrument> = Vec::new();
    for name in names.names() {
        for one in find(name)? {
            if found.iter().any(|other| other.name == one.name) {
                let found = format!("{}, twice", one.name);
                let expected = "each instrument once";
                return Err(Error::setting("data.instrument", found, expected));
            }
            found.push(one);
        }
    }
    Ok(found)
}

/// Reads the marks of every instrument.
fn marks(
    file: &Path,
    instruments: &[Instrument],
    config: &ExpansionConfig,
    notes: &mut Vec<String>,
) -> Result<Vec<Marks>> {
    let order = config.data.date_order;
    let (marks, said) = Marks::read_each(file, instruments, &config.classes(), order)?;
    notes.push(format!(
        "read {} marked expansions from {}",
        marks.iter().map(Marks::len).sum::<usize>(),
        file.display()
    ));
    notes.extend(said);
    Ok(marks)
}

impl DataConfig {
    /// Reads the bars of a CSV file, or with the feature `parquet` of a Parquet file, and returns them with notes on
    /// the rows that were read and dropped.
    ///
    /// # Errors
    ///
    /// As [`read_csv`] and `read_parquet`; [`Error::File`](crate::Error::File) for a Parquet file in a program without
    /// the feature.
    pub fn read_bars(&self, path: &Path) -> Result<(Bars, Vec<String>)> {
        if let Some(several) = self
            .instrument
            .as_ref()
            .filter(|names| names.only().is_none())
        {
            let expected = "one instrument, of whose bars a series is read";
            return Err(Error::setting("data.instrument", several, expected));
        }
        read_with(path, &self.csv_options())
    }

    /// Reads the bars of another file than the one that the settings were made for, and returns them with notes.
    ///
    /// The settings that are `of_another_file` are left aside with a note if this file does not have such columns, time
    /// stamps or instrument.
    ///
    /// # Errors
    ///
    /// As [`read_bars`](Self::read_bars).
    pub fn read_other_bars(
        &self,
        path: &Path,
        of_another_file: OfAnotherFile,
    ) -> Result<(Bars, Vec<String>)> {
        let options = self.csv_options();
        read_with(path, &options.with_of_another_file(of_another_file))
    }
}

fn read_with(path: &Path, options: &CsvOptions) -> Result<(Bars, Vec<String>)> {
    if is_parquet(path) && parquet::holds_windows(path)? {
        let reason = "holds labelled windows, but bars are expected: a row each, with `open`, `high`, `low` and `close`";
        return Err(Error::file(path, reason));
    }
    let (bars, report) = if is_parquet(path) {
        parquet::read_parquet(path, options)?
    } else {
        read_csv(path, options)?
    };
    let mut notes = vec![bars_note(path, &bars)];
    notes.extend(report_notes(path, report));
    Ok((bars, notes))
}

fn bars_note(path: &Path, bars: &Bars) -> String {
    format!(
        "read {} bars from {}{}",
        bars.len(),
        path.display(),
        span(bars)
    )
}

/// Describes what was read from a file.
fn read_note(path: &Path, instruments: &[Instrument]) -> String {
    if let [only] = instruments {
        return bars_note(path, &only.bars);
    }
    let bars: usize = instruments.iter().map(|one| one.bars.len()).sum();
    let count = instruments.len();
    let named = instruments.iter().take(NAMED);
    let named: Vec<String> = named
        .map(|one| format!("{} {}", one.name, one.bars.len()))
        .collect();
    let more = match count.saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "read {bars} bars of {count} instruments from {}: {}{more}",
        path.display(),
        named.join(", ")
    )
}

/// Returns the notes of a reader, and the number of dropped rows.
fn report_notes(path: &Path, report: CsvReport) -> Vec<String> {
    let place = if is_parquet(path) { "row" } else { "line" };
    let mut notes = report.notes;
    if let Some((line, reason)) = &report.first_dropped {
        let many = if report.dropped * 20 > report.rows {
            "warning: "
        } else {
            ""
        };
        notes.push(format!(
            "{many}dropped {} of {} rows; the first, {place} {line}: {reason}",
            report.dropped, report.rows
        ));
    }
    notes
}

#[cfg(feature = "parquet")]
mod parquet {
    use std::path::Path;

    use crate::error::{Error, Result};
    pub(crate) use crate::expansion::bars::read_parquet;
    use crate::expansion::run::ExpansionConfig;
    use crate::expansion::window::Windows;
    pub(crate) use crate::expansion::window::holds_windows;
    use crate::expansion::window::{WindowOptions, read_windows};

    /// Reads the labelled windows of a file.
    pub(crate) fn windows(
        path: &Path,
        config: &ExpansionConfig,
        notes: &mut Vec<String>,
    ) -> Result<Windows> {
        let data = &config.data;
        if !data.features_from.is_empty() {
            let expected = "left out: the file of `data.path` holds windows of prices alone";
            let found = data.features_from.join(", ");
            return Err(Error::setting("data.features_from", found, expected));
        }
        if data.marks.is_some() {
            let expected = "left out: the file of `data.path` holds windows with their own labels";
            return Err(Error::setting("data.marks", "given", expected));
        }
        let options = WindowOptions {
            length: config.model.window,
            classes: config.classes(),
            skip_bad_rows: data.skip_bad_rows,
            at_most: data.max_samples,
            date_order: data.date_order,
        };
        let (windows, said) = read_windows(path, &options)?;
        notes.extend(said);
        Ok(windows)
    }
}

/// Refuses Parquet files in a program without the feature.
#[cfg(not(feature = "parquet"))]
mod parquet {
    use std::path::Path;

    use crate::error::{Error, Result};
    use crate::expansion::bars::{Bars, CsvOptions, CsvReport, WITHOUT_PARQUET};
    use crate::expansion::run::ExpansionConfig;
    use crate::expansion::window::Windows;

    fn refuse<T>(path: &Path) -> Result<T> {
        Err(Error::file(path, WITHOUT_PARQUET))
    }

    pub(crate) fn holds_windows(path: &Path) -> Result<bool> {
        refuse(path)
    }

    pub(crate) fn windows(
        path: &Path,
        _: &ExpansionConfig,
        _: &mut Vec<String>,
    ) -> Result<Windows> {
        refuse(path)
    }

    pub(crate) fn read_parquet(path: &Path, _: &CsvOptions) -> Result<(Bars, CsvReport)> {
        refuse(path)
    }
}

/// Returns the times of the first and the last bar as text, empty without time stamps.
fn span(bars: &Bars) -> String {
    let stamps = bars.timestamps().unwrap_or_default();
    let time = |second: Option<&i64>| jiff::Timestamp::from_second(*second?).ok();
    match (time(stamps.first()), time(stamps.last())) {
        (Some(first), Some(last)) => format!(", {first} to {last}"),
        _ => String::new(),
    }
}

/// Describes the instruments that have no window.
fn without_note(windows: &Windows, all: usize) -> Option<String> {
    let without = windows.without_windows();
    let (name, reason) = without.first()?;
    Some(format!(
        "left out {} of {all} instruments, which have no window; the first, {name}: {reason}",
        without.len()
    ))
}

fn gap_note(windows: &Windows, data: &DataConfig) -> Option<String> {
    let all = || {
        windows
            .series()
            .iter()
            .map(|series| (series, series.gaps()))
    };
    let outages =
        || all().flat_map(|(series, gaps)| gaps.outages().iter().map(move |gap| (series, gap)));
    let (series, longest) = outages().max_by_key(|(_, gap)| gap.step)?;
    let after = windows.time(series.range().start + longest.before)?;
    let after = jiff::Timestamp::from_second(after).ok()?;
    let interval = series.gaps().interval();
    let what = match data.max_gap {
        Some(most) => format!("longer than {}", duration::show(most)),
        None if all().all(|(_, gaps)| gaps.interval() == interval) => format!(
            "not usual for bars of {}",
            duration::show(interval.unwrap_or_default())
        ),
        None => "not usual for their series".into(),
    };
    let of = match windows.series().len() {
        1 => String::new(),
        _ => format!(" of {}", series.name()),
    };
    Some(format!(
        "left out {} windows that reach over one of {} gaps {what}; the longest is {} after {after}{of} (`data.max_gap` \
         allows longer ones)",
        windows.left_out().over_gaps,
        outages().count(),
        duration::show(longest.step)
    ))
}

fn left_out_note(windows: &Windows, data: &DataConfig) -> Option<String> {
    let left_out = windows.left_out();
    if data.marks.is_none() {
        let count = left_out.unlabelled;
        return (count > 0)
            .then(|| format!("left out {count} windows in which the price never moves"));
    }
    Some(format!(
        "a window is labelled by the one expansion that lies in it whole: left out {} windows with none, {} with several, \
         {} that cut one",
        left_out.unlabelled, left_out.several, left_out.partial
    ))
}

/// Describes the number of training windows per type and the lengths of their expansions.
///
/// `types` are the names of the types.
pub(crate) fn label_notes(train: &Windows, types: &[String]) -> Vec<String> {
    let labels: Vec<WindowLabel> = train.labels().collect();
    let mut lengths: Vec<usize> = labels.iter().map(|l| l.end + 1 - l.start).collect();
    lengths.sort_unstable();
    let quartile = |quarter: usize| lengths[(lengths.len() - 1) * quarter / 4];
    let counts = train.type_counts(types.len());
    let named = |(count, name): (&usize, &String)| format!("{count} {name}");
    let all: Vec<String> = counts.iter().zip(types).map(named).collect();
    let mut notes = vec![format!(
        "types of the training windows: {}; half of the expansions have {} to {} bars, the median {}",
        all.join(", "),
        quartile(1),
        quartile(3),
        quartile(2)
    )];
    let few = counts.iter().zip(types).filter(|(count, _)| **count < FEW);
    let few: Vec<String> = few.map(named).collect();
    if !few.is_empty() {
        notes.push(format!(
            "warning: {} among the training windows; a type is hardly learned from fewer than {FEW}",
            few.join(", ")
        ));
    }
    notes
}
