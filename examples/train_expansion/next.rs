//! Returns the remedies of the tasks as commands of this program.

use std::path::Path;

use equipoise::diagnosis::{Remedy, TaskDiagnosis};

use crate::shared::command::joined;

/// The flags with a value that a remedy replaces, or that belong to the finished run.
const DROPPED: [&str; 3] = ["--strategy", "--weights", "--out"];
/// The flags without a value that belong to the finished run.
const SWITCHES: [&str; 2] = ["--resume", "--probe"];

/// Returns task and command for each task whose remedy can be run as a command.
pub fn commands(diagnoses: &[TaskDiagnosis], out: &Path) -> Vec<(String, String)> {
    let of = |diagnosis: &TaskDiagnosis| {
        let remedy = diagnosis.remedy.as_ref()?;
        Some((diagnosis.task.clone(), command(remedy, out)?))
    };
    diagnoses.iter().filter_map(of).collect()
}

fn command(remedy: &Remedy, out: &Path) -> Option<String> {
    let out = out.to_string_lossy().into_owned();
    let asked: Vec<String> = std::env::args_os()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let (program, asked) = asked.split_first()?;
    let mut words = vec![program.clone()];
    match (remedy.strategy_json(), remedy) {
        (Some(json), _) => {
            // The settings of a resumed run are in its folder.
            let resumed = asked.iter().any(|word| word == "--resume");
            if resumed {
                let config = Path::new(&out).join("config.json");
                words.extend(["--config".into(), config.to_string_lossy().into_owned()]);
            } else {
                words.extend(kept(asked));
            }
            words.extend(["--strategy".into(), json]);
        }
        (None, Remedy::Probe) => {
            words.extend(["--out".into(), out, "--resume".into(), "--probe".into()]);
        }
        _ => return None,
    }
    Some(joined(&words))
}

/// Returns the flags that a remedy does not replace.
fn kept(asked: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut words = asked.iter();
    while let Some(word) = words.next() {
        let name = word.split('=').next().unwrap_or_default();
        if DROPPED.contains(&name) {
            if !word.contains('=') {
                words.next();
            }
        } else if !SWITCHES.contains(&name) {
            kept.push(word.clone());
        }
    }
    kept
}
