//! Writes SVG elements with classes of the style sheet instead of colours.
//!
//! Coordinates are whole tenths of a unit, so a drawing gives the same bytes on every machine. Texts and attributes are
//! escaped.

use std::fmt::Display;

use super::text::escape;

pub(crate) type Point = (i32, i32);

/// The horizontal part of a text that is placed at its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Begin,
    Middle,
    End,
}

impl Anchor {
    fn word(self) -> &'static str {
        match self {
            Self::Begin => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

/// The vertical position of a text relative to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Below,
    Beside,
    Above,
}

impl Level {
    /// Returns the distance of the base line below the point. The style sheet sets the font size, so the distance is in
    /// font units.
    fn shift(self) -> &'static str {
        match self {
            Self::Below => "0.76em",
            Self::Beside => "0.5ex",
            Self::Above => "-0.5ex",
        }
    }
}

/// The elements of a drawing, without the `svg` element around them.
#[derive(Debug, Default)]
pub(crate) struct Svg(String);

impl Svg {
    pub fn line(&mut self, (x1, y1): Point, (x2, y2): Point, class: &str) {
        let ends = [("x1", x1), ("y1", y1), ("x2", x2), ("y2", y2)];
        self.shape("line", class, &ends);
    }

    pub fn polyline(&mut self, points: &[Point], class: &str) {
        self.through("polyline", points, class);
    }

    pub fn polygon(&mut self, corners: &[Point], class: &str) {
        self.through("polygon", corners, class);
    }

    /// Draws a rectangle between two opposite corners.
    pub fn rect(&mut self, (x1, y1): Point, (x2, y2): Point, class: &str) {
        let sides = [
            ("x", x1.min(x2)),
            ("y", y1.min(y2)),
            ("width", (x2 - x1).abs()),
            ("height", (y2 - y1).abs()),
        ];
        self.shape("rect", class, &sides);
    }

    pub fn circle(&mut self, (x, y): Point, radius: i32, class: &str) {
        self.shape("circle", class, &[("cx", x), ("cy", y), ("r", radius)]);
    }

    pub fn text(&mut self, text: &str, (x, y): Point, anchor: Anchor, level: Level, class: &str) {
        self.open("text", class);
        self.attribute("x", x);
        self.attribute("y", y);
        self.attribute("dy", level.shift());
        self.attribute("text-anchor", anchor.word());
        self.0 += &format!(">{}</text>", escape(text));
    }

    /// Opens a group with a title, which browsers show as a tooltip.
    pub fn begin_titled(&mut self, title: &str) {
        self.0 += &format!("<g><title>{}</title>", escape(title));
    }

    /// Closes the innermost group.
    pub fn end_titled(&mut self) {
        self.0.push_str("</g>");
    }

    pub fn finish(self) -> String {
        self.0
    }

    fn through(&mut self, name: &str, points: &[Point], class: &str) {
        let pairs: Vec<String> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
        self.open(name, class);
        self.attribute("points", pairs.join(" "));
        self.0.push_str("/>");
    }

    fn shape(&mut self, name: &str, class: &str, numbers: &[(&str, i32)]) {
        self.open(name, class);
        for (key, number) in numbers {
            self.attribute(key, number);
        }
        self.0.push_str("/>");
    }

    fn open(&mut self, name: &str, class: &str) {
        self.0 += &format!("<{name}");
        self.attribute("class", class);
    }

    fn attribute(&mut self, key: &str, value: impl Display) {
        self.0 += &format!(" {key}=\"{}\"", escape(&value.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_have_classes_and_whole_numbers() {
        let mut svg = Svg::default();
        svg.line((1, 2), (3, 4), "l-grid");
        svg.polyline(&[(1, 2), (-3, 4)], "ls2");
        svg.polygon(&[(0, 0), (1, 0), (0, 1)], "fo1");
        svg.rect((5, 9), (2, 3), "f-rise");
        svg.circle((1, 2), 33, "fo0");
        let expected = [
            "<line class=\"l-grid\" x1=\"1\" y1=\"2\" x2=\"3\" y2=\"4\"/>",
            "<polyline class=\"ls2\" points=\"1,2 -3,4\"/>",
            "<polygon class=\"fo1\" points=\"0,0 1,0 0,1\"/>",
            "<rect class=\"f-rise\" x=\"2\" y=\"3\" width=\"3\" height=\"6\"/>",
            "<circle class=\"fo0\" cx=\"1\" cy=\"2\" r=\"33\"/>",
        ];
        assert_eq!(svg.finish(), expected.concat());
    }

    #[test]
    fn nothing_leaves_its_text_or_attribute() {
        let mut svg = Svg::default();
        svg.begin_titled("</title>&");
        svg.text("<b>", (1, 2), Anchor::End, Level::Below, "t\"x");
        svg.end_titled();
        assert_eq!(
            svg.finish(),
            "<g><title>&lt;/title&gt;&amp;</title><text class=\"t&quot;x\" x=\"1\" y=\"2\" dy=\"0.76em\" \
             text-anchor=\"end\">&lt;b&gt;</text></g>"
        );
    }
}
