//! A drawing in its place on the page: title, what the axes are, the drawing, what it says in words.

use super::canvas::WIDTH;
use super::text::escape;

/// A drawing and the words around it; the words are plain text.
pub(crate) struct Figure {
    /// What is shown.
    pub title: String,
    /// The axes and units in words, for those who cannot see them in the drawing.
    pub about: String,
    /// The elements of the drawing.
    pub drawing: String,
    /// The height of the drawing.
    pub height: i32,
    /// What the drawing shows, in numbers, for those who cannot see it.
    pub summary: String,
    /// What a reader should know beside it; may be empty.
    pub note: String,
}

impl Figure {
    /// Returns the element of the page.
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
