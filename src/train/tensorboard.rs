//! Writes the numbers of a run as TensorBoard event files.
//!
//! A scalar needs only these fields of the messages in TensorFlow's `event.proto` and `summary.proto`, so they are
//! encoded by hand:
//!
//! ```text
//! Event      1 wall_time: double, 2 step: int64, 3 file_version: string, 5 summary: Summary, 7 session_log: SessionLog
//! Summary    1 value: Value, repeated
//! Value      1 tag: string, 2 simple_value: float
//! SessionLog 1 status: 1 marks the start of a session
//! ```
//!
//! A file is a sequence of events, each in the frame of `record_writer.cc`: its length, a checksum of the length, the
//! event, a checksum of the event.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::hooks::EpochSeen;
use crate::error::{Error, Result};
use crate::history::{History, Record};
use crate::model::MultiTaskModel;

/// Writes the history of a run as TensorBoard event files.
///
/// A folder belongs to one run. The writer of a resumed run adds a file that begins with the epochs of its history;
/// TensorBoard shows these epochs instead of those in earlier files.
///
/// # Example
///
/// ```
/// # use equipoise::model::MultiTaskModel;
/// use std::path::Path;
///
/// use equipoise::Result;
/// use equipoise::train::{TensorBoard, Trainer};
///
/// fn shown<M: MultiTaskModel>(trainer: Trainer<M>, run: &Path) -> Result<Trainer<M>> {
///     let board = TensorBoard::create(run.join("tensorboard"))?;
///     Ok(trainer.on_epoch(board.hook()))
/// }
/// ```
#[derive(Debug)]
pub struct TensorBoard {
    path: PathBuf,
    /// The file, without a buffer: a reader sees an epoch as soon as it is written.
    file: File,
    /// The last epoch in the file.
    written: Option<usize>,
}

impl TensorBoard {
    /// Creates the folder and a new event file in it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] with the path if the folder or the file cannot be created.
    pub fn create(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        let (path, file) = new_file(folder)?;
        let mut board = Self {
            path,
            file,
            written: None,
        };
        board.append(&framed(&version()))?;
        Ok(board)
    }

    /// Writes the records of all epochs that are not yet written.
    ///
    /// Each number is a scalar `task/quantity/split` in single precision, with the epoch as its step; values from
    /// before training have step 0. An epoch is written once: records added to it later are not written.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] with the path. The file may then end within an event, and later events in it are not read.
    pub fn write(&mut self, history: &History) -> Result<()> {
        let mut epochs: BTreeMap<usize, Vec<&Record>> = BTreeMap::new();
        for record in history.records() {
            if Some(record.epoch) > self.written {
                epochs.entry(record.epoch).or_default().push(record);
            }
        }
        let (Some((&first, _)), Some((&last, _))) =
            (epochs.first_key_value(), epochs.last_key_value())
        else {
            return Ok(());
        };
        let mut bytes = Vec::new();
        if self.written.is_none() {
            bytes.extend(framed(&start(first)));
        }
        for (epoch, records) in &epochs {
            bytes.extend(framed(&scalars(*epoch, records)));
        }
        self.append(&bytes)?;
        self.written = Some(last);
        Ok(())
    }

    /// Returns a hook for [`Trainer::on_epoch`](super::Trainer::on_epoch) that writes after every epoch.
    ///
    /// If writing fails, the hook stops the run with the text of the error. After the last epoch nothing is left to
    /// stop, and the error is not shown.
    pub fn hook<M: MultiTaskModel>(
        mut self,
    ) -> impl FnMut(EpochSeen<'_, M>) -> ControlFlow<String> + Send + 'static {
        move |seen: EpochSeen<'_, M>| match self.write(seen.history) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error.to_string()),
        }
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.file.write_all(bytes);
        written.map_err(Error::io("write", &self.path))
    }
}

