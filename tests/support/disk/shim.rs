//! Stands between a program and the disk: a library that is loaded before the system's own (`LD_PRELOAD`), counts what
//! is written in one folder, logs it, and fails, stops or kills at a chosen moment. Linux, with the GNU C library.
//!
//! | variable | meaning |
//! |---|---|
//! | `DISK_FOLDER` | the folder; operations elsewhere pass unseen |
//! | `DISK_LOG` | a file, outside that folder, to which every operation is appended, with what was written |
//! | `DISK_AT`, `DISK_HOW` | the number of the operation, from 1, and what happens there |
//!
//! `DISK_HOW` is `kill` (before the operation), `half` (a write stops half way, another operation is done, then the
//! process is killed), `error` (this operation fails with EIO), `full` (from here on there is no space), `readonly`
//! (from here on nothing may change) or `gone` (the folder gets another name).
//!
//! Compiled by itself (`rustc --crate-type cdylib`), so it uses nothing but `core` and the C library, and only system
//! calls inside: the functions below are those that the C library's callers would come back to.
#![allow(clippy::missing_safety_doc, clippy::undocumented_unsafe_blocks)]

use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
    fn getenv(name: *const c_char) -> *const c_char;
    fn __errno_location() -> *mut c_int;
}

#[cfg(target_arch = "x86_64")]
mod numbers {
    pub const WRITE: i64 = 1;
    pub const CLOSE: i64 = 3;
    pub const LSEEK: i64 = 8;
    pub const PWRITE: i64 = 18;
    pub const GETPID: i64 = 39;
    pub const KILL: i64 = 62;
    pub const FSYNC: i64 = 74;
    pub const FTRUNCATE: i64 = 77;
    pub const OPENAT: i64 = 257;
    pub const MKDIRAT: i64 = 258;
    pub const UNLINKAT: i64 = 263;
    pub const RENAMEAT: i64 = 264;
    pub const LINKAT: i64 = 265;
    pub const READLINKAT: i64 = 267;
    pub const GETCWD: i64 = 79;
}

#[cfg(target_arch = "aarch64")]
mod numbers {
    pub const WRITE: i64 = 64;
    pub const CLOSE: i64 = 57;
    pub const LSEEK: i64 = 62;
    pub const PWRITE: i64 = 68;
    pub const GETPID: i64 = 172;
    pub const KILL: i64 = 129;
    pub const FSYNC: i64 = 82;
    pub const FTRUNCATE: i64 = 46;
    pub const OPENAT: i64 = 56;
    pub const MKDIRAT: i64 = 34;
    pub const UNLINKAT: i64 = 35;
    pub const RENAMEAT: i64 = 38;
    pub const LINKAT: i64 = 37;
    pub const READLINKAT: i64 = 78;
    pub const GETCWD: i64 = 17;
}

use numbers::*;

const HERE: c_long = -100;
const APPEND: c_int = 0o2000;
const CREATE: c_int = 0o100;
const TRUNCATE: c_int = 0o1000;
const EXCLUSIVE: c_int = 0o200;
const EIO: c_int = 5;
const ENOSPC: c_int = 28;
const EROFS: c_int = 30;
const LONGEST: usize = 4096;

/// Held during every operation, so that the log has the order of the disk.
static BUSY: AtomicBool = AtomicBool::new(false);
static SEEN: AtomicU64 = AtomicU64::new(0);

struct Turn;

impl Turn {
    fn take() -> Self {
        while BUSY
            .compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            std::hint::spin_loop();
        }
        Turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        BUSY.store(false, Ordering::Release);
    }
}

/// What becomes of an operation.
#[derive(PartialEq)]
enum Fate {
    Passes,
    Fails(c_int),
    /// A write does half of its bytes and says so; anything else passes.
    Short,
    /// Done, half if it is a write, and then the process is killed.
    Last,
}

fn variable(name: &CStr) -> Option<&'static CStr> {
    let found = unsafe { getenv(name.as_ptr()) };
    (!found.is_null()).then(|| unsafe { CStr::from_ptr(found) })
}

fn fate(number: u64, writes: bool, removes: bool) -> Fate {
    let Some(at) = variable(c"DISK_AT").and_then(|at| at.to_str().ok()?.parse::<u64>().ok()) else {
        return Fate::Passes;
    };
    let how = variable(c"DISK_HOW").map_or(&b""[..], CStr::to_bytes);
    match (how, number == at, number > at) {
        (b"kill", true, _) => die(),
        (b"half", true, _) => Fate::Last,
        (b"error", true, _) => Fate::Fails(EIO),
        (b"full", true, _) if writes => Fate::Short,
        (b"full", _, true) if !removes => Fate::Fails(ENOSPC),
        (b"readonly", now, later) if now || later => Fate::Fails(EROFS),
        (b"gone", true, _) => {
            vanish();
            Fate::Passes
        }
        _ => Fate::Passes,
    }
}

