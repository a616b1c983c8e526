//! Draws plots with axes, lines, markers and labels that do not overlap.
//!
//! All drawings are as wide as a phone, so texts keep their relative size on every screen.

use super::axis::{Axis, drawable};
use super::style_class::{SERIES, StyleClass};
use super::svg::{Anchor, Level, Point, Svg};
use super::text::{short, width};
use super::thin::thinned;

/// The width of every drawing, in tenths of a unit.
pub(crate) const WIDTH: i32 = 3600;
/// The distance between the centres of two lines of text, in tenths of a unit.
const LINE: i32 = 135;
/// The distance between a label and its mark, in tenths of a unit.
const GAP: i32 = 60;
const TICK: i32 = 25;

/// The largest number of markers on values between gaps. More cannot be told apart.
const ALONE: usize = 300;

/// The axes of a drawing and the space around them, in tenths of a unit.
pub(crate) struct Frame {
    pub x: Axis,
    pub y: Axis,
    pub x_name: String,
    /// The name of the vertical axis with its unit.
    pub y_name: String,
    /// The height of the whole drawing.
    pub height: i32,
    /// The space above the plot, in addition to the name of the vertical axis.
    pub top: i32,
    /// The space left of the plot. `None` is the space that the labels of the axis need.
    pub left: Option<i32>,
    pub right: i32,
}

impl Frame {
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

    /// Reserves the space for labels on the right.
    pub fn labelled<'a>(mut self, labels: impl IntoIterator<Item = &'a str>) -> Self {
        let widest = labels.into_iter().map(width).max().unwrap_or(0);
        self.right = (widest + 2 * GAP).max(120);
        self
    }

    /// Returns the elements of the drawing, for an `svg` element of width [`WIDTH`] and height `self.height`.
    pub fn draw(&self, content: impl FnOnce(&mut Plot<'_>)) -> String {
        let labels = self.y.ticks().map(|(_, label)| width(label));
        let labels = labels.max().unwrap_or(0);
        let name = if self.y_name.is_empty() || self.top > 0 {
            60
        } else {
            260
        };
        let below = if self.x_name.is_empty() { 190 } else { 320 };
        let mut plot = Plot {
            svg: Svg::default(),
            frame: self,
            left: self.left.unwrap_or((labels + GAP + 30).max(250)),
            right: WIDTH - self.right,
            top: name + self.top,
            bottom: self.height - below,
        };
        plot.axes();
        content(&mut plot);
        plot.svg.finish()
    }
}

/// The area inside the axes, to draw on.
pub(crate) struct Plot<'a> {
    svg: Svg,
    frame: &'a Frame,
    pub left: i32,
    pub right: i32,
    pub top: i32,
    pub bottom: i32,
}

