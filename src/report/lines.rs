//! Draws line charts over epochs.
//!
//! Each series has its own colour, dashes and marker, and its name at the end of the line. References are horizontal
//! lines.

use super::axis::{Axis, drawable};
use super::canvas::{Frame, Plot};
use super::figure::Figure;
use super::style_class::StyleClass;
use super::text::{count, escape, number, percent, short};
use super::thin::ALL;

/// A line of a chart.
pub(super) struct LineSeries {
    pub name: String,
    /// The number of the series on the page, which determines colour, dashes and marker.
    pub number: usize,
    pub points: Vec<(f64, f64)>,
}

impl LineSeries {
    pub fn new(name: impl Into<String>, number: usize, course: &[(usize, f64)]) -> Self {
        Self {
            name: name.into(),
            number,
            points: course
                .iter()
                .map(|(e, value)| (*e as f64, *value))
                .collect(),
        }
    }

    fn values(&self) -> impl Iterator<Item = f64> + '_ {
        self.points.iter().map(|(_, value)| *value)
    }

    /// Describes the first, last, smallest and largest value.
    fn summary(&self) -> String {
        let name = &self.name;
        let shown: Vec<_> = self.points.iter().filter(|(_, v)| drawable(*v)).collect();
        let (Some(first), Some(last)) = (shown.first(), shown.last()) else {
            return format!("{name} has no values that can be drawn");
        };
        if shown.len() == 1 {
            return format!("{name} is {} at epoch {}", number(first.1), first.0);
        }
        let values = || shown.iter().map(|(_, value)| *value);
        format!(
            "{name} from {} at epoch {} to {} at epoch {}, between {} and {}",
            number(first.1),
            first.0,
            number(last.1),
            last.0,
            number(values().fold(f64::INFINITY, f64::min)),
            number(values().fold(f64::NEG_INFINITY, f64::max)),
        )
    }
}

/// A value to compare with, drawn as a horizontal line.
pub(super) struct Reference {
    pub name: String,
    pub value: f64,
}

/// The kind of vertical axis of a chart.
#[derive(Clone, Debug)]
pub(super) enum Vertical {
    /// Linear or logarithmic, chosen from the values.
    Free,
    /// Linear, for parts of a whole.
    Parts,
    /// Symmetric around 0, for values in [-1, 1].
    Signed,
    /// Given by the caller, to share an axis between charts.
    Fixed(Axis),
}

/// The largest number of characters of the name of a marked epoch.
const MARK: usize = 12;
/// The approximate number of markers below the floor that a series can have before they overlap.
const LOW: usize = 60;
/// The largest number of runs below the floor whose first value is marked.
const MOST_RUNS: usize = 300;

pub(super) struct LineChart {
    pub title: String,
    /// The name of the vertical axis, with its unit.
    pub y_name: String,
    pub series: Vec<LineSeries>,
    pub references: Vec<Reference>,
    pub vertical: Vertical,
    /// A note below the chart; may be empty.
    pub note: String,
    /// The marked epoch and its name.
    mark: Option<(usize, String)>,
    /// The lower end of the vertical axis. Values may be below.
    floor: Option<f64>,
    /// The largest number of characters of a label at the end of a line.
    label: usize,
}

impl LineChart {
    pub fn new(
        title: impl Into<String>,
        y_name: impl Into<String>,
        series: Vec<LineSeries>,
    ) -> Self {
        Self {
            title: title.into(),
            y_name: y_name.into(),
            series,
            references: Vec::new(),
            vertical: Vertical::Free,
            note: String::new(),
            mark: None,
            floor: None,
            label: 14,
        }
    }

    /// Allows longer labels at the ends of the lines.
    pub fn with_long_names(mut self) -> Self {
        self.label = 21;
        self
    }

    pub fn with_reference(mut self, name: &str, value: Option<f64>) -> Self {
        self.references.extend(value.map(|value| Reference {
            name: name.into(),
            value,
        }));
        self
    }

    pub fn with_vertical(mut self, vertical: Vertical) -> Self {
        self.vertical = vertical;
        self
    }

    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Marks an epoch with a thin vertical line and a name, if a series has a value for the epoch.
    pub fn with_mark(mut self, epoch: Option<usize>, name: &str) -> Self {
        self.mark = epoch.map(|epoch| (epoch, name.into()));
        self
    }

    /// Sets the lower end of the axis, for parts of a whole such as skills. Values below are drawn at the edge and
    /// counted in the note.
    pub fn with_floor(mut self, floor: f64) -> Self {
        self.floor = Some(floor);
        self
    }

