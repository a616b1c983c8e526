//! Where the predictions go: a file that appears whole at the end, or standard output at once.

use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use equipoise::expansion::predictor::WindowPrediction;
use equipoise::{Error, Result};
use tempfile::{Builder, NamedTempFile};

/// How a prediction is written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table with a header.
    Csv,
    /// A JSON object in every line.
    #[value(alias = "json", alias = "ndjson")]
    Jsonl,
}

/// The open output.
pub struct Sink {
    rows: Rows,
    file: Option<(NamedTempFile, PathBuf)>,
    written: usize,
}

/// Rows in one of the formats.
enum Rows {
    Csv(Box<csv::Writer<Box<dyn Write>>>),
    Jsonl(BufWriter<Box<dyn Write>>),
}

/// Whether there is still somebody who reads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    Listens,
    /// As `head` does when it has enough.
    Left,
}

impl Sink {
    /// Opens the output. A file is written beside its place.
    pub fn open(out: Option<&Path>, format: Option<Format>) -> Result<Self> {
        let file = out.map(beside).transpose()?;
        let output: Box<dyn Write> = match &file {
            None => Box::new(io::stdout()),
            Some((file, path)) => Box::new(file.reopen().map_err(Error::io("write", path))?),
        };
        let rows = match format.unwrap_or_else(|| by_name(out)) {
            Format::Csv => Rows::Csv(Box::new(csv::Writer::from_writer(output))),
            Format::Jsonl => Rows::Jsonl(BufWriter::new(output)),
        };
        Ok(Self {
            rows,
            file,
            written: 0,
        })
    }

    /// How many predictions were written.
    pub fn written(&self) -> usize {
        self.written
    }

    /// Writes a prediction.
    pub fn write(&mut self, found: &WindowPrediction) -> Result<Reader> {
        let done = match &mut self.rows {
            Rows::Csv(rows) => rows.serialize(found).map_err(io::Error::other),
            Rows::Jsonl(rows) => serde_json::to_writer(&mut *rows, found)
                .map_err(io::Error::from)
                .and_then(|()| writeln!(rows)),
        };
        self.written += 1;
        self.listens(done)
    }

    /// Hands over what was written so far.
    pub fn flush(&mut self) -> Result<Reader> {
        let done = match &mut self.rows {
            Rows::Csv(rows) => rows.flush(),
            Rows::Jsonl(rows) => rows.flush(),
        };
        self.listens(done)
    }

    /// Puts a file in its place.
    pub fn finish(mut self) -> Result<()> {
        self.flush()?;
        drop(self.rows);
        match self.file {
            None => Ok(()),
            Some((file, path)) => file
                .persist(&path)
                .map(drop)
                .map_err(|error| Error::io("write", &path)(error.error)),
        }
    }

    fn listens(&self, done: io::Result<()>) -> Result<Reader> {
        match (done, &self.file) {
            (Ok(()), _) => Ok(Reader::Listens),
            (Err(error), None) if is_closed(&error) => Ok(Reader::Left),
            (Err(error), None) => Err(Error::io("write", "standard output")(error)),
            (Err(error), Some((_, path))) => Err(Error::io("write", path)(error)),
        }
    }
}

/// Whether an error says that the other end of a pipe is closed.
fn is_closed(error: &io::Error) -> bool {
    let inner = || error.get_ref()?.downcast_ref::<csv::Error>();
    match inner().map(csv::Error::kind) {
        Some(csv::ErrorKind::Io(inner)) => inner.kind() == ErrorKind::BrokenPipe,
        _ => error.kind() == ErrorKind::BrokenPipe,
    }
}

fn by_name(out: Option<&Path>) -> Format {
    let extension = out.and_then(Path::extension);
    let lines = ["jsonl", "ndjson", "json"];
    match extension.is_some_and(|found| lines.iter().any(|name| found.eq_ignore_ascii_case(name))) {
        true => Format::Jsonl,
        false => Format::Csv,
    }
}

/// A new file in the folder of another.
fn beside(out: &Path) -> Result<(NamedTempFile, PathBuf)> {
    if out.is_dir() {
        return Err(Error::file(out, "is a folder, but --out takes a file"));
    }
    let folder = match out.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = Builder::new();
    // Readable by its owner alone unless asked otherwise.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder
        .prefix(".predict-")
        .tempfile_in(folder)
        .map_err(Error::io("write", out))?;
    Ok((file, out.to_path_buf()))
}
