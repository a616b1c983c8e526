//! Adds flags to the messages of the library, which name fields of the config.

use std::sync::OnceLock;

use clap::Command;

/// The fields of the config and the flags that set them.
const FLAGS: &[(&str, &str)] = &[
    ("Selection::key", "init-key"),
    ("Selection::leave_out", "init-without"),
    ("Selection::prefix", "init-prefix"),
    ("backend", "backend"),
    ("data.class_weights", "class-weights"),
    ("data.columns", "columns"),
    ("data.date_order", "date-order"),
    ("data.decimal_mark", "decimal"),
    ("data.features_from", "features-from"),
    ("data.instrument", "instrument"),
    ("data.marks", "labels"),
    ("data.max_gap", "max-gap"),
    ("data.max_samples", "max-samples"),
    ("data.path", "data"),
    ("data.skip_bad_rows", "skip-bad-rows"),
    ("data.time_format", "time-format"),
    ("data.time_zone", "time-zone"),
    ("epoch", "epoch"),
    ("freeze_backbone", "freeze-backbone"),
    ("half", "half"),
    ("init", "init"),
    ("model.types", "types"),
    ("model.window", "window"),
    ("only", "only"),
    ("out", "out"),
    ("seeds", "seeds"),
    ("shard", "shard"),
    ("strategies", "strategies"),
    ("train.batch_size", "batch-size"),
    ("train.epochs", "epochs"),
    ("train.learning_rate", "lr"),
    ("train.seed", "seed"),
];

/// The longest value that a message repeats.
const LONGEST: usize = 60;

/// The rows of [`FLAGS`] that this program has.
static KNOWN: OnceLock<Vec<(String, String)>> = OnceLock::new();

/// Records the flags of this program. Without this call, [`named`] changes no message.
pub fn know(command: &Command) {
    let has = |flag: &str| {
        let mut arguments = command.get_arguments();
        arguments.any(|argument| argument.get_long() == Some(flag))
    };
    let rows = FLAGS.iter().filter(|(_, flag)| has(flag));
    let rows = rows.map(|(field, flag)| (format!("`{field}`"), format!("--{flag}")));
    // A second call would name the same command.
    let _ = KNOWN.set(rows.collect());
}

/// Appends the flag to the first mention of each field, as it was typed if it was given: "`data.max_gap`" becomes
/// "`data.max_gap` (--max-gap 3x)", or "`data.max_gap` (--max-gap)".
pub fn named(message: &str) -> String {
    let rows = KNOWN.get().map(Vec::as_slice).unwrap_or_default();
    let words: Vec<String> = std::env::args_os()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    rows.iter().fold(message.to_owned(), |text, (field, flag)| {
        if text.contains(flag.as_str()) {
            text
        } else {
            text.replacen(field, &format!("{field} ({})", typed(flag, &words)), 1)
        }
    })
}

/// Returns a flag with its value as in the words of a command, or the flag alone if it was not given or more than once,
/// has no value, or a long one.
fn typed(flag: &str, words: &[String]) -> String {
    let mut values = words.iter().enumerate().filter_map(|(index, word)| {
        let rest = word.strip_prefix(flag)?;
        match rest.strip_prefix('=') {
            Some(value) => Some(value.to_owned()),
            None if rest.is_empty() => words.get(index + 1).cloned(),
            None => None,
        }
    });
    match (values.next(), values.next()) {
        (Some(value), None) if value.len() <= LONGEST && !value.starts_with("--") => {
            format!("{flag} {value}")
        }
        _ => flag.to_owned(),
    }
}
