//! Parts of a whole over epochs, stacked: each part is a band between two lines, with its name at its end.

use super::axis::{Axis, drawable};
use super::canvas::{Frame, Plot, Point};
use super::figure::Figure;
use super::lines::Series;
use super::pen::Pen;
use super::text::{percent, short};

/// A chart of shares that sum to 1.
pub(super) struct BandChart {
    pub title: String,
    pub y_name: String,
    /// From the bottom to the top.
    pub series: Vec<Series>,
}

impl BandChart {
    /// The chart; empty if in no epoch every part is known.
    pub fn html(&self) -> String {
        let epochs = self.epochs();
        if epochs.is_empty() {
            return String::new();
        }
        let sums = self.sums(&epochs);
        let labels = self.series.iter().map(|series| self.label(series));
        let labels: Vec<String> = labels.collect();
        let x = Axis::counted(epochs.iter().copied());
        let frame = Frame::new(x, Axis::linear(0.0, 1.0), "epoch", &self.y_name)
            .labelled(labels.iter().map(String::as_str));
        let drawing = frame.draw(|plot| {
            let mut ends = Vec::new();
            for (series, pair) in self.series.iter().zip(sums.windows(2)) {
                let (below, above) = (edge(plot, &epochs, &pair[0]), edge(plot, &epochs, &pair[1]));
                let middle = below.last().zip(above.last()).map(|(b, a)| (b.1 + a.1) / 2);
                let area = above.iter().chain(below.iter().rev()).copied().collect();
                plot.polygon(area, Pen::Area(series.number))?;
                plot.path(above, Pen::Series(series.number))?;
                ends.extend(middle.map(|y| (y, self.label(series), Pen::Solid(series.number))));
            }
            plot.labels(&ends)
        });
        Figure {
            title: self.title.clone(),
            about: format!("{}, stacked, over epochs", self.y_name),
            drawing,
            height: frame.height,
            summary: self.summary(),
            note: String::new(),
        }
        .html()
    }

    fn label(&self, series: &Series) -> String {
        short(&series.name, 14)
    }

    /// The epochs in which every part is known.
    fn epochs(&self) -> Vec<f64> {
        let known = |epoch: f64, series: &Series| share(series, epoch).is_some();
        let first = self.series.first().map_or(&[][..], |first| &first.points);
        let epochs = first.iter().map(|(epoch, _)| *epoch);
        let complete = epochs.filter(|epoch| self.series.iter().all(|s| known(*epoch, s)));
        complete.collect()
    }

    /// Below the first part, between the first and the second, and so on: one value an epoch.
    fn sums(&self, epochs: &[f64]) -> Vec<Vec<f64>> {
        let mut sum = vec![0.0; epochs.len()];
        let mut sums = vec![sum.clone()];
        for series in &self.series {
            for (sum, epoch) in sum.iter_mut().zip(epochs) {
                *sum += share(series, *epoch).unwrap_or(0.0);
            }
            sums.push(sum.clone());
        }
        sums
    }

    fn summary(&self) -> String {
        let of = |series: &Series| {
            let known: Vec<f64> = series.points.iter().map(|(_, value)| *value).collect();
            match (known.first(), known.last()) {
                (Some(first), Some(last)) => format!(
                    "{} from {} to {}",
                    series.name,
                    percent(*first),
                    percent(*last)
                ),
                _ => format!("{} is not known", series.name),
            }
        };
        self.series.iter().map(of).collect::<Vec<_>>().join("; ")
    }
}

fn share(series: &Series, epoch: f64) -> Option<f64> {
    let at = series.points.partition_point(|(e, _)| *e < epoch);
    let (found, value) = *series.points.get(at)?;
    (found == epoch && drawable(value) && value >= 0.0).then_some(value)
}

/// A line at these values; over one epoch it is as long as the plot is wide.
fn edge(plot: &Plot<'_, '_>, epochs: &[f64], values: &[f64]) -> Vec<Point> {
    let points = epochs.iter().zip(values);
    let line: Vec<Point> = points.map(|(e, v)| (plot.x(*e), plot.y(*v))).collect();
    match line[..] {
        [(_, y)] => vec![(plot.left, y), (plot.right, y)],
        _ => line,
    }
}