impl Plot<'_> {
    /// Returns the coordinate of a value of the horizontal axis.
    pub fn x(&self, value: f64) -> i32 {
        self.frame.x.map(value, (self.left, self.right))
    }

    /// Returns the coordinate of a value of the vertical axis.
    pub fn y(&self, value: f64) -> i32 {
        self.frame.y.map(value, (self.bottom, self.top))
    }

    /// Draws the grid lines, both axes with their labels, and the names of the axes.
    fn axes(&mut self) {
        let frame = self.frame;
        for (value, _) in frame.y.ticks() {
            let y = self.y(value);
            self.svg
                .line((self.left, y), (self.right, y), &StyleClass::Grid.line());
        }
        self.left_edge();
        self.bottom_edge();
        let middle = ((self.left + self.right) / 2, frame.height - 20);
        self.text(
            &frame.x_name,
            middle,
            StyleClass::Label,
            Anchor::Middle,
            Level::Above,
        );
        let corner = (0, self.top - 95);
        self.text(
            &frame.y_name,
            corner,
            StyleClass::Label,
            Anchor::Begin,
            Level::Above,
        );
    }

    fn left_edge(&mut self) {
        let (frame, x, class) = (self.frame, self.left, StyleClass::Axis.line());
        self.svg.line((x, self.top), (x, self.bottom), &class);
        for (value, label) in frame.y.ticks() {
            let y = self.y(value);
            let at = (x - 2 * TICK, y);
            self.text(label, at, StyleClass::Label, Anchor::End, Level::Beside);
            self.svg.line((x - TICK, y), (x, y), &class);
        }
    }

    fn bottom_edge(&mut self) {
        let (frame, y, class) = (self.frame, self.bottom, StyleClass::Axis.line());
        self.svg.line((self.left, y), (self.right, y), &class);
        for (value, label) in frame.x.ticks() {
            let x = self.x(value);
            let at = (x, y + 2 * TICK);
            self.text(label, at, StyleClass::Label, Anchor::Middle, Level::Below);
            self.svg.line((x, y), (x, y + TICK), &class);
        }
    }

    pub fn path(&mut self, points: &[Point], class: StyleClass) {
        self.svg.polyline(points, &class.line());
    }

    pub fn polygon(&mut self, corners: &[Point], class: StyleClass) {
        self.svg.polygon(corners, &class.area());
    }

    pub fn rectangle(&mut self, corner: Point, opposite: Point, class: StyleClass) {
        self.svg.rect(corner, opposite, &class.area());
    }

    /// Draws a text at a point, shortened to 60 characters.
    pub fn text(&mut self, text: &str, at: Point, class: StyleClass, anchor: Anchor, level: Level) {
        if !text.is_empty() {
            let text = short(text, 60);
            self.svg.text(&text, at, anchor, level, &class.text());
        }
    }

    /// Draws content with a title, which browsers show as a tooltip.
    pub fn titled(&mut self, title: &str, content: impl FnOnce(&mut Self)) {
        self.svg.begin_titled(title);
        content(self);
        self.svg.end_titled();
    }

    /// Draws a series as lines between its values, with gaps at values that cannot be drawn.
    pub fn course(&mut self, points: &[(f64, f64)], number: usize) {
        let runs = points.split(|(x, y)| !drawable(*x) || !drawable(*y));
        for run in runs.filter(|run| run.len() > 1) {
            let places = run.iter().map(|(x, y)| (self.x(*x), self.y(*y)));
            let line = thinned(places.collect());
            self.path(&line, StyleClass::Series(number));
        }
    }

    /// Draws markers with titles on about six values of a series, on the last value, and on values between gaps.
    pub fn markers(
        &mut self,
        points: &[(f64, f64)],
        number: usize,
        told: impl Fn(f64, f64) -> String,
    ) {
        let every = points.len().div_ceil(6).max(1);
        let shown = |index: usize| points.get(index).is_some_and(|(_, y)| drawable(*y));
        let last = (0..points.len()).rev().find(|index| shown(*index));
        let mut single = 0;
        for (index, (x, y)) in points.iter().enumerate().filter(|(i, _)| shown(*i)) {
            let alone = !shown(index.wrapping_sub(1)) && !shown(index + 1) && single < ALONE;
            single += usize::from(alone);
            if index % every == 0 || Some(index) == last || alone {
                let at = (self.x(*x), self.y(*y));
                self.titled(&told(*x, *y), |plot| plot.marker(at, number));
            }
        }
    }

    /// Draws a marker with the shape of the series.
    pub fn marker(&mut self, at: Point, number: usize) {
        let class = StyleClass::Solid(number);
        let near = |(dx, dy): Point| (at.0 + dx, at.1 + dy);
        match number % SERIES {
            0 => self.svg.circle(at, 33, &class.area()),
            1 => self.polygon(
                &[(-30, -30), (30, -30), (30, 30), (-30, 30)].map(near),
                class,
            ),
            2 => self.polygon(&[(0, -42), (40, 30), (-40, 30)].map(near), class),
            3 => self.polygon(&[(0, -46), (40, 0), (0, 46), (-40, 0)].map(near), class),
            4 => self.polygon(&[(0, 42), (40, -30), (-40, -30)].map(near), class),
            5 => self.svg.circle(at, 36, &class.line()),
            6 => {
                self.path(&[(-34, -34), (34, 34)].map(near), class);
                self.path(&[(-34, 34), (34, -34)].map(near), class);
            }
            _ => {
                self.path(&[(-42, 0), (42, 0)].map(near), class);
                self.path(&[(0, -42), (0, 42)].map(near), class);
            }
        }
    }

    pub fn dot(&mut self, at: Point, class: StyleClass) {
        self.svg.circle(at, 18, &class.area());
    }

    /// Draws a marker of a series at the lower edge that points out of the plot, for a value below the plot.
    pub fn marker_below(&mut self, value: f64, number: usize) {
        let (x, y) = (self.x(value), self.bottom);
        let corners = [(x - 34, y), (x + 34, y), (x, y + 46)];
        self.polygon(&corners, StyleClass::Solid(number));
    }

    /// Draws a horizontal line through the plot at a value.
    pub fn across(&mut self, value: f64, class: StyleClass) {
        let y = self.y(value);
        self.path(&[(self.left, y), (self.right, y)], class);
    }

    /// Draws a thin vertical line through the plot, with a name and a title.
    pub fn upright(&mut self, value: f64, name: &str, title: &str) {
        let (x, top, bottom) = (self.x(value), self.top, self.bottom);
        // Where the name of the axis is above the line, the name of the line is drawn inside the plot.
        let free = x - width(name) / 2 > width(&self.frame.y_name);
        self.titled(title, |plot| {
            plot.path(&[(x, top), (x, bottom)], StyleClass::Leader);
            if free {
                let at = (x, top + 10);
                plot.text(name, at, StyleClass::Label, Anchor::Middle, Level::Above);
            } else {
                let at = (x + 40, top + 70);
                plot.text(name, at, StyleClass::Label, Anchor::Begin, Level::Beside);
            }
        });
    }

    /// Draws labels right of the plot, as near as possible to their heights without overlap.
    pub fn labels(&mut self, labels: &[(i32, String, StyleClass)]) {
        let mut order: Vec<usize> = (0..labels.len()).collect();
        order.sort_by_key(|index| labels[*index].0);
        let wished: Vec<i32> = order.iter().map(|index| labels[*index].0).collect();
        let places = spread(&wished, self.top + LINE / 3, self.bottom - LINE / 3);
        for (index, place) in order.into_iter().zip(places) {
            let (y, text, class) = &labels[index];
            if (place - y).abs() > LINE / 4 {
                let line = [(self.right + 8, *y), (self.right + GAP - 12, place)];
                self.path(&line, StyleClass::Leader);
            }
            let at = (self.right + GAP, place);
            self.text(text, at, *class, Anchor::Begin, Level::Beside);
        }
    }
}

