//! The comparison adds up what runs recorded and nothing else, knows a finished run from an interrupted one, and
//! refuses to mix runs that cannot be compared. The program itself is run too, where it has been built.
#![cfg(feature = "expansion")]

use crate::support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use burn::train::Interrupter;
use equipoise::comparison::{OtherTarget, Results, Run, SearchConfig};
use equipoise::expansion::comparison::{Comparison, ComparisonConfig, Job, JobState};
use equipoise::expansion::run::{ExpansionConfig, RunFiles};
use equipoise::expansion::simulator::{Simulator, SimulatorConfig};
use equipoise::history::{ALL_TASKS, History, Split, quantity};
use equipoise::train::Progress;
use support::assert_close;
use support::program::{example, interrupt, outputs, unheard};

/// Two epochs of two tasks; `loss` is that of the countdown at the end.
fn history(loss: f64) -> History {
    let mut history = History::new();
    for (task, constant) in [("pointers", 0.008), ("countdown", 16.0)] {
        history.record(0, Split::Valid, task, quantity::CONSTANT_LOSS, constant);
        for (epoch, value) in [
            (1, constant),
            (2, if task == "countdown" { loss } else { 0.004 }),
        ] {
            history.record(epoch, Split::Valid, task, quantity::LOSS, value);
            let skill = 1.0 - value / constant;
            history.record(epoch, Split::Valid, task, quantity::SKILL, skill);
            history.record(epoch, Split::Valid, task, quantity::SKILL_MARGIN, 0.01);
        }
    }
    history.record(2, Split::Valid, ALL_TASKS, "span_f1", loss / 100.0);
    history
}

fn run(strategy: &str, seed: u64, history: Option<History>) -> Run {
    Run {
        strategy: strategy.into(),
        seed,
        history,
        seconds_per_step: None,
    }
}

fn runs(strategy: &str, losses: &[f64]) -> Vec<Run> {
    let seeds = losses.iter().zip(1..);
    seeds
        .map(|(loss, seed)| run(strategy, seed, Some(history(*loss))))
        .collect()
}

#[test]
fn means_and_intervals_are_those_computed_by_hand() {
    // Mean, and Student's t times the standard deviation over the root of the number.
    for (losses, mean, half) in [
        (vec![1.0, 3.0], 2.0, 12.706_205),
        (vec![1.0, 2.0, 6.0], 3.0, 4.302_653 * (7.0_f64 / 3.0).sqrt()),
        (
            vec![2.0, 4.0, 4.0, 5.0, 10.0],
            5.0,
            2.776_445 * (9.0_f64 / 5.0).sqrt(),
        ),
    ] {
        let results = Results::new(runs("manual", &losses));
        let found = results
            .summary("manual", "countdown", quantity::LOSS)
            .unwrap();
        assert_eq!(found.seeds, losses.len());
        assert_close("mean", found.mean, mean, 1e-12, 0.0);
        assert_close("low", found.low, mean - half, 1e-9, 0.0);
        assert_close("high", found.high, mean + half, 1e-9, 0.0);
    }
}

#[test]
fn one_seed_has_a_mean_and_no_interval() {
    let results = Results::new(runs("manual", &[4.0]));
    let found = results.summary("manual", ALL_TASKS, "span_f1").unwrap();
    assert_eq!((found.mean, found.seeds), (0.04, 1));
    assert!(found.low.is_nan() && found.high.is_nan());
    let text = results.table();
    assert!(text.contains("one seed has no interval"), "{text}");
    assert!(!text.contains('±') && !text.contains('~'), "{text}");
}

#[test]
fn a_loss_that_is_not_finite_is_not_averaged_and_not_hidden() {
    let mut all = runs("manual", &[4.0, f64::NAN, 6.0]);
    all.extend(runs("uncertainty", &[8.0, 8.0, 8.0]));
    let results = Results::new(all);
    let found = results
        .summary("manual", "countdown", quantity::LOSS)
        .unwrap();
    assert_eq!((found.mean, found.seeds), (5.0, 2));
    let text = results.table();
    assert!(text.contains("(2 of 3)"), "{text}");
    // The mean of those that went well is no ground for being the best.
    assert!(text.contains("8.000 ±0.000 *"), "{text}");
    let counts = results.verdict_counts("manual", "countdown");
    assert_eq!(
        counts,
        [("learned".to_string(), 2), ("diverged".to_string(), 1)]
    );
}

