//! What a disk may hold after a loss of power, from the log of what was written.
//!
//! A file that was not synced may have any of its old bytes; a name that was made, moved or removed counts only once
//! its folder is synced. Real file systems promise more, each something else, so the worst is assumed of all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::Operation;

/// The number of a file or folder, which keeps it under every name.
type Number = usize;

/// The names and contents that a program sees, and those that are safe.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    seen: BTreeMap<PathBuf, Number>,
    safe: BTreeMap<PathBuf, Number>,
    files: Vec<Content>,
    folders: BTreeSet<Number>,
}

#[derive(Clone, Debug, Default)]
struct Content {
    seen: Vec<u8>,
    safe: Vec<u8>,
}

/// What is left of what was not safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Nothing: the names and the contents that were synced.
    Safe,
    /// Every name, with the contents that were synced: files are empty under their new names.
    Names,
    /// Every content, under the names that were synced.
    Contents,
    /// Either of both for each name and each content, drawn by a seed.
    Drawn(u64),
}

impl Disk {
    /// Does an operation.
    pub fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Create { path, empties } => {
                let number = self.number(path);
                if *empties {
                    self.files[number].seen.clear();
                }
            }
            Operation::Write { path, at, bytes } => {
                let number = self.number(path);
                let content = &mut self.files[number].seen;
                let (start, end) = (*at as usize, *at as usize + bytes.len());
                content.resize(content.len().max(end), 0);
                content[start..end].copy_from_slice(bytes);
            }
            Operation::Truncate { path, length } => {
                let number = self.number(path);
                self.files[number].seen.resize(*length as usize, 0);
            }
            Operation::Sync { path } => self.sync(path),
            Operation::Rename { from, to } => {
                if let Some(number) = self.seen.remove(from) {
                    self.seen.insert(to.clone(), number);
                }
            }
            Operation::Link { from, to } => {
                let number = self.number(from);
                self.seen.insert(to.clone(), number);
            }
            Operation::Remove { path } => {
                self.seen.remove(path);
            }
            Operation::Folder { path } => {
                let number = self.number(path);
                self.folders.insert(number);
            }
        }
    }

    fn number(&mut self, path: &Path) -> Number {
        let files = &mut self.files;
        *self.seen.entry(path.to_path_buf()).or_insert_with(|| {
            files.push(Content::default());
            files.len() - 1
        })
    }

    /// Makes the content of a file, or the names in a folder, safe.
    fn sync(&mut self, path: &Path) {
        let number = self.seen.get(path).copied();
        if let Some(number) = number.filter(|number| !self.folders.contains(number)) {
            let content = &mut self.files[number];
            content.safe.clone_from(&content.seen);
            return;
        }
        let within = |name: &PathBuf| name.parent() == Some(path);
        self.safe.retain(|name, _| !within(name));
        let now = self.seen.iter().filter(|(name, _)| within(name));
        self.safe
            .extend(now.map(|(name, number)| (name.clone(), *number)));
    }

    /// Writes what is left under `root` into an empty folder.
    pub fn write(&self, root: &Path, to: &Path, left: Left) {
        let mut draw = Draw(match left {
            Left::Drawn(seed) => seed | 1,
            _ => 1,
        });
        let names: BTreeSet<&PathBuf> = self.seen.keys().chain(self.safe.keys()).collect();
        let mut made: BTreeSet<PathBuf> = BTreeSet::from([root.to_path_buf()]);
        // In order of names, a folder comes before what is in it.
        for name in names {
            let now = match left {
                Left::Safe | Left::Contents => false,
                Left::Names => true,
                Left::Drawn(_) => draw.coin(),
            };
            let of = if now { &self.seen } else { &self.safe };
            let Some(number) = of.get(name) else { continue };
            let parent = name.parent().is_some_and(|parent| made.contains(parent));
            let (true, Ok(inside)) = (parent, name.strip_prefix(root)) else {
                continue;
            };
            if self.folders.contains(number) {
                std::fs::create_dir(to.join(inside)).unwrap();
                made.insert(name.clone());
                continue;
            }
            let content = &self.files[*number];
            let whole = match left {
                Left::Safe | Left::Names => false,
                Left::Contents => true,
                Left::Drawn(_) => draw.coin(),
            };
            let bytes = if whole { &content.seen } else { &content.safe };
            std::fs::write(to.join(inside), bytes).unwrap();
        }
    }

    /// Returns whether a name is safe and its content, too.
    pub fn holds(&self, path: &Path) -> bool {
        let (seen, safe) = (self.seen.get(path), self.safe.get(path));
        let content = |number: &Number| &self.files[*number];
        seen.is_some() && seen == safe && safe.map(content).is_some_and(|c| c.seen == c.safe)
    }
}

/// A generator of coins (xorshift), the same on every machine.
struct Draw(u64);

impl Draw {
    fn coin(&mut self) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 33 & 1 == 1
    }
}
