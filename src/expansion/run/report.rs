//! Collects the content of a run's report: validation windows with the true and the predicted expansion, and settings.

use burn::data::dataloader::batcher::Batcher;
use burn::tensor::Device;

use super::candles::WindowFigure;
use super::config::ExpansionConfig;
use crate::error::{Error, Result};
use crate::expansion::label::WindowLabel;
use crate::expansion::model::{ExpansionBatcher, ExpansionModel, Prediction};
use crate::expansion::window::{Window, Windows};
use crate::model::MultiTaskModel;

impl WindowFigure {
    /// The number of windows that a report shows.
    pub const SHOWN: usize = 12;

    /// Returns figures of at most `count` windows, spread evenly over `windows`, with the predictions of the network.
    ///
    /// The network must be in validation mode (as [`Outcome::model`](crate::train::Outcome::model) is) and on `device`;
    /// `batcher` must compute the features it was trained on. Equal networks and windows give equal figures.
    ///
    /// # Errors
    ///
    /// [`Error::Training`] if the outputs cannot be read from the device.
    pub fn of_predictions(
        model: &ExpansionModel,
        windows: &Windows,
        batcher: &ExpansionBatcher,
        device: &Device,
        count: usize,
    ) -> Result<Vec<WindowFigure>> {
        let shown = spread(windows, count);
        if shown.is_empty() {
            return Ok(Vec::new());
        }
        let batch = batcher.batch(shown.clone(), device);
        let Some(evaluation) = model.evaluate(model.represent(&batch), &batch) else {
            return Ok(Vec::new());
        };
        let predictions = evaluation.predictions().map_err(|error| Error::Training {
            reason: format!("the predictions for the report cannot be read: {error}"),
        })?;
        let pairs = shown.iter().zip(&predictions);
        let types = &model.config().types;
        let figures = pairs.map(|(window, found)| figure(windows, window, found, types));
        Ok(figures.collect())
    }
}

/// Returns the middle window of each of `count` equal parts.
fn spread(windows: &Windows, count: usize) -> Vec<Window> {
    let all: Vec<Window> = windows.iter().copied().collect();
    let count = count.min(all.len());
    let middle = |part: usize| (2 * part + 1) * all.len() / (2 * count);
    (0..count).map(|part| all[middle(part)]).collect()
}

fn figure(
    windows: &Windows,
    window: &Window,
    prediction: &Prediction,
    types: &[String],
) -> WindowFigure {
    let last = window.first + windows.length();
    let bars = &windows.bars().bars()[window.first..last];
    WindowFigure {
        title: title(windows, window.first, last - 1),
        bars: bars.to_vec(),
        truth: Some(window.label.into()),
        predicted: Some(prediction.span),
        caption: caption(window.label, prediction, types),
    }
}

/// Returns `Bars 1200 to 1304`, after the name of the instrument if there are several, and before the times.
fn title(windows: &Windows, first: usize, last: usize) -> String {
    let bars = |from: usize| {
        let to = from + last - first;
        format!("{from} to {to}{}", when(windows, first, last))
    };
    match windows.place(first) {
        Some((series, from)) if windows.series().len() > 1 => {
            format!("{}, bars {}", series.name(), bars(from))
        }
        _ => format!("Bars {}", bars(first)),
    }
}

/// Returns the times of the first and the last bar, if the series has time stamps:
/// `, 2022-01-03 10:00 to 2022-01-03 11:44 UTC`.
fn when(windows: &Windows, first: usize, last: usize) -> String {
    let time = |bar: usize| {
        let stamp = jiff::Timestamp::from_second(windows.time(bar)?).ok()?;
        Some(stamp.strftime("%Y-%m-%d %H:%M").to_string())
    };
    match (time(first), time(last)) {
        (Some(first), Some(last)) => format!(", {first} to {last} UTC"),
        _ => String::new(),
    }
}

/// Returns `True: reversal, bars 40 to 49. Predicted: breakout (58 % sure), bars 41 to 50; overlap 0.82.`
fn caption(label: WindowLabel, prediction: &Prediction, types: &[String]) -> String {
    let found = prediction.span;
    format!(
        "True: {}, bars {} to {}. Predicted: {} ({:.0} % sure), bars {} to {}; overlap {:.2}.",
        label.kind.name(types),
        label.start,
        label.end,
        prediction.kind.name(types),
        100.0 * prediction.probability,
        found.start,
        found.end,
        found.iou(label.into())
    )
}

impl ExpansionConfig {
    /// Returns the settings of a run as pairs of name and text, for the top of its report.
    ///
    /// `notes` are the notes of [`Data`](super::train::Data).
    pub fn facts(&self, notes: &[String]) -> Vec<(String, String)> {
        let train = &self.train;
        let data = match &self.data.path {
            Some(files) => files.to_string(),
            None => "simulated".into(),
        };
        let mut facts = vec![
            ("strategy", self.weighting.name().to_string()),
            ("data", data),
            ("epochs", format!("at most {}", train.epochs)),
            ("windows per step", train.batch_size.to_string()),
            ("learning rate", train.learning_rate.to_string()),
            ("seed", train.seed.to_string()),
            ("backend", self.backend.name().to_string()),
        ];
        facts.extend(notes.iter().map(|note| ("note", note.clone())));
        let owned = facts.into_iter();
        owned.map(|(name, text)| (name.into(), text)).collect()
    }
}