#[test]
fn a_failed_run_is_counted() {
    let mut all = runs("manual", &[4.0, 6.0]);
    all.push(run("manual", 3, None));
    all.extend([run("uncertainty", 1, None)]);
    let results = Results::new(all);
    assert_eq!(results.counts("manual"), (2, 1));
    assert_eq!(results.counts("uncertainty"), (0, 1));
    assert_eq!(
        results.summary("uncertainty", "countdown", quantity::LOSS),
        None
    );
    let counts = results.verdict_counts("manual", "pointers");
    assert_eq!(
        counts,
        [("learned".to_string(), 2), ("failed".to_string(), 1)]
    );
    let text = results.table();
    assert!(text.contains("manual (1 of 3 failed)"), "{text}");
    assert!(text.contains("uncertainty (1 of 1 failed)"), "{text}");
    let page = results.page("title", Vec::new());
    assert_eq!((page.rows[0].seeds, page.rows[0].failed), (2, 1));
    assert_eq!((page.rows[1].seeds, page.rows[1].failed), (0, 1));
}

#[test]
fn nothing_but_failures_is_still_a_table() {
    let results = Results::new(vec![run("manual", 1, None)]);
    assert!(results.table().contains("manual (1 of 1 failed)"));
    assert!(results.values().is_empty());
}

#[test]
fn the_gradient_share_is_that_of_the_last_half() {
    let mut recorded = History::new();
    for (epoch, share) in [(1, 0.9), (2, 0.9), (3, 0.2), (5, 0.4)] {
        recorded.record(epoch, Split::Train, "type", quantity::GRADIENT_SHARE, share);
    }
    let results = Results::new(vec![run("manual", 1, Some(recorded))]);
    let share = results
        .summary("manual", "type", quantity::GRADIENT_SHARE)
        .unwrap();
    assert_close("share", share.mean, 0.3, 1e-12, 0.0);
}

#[test]
fn marks_say_what_the_seeds_tell() {
    let mut all = runs("manual", &[10.0, 10.1, 10.2]);
    all.extend(runs("uncertainty", &[10.1, 10.2, 10.3]));
    all.extend(runs("running-mean", &[15.0, 15.1, 15.2]));
    all.extend(runs("scalar-countdown", &[0.1, 0.1, 0.1]));
    let results = Results::new(all).with_other_targets(vec![OtherTarget {
        strategy: "scalar-countdown".into(),
        task: "countdown".into(),
        why: "is one number per window".into(),
    }]);
    let text = results.table();
    let losses: Vec<&str> = text.lines().skip(2).take(4).map(str::trim_end).collect();
    let ends = |line: usize, mark: char| {
        let found = losses[line].chars().last();
        assert_eq!(found == Some(mark), mark != ' ', "{text}");
    };
    ends(0, '*');
    ends(1, '~');
    assert!(losses[2].ends_with("15.10 ±0.25"), "{text}");
    ends(3, '†');
    assert!(text.contains("not compared"), "{text}");
    let page = results.page("title", Vec::new());
    let compared = |row: usize| page.rows[row].cells.iter().any(|c| c.task == "countdown");
    assert!(compared(0) && !compared(3));
}

#[test]
fn files_are_tidy() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = runs("manual", &[1.0, 3.0]);
    all.push(run("uncertainty", 1, None));
    Results::new(all).write(folder.path()).unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let values = read("comparison.csv");
    assert!(
        values.starts_with("strategy,seed,task,quantity,value\n"),
        "{values}"
    );
    assert!(
        values.contains("\nmanual,2,countdown,loss,3.0\n"),
        "{values}"
    );
    let means = read("summary.csv");
    assert!(
        means.starts_with("strategy,task,quantity,mean,low,high,seeds\n"),
        "{means}"
    );
    assert!(means.contains("\nmanual,countdown,loss,2.0,"), "{means}");
    let verdicts = read("verdicts.csv");
    assert!(
        verdicts.contains("\nuncertainty,1,countdown,failed,"),
        "{verdicts}"
    );
}

