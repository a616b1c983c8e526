//! Line charts: values over epochs, each series with its own colour, dashes and marker and its name at its end, and
//! values to compare with as lines across.

use super::axis::{Axis, drawable};
use super::canvas::Frame;
use super::figure::Figure;
use super::pen::Pen;
use super::text::{count, escape, number, short};

/// One line of a chart.
pub(super) struct Series {
    /// Its name at its end.
    pub name: String,
    /// Its number among the series of the page, which fixes colour, dashes and marker.
    pub number: usize,
    /// Epochs and values.
    pub points: Vec<(f64, f64)>,
}

impl Series {
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

    /// First, last, smallest and largest value in words.
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

/// A value to compare with.
pub(super) struct Reference {
    /// Its name beside its line.
    pub name: String,
    /// Its place on the vertical axis.
    pub value: f64,
}

/// Which vertical axis a chart has.
#[derive(Clone, Debug)]
pub(super) enum Vertical {
    /// What its values ask for.
    Free,
    /// Linear, for parts of a whole.
    Parts,
    /// From minus to plus the largest size, for values in [-1, 1].
    Signed,
    /// The same for several charts.
    Fixed(Axis),
}

/// A chart.
pub(super) struct LineChart {
    pub title: String,
    /// The name of the vertical axis, with its unit.
    pub y_name: String,
    pub series: Vec<Series>,
    pub references: Vec<Reference>,
    pub vertical: Vertical,
    /// What a reader should know beside it; may be empty.
    pub note: String,
    /// Characters of a label at the end of a line.
    label: usize,
}

impl LineChart {
    pub fn new(title: impl Into<String>, y_name: impl Into<String>, series: Vec<Series>) -> Self {
        Self {
            title: title.into(),
            y_name: y_name.into(),
            series,
            references: Vec::new(),
            vertical: Vertical::Free,
            note: String::new(),
            label: 14,
        }
    }

    /// Gives the labels at the ends of the lines more room.
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

    /// The chart, or a sentence if none of its values can be drawn.
    pub fn html(&self) -> String {
        if !self.series.iter().flat_map(Series::values).any(drawable) {
            return format!(
                "<p class=\"note\">{}: {}.</p>\n",
                escape(&self.title),
                escape(&self.summary())
            );
        }
        let frame = self.frame();
        let drawing = frame.draw(|plot| {
            for series in &self.series {
                plot.course(&series.points, series.number)?;
            }
            // Over the lines: a loss that has come to its constant would hide it.
            for (index, reference) in self.shown_references() {
                plot.across(reference.value, Pen::Reference(index))?;
            }
            for series in &self.series {
                plot.markers(&series.points, series.number)?;
            }
            let of_series = self.named().filter_map(|series| {
                let last = series.values().filter(|value| drawable(*value)).last()?;
                let label = short(&series.name, self.label);
                Some((plot.y(last), label, Pen::Solid(series.number)))
            });
            let of_references = self.shown_references().map(|(index, reference)| {
                let label = short(&reference.name, self.label);
                (plot.y(reference.value), label, Pen::Reference(index))
            });
            let labels: Vec<_> = of_series.chain(of_references).collect();
            plot.labels(&labels)
        });
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

    /// The series with their names at their ends; one by itself is named by the title.
    fn named(&self) -> impl Iterator<Item = &Series> {
        let alone = self.series.len() == 1 && self.references.is_empty();
        self.series.iter().filter(move |_| !alone)
    }

    fn shown_references(&self) -> impl Iterator<Item = (usize, &Reference)> {
        let all = self.references.iter().enumerate();
        all.filter(|(_, reference)| drawable(reference.value))
    }

    fn frame(&self) -> Frame {
        let values = || {
            let references = self.references.iter().map(|reference| reference.value);
            self.series
                .iter()
                .flat_map(Series::values)
                .chain(references)
        };
        let y = match &self.vertical {
            Vertical::Free => Axis::of(values()),
            Vertical::Parts => Axis::from_zero(values()),
            Vertical::Signed => Axis::signed_share(values()),
            Vertical::Fixed(axis) => axis.clone(),
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
        let series = self.series.iter().map(Series::summary);
        let references = self
            .references
            .iter()
            .map(|reference| format!("{} at {}", reference.name, number(reference.value)));
        series.chain(references).collect::<Vec<_>>().join("; ")
    }

    /// The note, and how many values are missing from the drawing.
    fn notes(&self) -> String {
        let values = self.series.iter().flat_map(|series| &series.points);
        let missing: Vec<usize> = values
            .filter(|(_, value)| !drawable(*value))
            .map(|(epoch, _)| *epoch as usize)
            .collect();
        let missing = match (missing.iter().min(), missing.iter().max()) {
            (Some(first), Some(last)) if first == last => format!(
                "{} of epoch {first} cannot be drawn: not finite or too large.",
                count(missing.len(), "value")
            ),
            (Some(first), Some(last)) => format!(
                "{} between epochs {first} and {last} cannot be drawn: not finite or too large.",
                count(missing.len(), "value")
            ),
            _ => String::new(),
        };
        format!("{} {missing}", self.note).trim().into()
    }
}
