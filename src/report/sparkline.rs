//! Draws a sparkline: a small line without axes, with a line at zero and a dot at one value.

use super::axis::Axis;
use super::style_class::StyleClass;
use super::svg::{Point, Svg};
use super::text::escape;
use super::thin::thinned;

const WIDTH: i32 = 1200;
const HEIGHT: i32 = 300;
/// The space between the values and the edge, so that the dot is not clipped.
const EDGE: i32 = 40;

/// Draws values as an `svg` element, clipped to the range from `low` to `high`. Returns an empty text if no value is
/// finite.
///
/// The dot is at `marked`, or at the last finite value if there is no finite value at `marked`. `about` describes the
/// drawing for screen readers.
pub(super) fn sparkline(
    values: &[(f64, f64)],
    low: f64,
    high: f64,
    zero: f64,
    marked: Option<f64>,
    about: &str,
) -> String {
    let finite = |(x, y): &(f64, f64)| x.is_finite() && y.is_finite();
    let first = values.iter().find(|point| finite(point));
    let last = values.iter().rfind(|point| finite(point));
    let (Some(first), Some(last)) = (first, last) else {
        return String::new();
    };
    let (across, up) = (Axis::linear(first.0, last.0), Axis::linear(low, high));
    let height = |value: f64| up.map(value, (HEIGHT - EDGE, EDGE));
    let at = |(x, y): &(f64, f64)| (across.map(*x, (EDGE, WIDTH - EDGE)), height(*y));
    let mut svg = Svg::default();
    let level = height(zero);
    svg.line((0, level), (WIDTH, level), &StyleClass::Grid.line());
    let runs = values.split(|point| !finite(point));
    for run in runs.filter(|run| run.len() > 1) {
        let points: Vec<Point> = thinned(run.iter().map(at).collect());
        svg.polyline(
            &points,
            &format!("{} spark-line", StyleClass::Series(0).line()),
        );
    }
    let told = |point: &&(f64, f64)| finite(point) && Some(point.0) == marked;
    let dot = values.iter().find(told);
    svg.circle(at(dot.unwrap_or(last)), 36, &StyleClass::Solid(0).area());
    format!(
        "<svg class=\"spark\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">{}</svg>",
        escape(about),
        svg.finish()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_clipped_and_gaps_stay_gaps() {
        let values = [
            (1.0, 0.5),
            (2.0, 0.5),
            (3.0, f64::NAN),
            (4.0, 9.0),
            (5.0, -9.0),
        ];
        let drawn = sparkline(&values, -0.5, 1.0, 0.0, None, "skill of \"a\"");
        assert!(
            drawn.starts_with(
                "<svg class=\"spark\" viewBox=\"0 0 1200 300\" role=\"img\" aria-label=\"skill of &quot;a&quot;\">"
            ),
            "{drawn}"
        );
        let runs = drawn.matches("<polyline class=\"ls0 spark-line\"").count();
        assert_eq!(runs, 2, "{drawn}");
        assert!(drawn.contains("points=\"880,40 1160,260\""), "{drawn}");
        assert!(
            drawn.contains("<circle class=\"fo0\" cx=\"1160\" cy=\"260\" r=\"36\"/>"),
            "{drawn}"
        );
        assert!(
            drawn.contains("<line class=\"l-grid\" x1=\"0\" y1=\"187\""),
            "{drawn}"
        );
        for (marked, dot) in [(2.0, "cx=\"320\""), (3.0, "cx=\"1160\"")] {
            let drawn = sparkline(&values, -0.5, 1.0, 0.0, Some(marked), "skill");
            assert!(drawn.contains(dot), "{drawn}");
        }
    }

    #[test]
    fn one_value_is_a_dot_and_none_is_nothing() {
        let one = sparkline(&[(7.0, 0.25)], 0.0, 1.0, 0.0, None, "one");
        assert!(
            one.contains("cx=\"600\"") && !one.contains("<polyline"),
            "{one}"
        );
        let none = [(1.0, f64::NAN), (2.0, f64::INFINITY)];
        assert_eq!(sparkline(&none, 0.0, 1.0, 0.0, None, "none"), "");
        assert_eq!(sparkline(&[], 0.0, 1.0, 0.0, None, "none"), "");
    }
}
