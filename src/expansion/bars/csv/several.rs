//! Looks whether the rows of a file without a known column for the instrument belong to several instruments: by the
//! order of their time stamps, and by their prices.

use super::file::CsvFile;
use super::intake::Intake;
use super::row::bar;
use super::symbols::{Groups, Values};
use crate::error::Result;
use crate::expansion::bars::jumps::PriceJumps;
use crate::expansion::table::records::field;

impl CsvFile<'_> {
    /// Looks for a column whose values tell instruments apart, after all rows were read as one series. Returns it with
    /// the reason in words.
    pub(super) fn several(&self, intake: &mut Intake) -> Result<Option<(Values, &'static str)>> {
        if intake.has_disorder()
            && let Some(values) = self.by_order(intake.is_newest_first())?
        {
            let why = "the time stamps run in one direction for each of its values alone";
            return Ok(Some((values, why)));
        }
        if let Some(values) = self.by_prices(intake)? {
            let why = "the prices of each of its values follow one another, and the prices of all rows do not";
            return Ok(Some((values, why)));
        }
        let Some(values) = self.symbols.iter().find(|values| values.values.len() > 1) else {
            return Ok(None);
        };
        if intake.is_disordered() || intake.is_timeless() {
            let why = "its name says, and no order of the rows speaks against it";
            return Ok(Some((values.clone(), why)));
        }
        intake.note(values.passed_over(&self.columns.shown(values.column)));
        Ok(None)
    }

    /// Looks for a column of text whose values tell instruments apart: the rows of each run in one direction.
    fn by_order(&self, newest_first: bool) -> Result<Option<Values>> {
        let (Some(time), Some(reading)) = (self.columns.time, &self.form.stamps) else {
            return Ok(None);
        };
        let columns = &self.changing;
        let mut groups: Vec<Groups> = columns
            .iter()
            .map(|c| Groups::of(*c, newest_first))
            .collect();
        let mut scratch = String::new();
        let mut records = self.text.records(&self.columns.place);
        while records.advance()? {
            let record = records.record();
            let stamp = self.columns.stamp(record, time, &mut scratch);
            let Ok(stamp) = reading.read(stamp) else {
                continue;
            };
            for (column, group) in columns.iter().zip(&mut groups) {
                group.add(field(record, *column), stamp);
            }
        }
        Ok(groups.into_iter().find_map(Groups::found))
    }

    /// Looks for a column whose values tell instruments apart by their prices.
    fn by_prices(&self, intake: &Intake) -> Result<Option<Values>> {
        if self.changing.is_empty() {
            return Ok(None);
        }
        let newest_first = intake.is_newest_first();
        let all = self.changing.iter();
        let mut jumps: Vec<(Values, PriceJumps)> = all
            .map(|column| (Values::of(*column), PriceJumps::new(newest_first)))
            .collect();
        let mut records = self.text.records(&self.columns.place);
        while records.advance()? {
            let record = records.record();
            let Ok((bar, _)) = bar(record, &self.columns, self.form.mark) else {
                continue;
            };
            for (values, jumps) in &mut jumps {
                let value = field(record, values.column);
                values.add(value);
                jumps.add(value, &bar);
            }
        }
        let timed = !intake.is_timeless();
        let mut found = jumps.into_iter().filter(|(_, j)| j.show_several(timed));
        Ok(found.next().map(|(values, _)| values))
    }
}
