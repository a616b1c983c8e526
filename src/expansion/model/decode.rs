//! Reads a predicted expansion off the heads: three sources, one answer, and how far they agree.
//!
//! The pointers, the binary mask and the countdown each say where the expansion is. The answer takes the median of
//! what they propose for its start and for its end, so that one source that is far off does not matter.

use crate::expansion::labels::WindowLabel;

/// A run of bars, both ends inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first bar.
    pub start: usize,
    /// The last bar, not before the first.
    pub end: usize,
}

impl Span {
    /// Bars in both spans over bars in either, in [0, 1].
    pub fn iou(self, other: Self) -> f64 {
        let shared = self.overlap(other);
        let either = self.len() + other.len() - shared;
        shared as f64 / either as f64
    }

    /// Bars in both spans.
    pub fn overlap(self, other: Self) -> usize {
        let first = self.start.max(other.start);
        let last = self.end.min(other.end);
        (last + 1).saturating_sub(first)
    }

    /// Bars in the span, at least 1.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(self) -> usize {
        self.end - self.start + 1
    }

    /// From real positions, rounded to bars and kept inside a window of `bars` bars, the end not before the start.
    fn rounded(start: f32, end: f32, bars: usize) -> Self {
        let last = bars.saturating_sub(1) as f32;
        // A position that is not a number becomes bar 0: casts from float saturate.
        let start = start.round().clamp(0.0, last) as usize;
        let end = end.round().clamp(0.0, last) as usize;
        Self {
            start,
            end: end.max(start),
        }
    }
}

impl From<WindowLabel> for Span {
    fn from(label: WindowLabel) -> Self {
        Self {
            start: label.start,
            end: label.end,
        }
    }
}

/// The outputs of the heads for one window, on the host.
#[derive(Clone, Copy, Debug)]
pub struct WindowOutput<'a> {
    /// Type logits, 3.
    pub kinds: &'a [f32],
    /// Center and length over the window's length.
    pub pointers: [f32; 2],
    /// Mask logits, one per bar.
    pub binary: &'a [f32],
    /// Countdown, one per bar; or one number, the start over the window's length.
    pub countdown: &'a [f32],
}

/// A predicted expansion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// Where it is.
    pub span: Span,
    /// The most probable type, 0 to 2.
    pub kind: usize,
    /// The probability of that type, in [0, 1].
    pub probability: f32,
    /// Mean overlap of the three sources, in [0, 1].
    pub agreement: f32,
    /// What the pointers say.
    pub pointers: Span,
    /// What the binary mask says.
    pub binary: Span,
    /// What the countdown says; its length is the pointers'.
    pub countdown: Span,
}

/// The expansion the heads predict for one window.
///
/// # Panics
///
/// If a slice is empty.
pub fn decode(output: WindowOutput<'_>) -> Prediction {
    let bars = output.binary.len();
    let pointers = from_pointers(output.pointers, bars);
    let binary = strongest_run(output.binary);
    let start = start_from_countdown(output.countdown, bars);
    let countdown = Span::rounded(start, start + (pointers.len() - 1) as f32, bars);
    let sources = [pointers, binary, countdown];
    let start = median(sources.map(|span| span.start));
    let (kind, probability) = most_probable(output.kinds);
    Prediction {
        span: Span {
            start,
            end: median(sources.map(|span| span.end)).max(start),
        },
        kind,
        probability,
        agreement: agreement(sources),
        pointers,
        binary,
        countdown,
    }
}

fn from_pointers([center, length]: [f32; 2], bars: usize) -> Span {
    let bars_long = bars as f32;
    let half = length * bars_long / 2.0;
    Span::rounded(center * bars_long - half, center * bars_long + half, bars)
}

/// The run with the largest sum of logits: the most probable one when a bar counts by its log odds.
fn strongest_run(logits: &[f32]) -> Span {
    let mut best = (f32::NEG_INFINITY, Span { start: 0, end: 0 });
    let mut sum = 0.0f32;
    let mut start = 0;
    for (t, logit) in logits.iter().enumerate() {
        if sum <= 0.0 {
            sum = 0.0;
            start = t;
        }
        sum += logit;
        if sum > best.0 {
            best = (sum, Span { start, end: t });
        }
    }
    best.1
}

