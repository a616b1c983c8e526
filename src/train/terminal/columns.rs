//! A column for every task: its loss and, where one is known, its skill.

use console::{Alignment, measure_text_width, pad_str};

use super::fields::{AMOUNT, GAIN, amount, gain, share, shortened};
use super::{GAP, painted};
use crate::history::{History, Split, quantity};

/// Tasks that fit side by side.
pub(super) struct Columns {
    tasks: Vec<String>,
    width: usize,
    skilled: bool,
    coloured: bool,
}

impl Columns {
    /// In so many columns of the terminal, with skill if some task has one; none if the tasks do not fit.
    pub(super) fn fitting(
        tasks: &[String],
        room: usize,
        skilled: bool,
        coloured: bool,
    ) -> Option<Self> {
        let needed = if skilled { AMOUNT + 1 + GAIN } else { AMOUNT };
        let most = (room / tasks.len().max(1)).checked_sub(GAP)?;
        let names = tasks.iter().map(|task| measure_text_width(task));
        let width = names.max().unwrap_or(0).min(most).max(needed);
        (width <= most).then(|| Self {
            tasks: tasks.to_vec(),
            width,
            skilled,
            coloured,
        })
    }

    pub(super) fn names(&self) -> String {
        let tasks = self.tasks.iter();
        tasks
            .map(|task| self.right(&shortened(task, self.width), self.width))
            .collect()
    }

    pub(super) fn heading(&self) -> String {
        let what = match self.skilled {
            true => format!("{:>AMOUNT$} {:>GAIN$}", "loss", "skill"),
            false => "loss".into(),
        };
        self.right(&what, self.width).repeat(self.tasks.len())
    }

    /// Loss and skill of every task.
    pub(super) fn losses(&self, history: &History, epoch: usize, split: Split) -> String {
        let columns = self.tasks.iter().map(|task| {
            let get = |quantity| history.get(epoch, split, task, quantity);
            let loss = get(quantity::LOSS).map_or("-".into(), amount);
            self.column(&loss, get(quantity::SKILL))
        });
        columns.collect()
    }

    /// Labels and numbers of the training.
    pub(super) fn details(&self, history: &History, epoch: usize) -> Vec<(&'static str, String)> {
        let mut rows = vec![("training", self.losses(history, epoch, Split::Train))];
        for (label, quantity, text) in [
            ("weight", quantity::WEIGHT, amount as fn(f64) -> String),
            ("gradient share", quantity::GRADIENT_SHARE, share),
        ] {
            let get = |task: &String| history.get(epoch, Split::Train, task, quantity);
            let values: Vec<Option<f64>> = self.tasks.iter().map(get).collect();
            if values.iter().any(Option::is_some) {
                let text = |value: Option<f64>| value.map_or("-".into(), text);
                let columns = values.into_iter().map(|v| self.column(&text(v), None));
                rows.push((label, columns.collect()));
            }
        }
        rows
    }

    fn column(&self, loss: &str, skill: Option<f64>) -> String {
        if !self.skilled {
            return self.right(loss, self.width);
        }
        let text = format!("{:>GAIN$}", skill.map_or_else(String::new, gain));
        let loss = self.right(loss, self.width - GAIN - 1);
        format!("{loss} {}", painted(text, skill, self.coloured))
    }

    fn right(&self, text: &str, width: usize) -> String {
        pad_str(text, GAP + width, Alignment::Right, None).into_owned()
    }
}
