//! Draws means with their intervals, one row per mean, with the names on the left.

use super::axis::{Axis, drawable};
use super::canvas::{Frame, Plot, WIDTH};
use super::figure::Figure;
use super::style_class::StyleClass;
use super::svg::{Anchor, Level};
use super::text::{number, short, width};

/// A named mean with its interval, whose ends may be NaN.
pub(super) struct Interval {
    pub name: String,
    pub mean: f64,
    pub low: f64,
    pub high: f64,
    pub values: Vec<f64>,
}

pub(super) struct IntervalChart {
    pub title: String,
    /// The name of the values, with their unit.
    pub x_name: String,
    /// Whether the axis may be logarithmic.
    pub ratios: bool,
    pub rows: Vec<Interval>,
    /// The names and values of the references.
    pub references: Vec<(String, f64)>,
}

/// The largest number of characters of a row's name.
const NAME: usize = 22;
/// The largest number of characters of a reference's name.
const REFERENCE: usize = 30;
const RIGHT: i32 = 200;
const ROW: i32 = 210;

impl IntervalChart {
    /// Returns the chart as an HTML element, empty if no mean can be drawn.
    pub fn html(&self) -> String {
        if !self.rows.iter().any(|row| drawable(row.mean)) {
            return String::new();
        }
        let names = self.rows.iter().map(|row| width(&short(&row.name, NAME)));
        let left = names.max().unwrap_or(0) + 110;
        let x = if self.ratios {
            Axis::of(self.values())
        } else {
            Axis::from_zero(self.values())
        };
        let x = x.fitting(WIDTH - left - RIGHT);
        let scale = if x.is_log() { ", log scale" } else { "" };
        let rows = Axis::positions(self.rows.len()).without_labels();
        let mut frame = Frame::new(x, rows, &format!("{}{scale}", self.x_name), "");
        frame.left = Some(left);
        frame.right = RIGHT;
        frame.top = 150 * self.shown_references().count() as i32;
        frame.height = 60 + frame.top + 320 + ROW * (self.rows.len() as i32 + 1);
        let drawing = frame.draw(|plot| {
            self.references(plot);
            for (index, row) in self.rows.iter().enumerate() {
                // The first row is at the top.
                let y = plot.y((self.rows.len() - 1 - index) as f64);
                row.draw(plot, y);
            }
        });
        Figure {
            title: self.title.clone(),
            about: format!(
                "{}{scale}; large marks are means, whiskers 95 % intervals, small dots seeds",
                self.x_name
            ),
            drawing,
            height: frame.height,
            summary: self.summary(),
            note: String::new(),
        }
        .html()
    }

    fn values(&self) -> impl Iterator<Item = f64> + '_ {
        let rows = self.rows.iter().flat_map(|row| {
            row.values
                .iter()
                .copied()
                .chain([row.low, row.mean, row.high])
        });
        rows.chain(self.references.iter().map(|(_, value)| *value))
    }

    fn shown_references(&self) -> impl Iterator<Item = &(String, f64)> {
        self.references.iter().filter(|(_, value)| drawable(*value))
    }

    fn references(&self, plot: &mut Plot<'_>) {
        let lane = |index: usize| 90 + 150 * index as i32;
        for (index, (_, value)) in self.shown_references().enumerate() {
            let x = plot.x(*value);
            let line = [(x, lane(index) + 70), (x, plot.bottom)];
            plot.path(&line, StyleClass::Reference(index));
        }
        for (index, (name, value)) in self.shown_references().enumerate() {
            let text = format!("{} {}", short(name, REFERENCE), number(*value));
            let x = plot.x(*value);
            // Lines of earlier references cross the row of the text, so the text is placed on the free side.
            let mut above = self.shown_references().take(index);
            let begin = if above.any(|(_, other)| plot.x(*other) > x) {
                x - width(&text)
            } else if index == 0 {
                x - width(&text) / 2
            } else {
                x
            };
            let begin = begin.min(WIDTH - 20 - width(&text)).max(20);
            let (at, class) = ((begin, lane(index)), StyleClass::Reference(index));
            plot.text(&text, at, class, Anchor::Begin, Level::Beside);
        }
    }

    fn summary(&self) -> String {
        let rows = self.rows.iter().map(Interval::told);
        let references = self.references.iter();
        let references = references.map(|(name, value)| format!("{name} {}", number(*value)));
        rows.chain(references).collect::<Vec<_>>().join("; ")
    }
}

impl Interval {
    /// Formats name, mean and interval: `manual 0.5, 0.4 to 0.6`.
    fn told(&self) -> String {
        let mean = format!("{} {}", self.name, number(self.mean));
        if self.low.is_nan() {
            return mean;
        }
        format!("{mean}, {} to {}", number(self.low), number(self.high))
    }

    /// Draws the name left of the plot and the marks inside, with mean and interval as their title.
    fn draw(&self, plot: &mut Plot<'_>, y: i32) {
        let name = short(&self.name, NAME);
        let at = (plot.left - 60, y);
        plot.text(&name, at, StyleClass::Label, Anchor::End, Level::Beside);
        plot.titled(&self.told(), |plot| self.marks(plot, y));
    }

    fn marks(&self, plot: &mut Plot<'_>, y: i32) {
        if drawable(self.low) && drawable(self.high) {
            let (low, high) = (plot.x(self.low), plot.x(self.high));
            plot.path(&[(low, y), (high, y)], StyleClass::Solid(0));
            for end in [low, high] {
                plot.path(&[(end, y - 36), (end, y + 36)], StyleClass::Solid(0));
            }
        }
        for value in self.values.iter().filter(|value| drawable(**value)) {
            // The whisker would hide the dots, so they are drawn below.
            plot.dot((plot.x(*value), y + 62), StyleClass::Solid(1));
        }
        if drawable(self.mean) {
            plot.marker((plot.x(self.mean), y), 0);
        } else {
            let at = (plot.left + 60, y);
            let text = number(self.mean);
            plot.text(&text, at, StyleClass::Label, Anchor::Begin, Level::Beside);
        }
    }
}
