//! Bounds the memory that a reader holds for a file.

use peak_alloc::PeakAlloc;

/// The allocator that knows the largest amount of memory held.
pub type Memory = PeakAlloc;

/// The allocator of a target.
pub const MEMORY: Memory = PeakAlloc;

/// What a reader may hold beside ten times the file: buffers, and what small files hold decoded.
const BESIDE: usize = 64 << 20;

/// Runs a property, and panics if it held more than ten times the bytes and 64 MiB at once: an allocation whose size is
/// only claimed by the file.
pub fn measured(memory: &Memory, bytes: &[u8], property: fn(&[u8])) {
    let before = memory.current_usage();
    memory.reset_peak_usage();
    property(bytes);
    let held = memory.peak_usage().saturating_sub(before);
    let most = 10 * bytes.len() + BESIDE;
    assert!(
        held <= most,
        "{held} bytes were held for a file of {}",
        bytes.len()
    );
}
