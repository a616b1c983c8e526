//! PyTorch files that claim more than they hold: refused in seconds, in memory bounded by the size of the file.
#![cfg(feature = "pytorch")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use equipoise::pytorch::PytorchFile;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Returns the message about a file that holds as many bytes as it has, and checks time, memory and the message.
fn refusal(path: &Path, bytes: &[u8]) -> String {
    refusal_of(path, bytes, 10 * bytes.len())
}

/// The same for a file that holds `decoded` bytes when it is read.
fn refusal_of(path: &Path, bytes: &[u8], decoded: usize) -> String {
    fs::write(path, bytes).unwrap();
    let (began, before) = (Instant::now(), MEMORY.current_usage());
    MEMORY.reset_peak_usage();
    let result = PytorchFile::read(path);
    let held = MEMORY.peak_usage().saturating_sub(before);
    let message = result.expect_err("it is refused").to_string();
    println!(
        "{} bytes, {:?}, {held} bytes held: {message}",
        bytes.len(),
        began.elapsed()
    );
    assert!(began.elapsed() < Duration::from_secs(20), "{message}");
    assert!(held <= decoded + (64 << 20), "{held} bytes held: {message}");
    assert!(message.contains("bomb.pt") && message.len() < 5000 && !message.contains('\n'));
    message
}

/// A member of a zip archive, as its two headers claim it to be.
#[derive(Clone)]
struct Member {
    name: &'static str,
    contents: Vec<u8>,
    method: u16,
    checksum: u32,
    /// The sizes claimed for the stored and for the inflated contents.
    sizes: [u64; 2],
    /// The place of the local header, if not its own.
    place: Option<u32>,
}

impl Member {
    fn stored(name: &'static str, contents: &[u8]) -> Self {
        Self {
            name,
            contents: contents.to_vec(),
            method: 0,
            checksum: crc32(contents),
            sizes: [contents.len() as u64; 2],
            place: None,
        }
    }

    /// The fields that both headers share, with lengths of 64 bits where one of them needs it.
    fn header(&self) -> (Vec<u8>, Vec<u8>) {
        let large = self.sizes.iter().any(|size| *size >= u64::from(u32::MAX));
        let mut fields = Vec::new();
        fields.extend(if large { 45u16 } else { 20 }.to_le_bytes());
        fields.extend(0u16.to_le_bytes());
        fields.extend(self.method.to_le_bytes());
        fields.extend([0; 4]);
        fields.extend(self.checksum.to_le_bytes());
        let mut extra = Vec::new();
        for size in self.sizes {
            let small = if large { u32::MAX } else { size as u32 };
            fields.extend(small.to_le_bytes());
        }
        if large {
            extra.extend([1, 0, 16, 0]);
            for size in self.sizes.iter().rev() {
                extra.extend(size.to_le_bytes());
            }
        }
        fields.extend((self.name.len() as u16).to_le_bytes());
        fields.extend((extra.len() as u16).to_le_bytes());
        (fields, extra)
    }
}

fn archive(members: &[Member]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for member in members {
        let (fields, extra) = member.header();
        let place = member.place.unwrap_or(bytes.len() as u32);
        bytes.extend(b"PK\x03\x04");
        bytes.extend(&fields);
        bytes.extend(member.name.as_bytes());
        bytes.extend(&extra);
        bytes.extend(&member.contents);
        directory.extend(b"PK\x01\x02\x2d\x00");
        directory.extend(&fields);
        directory.extend([0; 10]);
        directory.extend(place.to_le_bytes());
        directory.extend(member.name.as_bytes());
        directory.extend(&extra);
    }
    let (start, length, count) = (
        bytes.len() as u32,
        directory.len() as u32,
        members.len() as u16,
    );
    bytes.extend(directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend(count.to_le_bytes());
    bytes.extend(count.to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0xEDB8_8320 & (sum & 1).wrapping_neg());
        }
    }
    !sum
}

/// The memory of an empty list or dictionary, with its place on a stack that grows by doubling.
const LARGEST_VALUE: usize = 128;

/// An empty dictionary, protocol 2.
const EMPTY: &[u8] = b"\x80\x02}.";