/// Small enough for many epochs a second.
fn tiny() -> ExpansionConfig {
    let mut config = ExpansionConfig::default();
    config.data.max_samples = Some(40);
    config.model.hidden = 4;
    config.train.epochs = 4;
    config.train.batch_size = 8;
    config.resolved()
}

fn job(folder: &Path) -> Job {
    let mut config = tiny();
    config.weighting = ExpansionConfig::preset("uncertainty").unwrap();
    Job {
        name: "uncertainty-seed1".into(),
        folder: folder.to_path_buf(),
        config,
        data_seed: 0,
        inputs: RunFiles::default(),
    }
}

/// The random numbers of a process have one state, so runs inside this process must not overlap.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn a_run_is_new_then_interrupted_then_finished() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let whole = job(&folder.path().join("whole"));
    assert_eq!(whole.state().unwrap(), JobState::New);
    assert!(whole.work(Progress::Silent, Interrupter::new()).unwrap());
    assert_eq!(whole.state().unwrap(), JobState::Finished);

    let stopped = job(&folder.path().join("stopped"));
    let interrupter = Interrupter::new();
    let watched = (stopped.clone(), interrupter.clone());
    let watching = std::thread::spawn(move || {
        let (job, interrupter) = watched;
        while job.epoch() == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        interrupter.stop(None);
    });
    let finished = stopped.work(Progress::Silent, interrupter).unwrap();
    watching.join().unwrap();
    // It may have been too fast to be stopped; then the marker is all that could be missing.
    if finished {
        std::fs::remove_file(stopped.folder.join("finished")).unwrap();
    }
    assert!(matches!(
        stopped.state().unwrap(),
        JobState::Interrupted(1..=4)
    ));
    assert!(stopped.work(Progress::Silent, Interrupter::new()).unwrap());
    assert_eq!(stopped.state().unwrap(), JobState::Finished);
    assert_eq!(stopped.history().unwrap(), whole.history().unwrap());

    let before = std::fs::metadata(whole.folder.join("history.csv")).unwrap();
    assert!(whole.work(Progress::Silent, Interrupter::new()).unwrap());
    let after = std::fs::metadata(whole.folder.join("history.csv")).unwrap();
    assert_eq!(
        before.modified().unwrap(),
        after.modified().unwrap(),
        "not repeated"
    );

    let mut other = whole.clone();
    other.config.train.learning_rate = 0.5;
    let message = other.state().unwrap_err().to_string();
    assert!(
        message.contains("`train.learning_rate` is 0.5"),
        "{message}"
    );
    let message = other
        .work(Progress::Silent, Interrupter::new())
        .unwrap_err();
    assert!(message.to_string().contains("`train.learning_rate`"));
}

/// Writes bars without time stamps.
fn write_bars(file: &Path, rows: usize) {
    let simulator = Simulator::new(SimulatorConfig::default(), 1).unwrap();
    let bars = simulator.simulate_windows(6).bars;
    let rows = bars.bars()[..rows].iter();
    let rows = rows.map(|bar| format!("{},{},{},{}\n", bar.open, bar.high, bar.low, bar.close));
    let text: String = rows.collect();
    std::fs::write(file, format!("open,high,low,close\n{text}")).unwrap();
}

/// A comparison of single epochs over a file of bars.
fn over(file: &Path, rows: &[&str]) -> ComparisonConfig {
    let mut config = tiny();
    config.data.path = Some(file.into());
    config.model.window = 30;
    config.train.epochs = 1;
    let config = ComparisonConfig::new(config).unwrap();
    config
        .with_seeds(1)
        .with_strategies(rows.iter().copied())
        .with_search(SearchConfig { runs: 6, epochs: 1 })
}

fn work(jobs: &[Job]) -> equipoise::Result<bool> {
    for job in jobs {
        assert!(job.work(Progress::Silent, Interrupter::new())?);
    }
    Ok(true)
}