/// Creates a file under a free name, because two writers may start within a second. TensorBoard reads files in the
/// order of their names, so the time comes first.
fn new_file(folder: &Path) -> Result<(PathBuf, File)> {
    let (seconds, host, process) = (since_1970().as_secs(), host(), std::process::id());
    let name = format!("events.out.tfevents.{seconds}.{host}.{process}");
    let mut path = folder.join(&name);
    let mut taken = 0;
    loop {
        match File::create_new(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                taken += 1;
                path = folder.join(format!("{name}.{taken}"));
            }
            Err(error) => return Err(Error::io("create", &path)(error)),
        }
    }
}

/// Returns the host name from the environment, if it is valid in a file name.
fn host() -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-._".contains(letter);
    let found = std::env::var("HOSTNAME").unwrap_or_default();
    if !found.is_empty() && found.chars().all(plain) {
        found
    } else {
        "equipoise".into()
    }
}

fn since_1970() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default()
}

fn event() -> Message {
    Message::default().double(1, since_1970().as_secs_f64())
}

/// Returns the first event of a file.
fn version() -> Message {
    event().bytes(3, b"brain.Event:2")
}

/// Returns the event that makes TensorBoard forget this epoch and later ones from earlier files. Without it, readers
/// that keep every value would draw a resumed run twice.
fn start(epoch: usize) -> Message {
    let session = Message::default().integer(1, 1);
    event().integer(2, epoch as u64).bytes(7, &session.0)
}

fn scalars(epoch: usize, records: &[&Record]) -> Message {
    let mut summary = Message::default();
    for record in records {
        let tag = format!("{}/{}/{}", record.task, record.quantity, record.split);
        let value = Message::default().bytes(1, tag.as_bytes());
        let value = value.float(2, record.value as f32);
        summary = summary.bytes(1, &value.0);
    }
    event().integer(2, epoch as u64).bytes(5, &summary.0)
}

/// Wraps a message in the frame of an event file.
fn framed(message: &Message) -> Vec<u8> {
    let length = (message.0.len() as u64).to_le_bytes();
    let mut bytes = Vec::new();
    for part in [length.as_slice(), message.0.as_slice()] {
        bytes.extend_from_slice(part);
        bytes.extend_from_slice(&masked(crc32c(part)).to_le_bytes());
    }
    bytes
}

/// Returns a checksum in its stored form, which differs from the checksum itself, because a checksum over data that
/// contain their own checksum is weak.
fn masked(sum: u32) -> u32 {
    sum.rotate_right(15).wrapping_add(0xA282_EAD8)
}

/// Returns the CRC-32C (Castagnoli), which has another polynomial than the CRC-32 of the checkpoints.
fn crc32c(bytes: &[u8]) -> u32 {
    let sum = bytes.iter().fold(u32::MAX, |sum, byte| {
        TABLE[usize::from(sum.to_le_bytes()[0] ^ byte)] ^ (sum >> 8)
    });
    !sum
}

/// The remainder of every byte for the CRC-32C.
static TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        let mut sum = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            let low = sum & 1;
            sum = (sum >> 1) ^ (low * 0x82F6_3B78);
            bit += 1;
        }
        table[byte] = sum;
        byte += 1;
    }
    table
};

