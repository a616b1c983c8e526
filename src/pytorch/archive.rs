//! Reads the zip archive that `torch.save` writes: a pickle and one entry per storage.
//!
//! Every entry is read and its checksum compared before any content is used. Compressed entries are refused, and all
//! entries together may not be larger than the file, so memory is bounded by the size of the file.

use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::sync::Arc;

use zip::read::{ArchiveOffset, Config, ZipFile};
use zip::{CompressionMethod, ZipArchive};

use super::remedy::Remedy;

/// The entries of an archive by name, without the folder.
pub(super) struct Archive {
    entries: HashMap<String, Arc<Vec<u8>>>,
}

impl Archive {
    /// Reads every entry.
    pub(super) fn read(bytes: &[u8], remedy: &Remedy<'_>) -> Result<Self, String> {
        let broken = |error| format!("is no whole zip archive ({error}); copy or save it again");
        // Nothing stands before the archive. A search for its start would be misled by the lengths of some names.
        let config = Config {
            archive_offset: ArchiveOffset::Known(0),
        };
        let mut zip = ZipArchive::with_config(config, Cursor::new(bytes)).map_err(broken)?;
        if zip.has_duplicate_names() {
            return Err("is a zip archive with two entries of one name".into());
        }
        let program = |name: &str| name.ends_with("/constants.pkl");
        if zip
            .file_names()
            .any(|name| name.is_ok_and(|name| program(&name)))
        {
            return Err(format!(
                "is a TorchScript archive, a program; save its tensors alone, if you trust it: `{}`",
                remedy.save(&remedy.script())
            ));
        }
        let mut entries = HashMap::new();
        let mut left = bytes.len() as u64;
        for index in 0..zip.len() {
            let mut entry = zip.by_index(index).map_err(broken)?;
            let name = entry.name().map_err(broken)?.into_owned();
            let contents = contents(&mut entry, &mut left)
                .map_err(|reason| format!("its entry `{}` {reason}", name.escape_debug()))?;
            entries.insert(name, Arc::new(contents));
        }
        let archive = Self {
            entries: without_folder(entries)?,
        };
        archive.check_byte_order()?;
        Ok(archive)
    }

    pub(super) fn pickle(&self) -> &[u8] {
        &self.entries[PICKLE]
    }

    /// Returns the bytes of a storage.
    pub(super) fn storage(&self, key: &str) -> Option<Arc<Vec<u8>>> {
        self.entries.get(&format!("data/{key}")).cloned()
    }

    fn check_byte_order(&self) -> Result<(), String> {
        match self.entries.get("byteorder").map(|entry| entry.as_slice()) {
            None | Some(b"little") => Ok(()),
            Some(_) => Err(
                "has numbers in big-endian byte order; save it on a little-endian machine".into(),
            ),
        }
    }
}

const PICKLE: &str = "data.pkl";

fn contents<R: Read>(entry: &mut ZipFile<'_, R>, left: &mut u64) -> Result<Vec<u8>, String> {
    if entry.compression() != CompressionMethod::Stored || entry.encrypted() {
        return Err("is compressed or encrypted, which `torch.save` does not do".into());
    }
    let (size, checksum) = (entry.size(), entry.crc32());
    *left = left
        .checked_sub(size)
        .ok_or("and those before it are larger than the file")?;
    let mut contents = Vec::new();
    // One byte more than the size, because the checksum is compared at the end of the entry.
    let read = entry
        .take(size.saturating_add(1))
        .read_to_end(&mut contents);
    match read {
        Ok(_) if contents.len() as u64 == size => Ok(contents),
        Ok(found) => Err(format!("has {found} bytes where {size} were announced")),
        Err(_) if checksum == 0 => Err("has no checksum; save it without \
             `torch.serialization.set_crc32_options(False)`"
            .into()),
        Err(error) => Err(format!("is damaged ({error}); copy or save it again")),
    }
}

/// Returns the entries of the one folder that holds the pickle, under their names without the folder.
fn without_folder<T>(entries: HashMap<String, T>) -> Result<HashMap<String, T>, String> {
    let mut folders = entries.keys().filter_map(|name| {
        let folder = name.strip_suffix(PICKLE)?.strip_suffix('/')?;
        (!folder.contains('/')).then(|| folder.to_string())
    });
    let folder = match (folders.next(), folders.next()) {
        (Some(folder), None) => folder,
        (None, _) => {
            return Err(
                "is a zip archive without a `data.pkl`, so `torch.save` did not write it".into(),
            );
        }
        (Some(_), Some(_)) => return Err("has more than one `data.pkl`".into()),
    };
    let inside = |(name, contents): (String, T)| {
        let name = name.strip_prefix(&folder)?.strip_prefix('/')?.to_string();
        Some((name, contents))
    };
    Ok(entries.into_iter().filter_map(inside).collect())
}
