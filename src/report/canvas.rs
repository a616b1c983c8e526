//! A drawing with axes: the plot and its margins, lines, markers, and labels that do not overlap.
//!
//! All drawings are as wide as a phone, so that their texts keep their size in proportion wherever they are shown. They
//! are measured in tenths of a unit because the plotting crate counts in whole numbers.

use plotters::chart::ChartBuilder;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Polygon, Rectangle};
use plotters::prelude::SVGBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoTextStyle, TRANSPARENT};

use super::axis::{Axis, drawable};
use super::pen::{Pen, themed};
use super::text::{short, width};

/// The width of every drawing.
pub(super) const WIDTH: i32 = 3600;
/// Between the centers of two lines of text.
const LINE: i32 = 135;
/// Between a label and what it belongs to.
const GAP: i32 = 60;

/// What drawing comes to: writing into a text does not fail.
pub(super) type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A point of the drawing.
pub(super) type Point = (i32, i32);

/// The axes of a drawing and the room around them.
pub(super) struct Frame {
    /// Left to right.
    pub x: Axis,
    /// Bottom to top.
    pub y: Axis,
    /// What the horizontal axis is.
    pub x_name: String,
    /// What the vertical axis is, with its unit.
    pub y_name: String,
    /// The height of the whole drawing.
    pub height: i32,
    /// The room above the plot, beside that for the name of the vertical axis.
    pub top: i32,
    /// The room left of the plot, if not what the labels of its axis need.
    pub left: Option<i32>,
    /// The room right of the plot.
    pub right: i32,
}

impl Frame {
    /// Axes with their names and room for labels.
    pub fn new(x: Axis, y: Axis, x_name: &str, y_name: &str) -> Self {
        Self {
            x,
            y,
            x_name: x_name.into(),
            y_name: y_name.into(),
            height: 2060,
            top: 0,
            left: None,
            right: 120,
        }
    }

    /// Leaves as much room on the right as these labels need.
    pub fn labelled<'a>(mut self, labels: impl IntoIterator<Item = &'a str>) -> Self {
        let widest = labels.into_iter().map(width).max().unwrap_or(0);
        self.right = (widest + 2 * GAP).max(120);
        self
    }

    /// The elements of the drawing, to stand in an `svg` element of its width and height.
    pub fn draw(&self, content: impl FnOnce(&Plot<'_, '_>) -> Drawn) -> String {
        let mut text = String::new();
        let size = (WIDTH as u32, self.height as u32);
        let drawn = {
            let root = SVGBackend::with_string(&mut text, size).into_drawing_area();
            self.on(&root, content).and_then(|()| root.present())
        };
        debug_assert!(drawn.is_ok(), "{drawn:?}");
        themed(&text)
    }

    fn on(&self, root: &Area<'_>, content: impl FnOnce(&Plot<'_, '_>) -> Drawn) -> Drawn {
        let labels = self.y.labels().map(width).max().unwrap_or(0);
        let left = self.left.unwrap_or((labels + GAP + 30).max(250));
        let name = match self.y_name.is_empty() || self.top > 0 {
            true => 60,
            false => 260,
        };
        let mut chart = ChartBuilder::on(root)
            .margin_top(name + self.top)
            .margin_right(self.right)
            .set_left_and_bottom_label_area_size(left)
            .x_label_area_size(if self.x_name.is_empty() { 190 } else { 320 })
            .build_cartesian_2d(self.x.clone(), self.y.clone())?;
        let grey = Pen::Label.colour();
        let small = ("sans-serif", 120).into_text_style(root).color(&grey);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(Pen::Grid.colour())
            .axis_style(Pen::Axis.colour())
            .label_style(small)
            .set_all_tick_mark_size(25)
            .draw()?;
        let (x, y) = chart.plotting_area().get_pixel_range();
        let plot = Plot {
            root,
            frame: self,
            left: x.start,
            right: x.end,
            top: y.start,
            bottom: y.end,
        };
        let middle = (plot.left + plot.right) / 2;
        plot.text(
            &self.x_name,
            (middle, self.height - 20),
            Pen::Label,
            HPos::Center,
            VPos::Bottom,
        )?;
        plot.text(
            &self.y_name,
            (0, plot.top - 95),
            Pen::Label,
            HPos::Left,
            VPos::Bottom,
        )?;
        content(&plot)
    }
}

/// The inside of the axes while something is drawn there.
pub(super) struct Plot<'a, 'b> {
    root: &'a Area<'b>,
    frame: &'a Frame,
    /// The edges.
    pub left: i32,
    pub right: i32,
    pub top: i32,
    pub bottom: i32,
}

impl Plot<'_, '_> {
    /// Where a value of the horizontal axis is.
    pub fn x(&self, value: f64) -> i32 {
        use plotters::coord::ranged1d::Ranged;
        self.frame.x.map(&value, (self.left, self.right))
    }

    /// Where a value of the vertical axis is.
    pub fn y(&self, value: f64) -> i32 {
        use plotters::coord::ranged1d::Ranged;
        self.frame.y.map(&value, (self.bottom, self.top))
    }

    /// A line through points.
    pub fn path(&self, points: Vec<Point>, pen: Pen) -> Drawn {
        self.root.draw(&PathElement::new(points, pen.colour()))
    }

    /// An area, filled.
    pub fn polygon(&self, points: Vec<Point>, pen: Pen) -> Drawn {
        self.root.draw(&Polygon::new(points, pen.colour().filled()))
    }

