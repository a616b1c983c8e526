//! Converts windows to tensors: the features of every bar and the targets of the four tasks.

use std::sync::Arc;

use burn::data::dataloader::batcher::Batcher;
use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::expansion::bars::{Bar, Bars};
use crate::expansion::feature::{FeatureRows, FeatureSet};
use crate::expansion::label::{CountdownForm, WindowLabel, countdown};
use crate::expansion::window::Window;

/// A batch of windows on a device.
#[derive(Clone, Debug)]
pub struct ExpansionBatch {
    /// The features, `[batch, time, features]`.
    pub features: Tensor<3>,
    /// The classes of the types, `[batch]`, from 0.
    pub kinds: Tensor<1, Int>,
    /// Center and length (last bar minus first) of the expansion, divided by the window's length, `[batch, 2]`.
    pub pointers: Tensor<2>,
    /// The mask: 1 inside the expansion and 0 outside, `[batch, time]`.
    pub binary: Tensor<2>,
    /// The countdown: bars to the start clipped to ±20, `[batch, time]`; or the start divided by the window's length,
    /// `[batch, 1]`.
    pub countdown: Tensor<2>,
    /// The labels from which the targets were computed.
    pub labels: Arc<[WindowLabel]>,
}

/// A builder of batches from windows of one series.
#[derive(Clone, Debug)]
pub struct ExpansionBatcher {
    bars: Bars,
    length: usize,
    set: FeatureSet,
    countdown: CountdownForm,
}

impl ExpansionBatcher {
    /// Creates a batcher for windows of `length` bars in `bars`; `position` adds the position as a 13th feature.
    pub fn new(bars: &Bars, length: usize, position: bool, countdown: CountdownForm) -> Self {
        Self {
            bars: bars.clone(),
            length,
            set: FeatureSet {
                position,
                ..FeatureSet::default()
            },
            countdown,
        }
    }

    /// Sets whether the [moves](crate::expansion::feature::window_moves) are the last features. Default `false`.
    pub fn with_moves(mut self, moves: bool) -> Self {
        self.set.moves = moves;
        self
    }

    /// Sets whether the [further columns](Bars::with_columns) of the bars are the last features. Default `false`.
    pub fn with_columns(mut self, columns: bool) -> Self {
        let count = self.bars.column_names().len();
        self.set.further = if columns { count } else { 0 };
        self
    }

    fn features(&self, windows: &[Window], device: &Device) -> Tensor<3> {
        let mut rows = FeatureRows::new(self.set, windows.len() * self.length);
        let mut mirrored = Vec::new();
        for window in windows {
            let bars = &self.bars.bars()[window.first..window.first + self.length];
            let further = match self.set.further {
                0 => &[],
                _ => self.bars.columns(window.first, self.length),
            };
            if !window.mirrored {
                rows.add(bars, further);
                continue;
            }
            mirrored.clear();
            mirrored.extend(bars.iter().map(upside_down));
            rows.add(&mirrored, further);
        }
        let shape = [windows.len(), self.length, self.set.columns()];
        Tensor::from_data(TensorData::new(rows.into_values(), shape), device)
    }
}

impl Batcher<Window, ExpansionBatch> for ExpansionBatcher {
    fn batch(&self, windows: Vec<Window>, device: &Device) -> ExpansionBatch {
        let labels: Arc<[WindowLabel]> = windows.iter().map(|window| window.label).collect();
        let targets = Targets::new(&labels, self.length, self.countdown);
        ExpansionBatch {
            features: self.features(&windows, device),
            kinds: Tensor::from_data(TensorData::new(targets.kinds, [labels.len()]), device),
            pointers: matrix(targets.pointers, labels.len(), device),
            binary: matrix(targets.binary, labels.len(), device),
            countdown: matrix(targets.countdown, labels.len(), device),
            labels,
        }
    }
}

/// Returns the bar with every price negated. Features use only differences of prices, so negative prices are harmless.
fn upside_down(bar: &Bar) -> Bar {
    Bar {
        open: -bar.open,
        high: -bar.low,
        low: -bar.high,
        close: -bar.close,
    }
}

fn matrix(values: Vec<f32>, rows: usize, device: &Device) -> Tensor<2> {
    let columns = values.len() / rows.max(1);
    Tensor::from_data(TensorData::new(values, [rows, columns]), device)
}

/// The targets of labels on the host, row by row.
pub(crate) struct Targets {
    pub(crate) kinds: Vec<i64>,
    pub(crate) pointers: Vec<f32>,
    pub(crate) binary: Vec<f32>,
    pub(crate) countdown: Vec<f32>,
}

impl Targets {
    pub(crate) fn new(labels: &[WindowLabel], length: usize, form: CountdownForm) -> Self {
        let per_bar = labels.len() * length;
        let mut targets = Self {
            kinds: Vec::with_capacity(labels.len()),
            pointers: Vec::with_capacity(2 * labels.len()),
            binary: Vec::with_capacity(per_bar),
            countdown: Vec::with_capacity(per_bar),
        };
        let bars = length as f32;
        for label in labels {
            targets.kinds.push(label.kind.index() as i64);
            targets.pointers.push(center(label) / bars);
            targets
                .pointers
                .push((label.end - label.start) as f32 / bars);
            let inside = label.start..=label.end;
            let mask = (0..length).map(|t| f32::from(u8::from(inside.contains(&t))));
            targets.binary.extend(mask);
            match form {
                CountdownForm::Scalar => targets.countdown.push(label.start as f32 / bars),
                CountdownForm::PerBar => targets
                    .countdown
                    .extend((0..length).map(|t| countdown(label.start, t))),
            }
        }
        targets
    }
}

fn center(label: &WindowLabel) -> f32 {
    (label.start + label.end) as f32 / 2.0
}
