//! Converts the bytes of a tensor in a file to numbers.

use std::ops::Range;
use std::sync::Arc;

use burn::tensor::{bf16, f16};

use super::pickle::Element;
use super::text::listed;

/// A tensor as bytes. Offset and strides are in elements.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) element: Element,
    pub(crate) shape: Vec<usize>,
    /// The bytes of an entry of the file, which several tensors may share.
    pub(super) bytes: Arc<Vec<u8>>,
    /// The part of the bytes that the tensor is a view of.
    pub(super) part: Range<usize>,
    pub(super) offset: usize,
    pub(super) strides: Vec<usize>,
}

impl Stored {
    /// Creates a contiguous tensor that fills a part of the bytes.
    pub(super) fn contiguous(
        element: Element,
        shape: Vec<usize>,
        bytes: Arc<Vec<u8>>,
        part: Range<usize>,
    ) -> Self {
        let mut strides = vec![1usize; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis].saturating_mul(shape[axis].max(1));
        }
        Self {
            element,
            shape,
            bytes,
            part,
            offset: 0,
            strides,
        }
    }

    /// Returns whether the tensor counts something: at most one whole number or truth value.
    pub(super) fn is_counter(&self) -> bool {
        !self.element.is_float() && self.shape.iter().all(|size| *size == 1)
    }

    /// Returns the numbers in single precision, row by row.
    pub(crate) fn numbers(&self) -> Result<Vec<f32>, String> {
        let convert: fn(&[u8]) -> f64 = match self.element {
            Element::F64 => |b| f64::from_le_bytes(fixed(b)),
            Element::F32 => |b| f32::from_le_bytes(fixed(b)).into(),
            Element::F16 => |b| f16::from_le_bytes(fixed(b)).into(),
            Element::Bf16 => |b| bf16::from_le_bytes(fixed(b)).into(),
            Element::Other(name, _) => {
                return Err(format!("holds {name}, but parameters are float32"));
            }
        };
        let size = self.element.size();
        let bytes = &self.bytes[self.part.clone()];
        let places: Box<dyn Iterator<Item = usize>> = match self.run() {
            Some(run) => Box::new(run),
            None => Box::new(self.places()?.into_iter()),
        };
        let mut numbers = Vec::new();
        for place in places {
            let value = convert(&bytes[place * size..][..size]);
            if !(value as f32).is_finite() {
                let index = numbers.len();
                return Err(format!(
                    "holds {value} (element {index}, row by row), but must hold finite numbers of single precision"
                ));
            }
            numbers.push(value as f32);
        }
        Ok(numbers)
    }

    /// Returns the positions of a tensor whose elements follow each other row by row, which nearly all do, or `None`
    /// for any other and for one that does not fit its storage.
    fn run(&self) -> Option<Range<usize>> {
        let mut count = 1usize;
        for (length, stride) in self.shape.iter().zip(&self.strides).rev() {
            if *length != 1 && *stride != count {
                return None;
            }
            count = count.checked_mul(*length)?;
        }
        let end = self.offset.checked_add(count)?;
        let there = self.part.len() / self.element.size();
        (end <= there).then_some(self.offset..end)
    }

    /// Returns whether two elements may be at one position. No axis may step into what those of smaller steps reach.
    pub(super) fn overlaps(&self) -> bool {
        let mut reach = 0usize;
        self.axes().into_iter().any(|(stride, length)| {
            let overlaps = stride <= reach;
            reach = reach.saturating_add(stride.saturating_mul(length - 1));
            overlaps
        })
    }

    /// Returns stride and length of every axis of more than one element, the smallest stride first.
    fn axes(&self) -> Vec<(usize, usize)> {
        let mut axes: Vec<(usize, usize)> = (self.strides.iter().copied())
            .zip(self.shape.iter().copied())
            .filter(|(_, length)| *length > 1)
            .collect();
        axes.sort_unstable();
        axes
    }

    /// Returns the position of each element in the storage, row by row. Checks that every position is inside the
    /// storage and that no two are equal.
    fn places(&self) -> Result<Vec<usize>, String> {
        let there = self.part.len() / self.element.size();
        let outside = || {
            format!(
                "is a view of [{}] elements with strides [{}] from {} on, which does not fit its storage of {there}",
                listed(&self.shape),
                listed(&self.strides),
                self.offset
            )
        };
        if self.shape.contains(&0) {
            return Ok(Vec::new());
        }
        if self.overlaps() {
            return Err(format!(
                "is a view whose elements share memory (shape [{}], strides [{}])",
                listed(&self.shape),
                listed(&self.strides)
            ));
        }
        // The distance from the first element to the farthest one along the axes so far.
        let mut reach = 0usize;
        for (stride, length) in self.axes() {
            let far = stride.checked_mul(length - 1).ok_or_else(outside)?;
            reach = reach.checked_add(far).ok_or_else(outside)?;
        }
        let last = self.offset.checked_add(reach).ok_or_else(outside)?;
        if last >= there {
            return Err(outside());
        }
        let mut places = vec![self.offset];
        for (length, stride) in self.shape.iter().zip(&self.strides) {
            places = places
                .into_iter()
                .flat_map(|place| (0..*length).map(move |index| place + index * stride))
                .collect();
        }
        Ok(places)
    }
}

fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("the bytes of one element")
}