    /// A rectangle, filled.
    pub fn rectangle(&self, corner: Point, opposite: Point, pen: Pen) -> Drawn {
        let style = pen.colour().filled();
        self.root.draw(&Rectangle::new([corner, opposite], style))
    }

    /// A text that begins, has its middle, or ends at a point.
    pub fn text(&self, text: &str, at: Point, pen: Pen, h: HPos, v: VPos) -> Drawn {
        if text.is_empty() {
            return Ok(());
        }
        let colour = pen.colour();
        let style = ("sans-serif", 120)
            .into_text_style(self.root)
            .color(&colour)
            .pos(Pos::new(h, v));
        self.root.draw_text(&short(text, 60), &style, at)
    }

    /// A series as lines from value to value; where a value has no place on the axis there is a gap.
    pub fn course(&self, points: &[(f64, f64)], number: usize) -> Drawn {
        let runs = points.split(|(x, y)| !drawable(*x) || !drawable(*y));
        for run in runs.filter(|run| run.len() > 1) {
            let line = run.iter().map(|(x, y)| (self.x(*x), self.y(*y))).collect();
            self.path(line, Pen::Series(number))?;
        }
        Ok(())
    }

    /// Markers on about six values of a series, on the last one, and on those that stand alone.
    pub fn markers(&self, points: &[(f64, f64)], number: usize) -> Drawn {
        let every = points.len().div_ceil(6).max(1);
        let shown = |index: usize| points.get(index).is_some_and(|(_, y)| drawable(*y));
        let last = (0..points.len()).rev().find(|index| shown(*index));
        for (index, (x, y)) in points.iter().enumerate().filter(|(i, _)| shown(*i)) {
            let alone = !shown(index.wrapping_sub(1)) && !shown(index + 1);
            if index % every == 0 || Some(index) == last || alone {
                self.marker((self.x(*x), self.y(*y)), number)?;
            }
        }
        Ok(())
    }

    /// A marker whose form belongs to the series.
    pub fn marker(&self, (x, y): Point, number: usize) -> Drawn {
        let pen = Pen::Solid(number);
        let form = |corners: &[(i32, i32)]| {
            let at = corners.iter().map(|(dx, dy)| (x + dx, y + dy)).collect();
            self.polygon(at, pen)
        };
        match number % super::pen::SERIES {
            0 => self
                .root
                .draw(&Circle::new((x, y), 33, pen.colour().filled())),
            1 => form(&[(-30, -30), (30, -30), (30, 30), (-30, 30)]),
            2 => form(&[(0, -42), (40, 30), (-40, 30)]),
            3 => form(&[(0, -46), (40, 0), (0, 46), (-40, 0)]),
            4 => form(&[(0, 42), (40, -30), (-40, -30)]),
            5 => self.root.draw(&Circle::new((x, y), 36, pen.colour())),
            6 => {
                self.path(vec![(x - 34, y - 34), (x + 34, y + 34)], pen)?;
                self.path(vec![(x - 34, y + 34), (x + 34, y - 34)], pen)
            }
            _ => {
                self.path(vec![(x - 42, y), (x + 42, y)], pen)?;
                self.path(vec![(x, y - 42), (x, y + 42)], pen)
            }
        }
    }

    /// A line across the plot at a value.
    pub fn across(&self, value: f64, pen: Pen) -> Drawn {
        let y = self.y(value);
        self.path(vec![(self.left, y), (self.right, y)], pen)
    }

    /// Labels right of the plot, each as near as possible to its height without touching another.
    pub fn labels(&self, labels: &[(i32, String, Pen)]) -> Drawn {
        let mut order: Vec<usize> = (0..labels.len()).collect();
        order.sort_by_key(|index| labels[*index].0);
        let wished: Vec<i32> = order.iter().map(|index| labels[*index].0).collect();
        let places = apart(&wished, self.top + LINE / 3, self.bottom - LINE / 3);
        for (index, place) in order.into_iter().zip(places) {
            let (y, text, pen) = &labels[index];
            if (place - y).abs() > LINE / 4 {
                let line = vec![(self.right + 8, *y), (self.right + GAP - 12, place)];
                self.path(line, Pen::Leader)?;
            }
            let at = (self.right + GAP, place);
            self.text(text, at, *pen, HPos::Left, VPos::Center)?;
        }
        Ok(())
    }
}

/// Ascending places at least a line apart, near the wished ones and between the ends if they fit there.
fn apart(wished: &[i32], top: i32, bottom: i32) -> Vec<i32> {
    let line = match wished.len() {
        0 | 1 => LINE,
        many => LINE.min((bottom - top) / (many as i32 - 1)),
    };
    let mut places = Vec::with_capacity(wished.len());
    let mut next = top;
    for wish in wished {
        let place = next.max(*wish);
        places.push(place);
        next = place + line;
    }
    let mut limit = bottom;
    for place in places.iter_mut().rev() {
        *place = (*place).min(limit);
        limit = *place - line;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::apart;

    #[test]
    fn labels_keep_their_distance_and_stay_inside() {
        assert_eq!(apart(&[500, 900], 0, 1000), [500, 900]);
        assert_eq!(apart(&[500, 510], 0, 1000), [500, 635]);
        assert_eq!(apart(&[990, 1000], 0, 1000), [865, 1000]);
        assert_eq!(apart(&[], 0, 1000), [0; 0]);
        let crowded = apart(&[500; 30], 0, 1000);
        assert!(crowded.is_sorted() && crowded[0] >= 0 && crowded[29] <= 1000);
    }
}
