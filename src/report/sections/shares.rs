//! Whose gradient moves the representation: all tasks stacked, and each beside the share it was meant to have.

use super::super::axis::Axis;
use super::super::bands::BandChart;
use super::super::ledger::Ledger;
use super::super::lines::{LineChart, Series, Vertical};
use super::super::page::{grid, paragraph};
use super::super::pen::SERIES;
use crate::history::{Split, quantity};

const ABOUT: &str = "A task's share is its part of the summed norms of all weighted gradients at the shared representation, \
    the mean over the audited steps of an epoch. The line across is the share it was meant to have, or, where the strategy \
    was told nothing, an equal one.";

/// Empty if no shares were recorded.
pub(super) fn shares(ledger: &Ledger<'_>) -> String {
    let series = series(ledger);
    if series.is_empty() {
        return String::new();
    }
    let axis = axis(ledger, &series);
    let mut figures = Vec::new();
    if series.len() == ledger.tasks().len() && (2..=SERIES).contains(&series.len()) {
        figures.push(stacked(ledger).html());
    }
    let charts = series
        .into_iter()
        .map(|one| beside_intended(ledger, one, &axis).html());
    figures.extend(charts);
    paragraph(ABOUT) + &grid(figures)
}

fn series(ledger: &Ledger<'_>) -> Vec<Series> {
    let tasks = ledger.tasks().iter().enumerate();
    let all = tasks.map(|(number, task)| {
        let course = ledger.course(Split::Train, task, quantity::GRADIENT_SHARE);
        Series::new(*task, number, course)
    });
    all.filter(|series| !series.points.is_empty()).collect()
}

fn stacked(ledger: &Ledger<'_>) -> BandChart {
    BandChart {
        title: "Whose gradient moves the representation".into(),
        y_name: "gradient share".into(),
        series: series(ledger),
    }
}

fn beside_intended(ledger: &Ledger<'_>, mut series: Series, axis: &Axis) -> LineChart {
    let title = format!("Gradient share of {}", series.name);
    let (name, value) = match intended(ledger, &series.name) {
        Some(share) => ("intended", share),
        None => ("equal share", 1.0 / ledger.tasks().len() as f64),
    };
    series.name = "measured".into();
    LineChart::new(title, "gradient share", vec![series])
        .with_reference(name, Some(value))
        .with_vertical(Vertical::Fixed(axis.clone()))
}

fn intended(ledger: &Ledger<'_>, task: &str) -> Option<f64> {
    ledger.known(Split::Train, task, quantity::INTENDED_SHARE)
}

/// The same for all tasks: up to 1 unless all shares are small.
fn axis(ledger: &Ledger<'_>, series: &[Series]) -> Axis {
    let measured = series
        .iter()
        .flat_map(|one| one.points.iter().map(|(_, value)| *value));
    let meant = series.iter().filter_map(|one| intended(ledger, &one.name));
    let shares = measured
        .chain(meant)
        .filter(|share| (0.0..=1.0).contains(share));
    match shares.fold(0.0, f64::max) {
        largest if largest > 0.5 => Axis::linear(0.0, 1.0),
        largest => Axis::from_zero([largest]),
    }
}