#[test]
fn a_file_that_changes_during_a_comparison_is_noticed() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("bars.csv"), folder.path().join("out"));
    write_bars(&file, 600);
    let config = || over(&file, &["sum", "uncertainty"]);
    let mut comparison = Comparison::open(config(), &out).unwrap();
    let mut message = String::new();
    let ended = comparison.run(|jobs| {
        let mut each = jobs.iter();
        let first = each.next().unwrap();
        assert!(first.work(Progress::Silent, Interrupter::new())?);
        write_bars(&file, 599);
        let second = each.next().unwrap();
        let error = second.work(Progress::Silent, Interrupter::new());
        message = error.unwrap_err().to_string();
        Ok(true)
    });
    assert!(ended.unwrap());
    assert!(message.contains("`data_file.bytes` is "), "{message}");
    assert!(message.contains("when the comparison began"), "{message}");
    assert_eq!(comparison.failed(), ["uncertainty-seed1"]);
    drop(comparison);
    let message = Comparison::open(config(), &out).map(drop).unwrap_err();
    assert!(
        message.to_string().contains("`data_file.bytes`"),
        "{message}"
    );
    // As the message advises.
    write_bars(&file, 600);
    let mut comparison = Comparison::open(config(), &out).unwrap();
    assert!(comparison.run(work).unwrap());
    assert!(comparison.missing().unwrap().is_empty());
}

/// As another machine would: the same bytes in another folder.
#[test]
fn the_same_file_in_another_folder_is_the_same_comparison() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let parts = ["sum-seed1", "uncertainty-seed1", "manual-seed1"];
    let rows = ["sum", "uncertainty", "manual"];
    for part in parts {
        let home = place(&format!("machine of {part}"));
        std::fs::create_dir(&home).unwrap();
        let file = home.join("bars.csv");
        write_bars(&file, 600);
        let config = over(&file, &rows);
        let mut opened = Comparison::open_parts(config, place(part), vec![part.into()]).unwrap();
        assert!(opened.run(work).unwrap());
    }
    let file = place("bars.csv");
    write_bars(&file, 600);
    let folders = parts.map(place);
    let collected = Comparison::collect(over(&file, &rows), place("all"), &folders).unwrap();
    assert!(collected.missing().unwrap().is_empty());
    assert_eq!(collected.results().unwrap().strategies(), rows);
    let two = Comparison::collect(over(&file, &rows), place("two"), &folders[..2]).unwrap();
    assert_eq!(two.missing().unwrap(), ["manual-seed1"]);
    // The run is not trained again where it is, either.
    let mut opened = Comparison::open_parts(
        over(&file, &rows),
        place("sum-seed1"),
        vec!["sum-seed1".into()],
    )
    .unwrap();
    let ended = opened.run(|jobs| {
        assert_eq!(jobs[0].state()?, JobState::Finished);
        Ok(true)
    });
    assert!(ended.unwrap());

    write_bars(&file, 500);
    let other = Comparison::collect(over(&file, &rows), place("other"), &folders);
    let message = other.map(drop).unwrap_err().to_string();
    assert!(message.contains("`data_file.bytes`"), "{message}");
}

#[test]
fn there_must_be_something_to_collect() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let collect = |from: &[PathBuf]| {
        let config = ComparisonConfig::new(tiny()).unwrap();
        let error = Comparison::collect(config, place("out"), from).map(drop);
        error.unwrap_err().to_string()
    };
    let message = collect(&[]);
    let expected = format!("{}: holds no comparison", place("out").display());
    assert!(message.contains(&expected), "{message}");
    std::fs::create_dir(place("empty")).unwrap();
    for from in [vec![place("empty")], vec![place("nowhere"), place("empty")]] {
        let message = collect(&from);
        let expected = format!("{}: holds no comparison", from[0].display());
        assert!(message.contains(&expected), "{message}");
    }
    assert!(!place("out").exists());
}

