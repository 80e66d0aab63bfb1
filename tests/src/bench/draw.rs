//! The page of the curves: of the rows of `results.json` a plot and a table each. Pure but for [`write`].
//!
//! A row of a curve is named `curve.WHAT.LINE.X`. What lies beyond the largest that was measured is arithmetic from the
//! last two, and said to be.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::plot;
use super::plot::Line;
use super::plot::Plot;
use super::plot::Point;
use super::row;
use super::row::Row;

/// A curve: its name in the rows, title, axes, and lines by their names in the rows.
struct Curve {
    name: &'static str,
    title: &'static str,
    x: &'static str,
    y: &'static str,
    lines: &'static [(&'static str, &'static str)],
    /// Up to where it is continued by arithmetic; 0 where it is not.
    continued_to: f64,
    /// Rows of another bench that are points, too: line, the row with x, the row with y.
    also: &'static [(&'static str, &'static str, &'static str)],
}

const CURVES: [Curve; 6] = [
    Curve {
        name: "rate",
        title: "What the recorder takes, against what happens",
        x: "events a second",
        y: "CPU of the recorder, % of a core",
        lines: &[("udp", "UDP to ever new targets"), ("programs", "programs executed")],
        continued_to: 0.0,
        also: &[],
    },
    Curve {
        name: "ring",
        title: "How soon a ring answers, against its size",
        x: "events in the ring",
        y: "ms, warm",
        lines: &[
            ("ten_minutes", "who touched an address in ten minutes"),
            ("whole", "who touched it in the whole ring"),
        ],
        continued_to: 1e9,
        also: &[
            ("ten_minutes", "ring.events", "ring.question_warm"),
            ("whole", "ring.events", "ring.search_warm"),
        ],
    },
    Curve {
        name: "ring_size",
        title: "How much a ring takes on disk, against its events",
        x: "events in the ring",
        y: "MB",
        lines: &[("mb", "a generated day of a web server with 200,000 clients")],
        continued_to: 1e9,
        also: &[],
    },
    Curve {
        name: "hosts",
        title: "From a notice to its report, against the hosts that may have done it",
        x: "hosts behind one address",
        y: "s, at 10 SSM calls a second",
        lines: &[("s", "one of them did it, and is named")],
        continued_to: 0.0,
        also: &[],
    },
    Curve {
        name: "notices",
        title: "Until all are answered, against how many come at once",
        x: "notices at once",
        y: "s",
        lines: &[("s", "each names another host")],
        continued_to: 0.0,
        also: &[],
    },
    Curve {
        name: "notices_memory",
        title: "Memory of the bot, against how many notices come at once",
        x: "notices at once",
        y: "MB",
        lines: &[("mb", "the most that it had")],
        continued_to: 0.0,
        also: &[],
    },
];

/// Draws what curves the rows hold into the folder of a page, and puts their tables between the page's markers.
///
/// # Errors
/// When the page cannot be read or written or has no markers, or the rows hold no curve.
pub fn write(page: &Path, rows: &[Row], sentence: &str) -> anyhow::Result<()> {
    let folder = page.with_file_name("curves");
    let mut text = format!("{sentence}\n");
    let mut drawn = 0;
    for curve in &CURVES {
        let plot = curve.plot(rows);
        if plot.lines.is_empty() {
            continue;
        }
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let path = folder.join(format!("{}.svg", curve.name));
        fs::write(&path, plot::svg(&plot)).with_context(|| path.display().to_string())?;
        let _ =
            write!(text, "\n## {0}\n\n![{0}](curves/{1}.svg)\n\n{2}", plot.title, curve.name, table(&plot));
        drawn += 1;
    }
    anyhow::ensure!(drawn > 0, "the results hold no curve: `make bench ONLY=curve` measures them");
    let name = page.display();
    let document = fs::read_to_string(page).with_context(|| format!("read {name}"))?;
    let document =
        row::put_between_markers(&document, &text).with_context(|| format!("{name} has no markers"))?;
    fs::write(page, document).with_context(|| format!("write {name}"))
}

impl Curve {
    fn plot(&self, rows: &[Row]) -> Plot {
        let lines = self.lines.iter().map(|(line, name)| Line {
            name: (*name).to_owned(),
            points: continued(self.points(rows, line), self.continued_to),
        });
        Plot {
            title: self.title.to_owned(),
            x: self.x.to_owned(),
            y: self.y.to_owned(),
            lines: lines.filter(|line| !line.points.is_empty()).collect(),
        }
    }

