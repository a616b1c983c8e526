//! Names the classes of the style sheet, so that drawings contain no colours.

/// The number of distinct styles for series. More colours cannot be distinguished, so further series repeat the styles.
pub(crate) const SERIES: usize = 8;

/// The number of distinct styles for references.
const REFERENCES: usize = 3;

/// A class of the style sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StyleClass {
    /// Colour and dashes of the series with the number.
    Series(usize),
    /// The colour of the series with the number, without dashes: outlines of markers, whiskers.
    Solid(usize),
    /// Grid lines at the labelled values.
    Grid,
    Axis,
    Label,
    /// Line and text of the reference with the number.
    Reference(usize),
    /// Lines from shifted labels to their values, and marked epochs.
    Leader,
    /// A rising bar: hollow.
    Rise,
    /// A falling bar: filled.
    Fall,
    /// The range of a bar.
    Wick,
    Truth,
    TruthArea,
    Predicted,
}

impl StyleClass {
    /// Returns the class of lines and outlines: `ls0`, `l-grid`.
    pub fn line(self) -> String {
        self.class('l')
    }

    /// Returns the class of filled areas: `fo0`, `f-rise`.
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
