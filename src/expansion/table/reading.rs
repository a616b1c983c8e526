//! Reads the stamps of a column whose form is known, inferred or set.

use jiff::Timestamp;

use super::quote;
use super::stamp::{DateOrder, Form, Stamp, unreadable};
use super::stamp_parser::Zone;
pub(crate) use super::time_format::TimeFormat;
use super::zone::{TimeZones, refused_zone};

/// The settings that a column of time stamps is read with.
#[derive(Debug, Clone, Default)]
pub(crate) struct StampSettings {
    /// The order of day, month and year.
    pub(crate) order: Option<DateOrder>,
    /// The form of all stamps.
    pub(crate) format: Option<TimeFormat>,
    /// The zone of stamps without an offset.
    pub(crate) zones: TimeZones,
}

/// The reading of the stamps of a column.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    form: Form,
    format: Option<TimeFormat>,
    zones: TimeZones,
    /// Whether the last row is the oldest.
    pub(crate) newest_first: bool,
    /// A sentence about the inferred properties, for the report.
    pub(crate) note: Option<String>,
}

impl Reading {
    /// Creates the reading of a form, oldest first.
    pub(crate) fn of(form: Form, zones: TimeZones) -> Self {
        Self {
            form,
            format: None,
            zones,
            newest_first: false,
            note: None,
        }
    }

    /// Creates the reading of a set format, oldest first.
    pub(crate) fn by(format: TimeFormat, zones: TimeZones) -> Self {
        Self {
            format: Some(format),
            ..Self::of(Form::Plain, zones)
        }
    }

    /// Returns whether the stamps are counts since 1970, whose unit may change.
    pub(crate) fn counts(&self) -> bool {
        self.format.is_none() && matches!(self.form, Form::Count(_) | Form::Counts)
    }

    /// Returns whether the stamps are numbers.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self.form, Form::Digits | Form::Days) || self.counts()
    }

    /// Reads a trimmed text. The error is the reason in words.
    pub(crate) fn read(&self, text: &str) -> Result<Timestamp, String> {
        if let Some(format) = &self.format {
            return format.read(text, &self.zones).ok_or_else(|| {
                let shown = quote::value(text);
                let name = format.name();
                format!("the time stamp {shown} does not fit {name}, the `data.time_format`")
            });
        }
        let stamp = Stamp::parse(text).ok_or_else(|| unreadable(text))?;
        stamp
            .read(self.form, &self.zones)
            .ok_or_else(|| self.refuse(stamp, text))
    }

    /// Returns whether the settings give the zone of the stamps.
    pub(crate) fn is_zoned(&self) -> bool {
        self.zones.is_given()
    }

    /// Returns the later of the two times of a trimmed text whose time of day a change of the clocks repeats.
    pub(crate) fn later(&self, text: &str) -> Option<Timestamp> {
        let (civil, zone) = match &self.format {
            Some(format) => (format.civil(text)?, Zone::Unsaid),
            None => Stamp::parse(text)?.civil(self.form)?,
        };
        self.zones.later(civil, zone)
    }

    fn refuse(&self, stamp: Stamp, text: &str) -> String {
        let shown = quote::value(text);
        let rest = match (stamp, self.form) {
            (Stamp::Plain(_, zone), Form::Plain) => return refused(zone, &shown),
            (Stamp::Numeric(numeric), Form::Numeric(order)) if !numeric.short => {
                return match numeric.civil(order) {
                    Some(_) => refused(numeric.zone(), &shown),
                    None => format!("the time stamp {shown} is not a date {}", order.name()),
                };
            }
            (Stamp::Numeric(numeric), Form::Short(order)) if numeric.short => {
                return match numeric.civil(order) {
                    Some(_) => refused(numeric.zone(), &shown),
                    None => format!("the time stamp {shown} is not a date {}", order.name()),
                };
            }
            (_, form) => form_name(form),
        };
        format!("the time stamp {shown} is not written like the rest, which are {rest}")
    }
}

fn refused(zone: Zone, shown: &str) -> String {
    match zone {
        Zone::Named(name) => format!("the time stamp {shown}: {}", refused_zone(name)),
        _ => format!("the time stamp {shown} is out of range"),
    }
}

fn form_name(form: Form) -> String {
    match form {
        Form::Plain => "dates like `2024-01-31`".into(),
        Form::Numeric(DateOrder::DayFirst) => "dates like `31/01/2024`".into(),
        Form::Numeric(_) => "dates like `01/31/2024`".into(),
        Form::Short(DateOrder::DayFirst) => "dates like `31/01/24`".into(),
        Form::Short(DateOrder::MonthFirst) => "dates like `01/31/24`".into(),
        Form::Short(DateOrder::YearFirst) => "dates like `24/01/31`".into(),
        Form::Count(unit) => format!("{} since 1970", unit.name()),
        Form::Counts => "counts since 1970".into(),
        Form::Digits => "dates without dashes".into(),
        Form::Days => "days of a spreadsheet".into(),
    }
}
