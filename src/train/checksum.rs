//! A checksum beside every checkpoint file: in a file of numbers a flipped bit is another number, which nothing else shows.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::history::write_atomically;

/// `model-20.bpk.crc32` for `model-20.bpk`.
pub(super) fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".crc32");
    name.into()
}

/// Writes the CRC-32 of a file beside it, as eight hexadecimal digits.
pub(super) fn write(file: &Path) -> Result<()> {
    let sum = of(file).map_err(Error::io("read", file))?;
    write_atomically(beside(file), format!("{sum:08x}\n").as_bytes())
}

/// Sees that a file is as it was written. One without a checksum, as of another program, is taken as it is.
pub(super) fn check(file: &Path) -> Result<()> {
    let recorded = match std::fs::read(beside(file)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        recorded => recorded.map_err(Error::io("read", beside(file)))?,
    };
    let found = match of(file) {
        // That it is not there, its reader says better.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found.map_err(Error::io("read", file))?,
    };
    let recorded = String::from_utf8_lossy(&recorded).trim().to_owned();
    match u32::from_str_radix(&recorded, 16) == Ok(found) {
        true => Ok(()),
        false => Err(Error::Checkpoint {
            path: file.to_path_buf(),
            reason: format!(
                "is damaged: its CRC-32 is {found:08x}, but {} says `{recorded}`; take the checkpoint of another epoch",
                beside(file).display()
            ),
        }),
    }
}

fn of(file: &Path) -> io::Result<u32> {
    let mut file = File::open(file)?;
    let mut sum = crc32fast::Hasher::new();
    let mut bytes = vec![0; 1 << 16];
    loop {
        match file.read(&mut bytes)? {
            0 => return Ok(sum.finalize()),
            read => sum.update(&bytes[..read]),
        }
    }
}