/// Returns ascending positions between the ends, near the wished positions and at least a line apart, or closer
/// together if they do not fit.
fn spread(wished: &[i32], top: i32, bottom: i32) -> Vec<i32> {
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
    use super::*;

    #[test]
    fn axes_have_their_lines_labels_and_names() {
        let epochs = Axis::counted([1.0, 8.0]);
        let frame = Frame::new(epochs, Axis::linear(0.0, 1.0), "epoch", "raw loss");
        let drawing = frame.draw(|_| {});
        let expected = [
            "<line class=\"l-grid\" x1=\"276\" y1=\"1740\" x2=\"3480\" y2=\"1740\"/>",
            "<line class=\"l-axis\" x1=\"276\" y1=\"260\" x2=\"276\" y2=\"1740\"/>",
            "<text class=\"t-label\" x=\"226\" y=\"1740\" dy=\"0.5ex\" text-anchor=\"end\">0</text>",
            "<line class=\"l-axis\" x1=\"251\" y1=\"1740\" x2=\"276\" y2=\"1740\"/>",
            "<text class=\"t-label\" x=\"276\" y=\"1790\" dy=\"0.76em\" text-anchor=\"middle\">1</text>",
            "<line class=\"l-axis\" x1=\"276\" y1=\"1740\" x2=\"276\" y2=\"1765\"/>",
            "<text class=\"t-label\" x=\"1878\" y=\"2040\" dy=\"-0.5ex\" text-anchor=\"middle\">epoch</text>",
            "<text class=\"t-label\" x=\"0\" y=\"165\" dy=\"-0.5ex\" text-anchor=\"start\">raw loss</text>",
        ];
        for element in expected {
            assert!(drawing.contains(element), "{element} in {drawing}");
        }
    }

    #[test]
    fn labels_keep_their_distance_and_stay_inside() {
        assert_eq!(spread(&[500, 900], 0, 1000), [500, 900]);
        assert_eq!(spread(&[500, 510], 0, 1000), [500, 635]);
        assert_eq!(spread(&[990, 1000], 0, 1000), [865, 1000]);
        assert_eq!(spread(&[], 0, 1000), [0; 0]);
        let crowded = spread(&[500; 30], 0, 1000);
        assert!(crowded.is_sorted() && crowded[0] >= 0 && crowded[29] <= 1000);
    }
}