    /// What was measured of a line, from left to right.
    fn points(&self, rows: &[Row], line: &str) -> Vec<Point> {
        let prefix = format!("curve.{}.{line}.", self.name);
        let own = rows.iter().filter_map(|row| {
            let x = row.name.strip_prefix(&prefix)?.parse::<u64>().ok()?;
            Some((x as f64, row.value?))
        });
        let value = |name: &str| rows.iter().find(|row| row.name == name).and_then(|row| row.value);
        let also = self.also.iter().filter(|(of, ..)| *of == line);
        let also = also.filter_map(|(_, x, y)| value(x).zip(value(y)));
        let mut points: Vec<Point> = own.chain(also).map(|(x, y)| Point { x, y, measured: true }).collect();
        points.sort_by(|one, other| one.x.total_cmp(&other.x));
        points.dedup_by(|one, other| one.x == other.x);
        points
    }
}

/// Adds each power of ten up to an end, on the straight line through the last two points; where these fall, which nothing
/// does for ever, on that through zero and the last.
fn continued(mut points: Vec<Point>, to: f64) -> Vec<Point> {
    let [.., before, last] = points.as_slice() else { return points };
    let (before, last) = (*before, *last);
    let slope = (last.y - before.y) / (last.x - before.x);
    let slope = if slope < 0.0 { last.y / last.x } else { slope };
    let mut x = 10_f64.powf(last.x.log10().floor() + 1.0);
    while x <= to * 1.001 {
        points.push(Point { x, y: last.y + slope * (x - last.x), measured: false });
        x *= 10.0;
    }
    points
}

/// A row for each x, a column for each line.
fn table(plot: &Plot) -> String {
    let mut all: Vec<Point> = plot.lines.iter().flat_map(|line| line.points.iter().copied()).collect();
    all.sort_by(|one, other| one.x.total_cmp(&other.x));
    all.dedup_by(|one, other| one.x == other.x);
    let names: Vec<_> = plot.lines.iter().map(|line| line.name.as_str()).collect();
    let mut text = format!("| {} | {} |\n|---:{}|\n", plot.x, names.join(" | "), "|---:".repeat(names.len()));
    for at in all {
        let cells = plot.lines.iter().map(|line| {
            let point = line.points.iter().find(|point| point.x == at.x);
            point.map_or_else(String::new, |point| {
                let told = row::number(point.y);
                if point.measured { told } else { format!("*{told}*, by arithmetic") }
            })
        });
        let cells: Vec<_> = cells.collect();
        let _ = writeln!(text, "| {} | {} |", row::number(at.x), cells.join(" | "));
    }
    let _ = writeln!(text, "\nValues: {}.", plot.y);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, value: f64) -> Row {
        Row::of(name, Some(value), "", Vec::new())
    }

    #[test]
    fn what_falls_is_not_continued_below_nothing() {
        let point = |x: f64, y: f64| Point { x, y, measured: true };
        let beyond = |points: Vec<Point>| continued(points, 1e9).last().map(|point| point.y);
        assert_eq!(beyond(vec![point(1e7, 240.0), point(1e8, 40.0)]), Some(400.0));
        assert_eq!(beyond(vec![point(1e7, 10.0), point(1e8, 100.0)]), Some(1_000.0));
    }

    #[test]
    fn rows_become_plots_and_tables_and_what_is_beyond_is_said_to_be_arithmetic() {
        let dir = tempfile::tempdir().unwrap();
        let page = dir.path().join("page.md");
        fs::write(&page, "# Curves\n<!-- bench -->\n<!-- /bench -->\nend\n").unwrap();
        let rows = [
            row("curve.ring.whole.10000000", 30.0),
            row("curve.ring.whole.1000000", 12.0),
            row("curve.rate.udp.1000", 0.5),
            row("ring.events", 100_000_000.0),
            row("ring.search_warm", 210.0),
            row("judge.events_100k", 60.0),
        ];
        write(&page, &rows, "On a machine.").unwrap();
        let text = fs::read_to_string(&page).unwrap();
        assert!(text.starts_with("# Curves\n") && text.ends_with("end\n"), "{text}");
        assert!(text.contains("On a machine."));
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with("| 1")).collect();
        assert_eq!(
            lines,
            [
                "| 1000 | 0.5 |",
                "| 1000000 | 12 |",
                "| 10000000 | 30 |",
                "| 100000000 | 210 |",
                "| 1000000000 | *2010*, by arithmetic |"
            ]
        );
        let mut drawn: Vec<_> =
            fs::read_dir(dir.path().join("curves")).unwrap().map(|it| it.unwrap().file_name()).collect();
        drawn.sort();
        assert_eq!(drawn, ["rate.svg", "ring.svg"]);
        assert!(write(&page, &rows[5..], "").is_err(), "no curve");
    }

    #[test]
    fn one_point_is_continued_nowhere() {
        let one = vec![Point { x: 1e6, y: 5.0, measured: true }];
        assert_eq!(continued(one.clone(), 1e9), one);
    }
}
