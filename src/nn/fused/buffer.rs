//! Memory for vectors: zeros whose first element starts a cache line, so that whole vectors never cross two of them.

/// Bytes of a cache line, and of the widest vector.
const LINE: usize = 64;
/// Elements of a cache line.
pub(super) const LINE_ELEMENTS: usize = LINE / size_of::<f32>();

/// Aligned elements.
#[derive(Debug)]
pub(super) struct Buffer {
    values: Vec<f32>,
    start: usize,
    len: usize,
}

impl Buffer {
    /// `len` zeros.
    pub(super) fn zeros(len: usize) -> Self {
        let values = vec![0.0; len + LINE_ELEMENTS - 1];
        let start = values.as_ptr().align_offset(LINE).min(LINE_ELEMENTS - 1);
        Self { values, start, len }
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
        let mut copy = Self::zeros(self.len);
        copy.as_mut_slice().copy_from_slice(self.as_slice());
        copy
    }
}
