//! Programs whose writing is logged, fails or is cut short: the library of `shim.rs` in front of them, and its log.

// Every test file is a program of its own and uses a part of this.
#![allow(dead_code)]

pub mod power;
pub mod rules;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What happens at an operation, as `shim.rs` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The process is killed before it.
    Kill,
    /// A write is done half, anything else whole, and the process is killed.
    Half,
    /// It fails with an error of the device.
    Error,
    /// From here on the disk is full.
    Full,
    /// From here on nothing can be changed.
    ReadOnly,
    /// The folder gets another name.
    Gone,
}

impl How {
    fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Half => "half",
            Self::Error => "error",
            Self::Full => "full",
            Self::ReadOnly => "readonly",
            Self::Gone => "gone",
        }
    }
}

/// An operation of the log. Paths are absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    Create {
        path: PathBuf,
        empties: bool,
    },
    Write {
        path: PathBuf,
        at: u64,
        bytes: Vec<u8>,
    },
    Truncate {
        path: PathBuf,
        length: u64,
    },
    Sync {
        path: PathBuf,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Link {
        from: PathBuf,
        to: PathBuf,
    },
    Remove {
        path: PathBuf,
    },
    Folder {
        path: PathBuf,
    },
}

/// The library, compiled once for a test program; `None` where it cannot be, with a printed reason.
pub fn library() -> Option<&'static Path> {
    static LIBRARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    LIBRARY.get_or_init(compiled).as_deref()
}

fn compiled() -> Option<PathBuf> {
    if !cfg!(all(
        target_os = "linux",
        target_env = "gnu",
        any(target_arch = "x86_64", target_arch = "aarch64")
    )) {
        println!(
            "skipped: faults of the disk are made through LD_PRELOAD, on Linux with the GNU C library"
        );
        return None;
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/disk/shim.rs");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let place = folder.join(format!("libdisk-{}.so", std::process::id()));
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(compiler);
    command.args([
        "--edition",
        "2024",
        "--crate-type",
        "cdylib",
        "-O",
        "-C",
        "panic=abort",
    ]);
    let output = command.arg(source).arg("-o").arg(&place).output();
    let output = output.expect("the compiler that built this test is there");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(place)
}

/// Puts the library in front of a program. `fault` is the number of an operation in `folder` and what happens there.
pub fn watch(command: &mut Command, folder: &Path, log: Option<&Path>, fault: Option<(u64, How)>) {
    let library = library().expect("whoever calls this has asked for it");
    command
        .env("LD_PRELOAD", library)
        .env("DISK_FOLDER", folder);
    if let Some(log) = log {
        command.env("DISK_LOG", log);
    }
    if let Some((at, how)) = fault {
        command
            .env("DISK_AT", at.to_string())
            .env("DISK_HOW", how.name());
    }
}

/// Reads a log.
pub fn read(log: &Path) -> Vec<Operation> {
    let bytes = std::fs::read(log).unwrap_or_default();
    let mut rest = &bytes[..];
    let mut found = Vec::new();
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let fields: Vec<&[u8]> = rest[..end].split(|byte| *byte == b'\t').collect();
        let [what, path, second, number, length] = fields[..] else {
            panic!(
                "a line of the log: {}",
                String::from_utf8_lossy(&rest[..end])
            );
        };
        let count = |field: &[u8]| std::str::from_utf8(field).unwrap().parse::<u64>().unwrap();
        let (written, after) = rest[end + 1..].split_at(count(length) as usize);
        found.push(operation(what, path, second, count(number), written));
        rest = after;
    }
    found
}

fn operation(what: &[u8], path: &[u8], second: &[u8], number: u64, bytes: &[u8]) -> Operation {
    use std::os::unix::ffi::OsStrExt;
    let place = |name: &[u8]| PathBuf::from(OsStr::from_bytes(name));
    let path = place(path);
    match what {
        b"create" => Operation::Create {
            path,
            // O_TRUNC
            empties: number & 0o1000 != 0,
        },
        b"write" => Operation::Write {
            path,
            at: number,
            bytes: bytes.to_vec(),
        },
        b"truncate" => Operation::Truncate {
            path,
            length: number,
        },
        b"fsync" => Operation::Sync { path },
        b"rename" => Operation::Rename {
            from: path,
            to: place(second),
        },
        b"link" => Operation::Link {
            from: path,
            to: place(second),
        },
        b"unlink" => Operation::Remove { path },
        b"mkdir" => Operation::Folder { path },
        _ => panic!("an operation {}", String::from_utf8_lossy(what)),
    }
}
