//! Reads choices from the bytes of a fuzzer.

/// The bytes that are left. After the last, every choice is 0.
pub struct Tape<'a>(pub &'a [u8]);

impl Tape<'_> {
    /// Returns the next byte.
    pub fn byte(&mut self) -> u8 {
        match self.0 {
            [first, rest @ ..] => {
                self.0 = rest;
                *first
            }
            [] => 0,
        }
    }

    /// Returns a number below `count`, which is at most 256.
    pub fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count
    }

    /// Returns one of the values.
    pub fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }

    /// Returns a number of 32 bits.
    pub fn word(&mut self) -> u32 {
        u32::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// Returns whether bytes are left.
    pub fn goes_on(&self) -> bool {
        !self.0.is_empty()
    }
}
