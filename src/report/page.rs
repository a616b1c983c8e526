//! Writes the HTML document around the sections, with its style sheet inline, without scripts or external resources.

use super::text::escape;

/// A section of a page with a title and an entry in the table of contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub(crate) anchor: String,
    pub(crate) title: String,
    pub(crate) body: String,
}

impl Section {
    /// Creates a section from HTML elements.
    ///
    /// `anchor` is the target of links to the section: ASCII letters, digits and hyphens, unique on the page. `title`
    /// is plain text. `body` is inserted unchanged, so its elements must be closed and its text escaped.
    ///
    /// # Example
    ///
    /// ```
    /// use equipoise::report::{Report, Section};
    ///
    /// let section = Section::new("errors", "Largest errors", "<p>Sample 17 is off by 0.4.</p>");
    /// let page = Report::new("A run").with_section(section).html();
    /// assert!(page.contains("<h2>Largest errors</h2>"));
    /// ```
    ///
    /// # Panics
    ///
    /// If `anchor` is empty or contains characters other than ASCII letters, digits and hyphens.
    pub fn new(
        anchor: impl Into<String>,
        title: impl Into<String>,
        body: impl Into<String>,
    ) -> Self {
        let anchor = anchor.into();
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-';
        assert!(
            !anchor.is_empty() && anchor.chars().all(is_word),
            "`{anchor}` is no anchor: letters, digits and hyphens are expected"
        );
        Self {
            anchor,
            title: title.into(),
            body: body.into(),
        }
    }
}

/// The parts of a page around its sections.
#[derive(Default)]
pub(crate) struct Around<'a> {
    pub title: &'a str,
    /// A line under the title; may be empty.
    pub status: &'a str,
    pub facts: &'a [(String, String)],
    /// Facts at the foot, folded.
    pub foot: &'a [(String, String)],
    /// Seconds after which browsers reload the page.
    pub refresh: Option<u32>,
}

pub(crate) fn page(around: &Around<'_>, sections: &[Section]) -> String {
    let mut body = String::new();
    for section in sections {
        let (anchor, title, inner) = (&section.anchor, escape(&section.title), &section.body);
        body += &format!("<section id=\"{anchor}\">\n<h2>{title}</h2>\n{inner}</section>\n");
    }
    if !around.foot.is_empty() {
        let facts = folded("What was run", &facts_list(around.foot));
        body += &format!("<section id=\"run\">\n<h2>The run</h2>\n{facts}</section>\n");
    }
    let title = escape(around.title);
    let refresh = match around.refresh {
        Some(seconds) => format!("<meta http-equiv=\"refresh\" content=\"{seconds}\"/>\n"),
        None => String::new(),
    };
    let version = env!("CARGO_PKG_VERSION");
    let status = if around.status.is_empty() {
        String::new()
    } else {
        format!("<p class=\"status\">{}</p>\n", escape(around.status))
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"generator\" content=\"equipoise {version}\"/>\n{refresh}\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n<title>{title}</title>\n<style>\n{}</style>\n</head>\n\
         <body>\n<header>\n<h1>{title}</h1>\n{status}{}{}</header>\n<main>\n{body}</main>\n\
         <footer><p>Made by equipoise {version}.</p></footer>\n</body>\n</html>\n",
        include_str!("style.css"),
        facts_list(around.facts),
        contents(sections),
    )
}

/// Wraps elements that are hidden until the reader opens them.
pub(crate) fn folded(summary: &str, inner: &str) -> String {
    format!(
        "<details>\n<summary>{}</summary>\n{inner}</details>\n",
        escape(summary)
    )
}

fn facts_list(facts: &[(String, String)]) -> String {
    if facts.is_empty() {
        return String::new();
    }
    let rows = facts.iter().map(|(name, text)| {
        let (name, text) = (escape(name), escape(text));
        format!("<div><dt>{name}</dt><dd>{text}</dd></div>\n")
    });
    format!("<dl class=\"facts\">\n{}</dl>\n", rows.collect::<String>())
}

fn contents(sections: &[Section]) -> String {
    let links = sections.iter().map(|section| {
        let (anchor, title) = (&section.anchor, escape(&section.title));
        format!("<a href=\"#{anchor}\">{title}</a>\n")
    });
    let links = links.collect::<String>();
    format!("<nav aria-label=\"On this page\">\n{links}</nav>\n")
}

/// Wraps drawings that are placed side by side as the width allows.
pub(crate) fn grid(figures: impl IntoIterator<Item = String>) -> String {
    let figures: String = figures.into_iter().collect();
    if figures.is_empty() {
        figures
    } else {
        format!("<div class=\"grid\">\n{figures}</div>\n")
    }
}

pub(crate) fn paragraph(text: &str) -> String {
    format!("<p>{}</p>\n", escape(text))
}

/// A cell of a table, as an element.
pub(crate) struct Cell(String);

impl Cell {
    pub fn text(text: &str) -> Self {
        Self::html(escape(text))
    }

    /// Creates a cell from elements whose text is already escaped.
    pub fn html(inner: String) -> Self {
        Self(format!("<td>{inner}</td>"))
    }

    /// Creates an empty cell, shown as a dash.
    pub fn missing() -> Self {
        Self("<td class=\"none\">–</td>".into())
    }

    pub fn lines(lines: Vec<String>) -> Self {
        if lines.is_empty() {
            Self::missing()
        } else {
            let lines: Vec<String> = lines.iter().map(|line| escape(line)).collect();
            Self(format!("<td class=\"words\">{}</td>", lines.join("<br/>")))
        }
    }

    /// Creates the cell of another part of the row's name.
    pub fn subname(name: &str) -> Self {
        Self(format!("<td class=\"name\">{}</td>", escape(name)))
    }

    /// Creates the cell of the row's name, with an optional link to a file beside the page.
    pub fn name(name: &str, link: Option<&str>) -> Self {
        let name = escape(name);
        // A link with a scheme could run a script or lead to the network.
        let inner = match link.filter(|link| !link.contains(':')) {
            Some(link) => format!("<a href=\"{}\">{name}</a>", escape(link)),
            None => name,
        };
        Self(format!("<th scope=\"row\">{inner}</th>"))
    }
}

/// Formats a table that scrolls sideways. The first `left` columns hold words, the others numbers.
pub(crate) fn table(caption: &str, head: &[String], left: usize, rows: &[Vec<Cell>]) -> String {
    let head: String = head
        .iter()
        .enumerate()
        .map(|(column, cell)| {
            let class = if column < left { " class=\"left\"" } else { "" };
            format!("<th scope=\"col\"{class}>{}</th>", escape(cell))
        })
        .collect();
    let mut body = String::new();
    for row in rows {
        let cells: String = row.iter().map(|cell| cell.0.as_str()).collect();
        body += &format!("<tr>{cells}</tr>\n");
    }
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\">\n<table>\n<caption>{0}</caption>\n\
         <thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n</div>\n",
        escape(caption)
    )
}
