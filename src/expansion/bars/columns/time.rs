//! Finds the columns of the time stamp: by the map, by name and values, or by values alone.

use super::look::{Kind, Look};
use super::names::{CLOCK, HOURS, MINUTES, TIME, is_end, is_index, is_of_time, is_start};
use crate::expansion::bars::ColumnMap;
use crate::expansion::table::header::Header;

/// The place of the time stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeColumn {
    /// One column.
    One(usize),
    /// The date in the first, the time of day in the second.
    DateAndTime(usize, usize),
}

impl TimeColumn {
    /// Returns whether a column is the time, or a part of it.
    pub(crate) fn has(self, column: usize) -> bool {
        match self {
            Self::One(time) => time == column,
            Self::DateAndTime(date, time) => date == column || time == column,
        }
    }
}

/// The note for a file without time stamps.
pub(crate) const TIMELESS: &str =
    "no column with time stamps was found, so gaps between bars cannot be seen";

/// The columns of a table and what they hold. A column that is taken already has the kind [`Kind::Empty`].
pub(crate) struct Times<'a> {
    /// The names.
    pub(crate) header: &'a Header,
    /// The values.
    pub(crate) looks: &'a [Look],
    /// The number of rows that were looked at.
    pub(crate) rows: usize,
}

impl Times<'_> {
    /// Returns the column of the time stamp, and adds notes on the choice. The error is the reason in words.
    pub(crate) fn find(&self, notes: &mut Vec<String>) -> Result<Option<TimeColumn>, String> {
        let Some(column) = self.date(notes)? else {
            notes.push(TIMELESS.into());
            return Ok(None);
        };
        let found = self.with_clock(column)?;
        self.say(found, notes);
        Ok(Some(found))
    }

    fn name(&self, column: usize) -> &str {
        &self.header.names[column]
    }

    fn shown(&self, column: usize) -> String {
        format!("`{}`", self.header.mapped(column))
    }

    fn kind(&self, column: usize) -> Kind {
        self.looks.get(column).map_or(Kind::Empty, |look| look.kind)
    }

    fn columns(&self) -> std::ops::Range<usize> {
        0..self.header.names.len()
    }

    /// Returns the columns with a known name, in order of precedence.
    fn known(&self) -> Result<Vec<usize>, String> {
        let mut known = Vec::new();
        for name in TIME {
            known.extend(self.header.position(name)?);
        }
        Ok(known)
    }

    /// Returns the column of the time stamp, or of its date.
    fn date(&self, notes: &mut Vec<String>) -> Result<Option<usize>, String> {
        let known = self.known()?;
        if self.rows == 0 {
            return Ok(known.first().copied());
        }
        let dated = |column: &usize| self.kind(*column).has_date();
        let dates: Vec<usize> = known.iter().copied().filter(dated).collect();
        let counts = |column: &usize| self.kind(*column) == Kind::Count;
        let by_name = known
            .iter()
            .copied()
            .find(|column| dated(column) || counts(column));
        if let Some(first) = by_name {
            return Ok(Some(self.most_exact(first, &dates)));
        }
        if let Some(column) = self.unread(&known) {
            return Ok(Some(column));
        }
        if let Some(column) = self.by_dates(notes)? {
            return Ok(Some(column));
        }
        if let Some(column) = self.by_counts(&known)? {
            return Ok(Some(column));
        }
        let number = |column: &usize| self.kind(*column) == Kind::Number;
        let text = |column: &usize| self.kind(*column) != Kind::Empty;
        let rest = known.iter().find(|column| number(column));
        let rest = rest.or_else(|| known.iter().find(|column| text(column)));
        Ok(rest.or(known.first()).copied())
    }

    /// Returns the column with a known name whose values have digits and cannot be read, or that the only row does not
    /// show. No other column goes before it, so that its rows are refused.
    fn unread(&self, known: &[usize]) -> Option<usize> {
        let is_one = |column: &usize| match self.looks.get(*column) {
            Some(look) if look.kind == Kind::Text => look.has_digits,
            Some(look) => look.kind == Kind::Empty && self.rows == 1,
            None => false,
        };
        known.iter().copied().find(is_one)
    }

    /// Returns the column that stands for `first`: one with a time of day, if the date of `first` repeats and has none.
    fn most_exact(&self, first: usize, dates: &[usize]) -> usize {
        let look = self.looks[first];
        if look.kind != Kind::Date || !look.repeats || self.clock(first).is_ok_and(|c| c.is_some())
        {
            return first;
        }
        let exact = |column: &&usize| self.kind(**column) == Kind::Stamp;
        dates.iter().find(exact).copied().unwrap_or(first)
    }

    /// Returns the column without a known name whose values are dates.
    fn by_dates(&self, notes: &mut Vec<String>) -> Result<Option<usize>, String> {
        let any_clock = self.has_any_clock();
        let is_one = |column: &usize| {
            let Some(look) = self.looks.get(*column) else {
                return false;
            };
            // The number of one row has the digits of a date by chance.
            let sure = self.rows > 1 || is_of_time(self.name(*column)) || !look.digits;
            let moves = !look.constant || self.rows == 1 || any_clock;
            look.kind.has_date() && sure && moves
        };
        let mut found: Vec<usize> = self.columns().filter(is_one).collect();
        // A day that repeats is less than a time that does not.
        let exact = |column: &usize| !self.looks[*column].repeats;
        if found.iter().any(exact) && !any_clock {
            found.retain(exact);
        }
        self.one_of(&found, notes)
    }

    /// Returns the column without a known name that counts the time.
    fn by_counts(&self, known: &[usize]) -> Result<Option<usize>, String> {
        let number = |column: &usize| self.kind(*column) == Kind::Number;
        // The number of a row is no time where a column has the name of the time.
        let unnamed = !known.iter().any(number);
        let is_one = |column: &usize| {
            let name = self.name(*column);
            self.kind(*column) == Kind::Count
                && (is_of_time(name) || unnamed && self.looks[*column].regular && !is_index(name))
        };
        let found: Vec<usize> = self.columns().filter(is_one).collect();
        if found.is_empty() || !known.is_empty() && found.iter().all(|c| is_end(self.name(*c))) {
            return Ok(None);
        }
        self.one_of(&found, &mut Vec::new())
    }

    /// Returns the only column of several that is not the end of the bar. The error names them and the setting.
    fn one_of(&self, found: &[usize], notes: &mut Vec<String>) -> Result<Option<usize>, String> {
        let chosen = |of: &dyn Fn(&str) -> bool| {
            let mut fitting = found
                .iter()
                .copied()
                .filter(|column| of(self.name(*column)));
            match (fitting.next(), fitting.next()) {
                (Some(one), None) => Some(one),
                _ => None,
            }
        };
        let one = match found {
            [] => return Ok(None),
            [one] => return Ok(Some(*one)),
            _ => chosen(&is_start).or_else(|| chosen(&|name| !is_end(name))),
        };
        if let Some(one) = one {
            notes.push(format!(
                "the time is column {}, the start of the bar",
                self.shown(one)
            ));
            return Ok(Some(one));
        }
        let names: Vec<String> = found.iter().map(|column| self.shown(*column)).collect();
        let maps: Vec<String> = found
            .iter()
            .map(|column| format!("`time={}`", self.header.mapped(*column)))
            .collect();
        Err(format!(
            "columns {} could each be the time of the bar; choose one with `data.columns`: {}",
            names.join(", "),
            maps.join(" or ")
        ))
    }

    fn has_any_clock(&self) -> bool {
        self.columns().any(|column| self.is_clock(column))
    }

    fn is_clock(&self, column: usize) -> bool {
        let named = CLOCK.contains(&self.name(column));
        let digits = |look: &Look| named && look.clock_digits;
        let look = self.looks.get(column);
        look.is_some_and(|look| look.kind == Kind::Clock || digits(look))
    }

    /// Returns the column of the time of day beside a date.
    fn clock(&self, date: usize) -> Result<Option<usize>, String> {
        let is_one = |column: &usize| *column != date && self.is_clock(*column);
        let found: Vec<usize> = self.columns().filter(is_one).collect();
        let named = CLOCK.iter().find_map(|name| {
            let mut columns = found.iter().copied();
            columns.find(|column| self.name(*column) == *name)
        });
        match named {
            Some(column) => Ok(Some(column)),
            None => self.one_of(&found, &mut Vec::new()),
        }
    }

    /// Returns the columns of the hour and the minute, if each has its own.
    fn parts(&self) -> Option<[usize; 2]> {
        let find = |names: &[&str]| {
            let digits = |column: &usize| self.looks.get(*column).is_some_and(|look| look.digits);
            self.columns()
                .filter(digits)
                .find(|column| names.contains(&self.name(*column)))
        };
        Some([find(HOURS)?, find(MINUTES)?])
    }

    /// Returns the time stamp of a date column: joined with the column of the time of day, if there is one.
    fn with_clock(&self, date: usize) -> Result<TimeColumn, String> {
        if self.rows == 0 {
            let time = self.header.position("time")?;
            let join = self.name(date) == "date";
            return Ok(match time {
                Some(time) if join => TimeColumn::DateAndTime(date, time),
                _ => TimeColumn::One(date),
            });
        }
        if self.kind(date) != Kind::Date {
            return Ok(TimeColumn::One(date));
        }
        if let Some([hour, minute]) = self.parts() {
            return Err(format!(
                "columns {} and {} are parts of a time of day; join them in one column, such as `time` with `09:30`",
                self.shown(hour),
                self.shown(minute)
            ));
        }
        let clock = self.clock(date)?;
        Ok(clock.map_or(TimeColumn::One(date), |clock| {
            TimeColumn::DateAndTime(date, clock)
        }))
    }

    /// Adds a note on a choice that the names do not make plain.
    fn say(&self, found: TimeColumn, notes: &mut Vec<String>) {
        const PLAIN: usize = 13;
        let plain = |column: usize| TIME[..PLAIN].contains(&self.name(column));
        let said = notes.iter().any(|note| note.starts_with("the time is"));
        let (date, note) = match found {
            TimeColumn::One(column) => {
                (column, format!("the time is column {}", self.shown(column)))
            }
            TimeColumn::DateAndTime(date, time) => (
                date,
                format!(
                    "the time is columns {} and {} together",
                    self.shown(date),
                    self.shown(time)
                ),
            ),
        };
        let plainly_joined = match found {
            TimeColumn::One(_) => true,
            TimeColumn::DateAndTime(_, time) => self.name(time) == "time",
        };
        if said || (plain(date) && plainly_joined) {
            return;
        }
        let end = if is_end(self.name(date)) && !is_start(self.name(date)) {
            ", the end of the bar"
        } else {
            ""
        };
        notes.push(format!("{note}{end}"));
    }
}

/// Returns the column of the time stamp that a map names. `None` means that the map does not name any.
pub(crate) fn mapped(
    map: &ColumnMap,
    header: &Header,
) -> Result<Option<Option<TimeColumn>>, String> {
    let column = |name: &str| super::position(header, name);
    let given = |name: &Option<String>| match name.as_deref() {
        None => Ok(None),
        Some("") => Ok(Some(None)),
        Some(name) => column(name).map(|column| Some(Some(column))),
    };
    Ok(match (given(&map.date)?, given(&map.time)?) {
        (None, None) => None,
        (Some(Some(date)), Some(Some(time))) => Some(Some(TimeColumn::DateAndTime(date, time))),
        (Some(Some(one)), _) | (_, Some(Some(one))) => Some(Some(TimeColumn::One(one))),
        _ => Some(None),
    })
}
