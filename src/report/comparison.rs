//! What a comparison of strategies is made of: for every strategy and task a mean and its interval, and verdicts.
//!
//! Works from plain numbers that the caller has computed; it neither trains nor averages.

/// What several strategies reached on the same tasks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// The title of the page.
    pub title: String,
    /// The answer in one sentence; may be empty.
    pub answer: String,
    /// What and when: a name and a text each, such as `("data", "bars.csv")`.
    pub facts: Vec<(String, String)>,
    /// The tasks, in the order they are shown.
    pub tasks: Vec<String>,
    /// The strategies, in the order they are shown.
    pub rows: Vec<ComparisonRow>,
    /// Values to measure the cells against, such as the loss of the best constant; drawn as labelled lines.
    pub references: Vec<ComparisonReference>,
}

/// What one strategy reached.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ComparisonRow {
    /// The strategy's name.
    pub name: String,
    /// Runs that finished, one per seed; the cells are over these.
    pub seeds: usize,
    /// Runs that did not finish.
    pub failed: usize,
    /// One cell per task and quantity, in any order; what is missing is shown as a dash.
    pub cells: Vec<ComparisonCell>,
    /// For each task, how many runs ended with which verdict.
    pub verdicts: Vec<(String, Vec<(String, usize)>)>,
    /// Where the report of this strategy is, relative to the page.
    pub link: Option<String>,
}

/// A mean over seeds and its 95 % interval.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ComparisonCell {
    /// The task, or [`ALL_TASKS`](crate::history::ALL_TASKS).
    pub task: String,
    /// The quantity by its name in the history, see [`quantity`](crate::history::quantity); in that quantity's unit.
    pub quantity: String,
    /// The mean over seeds.
    pub mean: f64,
    /// The lower end of the interval; NaN if there is one seed.
    pub low: f64,
    /// The upper end of the interval; NaN if there is one seed.
    pub high: f64,
    /// The value of each seed.
    pub values: Vec<f64>,
}

/// A value that stands beside the strategies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ComparisonReference {
    /// The task of the cells it belongs to.
    pub task: String,
    /// The quantity of the cells it belongs to.
    pub quantity: String,
    /// What it is, in a few words: `best constant`.
    pub label: String,
    /// Its value in the unit of the quantity.
    pub value: f64,
}
