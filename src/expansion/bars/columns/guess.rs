//! Tells the columns of the four prices from their values, for a file without a header.
//!
//! The prices are the first four columns of numbers behind the time. The high is the column that is never below, the
//! low the one that is never above the other three. Of the other two the open is the one that is near to the close
//! before.

use super::prices::Prices;

/// The reason why the order of the prices is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoOrder {
    /// No order, or more than one, fits all rows.
    Order,
    /// The open and the close cannot be told apart.
    OpenAndClose,
}

/// Returns the order of four columns: the indices of open, high, low and close among them.
pub(crate) fn order(rows: &[[f64; 4]], newest_first: bool) -> Result<Prices, NoOrder> {
    let tops = |column: usize| {
        rows.iter()
            .all(|row| row.iter().all(|price| row[column] >= *price))
    };
    let bottoms = |column: usize| {
        rows.iter()
            .all(|row| row.iter().all(|price| row[column] <= *price))
    };
    let only = |fits: &dyn Fn(usize) -> bool| {
        let mut fitting = (0..4).filter(|column| fits(*column));
        match (fitting.next(), fitting.next()) {
            (Some(one), None) => Ok(one),
            _ => Err(NoOrder::Order),
        }
    };
    let (high, low) = (only(&tops)?, only(&bottoms)?);
    let mut rest = (0..4).filter(|column| *column != high && *column != low);
    let (Some(first), Some(second)) = (rest.next(), rest.next()) else {
        return Err(NoOrder::Order);
    };
    let usual = (first, high, low, second) == (0, 1, 2, 3);
    let distance = |open: usize, close: usize| -> f64 {
        let steps = rows.windows(2).map(|pair| {
            let (before, after) = if newest_first {
                (&pair[1], &pair[0])
            } else {
                (&pair[0], &pair[1])
            };
            (after[open] - before[close]).abs()
        });
        steps.sum()
    };
    let (as_is, swapped) = (distance(first, second), distance(second, first));
    let sure = rows.len() >= 20;
    if usual && !(sure && swapped < 0.8 * as_is) || sure && as_is < 0.8 * swapped {
        return Ok([first, high, low, second]);
    }
    if sure && swapped < 0.8 * as_is && !usual {
        return Ok([second, high, low, first]);
    }
    Err(NoOrder::OpenAndClose)
}
