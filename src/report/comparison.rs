//! Defines the plain data of a comparison page.

/// The page of several strategies on the same tasks as an HTML document.
///
/// The caller computes means, intervals and verdicts; [`Results::page`](crate::comparison::Results::page) computes them
/// from runs.
///
/// # Example
///
/// ```
/// use equipoise::report::{Comparison, ComparisonRow};
///
/// let row = ComparisonRow { name: "sum".into(), seeds: 3, ..ComparisonRow::default() };
/// let page = Comparison { title: "Strategies".into(), rows: vec![row], ..Comparison::default() };
/// assert!(page.html().contains("sum"));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// The title of the page.
    pub title: String,
    /// The answer in one sentence, shown under the title; may be empty.
    pub answer: String,
    /// Facts about the comparison, each a name and a text, such as `("data", "bars.csv")`.
    pub facts: Vec<(String, String)>,
    /// The names of the tasks, in the order of the page.
    pub tasks: Vec<String>,
    /// The strategies, in the order of the page.
    pub rows: Vec<ComparisonRow>,
    /// The values to compare the cells with, such as the loss of the best constant, drawn as labelled lines.
    pub references: Vec<ComparisonReference>,
}

/// The results of one strategy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ComparisonRow {
    /// The name of the strategy.
    pub name: String,
    /// The number of finished runs, one per seed. The cells are means over these runs.
    pub seeds: usize,
    /// The number of failed runs.
    pub failed: usize,
    /// The cells, at most one per task and quantity, in any order. Missing cells are shown as dashes.
    pub cells: Vec<ComparisonCell>,
    /// The verdicts on each task, each with its number of runs.
    pub verdicts: Vec<(String, Vec<(String, usize)>)>,
    /// The path of the strategy's report, relative to the page. Paths with a colon are not linked. Default `None`.
    pub link: Option<String>,
}

/// The mean over seeds of one quantity, with its 95 % interval.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ComparisonCell {
    /// The name of the task, or [`ALL_TASKS`](crate::history::ALL_TASKS).
    pub task: String,
    /// The name of the quantity in the history, see [`quantity`](crate::history::quantity). All values have its unit.
    pub quantity: String,
    /// The mean over seeds.
    pub mean: f64,
    /// The lower end of the 95 % interval; NaN for one seed.
    pub low: f64,
    /// The upper end of the 95 % interval; NaN for one seed.
    pub high: f64,
    /// The value of each seed.
    pub values: Vec<f64>,
}

/// A value to compare the cells with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ComparisonReference {
    /// The name of the task of the cells.
    pub task: String,
    /// The name of the quantity of the cells.
    pub quantity: String,
    /// The name of the value, such as `best constant`.
    pub label: String,
    /// The value in the unit of the quantity.
    pub value: f64,
}
