//! What is drawn with: pens that stand for classes of the style sheet, so that a drawing has no colours of its own.

/// The pens for series; there are more tasks than colours that can be told apart, so they come round again.
pub(crate) const SERIES: usize = 8;

/// The pens for values to compare with.
const REFERENCES: usize = 3;

/// What the style sheet has classes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StyleClass {
    /// Series number so and so: colour and dashes.
    Series(usize),
    /// The colour of a series without its dashes: outlines of markers, whiskers.
    Solid(usize),
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

impl StyleClass {
    /// Returns the class of lines and outlines: `ls0`, `l-grid`.
    pub fn line(self) -> String {
        self.class('l')
    }

    /// Returns the class of what is filled: `fo0`, `f-rise`.
    pub fn area(self) -> String {
        self.class('f')
    }

    /// Returns the class of texts: `to0`, `t-label`.
    pub fn text(self) -> String {
        self.class('t')
    }

    fn class(self, mark: char) -> String {
        let name = match self {
            Self::Series(number) => format!("s{}", number % SERIES),
            Self::Solid(number) => format!("o{}", number % SERIES),
            Self::Reference(number) => format!("r{}", number % REFERENCES),
            Self::Grid => "-grid".into(),
            Self::Axis => "-axis".into(),
            Self::Label => "-label".into(),
            Self::Leader => "-leader".into(),
            Self::Rise => "-rise".into(),
            Self::Fall => "-fall".into(),
            Self::Wick => "-wick".into(),
            Self::Truth => "-truth".into(),
            Self::TruthArea => "-trutharea".into(),
            Self::Predicted => "-pred".into(),
        };
        format!("{mark}{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pens_are_classes_of_the_style_sheet() {
        let classes = [
            StyleClass::Series(10).line(),
            StyleClass::Solid(SERIES).area(),
            StyleClass::Reference(4).text(),
            StyleClass::Label.text(),
            StyleClass::TruthArea.area(),
        ];
        assert_eq!(classes, ["ls2", "fo0", "tr1", "t-label", "f-trutharea"]);
        let sheet = include_str!("style.css");
        for class in classes {
            assert!(sheet.contains(&format!(".{class}")), "{class}");
        }
    }
}
