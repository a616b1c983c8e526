//! Tells the columns of the four prices from their values, for a file without a header.
//!
//! The prices are the first four columns of numbers behind the time. The high is the column that is never below, the
//! low the one that is never above the other three. Of the other two the open is the one that is near to the close
//! before.

use super::prices::Prices;

/// The usual order.
pub(crate) const USUAL: Prices = [0, 1, 2, 3];
/// The number of rows from which on the steps from row to row must tell the open from the close.
pub(crate) const SURE: usize = 20;
/// The number of rows from which on steps that contradict the usual order are no chance.
const DOUBT: usize = 8;

/// The reason why the order of the prices is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoOrder {
    /// No order fits the rows.
    NoneFits,
    /// Several orders fit the rows.
    Several(Vec<Prices>),
}

/// Returns the order of four columns: the indices of open, high, low and close among them.
pub(crate) fn order(rows: &[[f64; 4]], newest_first: bool) -> Result<Prices, NoOrder> {
    let orders = highs_and_lows(rows);
    let [[first, high, low, second]] = orders[..] else {
        return Err(if orders.is_empty() {
            NoOrder::NoneFits
        } else {
            NoOrder::Several(orders.into_iter().flat_map(both).collect())
        });
    };
    let usual = [first, high, low, second] == USUAL;
    let steps = Steps::of(rows, newest_first, first, second);
    match steps.first_opens() {
        Some(true) if rows.len() >= SURE => Ok([first, high, low, second]),
        Some(false) if rows.len() >= SURE => Ok([second, high, low, first]),
        _ if usual && rows.len() < SURE && !steps.contradict() => Ok(USUAL),
        _ => Err(NoOrder::Several(both([first, high, low, second]).into())),
    }
}

/// Returns an order and the same with open and close exchanged.
fn both([open, high, low, close]: Prices) -> [Prices; 2] {
    [[open, high, low, close], [close, high, low, open]]
}

/// Returns the orders that fit the most rows, if they fit nearly all, with the smaller index as the open.
fn highs_and_lows(rows: &[[f64; 4]]) -> Vec<Prices> {
    let fits = |high: usize, low: usize| {
        let fits = |row: &&[f64; 4]| row.iter().all(|p| row[high] >= *p && row[low] <= *p);
        rows.iter().filter(fits).count()
    };
    let pairs = (0..4).flat_map(|high| (0..4).map(move |low| (high, low)));
    let counted: Vec<(usize, usize, usize)> = pairs
        .filter(|(high, low)| high != low)
        .map(|(high, low)| (fits(high, low), high, low))
        .collect();
    let most = counted.iter().map(|(count, ..)| *count).max().unwrap_or(0);
    if most * 20 < rows.len() * 19 {
        return Vec::new();
    }
    let best = counted.into_iter().filter(|(count, ..)| *count == most);
    best.filter_map(|(_, high, low)| {
        let mut rest = (0..4).filter(|column| *column != high && *column != low);
        Some([rest.next()?, high, low, rest.next()?])
    })
    .collect()
}

/// The steps of the price from row to row if the first of two columns is the open, and if the second is.
struct Steps {
    rows: usize,
    /// The sums of the steps.
    as_is: f64,
    swapped: f64,
    /// The number of rows with the smaller step for the first, less the number for the second.
    lead: f64,
}

impl Steps {
    fn of(rows: &[[f64; 4]], newest_first: bool, first: usize, second: usize) -> Self {
        let mut steps = Self {
            rows: rows.len(),
            as_is: 0.0,
            swapped: 0.0,
            lead: 0.0,
        };
        for pair in rows.windows(2) {
            let (before, after) = if newest_first {
                (&pair[1], &pair[0])
            } else {
                (&pair[0], &pair[1])
            };
            let as_is = (after[first] - before[second]).abs();
            let swapped = (after[second] - before[first]).abs();
            steps.as_is += as_is;
            steps.swapped += swapped;
            steps.lead +=
                f64::from(u8::from(as_is < swapped)) - f64::from(u8::from(swapped < as_is));
        }
        steps
    }

    /// Returns whether the first column is the open, or `None` if the steps do not tell.
    fn first_opens(&self) -> Option<bool> {
        // Four standard deviations of the lead, if neither column were nearer.
        let chance = 4.0 * (self.rows as f64).sqrt();
        if self.as_is < 0.8 * self.swapped || self.lead > chance {
            return Some(true);
        }
        (self.swapped < 0.8 * self.as_is || self.lead < -chance).then_some(false)
    }

    /// Returns whether few rows speak clearly against the first column as the open.
    fn contradict(&self) -> bool {
        self.rows >= DOUBT && self.swapped < 0.5 * self.as_is
    }
}

#[cfg(test)]
mod tests {
    use super::{NoOrder, USUAL, order};

    /// Bars that continue one another, with gaps of a given size between them, in the order of the columns.
    fn rows(count: usize, gap: f64, places: [usize; 4]) -> Vec<[f64; 4]> {
        let mut close = 100.0;
        let row = |index: usize| {
            let wave = |speed: f64| (index as f64 * speed).sin();
            let open = close + gap * wave(1.7);
            close = open + wave(2.3);
            let bar = [open, open.max(close) + 0.1, open.min(close) - 0.1, close];
            places.map(|price| bar[price])
        };
        (0..count).map(row).collect()
    }

    #[test]
    fn the_open_continues_the_close() {
        let closes_first = [3, 1, 2, 0];
        assert_eq!(order(&rows(60, 0.1, [0, 1, 2, 3]), false), Ok(USUAL));
        assert_eq!(order(&rows(60, 0.1, closes_first), false), Ok(closes_first));
        // A bad row is no reason to know nothing.
        let mut bad = rows(60, 0.1, closes_first);
        bad[7] = [1.0; 4];
        bad[8][1] = 0.0;
        assert_eq!(order(&bad, false), Ok(closes_first));
    }

    #[test]
    fn gaps_that_hide_it_leave_both_orders() {
        for places in [[0, 1, 2, 3], [3, 1, 2, 0]] {
            let both = NoOrder::Several(vec![[0, 1, 2, 3], [3, 1, 2, 0]]);
            assert_eq!(order(&rows(60, 300.0, places), false), Err(both.clone()));
            // A few rows in the usual order are taken for it, unless they speak against it.
            let few = order(&rows(12, 0.1, places), false);
            assert_eq!(
                few,
                if places == USUAL {
                    Ok(USUAL)
                } else {
                    Err(both)
                }
            );
        }
    }
}