#[test]
fn an_interrupted_search_goes_on_with_its_next_round() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bars.csv");
    write_bars(&file, 600);
    let config = || over(&file, &["sum", "tuned-fixed"]);
    let out = folder.path().join("out");
    let mut comparison = Comparison::open(config(), &out).unwrap();
    let mut rounds = Vec::new();
    let ended = comparison.run(|jobs| {
        rounds.push(jobs.len());
        work(jobs)?;
        Ok(rounds.len() < 2)
    });
    assert!(!ended.unwrap(), "interrupted in the second round");
    // The first candidate with the run of the other row, then candidates alone.
    assert_eq!(rounds[0], 2);
    assert!(comparison.failed().is_empty());
    assert_eq!(comparison.missing().unwrap(), ["tuned-fixed-seed1"]);
    assert!(
        comparison
            .facts()
            .iter()
            .all(|(name, _)| name != "tuned-fixed")
    );
    drop(comparison);
    let mut comparison = Comparison::open(config(), &out).unwrap();
    let (mut trained, mut calls) = (0, 0);
    let ended = comparison.run(|jobs| {
        calls += 1;
        let new = |job: &&Job| job.state().unwrap() == JobState::New;
        trained += jobs.iter().filter(new).count();
        work(jobs)
    });
    assert!(ended.unwrap());
    assert!(calls > 2);
    assert_eq!(
        trained,
        6 + 1 - (rounds[0] - 1) - rounds[1],
        "nothing twice"
    );
    assert!(comparison.missing().unwrap().is_empty());
    assert!(
        comparison
            .facts()
            .iter()
            .any(|(name, _)| name == "tuned-fixed")
    );
}

#[test]
fn a_folder_takes_one_whole_comparison_or_several_parts() {
    let folder = tempfile::tempdir().unwrap();
    let config = || ComparisonConfig::new(tiny()).unwrap();
    let whole = || Comparison::open(config(), folder.path());
    let part = |name: &str| Comparison::open_parts(config(), folder.path(), vec![name.into()]);
    let process = format!("process {} (for ", std::process::id());
    let refused = |opened: equipoise::Result<Comparison>| {
        let message = opened.map(drop).unwrap_err().to_string();
        for expected in [
            &folder.path().display().to_string(),
            &process,
            "is at work in",
        ] {
            assert!(message.contains(expected), "no {expected} in: {message}");
        }
    };
    let one = whole().unwrap();
    refused(whole());
    refused(part("sum-seed1"));
    Comparison::collect(config(), folder.path(), &[]).unwrap();
    drop(one);
    let (first, second) = (part("sum-seed1").unwrap(), part("sum-seed2").unwrap());
    drop(first);
    refused(whole());
    drop(second);
    whole().unwrap();
}

/// The example, if it has been built: `cargo test` does so, `cargo test --test compare_strategies` does not.
fn program() -> Option<PathBuf> {
    example("compare_strategies")
}

/// Nine runs of four short epochs.
fn command(program: &Path, folder: &Path, more: &[&str]) -> Command {
    let config = folder.join("base.json");
    tiny().write(&config).unwrap();
    let mut command = Command::new(program);
    command.arg("--config").arg(config).args([
        "--seeds",
        "2",
        "--search-runs",
        "3",
        "--strategies",
        "uncertainty,sum,tuned-fixed",
        "--out",
    ]);
    command.args(more).current_dir(folder);
    command
}

#[test]
fn the_program_compares_and_does_nothing_twice() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let run = |more: &[&str]| command(&program, folder.path(), more).output().unwrap();
    let first = run(&["a", "--jobs", "2"]);
    let (table, said) = outputs(&first);
    assert!(first.status.success(), "{said}");
    assert!(said.contains("[9/9]"), "{said}");
    for expected in [
        "tuned-fixed",
        "relative loss",
        "verdicts",
        "its search: 3 runs of 4 epochs",
    ] {
        assert!(table.contains(expected), "no {expected} in {table}");
    }
    for file in [
        "comparison.csv",
        "summary.csv",
        "verdicts.csv",
        "report.html",
    ] {
        assert!(folder.path().join("a").join(file).exists(), "{file}");
    }
    let again = run(&["a"]);
    let (same, said) = outputs(&again);
    assert_eq!(same, table);
    assert!(!said.contains("[1/9]"), "nothing was left to do: {said}");

    let one = run(&["b", "--jobs", "1"]);
    assert!(one.status.success());
    let values = |out: &str| std::fs::read(folder.path().join(out).join("comparison.csv")).unwrap();
    assert_eq!(values("a"), values("b"), "side by side or not is the same");

    let other = run(&["a", "--epochs", "5"]);
    let (_, said) = outputs(&other);
    assert!(!other.status.success());
    assert!(
        said.contains("`train.epochs` (--epochs 5) is 5, but it must be 4"),
        "{said}"
    );
}

