//! Scores the validation windows of every instrument.

use burn::data::dataloader::batcher::Batcher;
use burn::tensor::Device;

use crate::error::{Error, Result};
use crate::expansion::model::{ExpansionBatcher, ExpansionModel, Scores};
use crate::expansion::window::{Window, Windows};
use crate::model::MultiTaskModel;
use crate::printable::printable;
use crate::report::Section;
use crate::report::drawing::{Cell, paragraph, table};

/// The number of windows per forward pass.
const AT_ONCE: usize = 64;

/// The scores of a trained network on the windows of one instrument.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct InstrumentScores {
    /// The name of the instrument.
    pub name: String,
    /// The sums over its windows.
    pub scores: Scores,
}

impl InstrumentScores {
    /// The names of the columns of a [row](Self::row).
    pub const COLUMNS: [&str; 6] = [
        "instrument",
        "windows",
        "type accuracy",
        "span F1",
        "pointer error",
        "countdown error",
    ];

    /// Returns the instrument as a row of text: name, windows, type accuracy, F1 of the bars inside the expansion, mean
    /// distance of start and end of the pointers, mean distance of the countdown, both in bars. Means over no window
    /// are `-`. Control characters of the name are escaped.
    pub fn row(&self) -> [String; 6] {
        let scores = &self.scores;
        let over = |sum: f64, count: usize| match count {
            0 => "-".into(),
            _ => format!("{:.3}", sum / count as f64),
        };
        let windows = scores.windows;
        [
            printable(&self.name).into_owned(),
            windows.to_string(),
            over(scores.right_kinds as f64, windows),
            over(2.0 * scores.shared_bars as f64, scores.total_bars),
            over(scores.pointer_error, windows),
            over(scores.countdown_error, windows),
        ]
    }
}

impl InstrumentScores {
    /// Returns the scores of a network on the windows of every instrument, in the order of the instruments. Returns no
    /// scores if the windows are those of a single series.
    ///
    /// The network must be in validation mode (as [`Outcome::model`](crate::train::Outcome::model) is) and on `device`;
    /// `batcher` must compute the features it was trained on.
    ///
    /// # Errors
    ///
    /// [`Error::Training`] if the outputs cannot be read from the device.
    pub fn of_predictions(
        model: &ExpansionModel,
        windows: &Windows,
        batcher: &ExpansionBatcher,
        device: &Device,
    ) -> Result<Vec<InstrumentScores>> {
        if windows.series().len() < 2 {
            return Ok(Vec::new());
        }
        let each = windows.series().iter().map(|series| {
            let own: Vec<Window> = windows.of(series).iter().copied().collect();
            let mut scores = Scores::default();
            for some in own.chunks(AT_ONCE) {
                scores.merge(&score(model, some, batcher, device)?);
            }
            Ok(InstrumentScores {
                name: series.name().to_owned(),
                scores,
            })
        });
        each.collect()
    }
}

fn score(
    model: &ExpansionModel,
    windows: &[Window],
    batcher: &ExpansionBatcher,
    device: &Device,
) -> Result<Scores> {
    let batch = batcher.batch(windows.to_vec(), device);
    let Some(evaluation) = model.evaluate(model.represent(&batch), &batch) else {
        return Ok(Scores::default());
    };
    evaluation.score().map_err(|error| Error::Training {
        reason: format!("the scores of an instrument cannot be read: {error}"),
    })
}

impl InstrumentScores {
    /// Returns the section of a report with a row for every instrument, or `None` if there are no scores.
    pub fn section(scores: &[InstrumentScores]) -> Option<Section> {
        const ABOUT: &str = "The validation windows of every instrument, with the network that is kept. Pointer and countdown \
        errors are mean distances in bars.";
        let head = InstrumentScores::COLUMNS.map(String::from);
        let rows = scores.iter().map(|one| {
            let [name, rest @ ..] = one.row();
            let rest = rest.iter().map(|text| match text.as_str() {
                "-" => Cell::missing(),
                text => Cell::text(text),
            });
            std::iter::once(Cell::name(&name, None))
                .chain(rest)
                .collect()
        });
        let rows: Vec<Vec<Cell>> = rows.collect();
        let body = paragraph(ABOUT) + &table("Validation by instrument", &head, 1, &rows);
        (!rows.is_empty()).then(|| Section::new("instruments", "Instruments", body))
    }
}