/// One test, because the memory is measured for the whole process.
#[test]
fn every_bomb_is_refused_in_seconds_and_in_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.pt");
    let pickle = || Member::stored("a/data.pkl", EMPTY);
    // A whole archive is read, so that the others are refused for their faults.
    assert!(refusal(&path, &archive(&[pickle()])).contains("an empty dict"));

    let zeros = Member::stored("a/data/0", &[0; 1000]);
    let deflated = Member {
        method: 8,
        sizes: [1000, 8 << 30],
        ..zeros.clone()
    };
    let message = refusal(&path, &archive(&[pickle(), deflated]));
    assert!(message.to_lowercase().contains("compress"), "{message}");
    for claim in [8 << 30, 1 << 60, u64::MAX] {
        for sizes in [[claim; 2], [1000, claim], [claim, 1000]] {
            let claims = Member {
                sizes,
                ..zeros.clone()
            };
            let message = refusal(&path, &archive(&[pickle(), claims]));
            assert!(!message.contains("an empty dict"), "{message}");
        }
    }
    // A stored entry has one length.
    for sizes in [[1000, 999], [1000, 1001], [999, 1000]] {
        let claims = Member {
            sizes,
            ..zeros.clone()
        };
        let message = refusal(&path, &archive(&[pickle(), claims]));
        assert!(!message.contains("an empty dict"), "{message}");
    }
    // Every member of the directory is the same bytes of the file.
    let large = Member::stored("a/data/0", "\0".repeat(1 << 20).as_bytes());
    let mut members = vec![large.clone(), pickle()];
    members.extend((1..200).map(|number| Member {
        name: format!("a/data/{number}").leak(),
        contents: Vec::new(),
        place: Some(0),
        ..large.clone()
    }));
    let message = refusal(&path, &archive(&members));
    assert!(message.contains("larger than the file"), "{message}");

    // A dictionary, put into the same memory slot nine million times.
    let long = [&b"\x80\x02}"[..], &b"q\0".repeat(9_000_000), b"."].concat();
    let message = refusal(&path, &archive(&[Member::stored("a/data.pkl", &long)]));
    assert!(message.contains("instructions that are read"), "{message}");

    for open in [&b"("[..], b"]", b"}", b"(t", b"]a"] {
        let deep: Vec<u8> = open.iter().copied().cycle().take(1_000_000).collect();
        let deep = [&b"\x80\x02"[..], &deep, b"."].concat();
        // Each byte is a list or a dictionary of its own.
        let decoded = LARGEST_VALUE * deep.len();
        refusal_of(
            &path,
            &archive(&[Member::stored("a/data.pkl", &deep)]),
            decoded,
        );
    }
    // Lists in lists, closed again.
    let deep = [
        &b"\x80\x02"[..],
        &b"]".repeat(500_000),
        &b"a".repeat(499_999),
        b".",
    ]
    .concat();
    let decoded = LARGEST_VALUE * deep.len();
    refusal_of(
        &path,
        &archive(&[Member::stored("a/data.pkl", &deep)]),
        decoded,
    );
    // A text of 2^60 bytes, a number of 2^31 bytes, and memory slots far apart.
    for claims in [
        [&b"\x80\x04\x8d"[..], &(1u64 << 60).to_le_bytes(), b"x."].concat(),
        [&b"\x80\x02\x8b"[..], &i32::MAX.to_le_bytes(), b"x."].concat(),
        [&b"\x80\x02}r"[..], &u32::MAX.to_le_bytes(), b"."].concat(),
    ] {
        refusal(&path, &archive(&[Member::stored("a/data.pkl", &claims)]));
    }

    for claim in [1 << 60, u64::MAX, 1 << 40, 8 << 20] {
        let file = [&u64::to_le_bytes(claim)[..], b"{\"a\":1}"].concat();
        let message = refusal(&path, &file);
        assert!(message.contains("safetensors"), "{message}");
    }
    let tensor = |shape: &str, end: u64| {
        let header =
            format!("{{\"a\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":[0,{end}]}}}}");
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat()
    };
    refusal(&path, &tensor("[1152921504606846976]", 1 << 62));
    refusal(&path, &tensor("[4294967296,4294967296,16]", 0));
    refusal(&path, &tensor("[18446744073709551615]", u64::MAX));
}
