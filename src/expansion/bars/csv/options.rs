//! Defines the settings and the report of a reader.

use crate::error::Result;
use crate::expansion::bars::ColumnMap;
use crate::expansion::table::reading::{StampSettings, TimeFormat};
use crate::expansion::table::zone::TimeZones;
use crate::expansion::table::{DateOrder, DecimalMark};

/// Settings of [`read_csv`](super::read_csv) and `read_parquet`.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CsvOptions {
    /// Whether bad rows are dropped and counted; otherwise the first bad row is an error. Default `false`.
    pub skip_bad_rows: bool,
    /// The order of day, month and year in dates like `01/02/2024` and `01/02/24`. Default `None`: inferred from the
    /// file.
    pub date_order: Option<DateOrder>,
    /// The decimal mark of the prices. Default `None`: inferred from the file.
    pub decimal_mark: Option<DecimalMark>,
    /// The columns by name. Default: found by their names and values.
    pub columns: ColumnMap,
    /// The form of the time stamps: a pattern of `strptime` such as `%d.%m.%Y %Hh%M`, `seconds`, `milliseconds`,
    /// `microseconds` or `nanoseconds` since 1970, `days` of a spreadsheet, `days-since-1970` or `matlab-days`. A
    /// pattern without a day means the first day of the month. A date and a time of day of two columns are joined by a
    /// space. Default `None`: inferred from the file.
    pub time_format: Option<String>,
    /// The zone of time stamps without an offset: a name of the tz database such as `America/New_York`, or an offset
    /// such as `+01:00`. Default `None`: UTC.
    pub time_zone: Option<String>,
    /// The instrument whose rows are read from a file with several. Default `None`: a file with several is refused.
    pub instrument: Option<String>,
    /// The names of further columns that are read, such as the volume. Every row needs a number in each. Default: none.
    pub features: Vec<String>,
    /// The settings that were made for another file, so that they are left aside with a note if this file does not have
    /// such columns, stamps or instrument. Default: none, so they are errors.
    pub of_another_file: OfAnotherFile,
}

/// The settings of [`CsvOptions`] that were made for another file than the one that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OfAnotherFile {
    /// Whether [`CsvOptions::columns`] was.
    pub columns: bool,
    /// Whether [`CsvOptions::time_format`] was.
    pub time_format: bool,
    /// Whether [`CsvOptions::instrument`] was.
    pub instrument: bool,
}

impl From<bool> for OfAnotherFile {
    fn from(all: bool) -> Self {
        Self {
            columns: all,
            time_format: all,
            instrument: all,
        }
    }
}

impl CsvOptions {
    /// Sets [`skip_bad_rows`](Self::skip_bad_rows).
    #[must_use]
    pub fn with_skip_bad_rows(mut self, skip_bad_rows: bool) -> Self {
        self.skip_bad_rows = skip_bad_rows;
        self
    }

    /// Sets [`date_order`](Self::date_order).
    #[must_use]
    pub fn with_date_order(mut self, order: impl Into<Option<DateOrder>>) -> Self {
        self.date_order = order.into();
        self
    }

    /// Sets [`decimal_mark`](Self::decimal_mark).
    #[must_use]
    pub fn with_decimal_mark(mut self, mark: impl Into<Option<DecimalMark>>) -> Self {
        self.decimal_mark = mark.into();
        self
    }

    /// Sets [`columns`](Self::columns).
    #[must_use]
    pub fn with_columns(mut self, columns: ColumnMap) -> Self {
        self.columns = columns;
        self
    }

    /// Sets [`time_format`](Self::time_format).
    #[must_use]
    pub fn with_time_format(mut self, format: impl Into<Option<String>>) -> Self {
        self.time_format = format.into();
        self
    }

    /// Sets [`time_zone`](Self::time_zone).
    #[must_use]
    pub fn with_time_zone(mut self, zone: impl Into<Option<String>>) -> Self {
        self.time_zone = zone.into();
        self
    }

    /// Sets [`instrument`](Self::instrument).
    #[must_use]
    pub fn with_instrument(mut self, instrument: impl Into<Option<String>>) -> Self {
        self.instrument = instrument.into();
        self
    }

    /// Sets [`features`](Self::features).
    #[must_use]
    pub fn with_features(mut self, names: impl Into<Vec<String>>) -> Self {
        self.features = names.into();
        self
    }

    /// Sets [`of_another_file`](Self::of_another_file): `true` stands for all of the settings.
    #[must_use]
    pub fn with_of_another_file(mut self, of_another_file: impl Into<OfAnotherFile>) -> Self {
        self.of_another_file = of_another_file.into();
        self
    }

    /// Checks the settings that are text.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) naming `data.columns`, `data.time_format` or `data.time_zone`.
    pub fn check(&self) -> Result<()> {
        self.columns.check()?;
        self.stamps().map(|_| ())
    }

    /// Returns the settings of the time stamps.
    pub(crate) fn stamps(&self) -> Result<StampSettings> {
        let format = self.time_format.as_deref().map(TimeFormat::parse);
        Ok(StampSettings {
            order: self.date_order,
            format: format.transpose()?,
            zones: TimeZones::new(self.time_zone.as_deref())?,
        })
    }
}

/// The report of [`read_csv`](super::read_csv) on a file.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CsvReport {
    /// The number of rows of data, kept or not. The header, blank lines and lines of text around the data do not count.
    pub rows: usize,
    /// The number of bad rows that were dropped. Always 0 without [`CsvOptions::skip_bad_rows`].
    pub dropped: usize,
    /// The line of the first dropped row, counted from 1 at the first line of the file, and the reason.
    pub first_dropped: Option<(u64, String)>,
    /// The number of rows left out as copies of a kept row.
    pub copies: usize,
    /// The number of bars whose high was below, or whose low was above, the open or the close by at most a billionth of
    /// the price, as rounding leaves it. Such a high or low was set to the open or the close.
    pub mended: usize,
    /// One sentence for each property of the file that was inferred.
    pub notes: Vec<String>,
}

impl CsvReport {
    /// Adds the report on the rows of one instrument of several.
    pub(crate) fn add(&mut self, report: Self, name: &str) {
        let notes = report.notes.into_iter();
        self.notes
            .extend(notes.map(|note| format!("{name}: {note}")));
        self.rows += report.rows;
        self.dropped += report.dropped;
        self.copies += report.copies;
        self.mended += report.mended;
        if self.first_dropped.is_none() {
            self.first_dropped = report.first_dropped;
        }
    }
}
