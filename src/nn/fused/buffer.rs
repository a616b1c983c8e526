//! A buffer whose first element starts a cache line, so that a whole vector never crosses two lines.

use crate::host::memory;

/// Bytes of a cache line, and of the widest vector.
const LINE: usize = 64;
/// Elements of a cache line.
pub(super) const LINE_ELEMENTS: usize = LINE / size_of::<f32>();
/// A buffer of aligned elements from the memory pool.
#[derive(Debug)]
pub(super) struct Buffer {
    values: Vec<f32>,
    start: usize,
    len: usize,
}

impl Buffer {
    /// Creates a buffer of `len` elements of any value.
    pub(super) fn any(len: usize) -> Self {
        let values = memory::take(len + LINE_ELEMENTS - 1);
        let start = values.as_ptr().align_offset(LINE).min(LINE_ELEMENTS - 1);
        Self { values, start, len }
    }

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
        memory::give(std::mem::take(&mut self.values));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_start_a_line_and_zeros_are_zero_though_memory_was_used_before() {
        for len in [1, 16, 1000, 20_000] {
            let mut used = Buffer::any(len);
            used.as_mut_slice().fill(f32::NAN);
            drop(used);
            let fresh = Buffer::zeros(len);
            assert_eq!(fresh.as_slice().len(), len);
            assert!(fresh.as_slice().iter().all(|v| *v == 0.0));
            assert_eq!(fresh.as_slice().as_ptr() as usize % LINE, 0);
        }
    }
}
