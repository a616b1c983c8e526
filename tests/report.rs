//! The report is one well-formed page that loads nothing and runs nothing, says what the diagnosis says, and survives
//! any history.
#![cfg(feature = "expansion")]

use equipoise::diagnosis::diagnose;
use equipoise::expansion::bars::Bar;
use equipoise::expansion::model::Span;
#[cfg(any(feature = "flex", feature = "ndarray"))]
use equipoise::expansion::run::{Backend, Data, ExpansionConfig, WindowFigure};
use equipoise::history::{ALL_TASKS, History, Split, quantity};
use equipoise::report::{
    Comparison, ComparisonCell, ComparisonReference, ComparisonRow, Report, write_index,
};

/// Walks a page tag by tag and checks that every element is closed in order, every attribute is quoted, every `&`
/// begins an entity, and every coordinate is a finite number.
fn check(page: &str) {
    let rest = page.strip_prefix("<!DOCTYPE html>").expect("a document");
    let mut open: Vec<&str> = Vec::new();
    let mut rest = rest;
    while let Some(start) = rest.find('<') {
        check_text(&rest[..start]);
        let end = rest[start..].find('>').expect("a tag ends") + start;
        check_tag(&rest[start + 1..end], &mut open);
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "not closed: {open:?}");
    assert_eq!(rest.trim(), "");
    let lower = page.to_lowercase();
    for banned in [
        "http:",
        "https:",
        "<script",
        "javascript:",
        "<link",
        "@import",
        "url(",
    ] {
        assert!(!lower.contains(banned), "{banned}");
    }
}

fn check_text(text: &str) {
    assert!(!text.contains('\0'));
    for piece in text.split('&').skip(1) {
        let entity = piece.split_once(';').expect("an entity ends").0;
        let known = ["amp", "lt", "gt", "quot", "apos", "#39"];
        assert!(known.contains(&entity), "&{entity};");
    }
}

fn check_tag<'a>(tag: &'a str, open: &mut Vec<&'a str>) {
    if let Some(name) = tag.strip_prefix('/') {
        assert_eq!(open.pop(), Some(name));
        return;
    }
    let alone = tag.ends_with('/');
    let inner = tag.trim_end_matches('/');
    let name = inner.split_whitespace().next().expect("a name");
    assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "<{tag}>");
    let mut pieces = inner[name.len()..].split('"');
    while let Some(key) = pieces.next().map(str::trim).filter(|key| !key.is_empty()) {
        let key = key.strip_suffix('=').expect("a quoted value");
        let value = pieces.next().expect("a quoted value");
        check_text(value);
        check_numbers(key, value);
    }
    let void = ["meta", "br"].contains(&name);
    assert!(!void || alone, "<{tag}>");
    if !alone {
        open.push(name);
    }
}

fn check_numbers(key: &str, value: &str) {
    let keys = [
        "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "width", "height", "points", "viewBox",
    ];
    if keys.contains(&key) {
        for number in value.split([' ', ',']) {
            let number: f64 = number.parse().unwrap_or(f64::NAN);
            assert!(
                number.is_finite() && number.abs() < 1e5,
                "{key}=\"{value}\""
            );
        }
    }
    if ["width", "height", "r"].contains(&key) {
        assert!(!value.starts_with('-'), "{key}=\"{value}\"");
    }
}