/// A protocol buffer, encoded field by field. The key of a field is its number and its wire type.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn integer(self, field: u8, value: u64) -> Self {
        self.key(field, 0).varint(value)
    }

    fn double(self, field: u8, value: f64) -> Self {
        self.key(field, 1).plain(&value.to_le_bytes())
    }

    fn bytes(self, field: u8, value: &[u8]) -> Self {
        let length = value.len() as u64;
        self.key(field, 2).varint(length).plain(value)
    }

    fn float(self, field: u8, value: f32) -> Self {
        self.key(field, 5).plain(&value.to_le_bytes())
    }

    fn key(self, field: u8, form: u8) -> Self {
        self.plain(&[(field << 3) | form])
    }

    /// Appends seven bits per byte, lowest first; the eighth bit is set if more bytes follow.
    fn varint(mut self, mut value: u64) -> Self {
        while value > 0x7F {
            self.0.push(0x80 | (value & 0x7F) as u8);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }

    fn plain(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{ALL_TASKS, Split, quantity};

    /// An event as the decoder of these tests reads it; the decoder shares nothing with the writer.
    #[derive(Debug, Default)]
    struct Event {
        wall_time: f64,
        step: u64,
        version: String,
        session: u64,
        scalars: Vec<(String, f32)>,
    }

    /// A field of a protocol buffer: an integer, or bytes.
    struct Field<'a> {
        number: u64,
        integer: u64,
        bytes: &'a [u8],
    }

    fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
        let (taken, rest) = bytes.split_at(count);
        *bytes = rest;
        taken
    }

    fn read_varint(bytes: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0_u64, 0_u32);
        loop {
            let byte = take(bytes, 1)[0];
            value |= u64::from(byte & 127) << shift;
            shift += 7;
            if byte < 128 {
                return value;
            }
        }
    }

    fn fields(mut bytes: &[u8]) -> Vec<Field<'_>> {
        let mut found = Vec::new();
        while !bytes.is_empty() {
            let key = read_varint(&mut bytes);
            let mut integer = 0;
            let length = match key & 7 {
                0 => {
                    integer = read_varint(&mut bytes);
                    0
                }
                1 => 8,
                2 => read_varint(&mut bytes) as usize,
                5 => 4,
                other => panic!("a field of the unknown form {other}"),
            };
            found.push(Field {
                number: key >> 3,
                integer,
                bytes: take(&mut bytes, length),
            });
        }
        found
    }

    fn text(bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn decode_scalar(value: &Field<'_>) -> (String, f32) {
        let parts = fields(value.bytes);
        let [tag, number] = parts.as_slice() else {
            panic!("{} fields instead of tag and value", parts.len());
        };
        assert_eq!((value.number, tag.number, number.number), (1, 1, 2));
        let number = f32::from_le_bytes(number.bytes.try_into().unwrap());
        (text(tag.bytes), number)
    }

    fn decode(message: &[u8]) -> Event {
        let mut event = Event::default();
        for field in fields(message) {
            match field.number {
                1 => event.wall_time = f64::from_le_bytes(field.bytes.try_into().unwrap()),
                2 => event.step = field.integer,
                3 => event.version = text(field.bytes),
                5 => event.scalars = fields(field.bytes).iter().map(decode_scalar).collect(),
                7 => event.session = fields(field.bytes)[0].integer,
                other => panic!("unknown field {other}"),
            }
        }
        event
    }

    /// Computes the CRC-32C bit by bit.
    fn slow_sum(bytes: &[u8]) -> u32 {
        let mut sum = u32::MAX;
        for byte in bytes {
            sum ^= u32::from(*byte);
            for _ in 0..8 {
                let odd = sum % 2 == 1;
                sum /= 2;
                if odd {
                    sum ^= 0x82F6_3B78;
                }
            }
        }
        !sum
    }

    /// Takes `count` bytes and their checksum, unmasked as in a reader.
    fn checked<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
        let part = take(bytes, count);
        let stored = u32::from_le_bytes(take(bytes, 4).try_into().unwrap());
        let sum = stored.wrapping_sub(0xA282_EAD8).rotate_left(15);
        assert_eq!(sum, slow_sum(part));
        part
    }

    fn events(board: &TensorBoard) -> Vec<Event> {
        let bytes = std::fs::read(&board.path).unwrap();
        let mut rest = bytes.as_slice();
        let mut found = Vec::new();
        while !rest.is_empty() {
            let length = checked(&mut rest, 8);
            let length = u64::from_le_bytes(length.try_into().unwrap());
            found.push(decode(checked(&mut rest, length as usize)));
        }
        found
    }

    fn scalar(tag: &str, value: f32) -> (String, f32) {
        (tag.into(), value)
    }

    fn history() -> History {
        let mut history = History::new();
        history.record(0, Split::Valid, "kind", quantity::CONSTANT_LOSS, 1.5);
        history.record(1, Split::Train, "kind", quantity::LOSS, -0.1);
        history.record(1, Split::Valid, ALL_TASKS, quantity::RELATIVE_LOSS, 0.0);
        history.record(2, Split::Train, "kind", quantity::LOSS, f64::NAN);
        history.record(2, Split::Valid, "kind", quantity::LOSS, f64::INFINITY);
        history
    }

    #[test]
    fn checksums_are_those_of_the_format() {
        // The check value of CRC-32C in Koopman's and Cook's catalogues.
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        // The start of TensorFlow's event files: an event of 24 bytes, and the checksum of its length.
        let file = framed(&version());
        assert_eq!(file.len(), 12 + 24 + 4);
        assert_eq!(file[..8], 24_u64.to_le_bytes());
        assert_eq!(file[8..12], [0xA3, 0x7F, 0x4B, 0x22]);
    }

    #[test]
    fn a_file_holds_every_number_of_the_history() {
        let folder = tempfile::tempdir().unwrap();
        let mut board = TensorBoard::create(folder.path().join("new/folder")).unwrap();
        board.write(&history()).unwrap();
        let found = events(&board);
        let [begin, session, known, first, second] = found.as_slice() else {
            panic!("{} events", found.len());
        };
        assert_eq!(begin.version, "brain.Event:2");
        assert!(begin.wall_time > 1.7e9, "seconds since 1970");
        assert_eq!((session.session, session.step), (1, 0));
        assert_eq!(known.step, 0);
        assert_eq!(known.scalars, [scalar("kind/constant_loss/valid", 1.5)]);
        assert_eq!(first.step, 1);
        let of_task = scalar("kind/loss/train", -0.1);
        let of_all = scalar("all/relative_loss/valid", 0.0);
        assert_eq!(first.scalars, [of_task, of_all]);
        assert_eq!(second.step, 2);
        assert_eq!(second.scalars[0].0, "kind/loss/train");
        assert!(second.scalars[0].1.is_nan());
        let infinite = scalar("kind/loss/valid", f32::INFINITY);
        assert_eq!(second.scalars[1], infinite);
    }

    #[test]
    fn an_epoch_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut board = TensorBoard::create(folder.path()).unwrap();
        board.write(&History::new()).unwrap();
        assert_eq!(events(&board).len(), 1);
        let mut history = history();
        board.write(&history).unwrap();
        let before = std::fs::read(&board.path).unwrap();
        board.write(&history).unwrap();
        assert_eq!(std::fs::read(&board.path).unwrap(), before);

        // Lengths and a step that need more than one byte.
        let task = "long".repeat(50);
        history.record(300, Split::Valid, &task, "accuracy", 0.5);
        board.write(&history).unwrap();
        assert!(std::fs::read(&board.path).unwrap().starts_with(&before));
        let found = events(&board);
        assert_eq!(found.len(), 6);
        assert_eq!(found[5].step, 300);
        let expected = scalar(&format!("{task}/accuracy/valid"), 0.5);
        assert_eq!(found[5].scalars, [expected]);
    }

    #[test]
    fn a_resumed_run_begins_a_file_with_the_epochs_of_its_history() {
        let folder = tempfile::tempdir().unwrap();
        let mut old = TensorBoard::create(folder.path()).unwrap();
        old.write(&history()).unwrap();
        let mut new = TensorBoard::create(folder.path()).unwrap();
        assert_ne!(old.path, new.path);
        let mut history = history();
        history.truncate_after(1);
        new.write(&history).unwrap();
        let found: Vec<_> = events(&new).iter().map(|e| (e.session, e.step)).collect();
        assert_eq!(found, [(0, 0), (1, 0), (0, 0), (0, 1)]);
        assert_eq!(events(&old).len(), 5);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        std::fs::write(&taken, "a file").unwrap();
        let error = TensorBoard::create(&taken).unwrap_err();
        let Error::Io { path, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(path, &taken);
    }
}
