//! Formats one column per task: its loss and, if known, its skill.

use console::{Alignment, measure_text_width, pad_str};

use super::fields::{NARROW, WIDE, Widths, amount_in, gain_in, share, shortened};
use super::{GAP, painted};
use crate::history::{History, Split, quantity};

/// The columns of tasks that fit side by side.
pub(super) struct TaskColumns {
    tasks: Vec<String>,
    width: usize,
    widths: Widths,
    skilled: bool,
    coloured: bool,
}

impl TaskColumns {
    /// Returns columns within `room` columns of the terminal, with skill if `skilled`; `None` if the tasks do not fit.
    pub(super) fn fitting(
        tasks: &[String],
        room: usize,
        skilled: bool,
        coloured: bool,
    ) -> Option<Self> {
        let most = (room / tasks.len().max(1)).checked_sub(GAP)?;
        let names = tasks.iter().map(|task| measure_text_width(task));
        let longest = names.max().unwrap_or(0).min(most);
        [WIDE, NARROW].into_iter().find_map(|widths| {
            let needed = if skilled {
                widths.amount + 1 + widths.gain
            } else {
                widths.amount
            };
            let width = longest.max(needed);
            (width <= most).then(|| Self {
                tasks: tasks.to_vec(),
                width,
                widths,
                skilled,
                coloured,
            })
        })
    }

    pub(super) fn names(&self) -> String {
        let tasks = self.tasks.iter();
        tasks
            .map(|task| self.right(&shortened(task, self.width), self.width))
            .collect()
    }

    pub(super) fn heading(&self) -> String {
        let Widths { amount, gain } = self.widths;
        let what = if self.skilled {
            format!("{:>1$} {2:>3$}", "loss", amount, "skill", gain)
        } else {
            "loss".into()
        };
        self.right(&what, self.width).repeat(self.tasks.len())
    }

    /// Returns the loss and skill of every task.
    pub(super) fn losses(&self, history: &History, epoch: usize, split: Split) -> String {
        let columns = self.tasks.iter().map(|task| {
            let get = |quantity| history.get(epoch, split, task, quantity);
            let loss = get(quantity::LOSS);
            let loss = loss.map_or("-".into(), |loss| amount_in(loss, self.widths.amount));
            self.column(&loss, get(quantity::SKILL))
        });
        columns.collect()
    }

    /// Returns the labels and rows of the training details.
    pub(super) fn details(&self, history: &History, epoch: usize) -> Vec<(&'static str, String)> {
        let mut rows = vec![("training", self.losses(history, epoch, Split::Train))];
        let amount = |value: f64| amount_in(value, self.widths.amount);
        let shown: [(_, _, &dyn Fn(f64) -> String); 2] = [
            ("weight", quantity::WEIGHT, &amount),
            ("gradient share", quantity::GRADIENT_SHARE, &share),
        ];
        for (label, quantity, text) in shown {
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
        let width = self.widths.gain;
        let gained = skill.map_or_else(String::new, |skill| gain_in(skill, width));
        let text = format!("{gained:>width$}");
        let loss = self.right(loss, self.width - width - 1);
        format!("{loss} {}", painted(text, skill, self.coloured))
    }

    fn right(&self, text: &str, width: usize) -> String {
        pad_str(text, GAP + width, Alignment::Right, None).into_owned()
    }
}
