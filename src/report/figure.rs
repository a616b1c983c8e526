//! Writes a drawing as a figure with title, description and note.

use super::canvas::WIDTH;
use super::text::escape;

/// A drawing with its title, description and note as plain text.
pub(crate) struct Figure {
    pub title: String,
    /// The axes and units in words, for screen readers.
    pub about: String,
    pub drawing: String,
    pub height: i32,
    /// The content of the drawing in numbers, for screen readers.
    pub summary: String,
    /// A note below the drawing; may be empty.
    pub note: String,
}

impl Figure {
    pub fn html(&self) -> String {
        let title = escape(&self.title);
        let note = if self.note.is_empty() {
            String::new()
        } else {
            format!("<p class=\"note\">{}</p>\n", escape(&self.note))
        };
        format!(
            "<figure>\n<figcaption>{title}</figcaption>\n\
             <svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{title}; {}: {}\">\n{}\n</svg>\n{note}</figure>\n",
            self.height,
            escape(&self.about),
            escape(&self.summary),
            self.drawing,
        )
    }
}