fn die() -> ! {
    loop {
        unsafe { syscall(KILL, syscall(GETPID), 9 as c_long) };
    }
}

fn vanish() {
    let Some(folder) = variable(c"DISK_FOLDER") else {
        return;
    };
    let mut moved = [0u8; LONGEST];
    let name = folder.to_bytes();
    moved[..name.len()].copy_from_slice(name);
    moved[name.len()..name.len() + 5].copy_from_slice(b".gone");
    unsafe { syscall(RENAMEAT, HERE, folder.as_ptr(), HERE, moved.as_ptr()) };
}

fn failed(error: c_int) -> c_int {
    unsafe { *__errno_location() = error };
    -1
}

fn inside(path: &[u8]) -> bool {
    variable(c"DISK_FOLDER").is_some_and(|folder| {
        let folder = folder.to_bytes();
        path.starts_with(folder) && matches!(path.get(folder.len()), None | Some(b'/'))
    })
}

/// Calls `with` with the path of an open file, if it lies inside the folder.
fn opened<T>(fd: c_int, with: impl FnOnce(&[u8]) -> T) -> Option<T> {
    variable(c"DISK_FOLDER")?;
    let mut link = *b"/proc/self/fd/0000000000\0";
    let (mut rest, mut at) = (fd.max(0), link.len() - 1);
    for _ in 0..10 {
        at -= 1;
        link[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    // Without the zeros in front.
    let first = link[14..23].iter().position(|digit| *digit != b'0').unwrap_or(9);
    let mut plain = [0u8; 32];
    plain[..14].copy_from_slice(&link[..14]);
    plain[14..24 - first].copy_from_slice(&link[14 + first..24]);
    let mut path = [0u8; LONGEST];
    let length = unsafe { syscall(READLINKAT, HERE, plain.as_ptr(), path.as_mut_ptr(), LONGEST) };
    let path = &path[..usize::try_from(length).ok()?];
    inside(path).then(|| with(path))
}

/// Appends an operation to the log: a line of its fields, then the bytes that were written.
fn log(what: &str, path: &[u8], second: &[u8], number: i64, bytes: &[u8]) {
    use std::io::Write;
    let Some(file) = variable(c"DISK_LOG") else {
        return;
    };
    let flags = (APPEND | CREATE | 1) as c_long;
    let fd = unsafe { syscall(OPENAT, HERE, file.as_ptr(), flags, 0o644 as c_long) };
    let mut line = Vec::new();
    let _ = write!(line, "{what}\t");
    line.extend_from_slice(path);
    line.push(b'\t');
    line.extend_from_slice(second);
    let _ = writeln!(line, "\t{number}\t{}", bytes.len());
    line.extend_from_slice(bytes);
    let mut rest = &line[..];
    while !rest.is_empty() {
        let done = unsafe { syscall(WRITE, fd, rest.as_ptr(), rest.len()) };
        match usize::try_from(done) {
            Ok(done) if done > 0 => rest = &rest[done..],
            _ => die(),
        }
    }
    unsafe { syscall(CLOSE, fd) };
}

/// Does an operation that is no write, unless it is its turn to fail.
fn act(
    what: &str,
    (path, second): (&[u8], &[u8]),
    number: i64,
    does: impl FnOnce() -> c_long,
) -> c_int {
    let at = SEEN.fetch_add(1, Ordering::Relaxed) + 1;
    let fate = fate(at, false, matches!(what, "unlink" | "rename" | "fsync"));
    if let Fate::Fails(error) = fate {
        return failed(error);
    }
    let done = does() as c_int;
    if done >= 0 {
        log(what, path, second, number, &[]);
    }
    if fate == Fate::Last {
        die();
    }
    done
}

/// Writes at a place, unless it is its turn to fail.
fn put(path: &[u8], place: i64, bytes: &[u8], does: impl FnOnce(usize) -> c_long) -> isize {
    let at = SEEN.fetch_add(1, Ordering::Relaxed) + 1;
    let fate = fate(at, true, false);
    if let Fate::Fails(error) = fate {
        return failed(error) as isize;
    }
    let whole = bytes.len();
    let part = match fate {
        Fate::Short | Fate::Last => whole / 2,
        _ => whole,
    };
    if part == 0 && fate == Fate::Short {
        return failed(ENOSPC) as isize;
    }
    let done = does(part);
    if let Ok(done) = usize::try_from(done) {
        log("write", path, b"", place, &bytes[..done]);
    }
    if fate == Fate::Last {
        die();
    }
    done as isize
}

/// A path from the root, whatever the folder that the process is in.
struct Name {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Name {
    fn of(path: *const c_char) -> Self {
        let path = unsafe { CStr::from_ptr(path) }.to_bytes();
        let path = path.strip_prefix(b"./").unwrap_or(path);
        let (mut bytes, mut length) = ([0u8; LONGEST], 0);
        if !path.starts_with(b"/") {
            let written = unsafe { syscall(GETCWD, bytes.as_mut_ptr(), LONGEST) };
            // With the zero behind it, whose place is that of the slash.
            length = usize::try_from(written).unwrap_or(1).max(1);
            bytes[length - 1] = b'/';
        }
        let fits = path.len().min(LONGEST - length);
        bytes[length..length + fits].copy_from_slice(&path[..fits]);
        Self {
            bytes,
            length: length + fits,
        }
    }

    fn get(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: c_int) -> c_int {
    let turn = Turn::take();
    let does = || unsafe { syscall(OPENAT, HERE, path, flags as c_long, mode as c_long) };
    let name = Name::of(path);
    let changes = flags & (CREATE | TRUNCATE) != 0 && inside(name.get());
    let done = if changes {
        let how = i64::from(flags & (TRUNCATE | EXCLUSIVE));
        act("create", (name.get(), b""), how, does)
    } else {
        does() as c_int
    };
    drop(turn);
    done
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: c_int) -> c_int {
    unsafe { open64(path, flags, mode) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(fd: c_int, bytes: *const c_void, count: usize) -> isize {
    let turn = Turn::take();
    let does = |count: usize| unsafe { syscall(WRITE, fd as c_long, bytes, count) };
    let seen = opened(fd, |path| {
        let place = unsafe { syscall(LSEEK, fd as c_long, 0 as c_long, 1 as c_long) };
        let bytes = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), count) };
        put(path, place, bytes, does)
    });
    let done = seen.unwrap_or_else(|| does(count) as isize);
    drop(turn);
    done
}

/// One part of a write that gathers several.
#[repr(C)]
pub struct Part {
    from: *const c_void,
    count: usize,
}

/// Writes the first part that is not empty: fewer bytes than asked for is an answer that callers must expect.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writev(fd: c_int, parts: *const Part, count: c_int) -> isize {
    let parts = unsafe { std::slice::from_raw_parts(parts, count as usize) };
    match parts.iter().find(|part| part.count > 0) {
        Some(part) => unsafe { write(fd, part.from, part.count) },
        None => 0,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(
    fd: c_int,
    bytes: *const c_void,
    count: usize,
    place: i64,
) -> isize {
    let turn = Turn::take();
    let does = |count: usize| unsafe { syscall(PWRITE, fd as c_long, bytes, count, place) };
    let seen = opened(fd, |path| {
        let bytes = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), count) };
        put(path, place, bytes, does)
    });
    let done = seen.unwrap_or_else(|| does(count) as isize);
    drop(turn);
    done
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate64(fd: c_int, length: i64) -> c_int {
    let turn = Turn::take();
    let does = || unsafe { syscall(FTRUNCATE, fd as c_long, length) };
    let seen = opened(fd, |path| act("truncate", (path, b""), length, does));
    let done = seen.unwrap_or_else(|| does() as c_int);
    drop(turn);
    done
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fsync(fd: c_int) -> c_int {
    let turn = Turn::take();
    let does = || unsafe { syscall(FSYNC, fd as c_long) };
    let seen = opened(fd, |path| act("fsync", (path, b""), 0, does));
    let done = seen.unwrap_or_else(|| does() as c_int);
    drop(turn);
    done
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdatasync(fd: c_int) -> c_int {
    unsafe { fsync(fd) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    let turn = Turn::take();
    let does = || unsafe { syscall(RENAMEAT, HERE, from, HERE, to) };
    let (old, new) = (Name::of(from), Name::of(to));
    let done = if inside(new.get()) {
        act("rename", (old.get(), new.get()), 0, does)
    } else {
        does() as c_int
    };
    drop(turn);
    done
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkat(
    _from_folder: c_int,
    from: *const c_char,
    _to_folder: c_int,
    to: *const c_char,
    flags: c_int,
) -> c_int {
    let turn = Turn::take();
    let does = || unsafe { syscall(LINKAT, HERE, from, HERE, to, flags as c_long) };
    let (old, new) = (Name::of(from), Name::of(to));
    let done = if inside(new.get()) {
        act("link", (old.get(), new.get()), 0, does)
    } else {
        does() as c_int
    };
    drop(turn);
    done
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    let turn = Turn::take();
    let does = || unsafe { syscall(UNLINKAT, HERE, path, 0 as c_long) };
    let name = Name::of(path);
    let done = if inside(name.get()) {
        act("unlink", (name.get(), b""), 0, does)
    } else {
        does() as c_int
    };
    drop(turn);
    done
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mkdir(path: *const c_char, mode: c_int) -> c_int {
    let turn = Turn::take();
    let does = || unsafe { syscall(MKDIRAT, HERE, path, mode as c_long) };
    let name = Name::of(path);
    let done = if inside(name.get()) {
        act("mkdir", (name.get(), b""), 0, does)
    } else {
        does() as c_int
    };
    drop(turn);
    done
}
