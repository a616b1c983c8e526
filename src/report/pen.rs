//! What is drawn with: pens that become classes of the style sheet, so that a drawing has no colours of its own.
//!
//! The plotting crate knows only literal colours. Each pen is a colour that stands for a class, and
//! [`themed`] puts the classes in their places.

use plotters::style::RGBColor;

/// The pens for series; there are more tasks than colours that can be told apart, so they come round again.
pub(super) const SERIES: usize = 8;

/// A class of the style sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pen {
    /// Series number so and so: colour and dashes.
    Series(usize),
    /// The colour of a series without its dashes: outlines of markers, whiskers.
    Solid(usize),
    /// The colour of a series as a faint area.
    Area(usize),
    /// Lines across the plot at the labelled values.
    Grid,
    /// The edge of the plot.
    Axis,
    /// Texts at the axes.
    Label,
    /// A value to compare with, and its text.
    Reference(usize),
    /// Where two texts and what they belong to are apart.
    Leader,
    /// A bar that rose: hollow.
    Rise,
    /// A bar that fell: filled.
    Fall,
    /// The range of a bar.
    Wick,
    /// What is true.
    Truth,
    /// The bars that belong to what is true.
    TruthArea,
    /// What was predicted.
    Predicted,
}

impl Pen {
    const KINDS: [&str; 14] = [
        "s",
        "o",
        "a",
        "grid",
        "axis",
        "label",
        "r",
        "leader",
        "rise",
        "fall",
        "wick",
        "truth",
        "trutharea",
        "pred",
    ];

    fn code(self) -> (u8, u8) {
        let of_series = |number: usize| (number % SERIES) as u8;
        match self {
            Self::Series(number) => (0, of_series(number)),
            Self::Solid(number) => (1, of_series(number)),
            Self::Area(number) => (2, of_series(number)),
            Self::Grid => (3, 0),
            Self::Axis => (4, 0),
            Self::Label => (5, 0),
            Self::Reference(number) => (6, (number % 3) as u8),
            Self::Leader => (7, 0),
            Self::Rise => (8, 0),
            Self::Fall => (9, 0),
            Self::Wick => (10, 0),
            Self::Truth => (11, 0),
            Self::TruthArea => (12, 0),
            Self::Predicted => (13, 0),
        }
    }

    /// The colour that stands for the pen.
    pub fn colour(self) -> RGBColor {
        let (kind, number) = self.code();
        RGBColor(0xE0, kind, number)
    }
}

/// The class that a colour stands for; `mark` is `f` for what is filled, `l` for lines, `t` for texts.
fn class(mark: char, colour: &str) -> Option<String> {
    let code = u32::from_str_radix(colour.strip_prefix('#')?, 16).ok()?;
    let [_, _, kind, number] = code.to_be_bytes();
    let kind = Pen::KINDS.get(usize::from(kind))?;
    Some(match kind.len() {
        1 => format!("{mark}{kind}{number}"),
        _ => format!("{mark}-{kind}"),
    })
}

/// The elements of a drawing with classes for colours, without the `svg` element around them.
pub(super) fn themed(drawing: &str) -> String {
    let mut elements = String::with_capacity(drawing.len() / 2);
    // The backend writes a tag or a text a line, and no text begins with `<` because it is escaped.
    for line in drawing.lines() {
        match line {
            line if line.starts_with("<svg") || line == "</svg>" => {}
            line if line.starts_with("</") => elements.push_str(line),
            line if line.starts_with('<') => elements.push_str(&themed_tag(line)),
            text => elements.push_str(text),
        }
    }
    elements
}

fn themed_tag(tag: &str) -> String {
    let (name, attributes) = tag[1..].split_once(' ').unwrap_or((&tag[1..], ""));
    let mut classes = Vec::new();
    let mut kept = String::new();
    for (key, value) in pairs(attributes) {
        match key {
            "fill" if name == "text" => classes.extend(class('t', value)),
            "fill" => classes.extend(class('f', value)),
            "stroke" => classes.extend(class('l', value)),
            // The style sheet decides on these.
            "opacity" | "font-family" | "font-size" | "stroke-width" => {}
            "points" => kept += &format!(" points=\"{}\"", value.trim_end()),
            _ => kept += &format!(" {key}=\"{value}\""),
        }
    }
    let end = if tag.ends_with("/>") { "/>" } else { ">" };
    format!("<{name} class=\"{}\"{kept}{end}", classes.join(" "))
}

/// `key="value"` pairs; the backend writes no quotes into values.
fn pairs(attributes: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut pieces = attributes.split('"');
    std::iter::from_fn(move || {
        let key = pieces.next()?.trim().strip_suffix('=')?;
        Some((key, pieces.next()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_become_classes() {
        let RGBColor(r, g, b) = Pen::Series(10).colour();
        let line = format!(
            "<polyline fill=\"none\" opacity=\"1\" stroke=\"#{r:02X}{g:02X}{b:02X}\" stroke-width=\"1\" points=\"1,2 3,4 \"/>\n"
        );
        assert_eq!(
            themed(&line),
            "<polyline class=\"ls2\" points=\"1,2 3,4\"/>"
        );
    }
}
