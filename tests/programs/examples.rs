//! The short examples run, learn what they say, and stay short.
#![cfg(all(feature = "expansion", feature = "flex"))]

use crate::support;

use std::process::Command;

use support::program::{example, outputs};

/// What an example prints; `None` where it has not been built.
fn said(name: &str) -> Option<String> {
    let output = Command::new(example(name)?).output().unwrap();
    let (out, err) = outputs(&output);
    assert!(output.status.success(), "{name}: {err}");
    Some(out + &err)
}

fn lines(name: &str) -> usize {
    let file = format!("{}/examples/{name}.rs", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(file).unwrap().lines().count()
}

#[test]
fn a_model_in_a_loop_of_ones_own() {
    assert!(lines("1_own_model") <= 70);
    let Some(said) = said("1_own_model") else {
        return;
    };
    assert!(said.contains("600: losses"), "{said}");
}

#[test]
fn a_strategy_of_ones_own() {
    assert!(lines("2_own_strategy") <= 40);
    said("2_own_strategy");
}

#[test]
fn three_heads_are_trained_and_resumed() {
    assert!(lines("4_own_model_trained") <= 70);
    let Some(said) = said("4_own_model_trained") else {
        return;
    };
    let verdicts: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("validation loss went"))
        .collect();
    assert_eq!(verdicts.len(), 6, "three in each round:\n{said}");
    for task in ["level", "slope", "above"] {
        let learned = format!("{task} learned");
        let last = verdicts[3..].iter().any(|line| line.starts_with(&learned));
        assert!(last, "{task} in the second round:\n{said}");
    }
}

#[test]
fn two_data_sets_and_missing_labels_are_learned() {
    for (name, tasks) in [
        ("6_two_data_sets", ["size", "kind"]),
        ("7_missing_labels", ["age", "class"]),
    ] {
        let Some(said) = said(name) else { return };
        for task in tasks {
            assert!(said.contains(&format!("{task} learned")), "{name}:\n{said}");
        }
    }
}

/// The losses of a line `index: losses [a, b]`.
fn losses(said: &str, index: &str) -> Vec<f64> {
    let start = format!("{index}: losses [");
    let rest = said.split(&start).nth(1).expect("the line is there");
    let inside = rest.split(']').next().unwrap();
    inside
        .split(", ")
        .map(|loss| loss.parse().unwrap())
        .collect()
}

#[test]
fn representations_in_parts_and_padded_sequences_are_learned() {
    for (name, last) in [("8_two_scales", "150"), ("9_padded_sequences", "200")] {
        let Some(said) = said(name) else { return };
        let pairs = losses(&said, "  0").into_iter().zip(losses(&said, last));
        for (first, last) in pairs {
            assert!(last < first / 4.0, "{name}:\n{said}");
        }
    }
}

#[test]
fn a_loop_of_burn_takes_at_most_five_lines() {
    let file = format!("{}/examples/10_burn_loop.rs", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(file).unwrap();
    let added = text.lines().filter(|line| line.ends_with("// added"));
    assert!(added.clone().count() <= 5);
    let own = text
        .lines()
        .filter(|line| line.starts_with("use equipoise"));
    assert!(own.clone().count() > 0 && own.clone().all(|line| line.ends_with("// added")));
    let Some(said) = said("10_burn_loop") else {
        return;
    };
    assert!(said.contains("300: tens"), "{said}");
}
