//! Reads the user's files into windows, with notes on their content.

use std::path::Path;

use super::config::{DataConfig, ExpansionConfig};
use crate::error::{Error, Result};
use crate::expansion::bars::{Bars, CsvOptions, OfAnotherFile, is_parquet, read_csv};
use crate::expansion::label::{ExpansionType, Marks, RuleLabeller, WindowLabel};
use crate::expansion::table::duration;
use crate::expansion::window::{WindowGrid, Windows};

/// The number of training windows below which a type is hardly learned.
const FEW: usize = 10;

/// Reads the windows of a file of bars.
pub(crate) fn from_file(
    path: &Path,
    config: &ExpansionConfig,
    notes: &mut Vec<String>,
) -> Result<Windows> {
    let data = &config.data;
    if is_parquet(path) && parquet::holds_windows(path)? {
        return parquet::windows(path, config, notes);
    }
    let (bars, said) = read_bars(path, data)?;
    notes.extend(said);
    let grid = WindowGrid {
        length: config.model.window,
        stride: data.stride,
        at_most: data.max_samples,
        max_gap: data.max_gap,
    };
    let windows = match &data.marks {
        None => Windows::by_rule(&bars, &grid, &RuleLabeller::new(data.labels.clone())?)?,
        Some(file) => {
            let marks = Marks::read_csv(file, &bars, &data.classes, data.date_order)?;
            notes.push(format!(
                "read {} marked expansions from {}",
                marks.len(),
                file.display()
            ));
            Windows::by_hand(&bars, &grid, &marks)?
        }
    };
    notes.extend(gap_note(&bars, &windows, data));
    notes.extend(left_out_note(&windows, data));
    Ok(windows)
}

/// Reads the bars of a CSV file, or with the feature `parquet` of a Parquet file, and returns them with notes on the
/// rows that were read and dropped.
///
/// # Errors
///
/// As [`read_csv`] and `read_parquet`; [`Error::File`](crate::Error::File) for a Parquet file in a program without the
/// feature.
pub fn read_bars(path: &Path, data: &DataConfig) -> Result<(Bars, Vec<String>)> {
    read_with(path, &data.csv_options())
}

/// Reads the bars of another file than the one that the settings were made for, and returns them with notes.
///
/// The settings that are `of_another_file` are left aside with a note if this file does not have such columns, time
/// stamps or instrument.
///
/// # Errors
///
/// As [`read_bars`].
pub fn read_other_bars(
    path: &Path,
    data: &DataConfig,
    of_another_file: OfAnotherFile,
) -> Result<(Bars, Vec<String>)> {
    let options = data.csv_options();
    read_with(path, &options.with_of_another_file(of_another_file))
}

fn read_with(path: &Path, options: &CsvOptions) -> Result<(Bars, Vec<String>)> {
    if is_parquet(path) && parquet::holds_windows(path)? {
        let reason = "holds labelled windows, but bars are expected: a row each, with `open`, `high`, `low` and `close`";
        return Err(Error::file(path, reason));
    }
    let mut notes = Vec::new();
    let (bars, report) = if is_parquet(path) {
        parquet::read_parquet(path, options)?
    } else {
        read_csv(path, options)?
    };
    let place = if is_parquet(path) { "row" } else { "line" };
    notes.push(format!(
        "read {} bars from {}{}",
        bars.len(),
        path.display(),
        span(&bars)
    ));
    notes.extend(report.notes);
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
    Ok((bars, notes))
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
        if data.marks.is_some() {
            let expected = "left out: the file of `data.path` holds windows with their own labels";
            return Err(Error::setting("data.marks", "given", expected));
        }
        let options = WindowOptions {
            length: config.model.window,
            classes: data.classes.clone(),
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

fn gap_note(bars: &Bars, windows: &Windows, data: &DataConfig) -> Option<String> {
    let gaps = windows.gaps();
    let longest = gaps.outages().iter().max_by_key(|gap| gap.step)?;
    let after = bars.timestamps()?.get(longest.before)?;
    let after = jiff::Timestamp::from_second(*after).ok()?;
    let what = match data.max_gap {
        Some(most) => format!("longer than {}", duration::show(most)),
        None => format!(
            "not usual for bars of {}",
            duration::show(gaps.interval().unwrap_or_default())
        ),
    };
    Some(format!(
        "left out {} windows that reach over one of {} gaps {what}; the longest is {} after {after} (`data.max_gap` \
         allows longer ones)",
        windows.left_out().over_gaps,
        gaps.outages().len(),
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
pub(crate) fn label_notes(train: &Windows) -> Vec<String> {
    let labels: Vec<WindowLabel> = train.labels().collect();
    let count = |kind: ExpansionType| labels.iter().filter(|label| label.kind == kind).count();
    let mut lengths: Vec<usize> = labels.iter().map(|l| l.end + 1 - l.start).collect();
    lengths.sort_unstable();
    let quartile = |quarter: usize| lengths[(lengths.len() - 1) * quarter / 4];
    let named = |kind: ExpansionType| format!("{} {kind}", count(kind));
    let types = ExpansionType::ALL.map(named);
    let mut notes = vec![format!(
        "types of the training windows: {}; half of the expansions have {} to {} bars, the median {}",
        types.join(", "),
        quartile(1),
        quartile(3),
        quartile(2)
    )];
    let few: Vec<String> = ExpansionType::ALL
        .into_iter()
        .filter(|kind| count(*kind) < FEW)
        .map(named)
        .collect();
    if !few.is_empty() {
        notes.push(format!(
            "warning: {} among the training windows; a type is hardly learned from fewer than {FEW}",
            few.join(", ")
        ));
    }
    notes
}
