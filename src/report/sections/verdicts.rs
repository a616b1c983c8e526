//! Builds the section of verdicts in words, with all numbers.

use super::super::page::Section;
use super::super::text::escape;
use crate::diagnosis::{TaskDiagnosis, Verdict};

/// Builds the section, or returns `None` if there are no diagnoses.
pub(in crate::report) fn verdicts(diagnoses: &[TaskDiagnosis]) -> Option<Section> {
    let told: String = diagnoses.iter().map(told).collect();
    (!told.is_empty()).then(|| Section {
        anchor: "words".into(),
        title: "In words".into(),
        body: format!("<div class=\"cards\">\n{told}</div>\n"),
    })
}

fn told(diagnosis: &TaskDiagnosis) -> String {
    let good = diagnosis.verdict == Verdict::Learned;
    let class = if good { "card good" } else { "card" };
    format!(
        "<article class=\"{class}\">\n<h3>{}: <span class=\"verdict\">{}</span></h3>\n<p>{}</p>\n</article>\n",
        escape(&diagnosis.task),
        escape(&diagnosis.label()),
        escape(&diagnosis.sentence),
    )
}
