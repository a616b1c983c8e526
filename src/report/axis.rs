//! Chooses range, scale and labels of an axis.
//!
//! Any numbers give a readable axis: from 1e-30 to 1e30, one value or no value.

use super::text::{minus, width};

/// The largest absolute value that is drawn. The bound keeps sums and differences finite.
const LARGEST: f64 = 1e150;
/// The bound of values on an axis of counts. Beyond it, neighbouring whole numbers cannot be distinguished.
const MOST_COUNTED: f64 = 1e15;
/// The ratio of the largest to the smallest value from which an axis is logarithmic.
const LOG_RATIO: f64 = 12.0;

/// Returns whether a value can be drawn.
pub(crate) fn drawable(value: f64) -> bool {
    value.is_finite() && value.abs() <= LARGEST
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Scale {
    Linear,
    Log,
}

#[derive(Clone, Debug)]
pub(crate) struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    /// The largest value of the data, without the margin in `high`.
    largest: f64,
    ticks: Vec<(f64, String)>,
}

impl Axis {
    /// Creates an axis for the values: logarithmic if they are positive and far apart, otherwise linear.
    ///
    /// A linear axis starts at 0 if no value is negative, so a constant loss looks constant.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        match extent(values) {
            Some((low, high)) if low > 0.0 && high / low >= LOG_RATIO => Self::log(low, high),
            found => Self::linear_over(found),
        }
    }

    /// Creates a linear axis for the values, from 0 if no value is negative, as for parts of a whole.
    pub fn from_zero(values: impl IntoIterator<Item = f64>) -> Self {
        Self::linear_over(extent(values))
    }

    fn linear_over(extent: Option<(f64, f64)>) -> Self {
        let Some((low, high)) = extent else {
            return Self::linear(0.0, 1.0);
        };
        let axis = if low >= 0.0 {
            Self::linear(0.0, if high > 0.0 { 1.06 * high } else { 1.0 })
        } else if high <= 0.0 {
            Self::linear(1.06 * low, 0.0)
        } else {
            let margin = 0.05 * (high - low);
            Self::linear(low - margin, high + margin)
        };
        Self {
            largest: high,
            ..axis
        }
    }

    /// Creates a linear axis close around the values, as for prices.
    pub fn around(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = extent(values).unwrap_or((0.0, 1.0));
        let (low, high) = spread(low, high);
        let margin = 0.04 * (high - low);
        Self::linear(low - margin, high + margin)
    }

    /// Creates a linear axis symmetric around 0 for values in [-1, 1], as wide as the values need.
    pub fn signed_share(values: impl IntoIterator<Item = f64>) -> Self {
        let largest = extent(values).map_or(0.0, |(low, high)| low.abs().max(high.abs()));
        let reach = [0.1, 0.25, 0.5].into_iter().find(|r| largest <= 0.96 * r);
        let reach = reach.unwrap_or(if largest <= 1.0 { 1.0 } else { largest });
        Self::linear(-reach, reach)
    }

    /// Creates a linear axis over exactly the range from `low` to `high`.
    pub fn linear(low: f64, high: f64) -> Self {
        let (low, high) = spread(low, high);
        let step = nice((high - low) / 5.0);
        let first = (low / step).ceil();
        let values: Vec<f64> = (0..12)
            .map(|i| (first + f64::from(i)) * step)
            .take_while(|v| *v <= high + 1e-9 * step)
            .collect();
        let ticks = values
            .iter()
            .map(|v| (*v, linear_label(*v, step, low.abs().max(high.abs()))))
            .collect();
        Self {
            scale: Scale::Linear,
            low,
            high,
            largest: high,
            ticks,
        }
    }

    fn log(low: f64, high: f64) -> Self {
        let largest = high;
        let (low, high) = (low / 1.15, high * 1.15);
        let decades = (low.log10().floor() as i32, high.log10().ceil() as i32);
        let every = ((decades.1 - decades.0) / 5).max(1);
        let steps: &[f64] = match high / low {
            ratio if ratio < 50.0 => &[1.0, 2.0, 5.0],
            ratio if ratio < 1000.0 => &[1.0, 3.0],
            _ => &[1.0],
        };
        let ticks = (decades.0..=decades.1)
            .filter(|decade| decade % every == 0)
            .flat_map(|decade| steps.iter().map(move |s| s * 10f64.powi(decade)))
            .filter(|v| (low..=high).contains(v))
            .map(|v| (v, log_label(v)))
            .collect();
        Self {
            scale: Scale::Log,
            low,
            high,
            largest,
            ticks,
        }
    }

    /// Creates an axis for counts such as epochs: from the first to the last, with labels at whole numbers.
    pub fn counted(values: impl IntoIterator<Item = f64>) -> Self {
        let countable = values.into_iter().filter(|v| v.abs() < MOST_COUNTED);
        let (low, high) = extent(countable).unwrap_or((1.0, 1.0));
        let margin = if high > low { 0.0 } else { 0.5 };
        let step = nice((high - low) / 6.0).max(1.0).round();
        let mut ticks = vec![low];
        let first = (low / step).floor() + 1.0;
        ticks.extend((0..12).map(|i| (first + f64::from(i)) * step));
        ticks.retain(|v| *v <= high);
        // The first value is always labelled, and a label too near to the first would overlap.
        ticks.retain(|v| *v == low || v - low >= 0.5 * step);
        Self {
            scale: Scale::Linear,
            low: low - margin,
            high: high + margin,
            largest: high,
            ticks: ticks.iter().map(|v| (*v, format!("{v:.0}"))).collect(),
        }
    }

    /// Creates an axis for the positions 0, 1, ... of `count` rows, with one position of space on either side.
    pub fn positions(count: usize) -> Self {
        let last = count.saturating_sub(1) as f64;
        Self {
            low: -1.0,
            high: last + 1.0,
            ..Self::counted([0.0, last])
        }
    }

    /// Removes labels until they fit into the width `room`.
    pub fn fitting(mut self, room: i32) -> Self {
        let needed = |ticks: &[(f64, String)]| -> i32 {
            ticks.iter().map(|(_, label)| width(label) + 80).sum()
        };
        while self.ticks.len() > 2 && needed(&self.ticks) > room {
            let mut index = 0;
            self.ticks.retain(|_| {
                index += 1;
                index % 2 == 1
            });
        }
        self
    }

    /// Cuts off the range below `floor`.
    pub fn cut(self, floor: f64) -> Self {
        if self.low >= floor {
            return self;
        }
        // The old margin could be larger than the remaining range, so the upper end is recomputed.
        let left = Self::linear_over(Some((floor, self.largest.max(floor))));
        Self::linear(floor, left.high)
    }

    pub fn without_labels(mut self) -> Self {
        self.ticks.clear();
        self
    }

    pub fn is_log(&self) -> bool {
        self.scale == Scale::Log
    }

    /// Iterates over the labelled values and their labels.
    pub fn ticks(&self) -> impl Iterator<Item = (f64, &str)> {
        let ticks = self.ticks.iter();
        ticks.map(|(value, label)| (*value, label.as_str()))
    }

    /// Returns the coordinate of a value between the coordinates of the lower and the upper end.
    pub fn map(&self, value: f64, (start, end): (i32, i32)) -> i32 {
        start + (self.place(value) * f64::from(end - start)).round() as i32
    }

    /// Returns the position of a value between the ends: 0 is the lower end, 1 the upper end.
    fn place(&self, value: f64) -> f64 {
        let (value, low, high) = match self.scale {
            Scale::Linear => (value, self.low, self.high),
            Scale::Log => (
                value.max(f64::MIN_POSITIVE).ln(),
                self.low.ln(),
                self.high.ln(),
            ),
        };
        let place = (value - low) / (high - low);
        if place.is_finite() {
            place.clamp(0.0, 1.0)
        } else {
            0.5
        }
    }
}