/// The bytes of the results in a folder.
fn results(folder: &Path, out: &str) -> Vec<Vec<u8>> {
    ["comparison.csv", "summary.csv", "verdicts.csv"]
        .map(|file| std::fs::read(folder.join(out).join(file)).unwrap())
        .into()
}

/// As two machines without a shared disk would: each trains its part in a folder of its own.
#[test]
fn the_results_do_not_depend_on_how_the_runs_are_divided() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let run = |more: &[&str]| command(&program, folder.path(), more).output().unwrap();
    let whole = run(&["whole"]);
    assert!(whole.status.success(), "{}", outputs(&whole).1);

    let shards = ["1/2", "2/2"].map(|shard| {
        let out = format!("shard{}", &shard[..1]);
        command(&program, folder.path(), &[&out, "--shard", shard])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    });
    for shard in shards {
        let output = shard.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", outputs(&output).1);
        assert!(outputs(&output).0.contains("--collect makes the table"));
    }
    let half = run(&["half", "--collect", "shard1"]);
    let (table, said) = outputs(&half);
    assert_eq!(half.status.code(), Some(1), "{said}");
    assert!(
        said.contains("are not finished and not in the table"),
        "{said}"
    );
    assert!(
        !table.contains("failed"),
        "a missing run has not failed: {table}"
    );

    let collected = run(&["all", "--collect", "shard1", "shard2"]);
    let (table, said) = outputs(&collected);
    assert!(collected.status.success(), "{said}");
    assert!(table.contains("its search: 3 runs of 4 epochs"), "{table}");
    assert!(results(folder.path(), "whole") == results(folder.path(), "all"));
    // What was collected is not trained again, nor copied.
    assert!(!folder.path().join("all/runs").exists());
}

/// As a scheduler would, in one folder that all processes share.
#[cfg(unix)]
#[test]
fn the_commands_of_the_plan_are_the_comparison() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let run = |more: &[&str]| command(&program, folder.path(), more).output().unwrap();
    assert!(run(&["whole"]).status.success());
    let plan = run(&["it's here", "--plan"]);
    let (commands, said) = outputs(&plan);
    assert!(plan.status.success(), "{said}");
    // Two strategies with two seeds each, and the search with the runs that depend on it.
    assert_eq!(commands.lines().count(), 5, "{commands}");
    assert!(
        !folder.path().join("it's here").exists(),
        "nothing is trained"
    );
    let shells: Vec<_> = commands
        .lines()
        .map(|line| {
            let mut shell = Command::new("sh");
            shell.args(["-c", line]).current_dir(folder.path());
            shell.stdout(Stdio::null()).stderr(Stdio::piped());
            shell.spawn().unwrap()
        })
        .collect();
    for shell in shells {
        let output = shell.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", outputs(&output).1);
    }
    let collected = run(&["it's here", "--collect"]);
    assert!(collected.status.success(), "{}", outputs(&collected).1);
    assert!(results(folder.path(), "whole") == results(folder.path(), "it's here"));
}

/// A word behind `--` is a file, whatever it looks like.
#[cfg(unix)]
#[test]
fn a_plan_keeps_files_behind_two_dashes() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    write_bars(&folder.path().join("--plan"), 600);
    let plan = command(
        &program,
        folder.path(),
        &["out", "--window", "30", "--plan", "--", "--plan"],
    );
    let (commands, said) = outputs(&{ plan }.output().unwrap());
    assert_eq!(commands.lines().count(), 5, "{commands}{said}");
    for line in commands.lines() {
        assert!(line.ends_with(" -- --plan"), "{line}");
        let only = line.find(" --only ").unwrap();
        assert!(only < line.find(" -- ").unwrap(), "{line}");
        assert_eq!(line.matches("--plan").count(), 1, "{line}");
    }
    let first = commands.lines().next().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", first]).current_dir(folder.path());
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{}", outputs(&output).1);
    assert!(
        folder
            .path()
            .join("out/runs/uncertainty-seed1/finished")
            .exists()
    );
}

