//! Defines a price bar, and checks its prices.

use std::fmt;

/// A price bar: open, high, low and close, in units of the quoted price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// The first price.
    pub open: f64,
    /// The highest price: at least `open` and `close`.
    pub high: f64,
    /// The lowest price: at most `open` and `close`, above zero.
    pub low: f64,
    /// The last price.
    pub close: f64,
}

impl Bar {
    /// Creates a bar of open, high, low and close that passes [`check`](Self::check).
    pub(crate) fn checked(
        [open, high, low, close]: [f64; 4],
    ) -> std::result::Result<Self, BarFault> {
        let bar = Self {
            open,
            high,
            low,
            close,
        };
        bar.check().map(|()| bar)
    }

    /// Creates a bar like [`checked`](Self::checked), and sets a high or low that is off by a rounding error, at most a
    /// billionth of the price, to the open or the close. Returns whether that was so.
    pub(crate) fn mended(values: [f64; 4]) -> std::result::Result<(Self, bool), BarFault> {
        let fault = match Self::checked(values) {
            Ok(bar) => return Ok((bar, false)),
            Err(fault) => fault,
        };
        let [open, high, low, close] = values;
        let (top, bottom) = (open.max(close), open.min(close));
        let near = |value: f64, price: f64| (value - price).abs() <= 1e-9 * price;
        let high = if near(high, top) { high.max(top) } else { high };
        let low = if near(low, bottom) {
            low.min(bottom)
        } else {
            low
        };
        let mended = Self::checked([open, high, low, close]);
        mended.map(|bar| (bar, true)).map_err(|_| fault)
    }

    /// Checks that the four prices are finite, above zero, and in order.
    ///
    /// # Errors
    /// The first [`BarFault`] found. The columns are checked in the order open, high, low, close.
    pub fn check(&self) -> std::result::Result<(), BarFault> {
        // One fast test for the valid case, which is nearly every bar. NaN fails the comparisons too.
        let bottom = self.open.min(self.close);
        let top = self.open.max(self.close);
        if self.low > 0.0 && self.low <= bottom && top <= self.high && self.finite() {
            return Ok(());
        }
        Err(self.fault())
    }

    fn finite(&self) -> bool {
        self.columns().iter().all(|(_, value)| value.is_finite())
    }

    fn columns(&self) -> [(&'static str, f64); 4] {
        [
            ("open", self.open),
            ("high", self.high),
            ("low", self.low),
            ("close", self.close),
        ]
    }

    fn fault(&self) -> BarFault {
        for (column, value) in self.columns() {
            if !value.is_finite() {
                return BarFault::NotFinite { column, value };
            }
            if value <= 0.0 {
                return BarFault::NotPositive { column, value };
            }
        }
        let low = self.low;
        for (column, value) in [("open", self.open), ("close", self.close)] {
            if low > value {
                return BarFault::LowAbove { low, column, value };
            }
        }
        let high = self.high;
        let (column, value) = if high < self.open {
            ("open", self.open)
        } else {
            ("close", self.close)
        };
        BarFault::HighBelow {
            high,
            column,
            value,
        }
    }
}

/// The reason why a bar is refused. Its text names the column and the value.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BarFault {
    /// A price is NaN or infinite.
    NotFinite {
        /// The column's name.
        column: &'static str,
        /// The price.
        value: f64,
    },
    /// A price is zero or below.
    NotPositive {
        /// The column's name.
        column: &'static str,
        /// The price.
        value: f64,
    },
    /// The low is above the open or the close.
    LowAbove {
        /// The low.
        low: f64,
        /// The column below the low: `open` or `close`.
        column: &'static str,
        /// The price in that column.
        value: f64,
    },
    /// The high is below the open or the close.
    HighBelow {
        /// The high.
        high: f64,
        /// The column above the high: `open` or `close`.
        column: &'static str,
        /// The price in that column.
        value: f64,
    },
}

impl fmt::Display for BarFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFinite { column, value } => {
                write!(f, "column `{column}` is {value}, which is not finite")
            }
            Self::NotPositive { column, value } => {
                write!(f, "column `{column}` is {value}, but prices are above zero")
            }
            Self::LowAbove { low, column, value } => {
                write!(f, "column `low` is {low}, above `{column}` {value}")
            }
            Self::HighBelow {
                high,
                column,
                value,
            } => {
                write!(f, "column `high` is {high}, below `{column}` {value}")
            }
        }
    }
}

impl std::error::Error for BarFault {}
