//! Finds the first field in which two settings differ.

use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, Result};

/// Checks that `asked` equals `stored`. The error names the first field that differs.
pub(crate) fn same_or_named<T: Serialize>(asked: &T, stored: &T, remedy: &str) -> Result<()> {
    // Settings are numbers, strings, lists and maps with string keys, all of which JSON can hold.
    let value = |settings: &T| serde_json::to_value(settings).expect("settings are valid JSON");
    match first("", &value(asked), &value(stored)) {
        None => Ok(()),
        Some((field, asked, stored)) => {
            Err(Error::setting(field, asked, format!("{stored}, {remedy}")))
        }
    }
}

/// Returns the first field that differs, with both values.
fn first(path: &str, asked: &Value, stored: &Value) -> Option<(String, String, String)> {
    let (Value::Object(a), Value::Object(s)) = (asked, stored) else {
        let differs = asked != stored;
        return differs.then(|| (path.into(), shown(asked), shown(stored)));
    };
    let missing = s.keys().filter(|key| !a.contains_key(*key));
    a.keys().chain(missing).find_map(|key| {
        let field = match path {
            "" => key.clone(),
            path => format!("{path}.{key}"),
        };
        let of = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or_default();
        first(&field, &of(a), &of(s))
    })
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "left out".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stored() -> Value {
        json!({"train": {"rate": 0.003, "clip": 1.0}, "weighting": {"strategy": "sum"}, "seed": 0})
    }

    fn refusal(change: impl Fn(&mut Value)) -> String {
        let mut asked = stored();
        change(&mut asked);
        let refused = same_or_named(&asked, &stored(), "as before").unwrap_err();
        refused.to_string()
    }

    #[test]
    fn the_same_is_let_through() {
        same_or_named(&stored(), &stored(), "as before").unwrap();
    }

    #[test]
    fn a_field_is_named_with_its_part_and_both_values() {
        assert_eq!(
            refusal(|config| config["train"]["rate"] = json!(0.5)),
            "`train.rate` is 0.5, but it must be 0.003, as before"
        );
        assert_eq!(
            refusal(|config| config["train"]["clip"] = Value::Null),
            "`train.clip` is left out, but it must be 1.0, as before"
        );
    }

    #[test]
    fn a_field_that_only_one_has_is_named() {
        let message = refusal(|config| config["weighting"] = json!({"momentum": 0.9}));
        assert!(message.starts_with("`weighting."), "{message}");
    }
}