#[test]
fn a_part_that_is_none_and_a_folder_of_another_comparison_are_refused() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let said = |more: &[&str]| {
        let output = command(&program, folder.path(), more).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        outputs(&output).1
    };
    let message = said(&["a", "--only", "uncertainty-seed3"]);
    assert!(
        message.contains("`only` (--only uncertainty-seed3) is uncertainty-seed3"),
        "{message}"
    );
    assert!(
        message.contains("uncertainty-seed2, sum-seed1"),
        "{message}"
    );
    for shard in ["0/2", "3/2", "one", "1/0"] {
        let message = said(&["a", "--shard", shard]);
        assert!(
            message.contains(shard) && message.contains("1/4"),
            "{message}"
        );
    }
    let other = command(
        &program,
        folder.path(),
        &["b", "--epochs", "2", "--only", "sum-seed1"],
    );
    assert!({ other }.status().unwrap().success());
    let message = said(&["c", "--collect", "b"]);
    assert!(
        message.contains("`train.epochs` (--epochs) is 4, but it must be 2"),
        "{message}"
    );
    let message = said(&["c", "--collect", "nothing"]);
    assert!(message.contains("comparison.json"), "{message}");
}

#[test]
fn the_program_goes_on_when_a_run_fails() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("out/runs/sum-seed2");
    std::fs::create_dir_all(&broken).unwrap();
    // A file where the folder of checkpoints should be.
    std::fs::write(broken.join("checkpoint"), "").unwrap();
    let output = command(&program, folder.path(), &["out"]).output().unwrap();
    let (table, said) = outputs(&output);
    assert!(!output.status.success());
    assert!(
        said.contains("sum-seed2") && said.contains("FAILED"),
        "{said}"
    );
    assert!(
        said.contains("cannot create"),
        "the reason is repeated: {said}"
    );
    assert!(table.contains("sum (1 of 2 failed)"), "{table}");
    assert!(table.contains("failed 1"), "{table}");
}

/// Nobody has to listen: the files are what counts.
#[test]
fn the_program_ends_well_when_its_reader_leaves() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    assert!(unheard(&mut command(&program, folder.path(), &["out"])).success());
    assert!(folder.path().join("out/summary.csv").exists());
}

#[test]
fn the_program_says_what_a_missing_file_should_be() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (flag, expected) in [
        ("--data", "a CSV file of bars"),
        ("--labels", "a CSV file of expansions"),
        ("--config", "settings in JSON"),
    ] {
        let output = Command::new(&program)
            .args([flag, "none", "--out", "out"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let (_, said) = outputs(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains(&format!("none: cannot be read for {flag}")) && said.contains(expected),
            "{said}"
        );
    }
}

#[cfg(unix)]
#[test]
fn the_program_goes_on_after_ctrl_c() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let whole = command(&program, folder.path(), &["whole"])
        .output()
        .unwrap();
    assert!(whole.status.success(), "{}", outputs(&whole).1);
    let mut child = command(&program, folder.path(), &["parts", "--jobs", "1"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let first = folder
        .path()
        .join("parts/runs/uncertainty-seed1/history.csv");
    let began = Instant::now();
    while !first.exists() && began.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(2));
    }
    interrupt(&child);
    let asked = Instant::now();
    let stopped = child.wait().unwrap();
    assert_eq!(stopped.code(), Some(130), "stopped and said so");
    assert!(asked.elapsed() < Duration::from_secs(10), "at once");
    assert!(!folder.path().join("parts/comparison.csv").exists());

    let rest = command(&program, folder.path(), &["parts"])
        .output()
        .unwrap();
    assert!(rest.status.success(), "{}", outputs(&rest).1);
    for file in ["comparison.csv", "summary.csv", "verdicts.csv"] {
        let read = |out: &str| std::fs::read(folder.path().join(out).join(file)).unwrap();
        assert!(read("whole") == read("parts"), "{file} differs");
    }
}
