//! Plots as SVG: points and lines over two logarithmic axes. Pure; no fonts, no colours but a few that are told apart in
//! grey, too.

use std::fmt::Write as _;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 48.0;
const BOTTOM: f64 = 56.0;
/// Of the lines, in order; also their dashes differ.
const INKS: [(&str, &str); 3] = [("#1d4ed8", "none"), ("#b45309", "7 3"), ("#047857", "2 3")];

/// A plot.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// What stands above it.
    pub title: String,
    /// What is below the axis from left to right.
    pub x: String,
    /// What is beside the axis upwards.
    pub y: String,
    /// Lines.
    pub lines: Vec<Line>,
}

/// A line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What it is.
    pub name: String,
    /// Its points, from left to right.
    pub points: Vec<Point>,
}

/// A point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// From left to right; above zero.
    pub x: f64,
    /// Upwards; what is not above zero stands at the bottom.
    pub y: f64,
    /// Whether it was measured; otherwise it is arithmetic, and drawn hollow.
    pub measured: bool,
}

/// Decades from the one below the least to the one above the most.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Axis {
    from: i32,
    to: i32,
}

impl Axis {
    /// Of values, of which those that are not above zero say nothing.
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let logs = values.filter(|value| *value > 0.0 && value.is_finite()).map(f64::log10);
        let (least, most) = logs
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), log| (least.min(log), most.max(log)));
        if least > most {
            return Self { from: 0, to: 1 };
        }
        let (from, to) = (least.floor() as i32, most.ceil() as i32);
        Self { from, to: to.max(from + 1) }
    }

    /// Where a value lies, from 0 to 1.
    fn share(self, value: f64) -> f64 {
        let log = if value > 0.0 { value.log10() } else { f64::from(self.from) };
        ((log - f64::from(self.from)) / f64::from(self.to - self.from)).clamp(0.0, 1.0)
    }

    fn decades(self) -> impl Iterator<Item = i32> {
        self.from..=self.to
    }
}

/// The plot as an SVG document.
pub fn svg(plot: &Plot) -> String {
    let points = || plot.lines.iter().flat_map(|line| &line.points);
    let (across, up) = (Axis::of(points().map(|point| point.x)), Axis::of(points().map(|point| point.y)));
    let at_x = |share: f64| LEFT + share * (WIDTH - LEFT - RIGHT);
    let at_y = |share: f64| HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"#1f2937\">\n<title>{title}</title>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"20\" font-size=\"14\" font-weight=\"600\">{title}</text>\n",
        title = escaped(&plot.title)
    );
    for decade in across.decades() {
        let x = at_x(across.share(10_f64.powi(decade)));
        let _ = writeln!(
            text,
            "<path d=\"M{x:.1} {TOP}V{:.1}\" stroke=\"#e5e7eb\"/><text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            HEIGHT - BOTTOM,
            HEIGHT - BOTTOM + 18.0,
            power(decade)
        );
    }
    for decade in up.decades() {
        let y = at_y(up.share(10_f64.powi(decade)));
        let _ = writeln!(
            text,
            "<path d=\"M{LEFT} {y:.1}H{:.1}\" stroke=\"#e5e7eb\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            y + 4.0,
            power(decade)
        );
    }
    let _ = writeln!(
        text,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\n<text x=\"{LEFT}\" y=\"38\">{}</text>",
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 16.0,
        escaped(&plot.x),
        escaped(&plot.y)
    );
    for (nth, line) in plot.lines.iter().enumerate() {
        let (ink, dash) = INKS[nth % INKS.len()];
        let place = |point: &Point| (at_x(across.share(point.x)), at_y(up.share(point.y)));
        let path: Vec<_> = line.points.iter().map(place).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(
            text,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{ink}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>",
            path.join(" ")
        );
        for point in &line.points {
            let (x, y) = place(point);
            let fill = if point.measured { ink } else { "#ffffff" };
            let _ = writeln!(
                text,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{fill}\" stroke=\"{ink}\" stroke-width=\"2\"/>"
            );
        }
        let legend_y = TOP + 16.0 + 18.0 * nth as f64;
        let _ = writeln!(
            text,
            "<path d=\"M{:.1} {legend_y:.1}h24\" stroke=\"{ink}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LEFT + 12.0,
            LEFT + 42.0,
            legend_y + 4.0,
            escaped(&line.name)
        );
    }
    text.push_str("</svg>\n");
    text
}

/// A power of ten as people write it.
fn power(decade: i32) -> String {
    match decade {
        -3..=-1 => format!("{:.*}", decade.unsigned_abs() as usize, 10_f64.powi(decade)),
        0..=3 => format!("{}", 10_u32.pow(decade.unsigned_abs())),
        _ => format!("10<tspan dy=\"-5\" font-size=\"9\">{decade}</tspan>"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(x: f64, y: f64, measured: bool) -> Point {
        Point { x, y, measured }
    }

    #[test]
    fn axes_hold_all_points_and_end_at_decades() {
        let axis = |values: &[f64]| {
            let axis = Axis::of(values.iter().copied());
            (axis.from, axis.to)
        };
        assert_eq!(axis(&[3.0, 250.0]), (0, 3));
        assert_eq!(axis(&[100.0]), (2, 3));
        assert_eq!(axis(&[0.02, 0.0, -1.0]), (-2, -1));
        assert_eq!(axis(&[]), (0, 1));
        let axis = Axis { from: 0, to: 2 };
        assert_eq!((axis.share(1.0), axis.share(10.0), axis.share(100.0)), (0.0, 0.5, 1.0));
        assert_eq!(axis.share(0.0), 0.0, "nothing stands at the bottom");
    }

    #[test]
    fn what_was_not_measured_is_hollow_and_words_are_escaped() {
        let line =
            Line { name: "a < b".to_owned(), points: vec![point(1e6, 10.0, true), point(1e9, 1e4, false)] };
        let plot =
            Plot { title: "T & U".to_owned(), x: "events".to_owned(), y: "ms".to_owned(), lines: vec![line] };
        let svg = svg(&plot);
        assert!(svg.contains("T &amp; U") && svg.contains("a &lt; b"), "{svg}");
        assert_eq!(svg.matches("<circle").count(), 2);
        assert_eq!(svg.matches("r=\"4\" fill=\"#ffffff\"").count(), 1);
        assert!(svg.contains("<tspan dy=\"-5\" font-size=\"9\">9</tspan>"), "{svg}");
        // From corner to corner.
        assert!(svg.contains("points=\"72.0,304.0 616.0,48.0\""), "{svg}");
    }

    #[test]
    fn powers_are_written_as_people_do() {
        for (decade, expected) in [(-2, "0.01"), (0, "1"), (3, "1000")] {
            assert_eq!(power(decade), expected);
        }
        assert!(power(6).starts_with("10<tspan"));
    }
}
