//! Reads every instrument of a file as a series of its own.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::csv;
use super::csv::{CsvOptions, CsvReport, Instrument};
#[cfg(not(feature = "parquet"))]
use crate::error::Error;
use crate::error::Result;

/// Reads every instrument of a CSV or Parquet file as a series of its own, in the order of their first rows.
///
/// The instrument of a row is its value in the column that names the instruments: `symbol`, `ticker`, `name` and other
/// common names. A file without such a column holds one instrument, which is called by the name of the file. Each
/// series follows the rules of [`read_csv`](super::read_csv); the report counts the rows of all series.
///
/// Takes time and memory linear in the length of the file, except where the instruments of a CSV file have columns side by
/// side. Then each is read from its own columns if every row has as many fields as the header, and from the whole file if
/// not, if its rows have a fault, or if [`CsvOptions::columns`] has numbers of columns. Columns that belong to all are read
/// for each.
///
/// # Errors
/// As [`read_csv`](super::read_csv) and `read_parquet`; [`Error::File`](crate::Error::File) for a Parquet file in a
/// program without the feature `parquet`.
///
/// # Example
/// ```no_run
/// use equipoise::expansion::bars::{CsvOptions, read_instruments};
///
/// let (instruments, _) = read_instruments("all_stocks.csv", &CsvOptions::default())?;
/// for instrument in &instruments {
///     println!("{}: {} bars", instrument.name, instrument.bars.len());
/// }
/// # Ok::<(), equipoise::Error>(())
/// ```
pub fn read_instruments(
    path: impl AsRef<Path>,
    options: &CsvOptions,
) -> Result<(Vec<Instrument>, CsvReport)> {
    let path = path.as_ref();
    if !is_parquet(path) {
        return csv::read_all(path, options);
    }
    #[cfg(feature = "parquet")]
    return super::parquet::read_all(path, options);
    #[cfg(not(feature = "parquet"))]
    Err(Error::file(path, WITHOUT_PARQUET))
}

/// The message about a Parquet file in a program without the feature.
#[cfg(not(feature = "parquet"))]
pub(crate) const WITHOUT_PARQUET: &str =
    "a Parquet file; this program reads those if it is built with Cargo's feature `parquet`";

/// Returns whether the name or the first bytes of the file are those of a Parquet file.
pub(crate) fn is_parquet(path: &Path) -> bool {
    let named = path.extension().is_some_and(|extension| {
        ["parquet", "pq"]
            .iter()
            .any(|name| extension.eq_ignore_ascii_case(name))
    });
    let begins = || {
        let mut start = [0; 4];
        let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
        read.is_ok() && start == *b"PAR1"
    };
    named || begins()
}