/// Returns the smallest and the largest value that can be drawn.
fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let mut extent: Option<(f64, f64)> = None;
    for value in values.into_iter().filter(|v| drawable(*v)) {
        let (low, high) = extent.unwrap_or((value, value));
        extent = Some((low.min(value), high.max(value)));
    }
    extent
}

/// Returns a non-empty range, even for equal values or values that differ only in their last digits.
fn spread(low: f64, high: f64) -> (f64, f64) {
    let size = low.abs().max(high.abs());
    if size < 1.0 / LARGEST {
        (0.0, 1.0)
    } else if high - low < 1e-10 * size {
        (low - 0.05 * size, high + 0.05 * size)
    } else {
        (low, high)
    }
}

/// Returns the smallest of 1, 2, 5, 10, 20, ... that is not below `step`.
fn nice(step: f64) -> f64 {
    if step <= 0.0 || !step.is_finite() {
        return 1.0;
    }
    let unit = 10f64.powi(step.log10().floor() as i32);
    let factors = [1.0, 2.0, 5.0, 10.0];
    let found = factors
        .into_iter()
        .find(|factor| factor * unit >= 0.999 * step);
    found.unwrap_or(10.0) * unit
}

/// Formats a value with the digits that the step needs, with an exponent if there would be too many zeros.
fn linear_label(value: f64, step: f64, largest: f64) -> String {
    if value.abs() < 1e-9 * step {
        return "0".into();
    }
    let exponent = |v: f64| v.abs().log10().floor() as i32;
    if largest >= 1e6 || step < 1e-4 {
        let digits = (exponent(value) - exponent(step)).clamp(0, 6) as usize;
        return minus(format!("{value:.digits$e}"));
    }
    let digits = (-exponent(step)).max(0) as usize;
    minus(format!("{value:.digits$}"))
}