    /// Returns the chart as an HTML element, or a sentence if no value can be drawn.
    pub fn html(&self) -> String {
        if !self
            .series
            .iter()
            .flat_map(LineSeries::values)
            .any(drawable)
        {
            return format!(
                "<p class=\"note\">{}: {}.</p>\n",
                escape(&self.title),
                escape(&self.summary())
            );
        }
        let frame = self.frame();
        let drawing = frame.draw(|plot| self.draw(plot));
        let scale = if frame.y.is_log() { ", log scale" } else { "" };
        Figure {
            title: self.title.clone(),
            about: format!("{}{scale}, over epochs", self.y_name),
            drawing,
            height: frame.height,
            summary: self.summary(),
            note: self.notes(),
        }
        .html()
    }

    fn draw(&self, plot: &mut Plot<'_>) {
        for series in &self.series {
            plot.course(&series.points, series.number);
        }
        // A loss equal to its constant would hide the reference, so references are drawn over the series.
        for (index, reference) in self.shown_references() {
            plot.across(reference.value, StyleClass::Reference(index));
        }
        if let Some((epoch, name)) = self.shown_mark() {
            let title = format!("{name}: epoch {epoch}");
            plot.upright(epoch as f64, &short(name, MARK), &title);
        }
        for series in &self.series {
            self.markers(plot, series);
            self.low_markers(plot, series);
        }
        let labels = self.labels(plot);
        plot.labels(&labels);
    }

    /// Draws markers on values of a series that are not below the floor.
    fn markers(&self, plot: &mut Plot<'_>, series: &LineSeries) {
        let inside = series.points.iter().map(|(epoch, value)| {
            let shown = if self.is_low(*value) {
                f64::NAN
            } else {
                *value
            };
            (*epoch, shown)
        });
        let inside: Vec<(f64, f64)> = inside.collect();
        let told = |epoch: f64, value: f64| self.told(series, epoch, value);
        plot.markers(&inside, series.number, told);
    }

    /// Draws markers on values of a series below the floor: on the first value of each run below the floor, and on a
    /// limited number of other values so that markers do not overlap.
    fn low_markers(&self, plot: &mut Plot<'_>, series: &LineSeries) {
        let every = series.points.len().div_ceil(LOW).max(1);
        let mut runs = 0;
        let mut before = false;
        for (index, (epoch, value)) in series.points.iter().enumerate() {
            let low = self.is_low(*value);
            let begins = low && !before && runs < MOST_RUNS;
            runs += usize::from(begins);
            if begins || (low && index % every == 0) {
                let title = self.told(series, *epoch, *value);
                plot.titled(&title, |plot| plot.marker_below(*epoch, series.number));
            }
            before = low;
        }
    }

    /// Returns whether a drawable value is below the floor.
    fn is_low(&self, value: f64) -> bool {
        drawable(value) && self.floor.is_some_and(|floor| value < floor)
    }

    /// Formats a value of a series: `epoch 7: 0.0312`, with the name of the series if there are several.
    fn told(&self, series: &LineSeries, epoch: f64, value: f64) -> String {
        let point = format!("epoch {epoch}: {}", number(value));
        if self.series.len() > 1 {
            format!("{}, {point}", series.name)
        } else {
            point
        }
    }

    /// Returns heights, texts and style classes of the labels right of the plot.
    fn labels(&self, plot: &Plot<'_>) -> Vec<(i32, String, StyleClass)> {
        let of_series = self.named().filter_map(|series| {
            let last = series.values().filter(|value| drawable(*value)).last()?;
            let label = short(&series.name, self.label);
            Some((plot.y(last), label, StyleClass::Solid(series.number)))
        });
        let of_references = self.shown_references().map(|(index, reference)| {
            let label = short(&reference.name, self.label);
            (plot.y(reference.value), label, StyleClass::Reference(index))
        });
        of_series.chain(of_references).collect()
    }

    /// Returns the series with a name at the end of the line. A single series is named by the title.
    fn named(&self) -> impl Iterator<Item = &LineSeries> {
        let alone = self.series.len() == 1 && self.references.is_empty();
        self.series.iter().filter(move |_| !alone)
    }

    fn shown_references(&self) -> impl Iterator<Item = (usize, &Reference)> {
        let all = self.references.iter().enumerate();
        all.filter(|(_, reference)| drawable(reference.value) && !self.is_low(reference.value))
    }

    /// Returns the marked epoch and its name, if a series has a value for the epoch.
    fn shown_mark(&self) -> Option<(usize, &str)> {
        let (epoch, name) = self.mark.as_ref()?;
        let mut points = self.series.iter().flat_map(|series| &series.points);
        let found = points.any(|(known, _)| *known == *epoch as f64);
        found.then_some((*epoch, name.as_str()))
    }

