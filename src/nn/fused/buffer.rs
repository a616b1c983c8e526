//! Memory for vectors: the first element starts a cache line, so that whole vectors never cross two of them, and what is
//! given back serves the next layer or step. A training step asks for the same tens of megabytes every time; from the
//! system they come page by page, which took a sixth of a step of 128 samples (`perf stat`, 2026-11-22).

use std::sync::{Mutex, PoisonError};

/// Bytes of a cache line, and of the widest vector.
const LINE: usize = 64;
/// Elements of a cache line.
pub(super) const LINE_ELEMENTS: usize = LINE / size_of::<f32>();
/// Elements that are held for the next use at most, 256 MiB.
const HELD: usize = 64 << 20;

static POOL: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// Aligned elements.
#[derive(Debug)]
pub(super) struct Buffer {
    values: Vec<f32>,
    start: usize,
    len: usize,
}

impl Buffer {
    /// `len` elements of any finite or other value.
    pub(super) fn any(len: usize) -> Self {
        let needed = len + LINE_ELEMENTS - 1;
        let values = take(needed).unwrap_or_else(|| vec![0.0; needed]);
        let start = values.as_ptr().align_offset(LINE).min(LINE_ELEMENTS - 1);
        Self { values, start, len }
    }

    /// `len` zeros.
    pub(super) fn zeros(len: usize) -> Self {
        let mut buffer = Self::any(len);
        buffer.as_mut_slice().fill(0.0);
        buffer
    }

    pub(super) fn as_slice(&self) -> &[f32] {
        &self.values[self.start..self.start + self.len]
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.values[self.start..self.start + self.len]
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        let mut copy = Self::any(self.len);
        copy.as_mut_slice().copy_from_slice(self.as_slice());
        copy
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        give(std::mem::take(&mut self.values));
    }
}

/// The smallest held memory of at least `len` elements that is not much too large.
fn take(len: usize) -> Option<Vec<f32>> {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    let fits = |held: &Vec<f32>| held.len() >= len && held.len() / 2 <= len;
    let sizes = pool.iter().enumerate().filter(|(_, held)| fits(held));
    let (best, _) = sizes.min_by_key(|(_, held)| held.len())?;
    Some(pool.swap_remove(best))
}

/// Holds memory for the next use; the oldest goes if there is too much.
fn give(values: Vec<f32>) {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    pool.push(values);
    while pool.iter().map(Vec::len).sum::<usize>() > HELD {
        pool.remove(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_start_a_line_and_zeros_are_zero_though_memory_was_used_before() {
        for len in [1, 16, 1000, 100_000] {
            let mut used = Buffer::any(len);
            used.as_mut_slice().fill(f32::NAN);
            drop(used);
            let fresh = Buffer::zeros(len);
            assert_eq!(fresh.as_slice().len(), len);
            assert!(fresh.as_slice().iter().all(|v| *v == 0.0));
            assert_eq!(fresh.as_slice().as_ptr() as usize % LINE, 0);
        }
    }

    #[test]
    fn no_more_is_held_than_stated() {
        // Capacity without touching the memory.
        for _ in 0..6 {
            give(vec![0.0; HELD / 4]);
        }
        let held: usize = POOL.lock().unwrap().iter().map(Vec::len).sum();
        assert!(held <= HELD);
    }
}
