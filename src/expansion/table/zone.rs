//! Turns a date and a time of day into a time: by the offset or the zone that is written, or by the zone of the
//! settings.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::quote;
use super::zone_parser::{Zone, zone_of};
use crate::error::{Error, Result};

/// The zone of stamps without an offset.
#[derive(Debug, Clone, Default)]
pub(crate) struct TimeZones {
    /// The zone of the settings; `None` means UTC.
    given: Option<TimeZone>,
}

impl TimeZones {
    /// Creates the zones from a setting: a name of the tz database, or an offset.
    ///
    /// # Errors
    /// [`Error::Setting`] if the text is neither.
    pub(crate) fn new(setting: Option<&str>) -> Result<Self> {
        let Some(text) = setting else {
            return Ok(Self::default());
        };
        let zone = match zone_of(text) {
            Some(Zone::Offset(seconds)) => Offset::from_seconds(seconds).ok().map(TimeZone::fixed),
            Some(Zone::Named(name)) if is_full(name) => TimeZone::get(name).ok(),
            _ => None,
        };
        let refused = || {
            let expected = "a name of the tz database such as `America/New_York`, or an offset such as `+01:00`";
            Error::setting("data.time_zone", quote::value(text), expected)
        };
        zone.map(|zone| Self { given: Some(zone) })
            .ok_or_else(refused)
    }

    /// Returns the time of a date and time of day in a zone. Returns `None` if the zone is not known, or the
    /// abbreviation of a zone is not in use then.
    ///
    /// A time of day that a change of the clocks repeats is the earlier one, unless an abbreviation tells.
    #[inline]
    pub(crate) fn time(&self, civil: DateTime, zone: Zone) -> Option<Timestamp> {
        match (zone, &self.given) {
            (Zone::Unsaid, None) | (Zone::Offset(0), _) => Offset::UTC.to_timestamp(civil).ok(),
            _ => self.zoned(civil, zone),
        }
    }

    fn zoned(&self, civil: DateTime, zone: Zone) -> Option<Timestamp> {
        match (zone, &self.given) {
            (Zone::Unsaid, None) => Offset::UTC.to_timestamp(civil).ok(),
            (Zone::Unsaid, Some(given)) => given.to_timestamp(civil).ok(),
            (Zone::Offset(seconds), _) => {
                let offset = Offset::from_seconds(seconds).ok()?;
                offset.to_timestamp(civil).ok()
            }
            (Zone::Named(name), _) if is_full(name) => {
                TimeZone::get(name).ok()?.to_timestamp(civil).ok()
            }
            (Zone::Named(name), given) => abbreviated(given.as_ref()?, civil, name),
        }
    }
}

impl TimeZones {
    /// Returns whether the settings give a zone.
    pub(crate) fn is_given(&self) -> bool {
        self.given.is_some()
    }

    /// Returns the later of the two times of a date and time of day that a change of the clocks repeats.
    pub(crate) fn later(&self, civil: DateTime, zone: Zone) -> Option<Timestamp> {
        let named;
        let zone = match zone {
            Zone::Unsaid => self.given.as_ref()?,
            Zone::Named(name) if is_full(name) => {
                named = TimeZone::get(name).ok()?;
                &named
            }
            Zone::Named(_) | Zone::Offset(_) => return None,
        };
        let both = zone.to_ambiguous_timestamp(civil);
        match both.offset() {
            AmbiguousOffset::Fold { .. } => both.later().ok(),
            _ => None,
        }
    }
}

/// Returns the time at which a zone has this time of day under this abbreviation.
fn abbreviated(zone: &TimeZone, civil: DateTime, abbreviation: &str) -> Option<Timestamp> {
    let both = zone.to_ambiguous_timestamp(civil);
    let uses = |time: &Timestamp| {
        let info = zone.to_offset_info(*time);
        info.abbreviation().eq_ignore_ascii_case(abbreviation)
    };
    let earlier = both.earlier().ok().filter(uses);
    earlier.or_else(|| both.later().ok().filter(uses))
}

/// Returns whether a name is that of one zone. Abbreviations such as EST and CET are in the tz database too, but
/// several zones use them.
pub(crate) fn is_full(name: &str) -> bool {
    let letters = name.chars().all(|c| c.is_ascii_uppercase());
    name == "UTC" || name == "GMT" || !letters
}

/// Returns why the zone of a text is not understood, if the rest of the text is a time stamp.
pub(crate) fn refused_zone(name: &str) -> String {
    let shown = quote::value(name);
    if is_full(name) {
        return format!(
            "{shown} is no zone of the tz database; expected a name such as `America/New_York`, or an offset such as \
             `+01:00`"
        );
    }
    format!(
        "{shown} is an abbreviation that several zones use; set `data.time_zone` to the zone that is meant, such as {}",
        match name {
            "EST" | "EDT" | "ET" => "`America/New_York`",
            "CST" | "CDT" | "CT" => "`America/Chicago`",
            "PST" | "PDT" | "PT" => "`America/Los_Angeles`",
            "CET" | "CEST" | "MEZ" | "MESZ" => "`Europe/Berlin`",
            "EET" | "EEST" => "`Europe/Athens`",
            "BST" | "WET" => "`Europe/London`",
            "MSK" => "`Europe/Moscow`",
            "IST" => "`Asia/Kolkata`",
            "JST" => "`Asia/Tokyo`",
            "HKT" => "`Asia/Hong_Kong`",
            "AEST" | "AEDT" => "`Australia/Sydney`",
            _ => "`Europe/London`",
        }
    )
}
