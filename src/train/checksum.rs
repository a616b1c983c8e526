//! Writes and checks a checksum for every checkpoint file: nothing else reveals a flipped bit in a file of numbers.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::history::write_atomically;

/// Returns the checksum file of a file, such as `model-20.bpk.crc32` for `model-20.bpk`.
pub(super) fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".crc32");
    name.into()
}

/// Writes the CRC-32 of a file beside it, as eight hexadecimal digits, and returns it.
pub(super) fn write(file: &Path) -> Result<u32> {
    let sum = crc32(file).map_err(Error::io("read", file))?;
    write_atomically(beside(file), format!("{sum:08x}\n").as_bytes())?;
    Ok(sum)
}

/// Checks that a file matches its checksum. A file without a checksum, such as one from another program, is accepted.
pub(super) fn check(file: &Path) -> Result<()> {
    let sum = beside(file);
    let text = match std::fs::read(&sum) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        text => text.map_err(Error::io("read", &sum))?,
    };
    let text = String::from_utf8_lossy(&text);
    let Ok(recorded) = u32::from_str_radix(text.trim(), 16) else {
        return Err(Error::Checkpoint {
            path: sum,
            reason: format!(
                "holds {:?}, expected the CRC-32 of {} as eight hexadecimal digits; if that file is good, remove this one",
                text.chars().take(20).collect::<String>(),
                file.display()
            ),
        });
    };
    match crc32(file) {
        Ok(found) if found != recorded => Err(Error::Checkpoint {
            path: file.to_path_buf(),
            reason: format!(
                "is damaged: its CRC-32 is {found:08x}, but it was {recorded:08x} when it was written; take another epoch \
                 (to continue a run from an earlier one, move the files of this one away)"
            ),
        }),
        // The reader of the file reports a missing file better.
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("read", file)(error))
        }
        _ => Ok(()),
    }
}

/// Returns the CRC-32 of a file's bytes.
pub(crate) fn crc32(file: &Path) -> io::Result<u32> {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Files are read in pieces.
    #[test]
    fn every_byte_of_a_long_file_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("model-1.bpk");
        let good = vec![7; (3 << 16) + 5];
        std::fs::write(&file, &good).unwrap();
        write(&file).unwrap();
        for at in [0, 1 << 16, (2 << 16) - 1, good.len() - 1] {
            let mut damaged = good.clone();
            damaged[at] ^= 1;
            std::fs::write(&file, damaged).unwrap();
            let error = check(&file).unwrap_err().to_string();
            assert!(error.contains("is damaged"), "byte {at}: {error}");
        }
    }

    #[test]
    fn a_checksum_that_is_none_is_an_error_and_a_missing_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("model-1.bpk");
        std::fs::write(&file, "numbers").unwrap();
        check(&file).unwrap();
        write(&file).unwrap();
        check(&file).unwrap();
        for (sum, shown) in [
            ("", "\"\""),
            ("zz", "\"zz\""),
            ("123456789", "\"123456789\""),
        ] {
            std::fs::write(beside(&file), sum).unwrap();
            let error = check(&file).unwrap_err().to_string();
            let expected = format!("holds {shown}, expected the CRC-32");
            assert!(
                error.contains("model-1.bpk.crc32") && error.contains(&expected),
                "{error}"
            );
        }
    }
}
