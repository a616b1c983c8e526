//! Writes the predictions: to a file that is complete or absent, or line by line.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use equipoise::expansion::predictor::WindowPrediction;
use equipoise::{Error, Result};
use tempfile::{Builder, NamedTempFile};

/// The format of a prediction.
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
    /// The name of the output in messages.
    name: PathBuf,
    /// The temporary file, not yet moved to its place.
    unfinished: Option<NamedTempFile>,
    written: usize,
}

/// Rows in one of the formats.
enum Rows {
    Csv(Box<csv::Writer<Box<dyn Write>>>),
    Jsonl(BufWriter<Box<dyn Write>>),
}

/// The state of the reader of the output.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    Listens,
    /// The reader closed the pipe, as `head` does.
    Left,
}

impl Sink {
    /// Opens the output: a file that [`finish`](Self::finish) moves to its place, or standard output.
    pub fn whole(out: Option<&Path>, format: Option<Format>) -> Result<Self> {
        let Some(out) = out else {
            return Self::by_lines(None, format);
        };
        let place = place(out)?;
        // A device or a pipe cannot be replaced.
        if place.exists() && !place.is_file() {
            return Self::by_lines(Some(&place), format);
        }
        let file = beside(&place)?;
        let output = file.reopen().map_err(Error::io("write", out))?;
        Self::new(Box::new(output), place, Some(file), format)
    }

    /// Opens the output for writing line by line, without a temporary file.
    pub fn by_lines(out: Option<&Path>, format: Option<Format>) -> Result<Self> {
        let (output, name): (Box<dyn Write>, _) = match out {
            None => (Box::new(io::stdout()), PathBuf::from("standard output")),
            Some(out) => {
                let place = place(out)?;
                let file = File::create(&place).map_err(Error::io("write", out))?;
                (Box::new(file), place)
            }
        };
        Self::new(output, name, None, format)
    }

    fn new(
        output: Box<dyn Write>,
        name: PathBuf,
        unfinished: Option<NamedTempFile>,
        format: Option<Format>,
    ) -> Result<Self> {
        let rows = match format.unwrap_or_else(|| by_name(&name)) {
            Format::Jsonl => Rows::Jsonl(BufWriter::new(output)),
            Format::Csv => {
                let mut rows = csv::WriterBuilder::new()
                    .has_headers(false)
                    .from_writer(output);
                rows.write_record(WindowPrediction::COLUMNS)
                    .map_err(|error| Error::io("write", &name)(cause(error)))?;
                Rows::Csv(Box::new(rows))
            }
        };
        Ok(Self {
            rows,
            name,
            unfinished,
            written: 0,
        })
    }

    /// Returns the name of the output in messages.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Returns whether the output is a file that is not yet in its place.
    pub fn is_unfinished(&self) -> bool {
        self.unfinished.is_some()
    }

    /// Returns the number of predictions written.
    pub fn written(&self) -> usize {
        self.written
    }

    /// Writes a prediction.
    pub fn write(&mut self, found: &WindowPrediction) -> Result<Reader> {
        let done = match &mut self.rows {
            Rows::Csv(rows) => rows.serialize(found).map_err(cause),
            Rows::Jsonl(rows) => serde_json::to_writer(&mut *rows, found)
                .map_err(io::Error::from)
                .and_then(|()| writeln!(rows)),
        };
        self.written += 1;
        self.listens(done)
    }

    /// Flushes the output.
    pub fn flush(&mut self) -> Result<Reader> {
        let done = match &mut self.rows {
            Rows::Csv(rows) => rows.flush(),
            Rows::Jsonl(rows) => rows.flush(),
        };
        self.listens(done)
    }

    /// Flushes the output, and moves a temporary file to its place.
    pub fn finish(mut self) -> Result<()> {
        self.flush()?;
        drop(self.rows);
        match self.unfinished {
            None => Ok(()),
            Some(file) => move_into_place(file, &self.name).map_err(Error::io("write", &self.name)),
        }
    }

    fn listens(&self, done: io::Result<()>) -> Result<Reader> {
        match done {
            Ok(()) => Ok(Reader::Listens),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::Left),
            Err(error) => Err(Error::io("write", &self.name)(error)),
        }
    }
}

/// Returns the error of the system, which distinguishes a closed pipe from a full disk.
fn cause(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(cause) => cause,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn by_name(out: &Path) -> Format {
    let lines = ["jsonl", "ndjson", "json"];
    let extension = out.extension();
    if extension.is_some_and(|found| lines.iter().any(|name| found.eq_ignore_ascii_case(name))) {
        Format::Jsonl
    } else {
        Format::Csv
    }
}

/// Returns the path of a file with links resolved.
fn place(out: &Path) -> Result<PathBuf> {
    if out.is_dir() {
        return Err(Error::file(out, "is a folder, but --out takes a file"));
    }
    Ok(out.canonicalize().unwrap_or_else(|_| out.to_path_buf()))
}

fn folder_of(place: &Path) -> &Path {
    match place.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Moves a complete file to its place. On return it is on the disk.
fn move_into_place(file: NamedTempFile, place: &Path) -> io::Result<()> {
    // Before the move: a name on the disk without its rows would be an empty table.
    file.as_file().sync_all()?;
    let file = file.into_temp_path();
    std::fs::rename(&file, place)?;
    file.keep().map_err(|error| error.error)?;
    #[cfg(unix)]
    // A drive that cannot sync a folder orders its names in its own way.
    let _ = File::open(folder_of(place)).and_then(|folder| folder.sync_all());
    Ok(())
}

/// Removes the temporary files of killed processes. A file in use is locked, or so new that it is not yet.
fn remove_remains(folder: &Path) {
    for file in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if !file.file_name().to_string_lossy().starts_with(UNFINISHED) {
            continue;
        }
        let old = |file: &File| Some(file.metadata().ok()?.modified().ok()?.elapsed().ok()? > NEW);
        let opened = File::open(file.path());
        if opened.is_ok_and(|file| file.try_lock().is_ok() && old(&file) == Some(true)) {
            // A file that stays is in nobody's way.
            let _ = std::fs::remove_file(file.path());
        }
    }
}

/// The beginning of the names of temporary files.
const UNFINISHED: &str = ".predict-";
/// The time within which a temporary file is locked.
const NEW: Duration = Duration::from_secs(60);

/// Creates a temporary file in the folder of `place`, and locks it until it is moved.
fn beside(place: &Path) -> Result<NamedTempFile> {
    let folder = folder_of(place);
    remove_remains(folder);
    let mut builder = Builder::new();
    // The default permissions would let only the owner read the file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder
        .prefix(UNFINISHED)
        .tempfile_in(folder)
        .map_err(Error::io("write", place))?;
    // On a drive without locks the file may be taken for a remainder, after a minute.
    let _ = file.as_file().try_lock();
    Ok(file)
}