/// Every bar votes for `t + countdown(t)`; bars near the clip know only the direction and do not vote, unless no bar is
/// nearer.
fn start_from_countdown(countdown: &[f32], bars: usize) -> f32 {
    if countdown.len() == 1 && bars != 1 {
        return countdown[0] * bars as f32;
    }
    let nearest = countdown.iter().fold(f32::INFINITY, |m, c| m.min(c.abs()));
    let reach = (nearest + 1.0).max(10.0);
    let mut votes: Vec<f32> = countdown
        .iter()
        .enumerate()
        .filter(|(_, c)| c.abs() <= reach)
        .map(|(t, c)| t as f32 + c)
        .collect();
    votes.sort_by(f32::total_cmp);
    votes.get(votes.len() / 2).copied().unwrap_or(0.0)
}

fn median(mut values: [usize; 3]) -> usize {
    values.sort_unstable();
    values[1]
}

fn agreement([a, b, c]: [Span; 3]) -> f32 {
    ((a.iou(b) + b.iou(c) + a.iou(c)) / 3.0) as f32
}

/// The class with the largest logit and its softmax probability.
fn most_probable(logits: &[f32]) -> (usize, f32) {
    let mut best = 0;
    for (class, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = class;
        }
    }
    let total: f32 = logits.iter().map(|l| (l - logits[best]).exp()).sum();
    (best, 1.0 / total)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Heads that agree on bars 40 to 49 of 105.
    fn agreeing() -> (Vec<f32>, Vec<f32>) {
        let binary = (0..105)
            .map(|t| if (40..50).contains(&t) { 3.0 } else { -3.0 })
            .collect();
        let countdown = (0..105)
            .map(|t| (40.0 - t as f32).clamp(-20.0, 20.0))
            .collect();
        (binary, countdown)
    }

    #[test]
    fn perfect_heads_give_back_the_label() {
        let (binary, countdown) = agreeing();
        let prediction = decode(WindowOutput {
            kinds: &[0.0, 2.0, -1.0],
            pointers: [44.5 / 105.0, 9.0 / 105.0],
            binary: &binary,
            countdown: &countdown,
        });
        assert_eq!(prediction.span, Span { start: 40, end: 49 });
        assert_eq!(prediction.kind, 1);
        assert_eq!(prediction.agreement, 1.0);
        assert!((prediction.probability - 0.8437947).abs() < 1e-6);
    }

    #[test]
    fn one_wrong_source_is_outvoted() {
        let (binary, countdown) = agreeing();
        let prediction = decode(WindowOutput {
            kinds: &[1.0, 0.0, 0.0],
            pointers: [0.9, 9.0 / 105.0],
            binary: &binary,
            countdown: &countdown,
        });
        assert_eq!(prediction.span.start, 40);
        assert!(prediction.agreement < 0.7);
    }

    #[test]
    fn a_scalar_countdown_is_the_start_over_the_length() {
        let (binary, _) = agreeing();
        let prediction = decode(WindowOutput {
            kinds: &[1.0, 0.0, 0.0],
            pointers: [44.5 / 105.0, 9.0 / 105.0],
            binary: &binary,
            countdown: &[40.0 / 105.0],
        });
        assert_eq!(prediction.countdown, Span { start: 40, end: 49 });
    }

    #[test]
    fn outputs_that_are_not_numbers_still_give_a_span_inside_the_window() {
        let nan = [f32::NAN; 105];
        let prediction = decode(WindowOutput {
            kinds: &[f32::NAN; 3],
            pointers: [f32::NAN, f32::INFINITY],
            binary: &nan,
            countdown: &nan,
        });
        assert!(prediction.span.start <= prediction.span.end && prediction.span.end < 105);
    }
}
