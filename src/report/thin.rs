//! Thins out lines with more points than a screen can show, so that the page of a long run stays small.

use super::svg::Point;

/// The largest number of points of a line that are all drawn.
pub(super) const ALL: usize = 2000;
/// The width of a column, in tenths of a unit: about a point of a screen.
const COLUMN: i32 = 10;

/// Returns the first, the lowest, the highest and the last point of every column of a line with more than [`ALL`] points, so
/// that no peak is lost. Shorter lines stay as they are.
pub(super) fn thinned(line: Vec<Point>) -> Vec<Point> {
    if line.len() <= ALL {
        return line;
    }
    let same = |a: &Point, b: &Point| a.0.div_euclid(COLUMN) == b.0.div_euclid(COLUMN);
    line.chunk_by(same).flat_map(ends_and_extremes).collect()
}

fn ends_and_extremes(column: &[Point]) -> Vec<Point> {
    let places = || 0..column.len();
    let height = |place: &usize| column[*place].1;
    let extremes = [places().min_by_key(height), places().max_by_key(height)];
    let mut kept: Vec<usize> = extremes.into_iter().flatten().collect();
    kept.extend([0, column.len() - 1]);
    kept.sort_unstable();
    kept.dedup();
    kept.into_iter().map(|place| column[place]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_keeps_its_ends_and_peaks() {
        let mut line: Vec<Point> = (0..30_000).map(|i| (i / 10, 500 + i % 7)).collect();
        line[17_001].1 = 9;
        line[17_002].1 = 2000;
        let thin = thinned(line.clone());
        assert!(thin.len() <= 4 * 301, "{}", thin.len());
        for kept in [0, 17_001, 17_002, 29_999] {
            assert!(thin.contains(&line[kept]), "{kept}");
        }
        assert!(thin.is_sorted_by_key(|point| point.0));
        let short = line[..ALL].to_vec();
        assert_eq!(thinned(short.clone()), short);
    }
}