fn log_label(value: f64) -> String {
    match value {
        v if !(1e-4..1e5).contains(&v) => format!("{v:.0e}"),
        v if v >= 1.0 => format!("{v:.0}"),
        v => {
            let digits = -(v * 1.0001).log10().floor() as usize;
            format!("{v:.digits$}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks().map(|(_, label)| label).collect()
    }

    #[test]
    fn ranges_choose_their_scale() {
        assert_eq!(
            labels(&Axis::of([15.9, 15.8])),
            ["0", "5", "10", "15"],
            "a plateau looks like one"
        );
        let log = Axis::of([0.001, 0.5]);
        assert!(log.is_log());
        assert_eq!(
            labels(&log),
            ["0.001", "0.003", "0.01", "0.03", "0.1", "0.3"]
        );
        assert_eq!(
            labels(&Axis::of([-1.0, 1.0])),
            ["−1.0", "−0.5", "0", "0.5", "1.0"]
        );
        assert_eq!(
            labels(&Axis::counted([1.0, 20.0])),
            ["1", "5", "10", "15", "20"]
        );
        assert_eq!(labels(&Axis::counted([7.0])), ["7"]);
    }

    #[test]
    fn an_axis_that_is_cut_is_made_for_what_is_left() {
        let cut = Axis::of([-1000.0, 0.3]).cut(-0.5);
        assert_eq!((cut.low, cut.high < 0.4), (-0.5, true), "{cut:?}");
        assert_eq!(labels(&cut), ["−0.4", "−0.2", "0", "0.2"]);
        let whole = Axis::linear(0.0, 1.0).cut(-0.5);
        assert_eq!((whole.low, whole.high), (0.0, 1.0));
        let below = Axis::of([-3.0, -2.0]).cut(-0.5);
        assert_eq!((below.low, below.high), (-0.5, 0.0));
    }

    #[test]
    fn no_number_breaks_an_axis() {
        let hostile = [
            f64::NAN,
            f64::INFINITY,
            f64::MAX,
            f64::MIN_POSITIVE,
            5e-324,
            1e-30,
            1e30,
            -1e30,
            0.0,
            -0.0,
            1.0,
            1.0 + f64::EPSILON,
        ];
        for a in hostile {
            for b in hostile {
                for axis in [
                    Axis::of([a, b]),
                    Axis::around([a, b]),
                    Axis::counted([a, b]),
                    Axis::signed_share([a, b]),
                    Axis::of([a, b]).cut(-0.5),
                ] {
                    assert!(axis.low < axis.high, "{a} {b}: {axis:?}");
                    assert!(axis.ticks.len() <= 14, "{a} {b}: {axis:?}");
                    assert!((0..=100).contains(&axis.map(b, (0, 100))));
                }
            }
        }
    }
}
