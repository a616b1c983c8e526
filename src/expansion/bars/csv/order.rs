//! Watches that time stamps strictly increase, and tells a stray stamp from a file that runs backwards.

use jiff::Timestamp;

/// What is known about the order of the rows so far.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// The stamp of the last row in order.
    kept: Option<Timestamp>,
    /// The stamp of the last row of all.
    previous: Option<Timestamp>,
    /// Rows later than the row before them.
    forward: usize,
    /// Rows earlier than the row before them.
    backward: usize,
    /// The first row out of order, with its line.
    pub(super) first_fault: Option<(u64, String)>,
}

impl Order {
    /// Accepts a stamp that is later than that of the last accepted row. The error is the reason in words.
    pub(super) fn accept(&mut self, stamp: Timestamp, line: u64) -> Result<(), String> {
        if let Some(previous) = self.previous.replace(stamp) {
            self.forward += usize::from(stamp > previous);
            self.backward += usize::from(stamp < previous);
        }
        match self.kept {
            Some(kept) if stamp <= kept => {
                let reason = disorder(stamp, kept);
                self.first_fault
                    .get_or_insert_with(|| (line, reason.clone()));
                Err(reason)
            }
            _ => {
                self.kept = Some(stamp);
                Ok(())
            }
        }
    }

    /// Whether the file as a whole runs from newest to oldest.
    ///
    /// A majority decides, because such files often have a stray or repeated row as well.
    pub(super) fn is_newest_first(&self) -> bool {
        self.backward > self.forward
    }

    /// The first fault of a newest-first file, in words.
    pub(super) fn newest_first_reason(&self, reason: &str) -> String {
        let steps = self.backward + self.forward;
        format!(
            "{reason}. The file is newest-first ({} of {steps} rows are earlier than the row above); \
             reverse it first, so that the oldest bar is on top",
            self.backward
        )
    }
}

fn disorder(stamp: Timestamp, kept: Timestamp) -> String {
    if stamp == kept {
        format!("the time stamp {stamp} repeats that of the bar before")
    } else {
        format!("the time stamp {stamp} is earlier than {kept} of the bar before")
    }
}
