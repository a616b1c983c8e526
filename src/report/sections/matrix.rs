//! Formats the matrix of cosines between tasks, coloured by sign and absolute value.

use super::super::text::{escape, minus};

/// Formats the matrix as an HTML table. `cosine` returns the cosine of two tasks.
pub(super) fn matrix(
    caption: &str,
    tasks: &[&str],
    cosine: impl Fn(&str, &str) -> Option<f64>,
) -> String {
    let head: String = tasks
        .iter()
        .map(|task| format!("<th scope=\"col\" class=\"mid\">{}</th>", escape(task)))
        .collect();
    let mut rows = String::new();
    for task in tasks {
        let cells = tasks.iter().map(|other| {
            if task == other {
                "<td class=\"none mid\">·</td>".to_string()
            } else {
                cell(cosine(task, other))
            }
        });
        let cells: String = cells.collect();
        rows += &format!("<tr><th scope=\"row\">{}</th>{cells}</tr>\n", escape(task));
    }
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\">\n<table>\n<caption>{0}</caption>\n\
         <thead><tr><td></td>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</div>\n",
        escape(caption)
    )
}

fn cell(value: Option<f64>) -> String {
    match value {
        Some(value) if value.is_finite() => {
            let class = if value < 0.0 {
                "heat minus"
            } else {
                "heat plus"
            };
            let part = value.abs().min(1.0);
            let text = minus(format!("{value:.2}")).replace("−0.00", "0.00");
            format!("<td class=\"{class}\" style=\"--part:{part:.2}\">{text}</td>")
        }
        _ => "<td class=\"none mid\">–</td>".into(),
    }
}