fn escaped(text: &str) -> String {
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

/// A run in which the tasks' losses fall from 1 to their number over 100.
fn run(tasks: &[&str], epochs: usize, audited: bool) -> History {
    let mut history = History::new();
    for task in tasks {
        history.record(0, Split::Valid, task, quantity::CONSTANT_LOSS, 0.75);
        history.record(0, Split::Valid, task, quantity::POSITION_LOSS, 0.625);
        if audited {
            history.record(0, Split::Train, task, quantity::INTENDED_SHARE, 0.375);
        }
    }
    for epoch in 1..=epochs {
        for (number, task) in tasks.iter().enumerate() {
            let loss = 1.0 - epoch as f64 / epochs as f64 * (0.99 - number as f64 / 100.0);
            let mut train =
                |quantity: &str, value| history.record(epoch, Split::Train, task, quantity, value);
            train(quantity::LOSS, loss);
            train(quantity::WEIGHT, 1.0 + number as f64);
            train("sigma", 0.5);
            if audited {
                train(quantity::GRADIENT_SHARE, 1.0 / tasks.len() as f64);
                train(quantity::GRADIENT_NORM, 0.1);
                for other in &tasks[number + 1..] {
                    train(&quantity::cosine_with(other), -0.25);
                }
            }
            history.record(epoch, Split::Valid, task, quantity::LOSS, loss);
            history.record(
                epoch,
                Split::Valid,
                task,
                quantity::SKILL,
                1.0 - loss / 0.75,
            );
        }
        history.record(epoch, Split::Valid, ALL_TASKS, "span_f1", 0.5);
        history.record(epoch, Split::Train, ALL_TASKS, quantity::OBJECTIVE, -1.0);
    }
    history
}

fn page(history: &History) -> String {
    Report::new("A run").with_history(history).html()
}

fn windows() -> Vec<WindowFigure> {
    let bar = |index: usize| Bar {
        open: 100.0 + index as f64,
        high: 102.0 + index as f64,
        low: 99.0 + index as f64,
        close: 100.5 + index as f64,
    };
    vec![WindowFigure {
        title: "Bars 0 to 19".into(),
        bars: (0..20).map(bar).collect(),
        truth: Some(Span { start: 4, end: 8 }),
        predicted: Some(Span { start: 5, end: 9 }),
        caption: "True: reversal; predicted: breakout.".into(),
    }]
}

#[test]
fn a_run_is_told_in_words_and_drawings() {
    let history = run(&["type", "countdown"], 20, true);
    let page = Report::new("A run")
        .with_fact("strategy", "uncertainty")
        .with_history(&history)
        .with_section(WindowFigure::section(&windows()).unwrap())
        .html();
    check(&page);
    for diagnosis in diagnose(&history) {
        assert!(page.contains(&escaped(&diagnosis.sentence)));
        assert!(page.contains(&escaped(&diagnosis.label())));
    }
    let expected = [
        "uncertainty",
        "best constant at 0.7500",
        "position only at 0.6250",
        ">best constant</text>",
        ">position only</text>",
        "Meant were type 38 %, countdown 38 %.",
        "Effective weights",
        "State of the strategy: sigma",
        "span F1",
        "Mean cosine over the last half",
        "true bars 4 to 8; predicted bars 5 to 9",
        "True: reversal; predicted: breakout.",
        "history.csv",
    ];
    for text in expected {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn the_first_table_answers() {
    let mut history = run(&["type", "countdown"], 20, true);
    for epoch in 1..=20 {
        history.record(epoch, Split::Valid, "type", quantity::SKILL_MARGIN, 0.02);
    }
    let page = Report::new("A run")
        .with_history(&history)
        .with_status("20 epochs")
        .with_fact("strategy", "uncertainty")
        .with_command("countdown", "train --strategy '{\"strategy\":\"sum\"}'")
        .html();
    check(&page);
    let table = page.split("<table class=\"answers\">").nth(1).unwrap();
    let table = table.split("</table>").next().unwrap();
    // Before any chart, with a line of its own for each task.
    assert!(page.find("class=\"answers\"").unwrap() < page.find("<figure").unwrap());
    for text in [
        "✓ learned",
        "! undecided",
        "class=\"spark\"",
        "too few validation data",
        "<code class=\"copy\">train --strategy &#39;{&quot;strategy&quot;:&quot;sum&quot;}&#39;</code>",
    ] {
        assert!(table.contains(text), "{text}: {table}");
    }
    // What was run is at the foot.
    assert!(page.find("uncertainty").unwrap() > page.find("All numbers").unwrap());
    assert!(!page.contains("http-equiv=\"refresh\""));
    let running = Report::new("A run").with_refresh(Some(10)).html();
    check(&running);
    assert!(running.contains("<meta http-equiv=\"refresh\" content=\"10\"/>"));
}

#[test]
fn a_skill_far_below_zero_does_not_flatten_the_others() {
    let mut history = run(&["type", "countdown"], 20, false);
    history.record(1, Split::Valid, "countdown", quantity::SKILL, -4810.0);
    let page = page(&history);
    check(&page);
    assert!(page.contains("below −50 %"), "{page}");
}

#[test]
fn a_folder_of_runs_is_a_page() {
    let folder = tempfile::tempdir().unwrap();
    for (name, epochs) in [("sum-2", 4), ("sum-10", 6)] {
        let run_folder = folder.path().join(name);
        std::fs::create_dir(&run_folder).unwrap();
        let mut history = run(&["type", "countdown"], epochs, true);
        for epoch in 1..=epochs {
            let value = 1.0 / epoch as f64;
            history.record(
                epoch,
                Split::Valid,
                ALL_TASKS,
                quantity::RELATIVE_LOSS,
                value,
            );
        }
        history.write_csv(run_folder.join("history.csv")).unwrap();
    }
    std::fs::write(folder.path().join("sum-2/report.html"), "").unwrap();
    let broken = folder.path().join("broken");
    std::fs::create_dir(&broken).unwrap();
    std::fs::write(broken.join("history.csv"), "epoch,split\n1,2\n").unwrap();
    assert_eq!(write_index(folder.path()).unwrap(), 2);
    let page = std::fs::read_to_string(folder.path().join("index.html")).unwrap();
    check(&page);
    assert!(page.contains("<a href=\"sum-2/report.html\">sum-2</a>"));
    assert!(page.find(">sum-2<").unwrap() < page.find("sum-10").unwrap());
    assert!(page.contains("broken is not shown"));
    assert!(page.contains("Skill of countdown"));
    let error = write_index("no/such/folder").unwrap_err().to_string();
    assert!(error.contains("no/such/folder"), "{error}");
}

#[test]
fn a_run_that_was_not_audited_says_so() {
    let page = page(&run(&["type", "countdown"], 3, false));
    check(&page);
    assert!(page.contains("were not audited"));
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let history = run(&["a", "b", "c"], 12, true);
    assert_eq!(page(&history), page(&history));
    let path = tempfile::tempdir().unwrap();
    let file = path.path().join("report.html");
    let report = Report::new("A run").with_history(&history);
    report.write(&file).unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), report.html());
}

#[test]
fn a_path_that_cannot_be_written_is_named() {
    let error = Report::new("A run").write("no/such/folder/report.html");
    let message = error.unwrap_err().to_string();
    assert!(message.contains("no/such/folder/report.html"), "{message}");
}

#[test]
fn texts_stay_texts() {
    let hostile = "<b>&\"'</svg><script>\u{0}\u{1b}\u{202e}\nall";
    let mut history = run(&[hostile, "</title>", "a"], 4, true);
    history.record(1, Split::Valid, hostile, "<img src=x>", 1.0);
    history.record(1, Split::Train, ALL_TASKS, "\"onload=\"", 1.0);
    let mut figures = windows();
    figures[0].title = hostile.into();
    figures[0].caption = hostile.into();
    let page = Report::new(hostile)
        .with_fact(hostile, hostile)
        .with_history(&history)
        .with_section(WindowFigure::section(&figures).unwrap())
        .html();
    check(&page);
    assert!(!page.contains("<b>&") && !page.contains("<img"));
}

#[test]
fn histories_without_epochs_or_with_one_are_pages() {
    check(&page(&History::new()));
    check(&page(&run(&["type"], 0, false)));
    check(&page(&run(&["type"], 1, true)));
    check(&page(&run(&["type", "countdown"], 1, true)));
    let mut trained_only = History::new();
    trained_only.record(1, Split::Train, "type", quantity::LOSS, 1.0);
    check(&page(&trained_only));
}

#[test]
fn no_value_breaks_a_page() {
    let hostile = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        1e-30,
        1e30,
        -1e30,
        0.0,
        -0.0,
    ];
    let usual = run(&["a", "b"], 6, true);
    for (shift, constant) in hostile.iter().enumerate() {
        let mut history = History::new();
        for (index, record) in usual.records().iter().enumerate() {
            let mixed = hostile[(index * 7 + shift) % hostile.len()];
            let value = if shift % 2 == 0 { mixed } else { *constant };
            history.record(
                record.epoch,
                record.split,
                &record.task,
                &record.quantity,
                value,
            );
        }
        let mut figures = windows();
        figures[0].bars[3].high = *constant;
        figures[0].bars[4].close = *constant;
        figures[0].truth = Some(Span { start: 9, end: 3 });
        figures[0].predicted = Some(Span {
            start: 0,
            end: usize::MAX,
        });
        let report = Report::new("A run").with_history(&history);
        check(
            &report
                .with_section(WindowFigure::section(&figures).unwrap())
                .html(),
        );
    }
}

