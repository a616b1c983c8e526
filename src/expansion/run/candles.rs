//! Draws a series of bars with its true and its predicted span.

use crate::expansion::bars::Bar;
use crate::expansion::model::Span;
use crate::report::Section;
use crate::report::drawing::{
    Anchor, Axis, Figure, Frame, Level, Plot, StyleClass, count, drawable, grid, number, paragraph,
    width,
};

/// A figure of a series of bars with a true and a predicted span, distinguishable without colour.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WindowFigure {
    /// The title, such as `Bars 1200 to 1304`.
    pub title: String,
    /// The bars, oldest first. A bar with a value that is not finite is left out of the drawing.
    pub bars: Vec<Bar>,
    /// The true span; clipped to the bars.
    pub truth: Option<Span>,
    /// The predicted span; clipped to the bars.
    pub predicted: Option<Span>,
    /// The caption below the figure.
    pub caption: String,
}

impl WindowFigure {
    /// Returns the section of a report that shows `figures`, or `None` if `figures` is empty.
    pub fn section(figures: &[WindowFigure]) -> Option<Section> {
        const ABOUT: &str = "Hollow bars rose, filled ones fell. The shaded bars under the solid bracket are the true run, \
        the dashed bracket and lines are the predicted one.";
        let body = paragraph(ABOUT) + &grid(figures.iter().map(WindowFigure::html));
        (!figures.is_empty()).then(|| Section::new("windows", "Windows", body))
    }
}

/// The largest number of bars that show their prices under the mouse. More bars are too narrow to be pointed at, and
/// would double the size of the page.
const MOST_TITLED: usize = 250;
/// The height above the plot for the two brackets.
const LANES: i32 = 290;

impl WindowFigure {
    fn html(&self) -> String {
        let values = self.bars.iter().flat_map(|bar| [bar.low, bar.high]);
        let x = Axis::positions(self.bars.len());
        let mut frame = Frame::new(x, Axis::around(values), "bar", "price");
        frame.top = LANES;
        frame.height = 2150;
        let drawing = frame.draw(|plot| {
            if let Some(span) = self.truth.and_then(|span| self.inside(span)) {
                shade(plot, span);
            }
            self.bars(plot);
            let spans = [
                (self.truth, "true", StyleClass::Truth, 60),
                (self.predicted, "predicted", StyleClass::Predicted, 200),
            ];
            for (span, name, class, lane) in spans {
                if let Some(span) = span.and_then(|span| self.inside(span)) {
                    bracket(plot, span, name, class, lane);
                }
            }
        });
        Figure {
            title: self.title.clone(),
            about: "price over bars".into(),
            drawing,
            height: frame.height,
            summary: self.summary(),
            note: self.caption.clone(),
        }
        .html()
    }

    /// Returns the span clipped to the bars.
    fn inside(&self, span: Span) -> Option<Span> {
        let last = self.bars.len().checked_sub(1)?;
        let (start, end) = (span.start.min(last), span.end.min(last));
        (start <= end).then_some(Span { start, end })
    }

    fn bars(&self, plot: &mut Plot<'_>) {
        let step = plot.x(1.0) - plot.x(0.0);
        let half = (step * 3 / 10).clamp(1, 90);
        for (index, bar) in self.bars.iter().enumerate() {
            if is_drawable(bar) && self.bars.len() > MOST_TITLED {
                draw(bar, plot, index, half);
            } else if is_drawable(bar) {
                let title = format!("bar {index}: {}", in_words(bar));
                plot.titled(&title, |plot| draw(bar, plot, index, half));
            }
        }
    }

    fn summary(&self) -> String {
        let bars = count(self.bars.len(), "bar");
        let values = || {
            self.bars
                .iter()
                .filter(|bar| drawable(bar.low) && drawable(bar.high))
        };
        let low = values().map(|bar| bar.low).fold(f64::INFINITY, f64::min);
        let high = values()
            .map(|bar| bar.high)
            .fold(f64::NEG_INFINITY, f64::max);
        let span = |name: &str, span: Option<Span>| match span {
            Some(Span { start, end }) => format!("{name} bars {start} to {end}"),
            None => format!("{name}: none"),
        };
        format!(
            "{bars} between {} and {}; {}; {}; {}",
            number(low),
            number(high),
            span("true", self.truth),
            span("predicted", self.predicted),
            self.caption
        )
    }
}

fn is_drawable(bar: &Bar) -> bool {
    let values = [bar.open, bar.high, bar.low, bar.close];
    values.into_iter().all(drawable)
}

/// Returns the four prices as text.
fn in_words(bar: &Bar) -> String {
    format!(
        "open {}, high {}, low {}, close {}",
        number(bar.open),
        number(bar.high),
        number(bar.low),
        number(bar.close)
    )
}

/// Draws a bar, with a body that extends `half` to either side.
fn draw(bar: &Bar, plot: &mut Plot<'_>, index: usize, half: i32) {
    let x = plot.x(index as f64);
    let wick = [(x, plot.y(bar.high)), (x, plot.y(bar.low))];
    plot.path(&wick, StyleClass::Wick);
    let class = if bar.close >= bar.open {
        StyleClass::Rise
    } else {
        StyleClass::Fall
    };
    let top = plot.y(bar.open.max(bar.close));
    // A bar that closes at its open has no height, and an element without height is not shown.
    let bottom = plot.y(bar.open.min(bar.close)).max(top + 5);
    plot.rectangle((x - half, top), (x + half, bottom), class);
}

/// Shades the background of a span.
fn shade(plot: &mut Plot<'_>, span: Span) {
    let (left, right) = edges(plot, span);
    plot.rectangle(
        (left, plot.top),
        (right, plot.bottom),
        StyleClass::TruthArea,
    );
}

/// Draws a bracket above the plot with its name, and its ends down through the plot.
fn bracket(plot: &mut Plot<'_>, span: Span, name: &str, class: StyleClass, lane: i32) {
    let (left, right) = edges(plot, span);
    // The predicted span must stay visible over the true span.
    let foot = if class == StyleClass::Predicted {
        plot.bottom
    } else {
        lane + 50
    };
    let points = [(left, foot), (left, lane), (right, lane), (right, foot)];
    plot.path(&points, class);
    let text = format!("{name} {}–{}", span.start, span.end);
    let (at, anchor) = if right + 40 + width(&text) < plot.right + 100 {
        (right + 40, Anchor::Begin)
    } else {
        (left - 40, Anchor::End)
    };
    plot.text(&text, (at, lane + 10), class, anchor, Level::Beside);
}

/// Returns the edges of a span, half a bar beyond its first and last bar.
fn edges(plot: &Plot<'_>, span: Span) -> (i32, i32) {
    let left = plot.x(span.start as f64 - 0.5);
    (left, plot.x(span.end as f64 + 0.5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_says_its_prices() {
        let bar = Bar {
            open: 1.5,
            high: 4.0,
            low: 1.0,
            close: 3.0,
        };
        let unknown = Bar {
            high: f64::NAN,
            ..bar
        };
        let figure = WindowFigure {
            bars: vec![bar, unknown, bar],
            ..WindowFigure::default()
        };
        let html = figure.html();
        let title = format!("<g><title>bar 2: {}</title><polyline", in_words(&bar));
        assert!(html.contains(&title), "{html}");
        assert!(!html.contains("bar 1:"), "{html}");
        assert_eq!(html.matches("class=\"f-rise\"").count(), 2);
    }
}