    fn frame(&self) -> Frame {
        let values = || {
            let references = self.references.iter().map(|reference| reference.value);
            self.series
                .iter()
                .flat_map(LineSeries::values)
                .chain(references)
        };
        let y = match &self.vertical {
            Vertical::Free => Axis::of(values()),
            Vertical::Parts => Axis::from_zero(values()),
            Vertical::Signed => Axis::signed_share(values()),
            Vertical::Fixed(axis) => axis.clone(),
        };
        let y = match self.floor {
            Some(floor) => y.cut(floor),
            None => y,
        };
        let epochs = self.series.iter().flat_map(|series| &series.points);
        let x = Axis::counted(epochs.map(|(epoch, _)| *epoch));
        let scale = if y.is_log() { ", log scale" } else { "" };
        let names = self.named().map(|series| series.name.as_str());
        let names = names.chain(self.references.iter().map(|r| r.name.as_str()));
        let labels: Vec<String> = names.map(|name| short(name, self.label)).collect();
        let y_name = format!("{}{scale}", self.y_name);
        Frame::new(x, y, "epoch", &y_name).labelled(labels.iter().map(String::as_str))
    }

    fn summary(&self) -> String {
        let series = self.series.iter().map(LineSeries::summary);
        let references = self
            .references
            .iter()
            .map(|reference| format!("{} at {}", reference.name, number(reference.value)));
        let mark = self.shown_mark();
        let mark = mark.map(|(epoch, name)| format!("{name}: epoch {epoch}"));
        let all = series.chain(references).chain(mark);
        all.collect::<Vec<_>>().join("; ")
    }

    /// Returns the note, followed by the numbers of values drawn at the edge and of values that cannot be drawn.
    fn notes(&self) -> String {
        let parts = [
            self.note.clone(),
            self.low(),
            self.missing(),
            self.thinned(),
        ];
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join(" ")
    }

    fn thinned(&self) -> String {
        let longest = self.series.iter().map(|series| series.points.len()).max();
        match longest {
            Some(points) if points > ALL => {
                format!(
                    "Of {points} values, the lines show the lowest and the highest at each place."
                )
            }
            _ => String::new(),
        }
    }

    fn low(&self) -> String {
        let values = self.series.iter().flat_map(LineSeries::values);
        let low = values.filter(|value| self.is_low(*value)).count();
        match self.floor {
            Some(floor) if low > 0 => {
                let are = if low == 1 { "is" } else { "are" };
                let (values, floor) = (count(low, "value"), percent(floor));
                format!("{values} below {floor} {are} drawn at the edge.")
            }
            _ => String::new(),
        }
    }

    fn missing(&self) -> String {
        let values = self.series.iter().flat_map(|series| &series.points);
        let missing: Vec<usize> = values
            .filter(|(_, value)| !drawable(*value))
            .map(|(epoch, _)| *epoch as usize)
            .collect();
        match (missing.iter().min(), missing.iter().max()) {
            (Some(first), Some(last)) if first == last => format!(
                "{} of epoch {first} cannot be drawn: not finite or too large.",
                count(missing.len(), "value")
            ),
            (Some(first), Some(last)) => format!(
                "{} between epochs {first} and {last} cannot be drawn: not finite or too large.",
                count(missing.len(), "value")
            ),
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, values: &[f64]) -> LineSeries {
        let course: Vec<(usize, f64)> = (1..).zip(values.iter().copied()).collect();
        LineSeries::new(name, 0, &course)
    }

    fn chart(values: &[f64]) -> LineChart {
        LineChart::new("Skill", "skill", vec![series("a", values)])
    }

    #[test]
    fn markers_tell_their_values() {
        let alone = chart(&[0.25, 0.5]).html();
        let title = format!("<g><title>epoch 2: {}</title><circle", number(0.5));
        assert!(alone.contains(&title), "{alone}");
        let both = vec![series("a", &[0.25]), series("b", &[0.5])];
        let both = LineChart::new("Skill", "skill", both).html();
        let title = format!("<title>b, epoch 1: {}</title>", number(0.5));
        assert!(both.contains(&title), "{both}");
    }

    #[test]
    fn values_below_the_floor_are_at_the_edge_and_told() {
        let html = chart(&[-3.0, -0.25, 0.5]).with_floor(-0.5).html();
        let title = format!(
            "<title>epoch 1: {}</title><polygon class=\"fo0\"",
            number(-3.0)
        );
        assert!(html.contains(&title), "{html}");
        let note = format!("1 value below {} is drawn at the edge.", percent(-0.5));
        assert!(html.contains(&note), "{html}");
        assert!(html.contains(">−0.5</text>"), "{html}");
        assert!(!html.contains(">−2"), "{html}");
        let inside = chart(&[-0.25, 0.5]).with_floor(-0.5).html();
        assert!(!inside.contains("<polygon") && !inside.contains("at the edge"));
    }

    #[test]
    fn an_epoch_that_is_drawn_can_be_marked() {
        let marked = chart(&[0.25, 0.5]).with_mark(Some(2), "best").html();
        assert!(marked.contains("<title>best: epoch 2</title>"), "{marked}");
        assert!(marked.contains(">best</text>"), "{marked}");
        let unmarked = chart(&[0.25, 0.5]).with_mark(Some(3), "best").html();
        assert_eq!(unmarked, chart(&[0.25, 0.5]).html());
    }
}