#[test]
fn windows_without_bars_or_spans_are_drawn() {
    let empty = WindowFigure::default();
    let mut bare = windows();
    bare[0].truth = None;
    bare[0].predicted = None;
    bare.push(empty);
    check(
        &Report::new("A run")
            .with_section(WindowFigure::section(&bare).unwrap())
            .html(),
    );
}

#[test]
fn epochs_may_begin_anywhere() {
    let mut history = History::new();
    for epoch in [3, 900, usize::MAX] {
        history.record(epoch, Split::Valid, "a", quantity::LOSS, 0.5);
    }
    check(&page(&history));
}

#[test]
fn many_tasks_and_epochs_are_a_page() {
    let names: Vec<String> = (0..64).map(|number| format!("task {number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let wide = page(&run(&names, 3, true));
    check(&wide);
    assert!(wide.contains("tasks 57 to 64 of 64"));
    check(&page(&run(&names[..4], 500, true)));
}

fn row(name: &str, mean: f64, half: f64) -> ComparisonRow {
    let cell = |task: &str, quantity: &str| ComparisonCell {
        task: task.into(),
        quantity: quantity.into(),
        mean,
        low: mean - half,
        high: mean + half,
        values: vec![mean - half / 2.0, mean, mean + half / 2.0],
    };
    ComparisonRow {
        name: name.into(),
        seeds: 3,
        failed: 1,
        cells: vec![
            cell("type", "loss"),
            cell("countdown", "loss"),
            cell(ALL_TASKS, "span_f1"),
        ],
        verdicts: vec![(
            "type".into(),
            vec![("learned".into(), 2), ("only its mean".into(), 1)],
        )],
        link: Some("uncertainty/report.html".into()),
    }
}

fn comparison(rows: Vec<ComparisonRow>) -> Comparison {
    Comparison {
        answer: "None for these data: nothing differs.".into(),
        title: "Strategies".into(),
        facts: vec![("data".into(), "simulated".into())],
        tasks: vec!["type".into(), "countdown".into()],
        rows,
        references: vec![ComparisonReference {
            task: "countdown".into(),
            quantity: "loss".into(),
            label: "best constant".into(),
            value: 15.84,
        }],
    }
}

#[test]
fn strategies_stand_side_by_side() {
    let comparison = comparison(vec![
        row("manual", 0.5, 0.125),
        row("uncertainty", 0.25, f64::NAN),
    ]);
    let page = comparison.html();
    check(&page);
    let expected = [
        "3, 1 failed",
        "2 of 3 learned",
        "[0.3750, 0.6250]",
        "<b>0.2500</b>",
        ">best constant 15.84</text>",
        "href=\"uncertainty/report.html\"",
        "Span F1",
    ];
    for text in expected {
        assert!(page.contains(text), "{text}");
    }
    assert_eq!(page, comparison.html());
}

#[test]
fn no_comparison_breaks_its_page() {
    check(&Comparison::default().html());
    let values = [
        f64::NAN,
        f64::INFINITY,
        f64::MAX,
        f64::MIN,
        1e30,
        1e-30,
        0.0,
    ];
    for mean in values {
        for half in values {
            check(&comparison(vec![row("<b>&\"'", mean, half), row("b", 1.0, 0.0)]).html());
        }
    }
    let mut linked = row("a", 1.0, 0.0);
    linked.link = Some("javascript:alert(1)".into());
    check(&comparison(vec![linked]).html());
    let many = (0..200).map(|number| row(&format!("strategy {number}"), number as f64, 1.0));
    check(&comparison(many.collect()).html());
}

/// A small network without training and the validation windows of its config.
#[cfg(any(feature = "flex", feature = "ndarray"))]
fn figures_of(backend: Backend, count: usize) -> (Vec<WindowFigure>, usize) {
    let mut config = ExpansionConfig {
        backend,
        ..ExpansionConfig::default()
    };
    config.data.max_samples = Some(60);
    let config = config.resolved();
    let data = Data::load(&config).unwrap();
    let device = config.backend.device().unwrap();
    let (network, _) = config.build(&device).unwrap();
    let batcher = config.batcher(data.valid.bars());
    let figures =
        WindowFigure::of_predictions(&network, &data.valid, &batcher, &device, count).unwrap();
    (figures, data.valid.len())
}

#[cfg(any(feature = "flex", feature = "ndarray"))]
#[test]
fn validation_windows_become_figures() {
    let backend = if cfg!(feature = "flex") {
        Backend::Flex
    } else {
        Backend::Ndarray
    };
    let (five, windows) = figures_of(backend, 5);
    assert_eq!(five.len(), 5);
    let (all, _) = figures_of(backend, 1000);
    assert_eq!(all.len(), windows);
    assert!(
        five.iter()
            .all(|figure| all.iter().any(|other| other.title == figure.title))
    );
    for figure in &five {
        assert_eq!(figure.bars.len(), 105);
        let (truth, found) = (figure.truth.unwrap(), figure.predicted.unwrap());
        assert!(truth.start <= truth.end && truth.end < 105);
        assert!(found.start <= found.end && found.end < 105);
        let said = format!("bars {} to {}. Predicted", truth.start, truth.end);
        assert!(figure.caption.contains(&said), "{}", figure.caption);
    }
    assert_eq!(
        figures_of(backend, 5).0,
        five,
        "the same network and windows"
    );
    assert!(figures_of(backend, 0).0.is_empty());
    check(
        &Report::new("A run")
            .with_section(WindowFigure::section(&five).unwrap())
            .html(),
    );
}
