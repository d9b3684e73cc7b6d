//! A row of charts as SVG: logarithmic to the right, linear upwards from nothing, readable on light and on dark.

use std::fmt::Write as _;

/// What one chart shows.
pub struct Chart<'c> {
    /// Above it.
    pub title: &'c str,
    /// Below it: what grows.
    pub growing: &'c str,
    /// One line each.
    pub lines: Vec<Line<'c>>,
}

/// One line of a chart.
pub struct Line<'c> {
    /// What stands at its end.
    pub name: &'c str,
    /// How many there are, and what that costs in nanoseconds. At least two, by number.
    pub points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 22.0;
const TOP: f64 = 52.0;
const BOTTOM: f64 = 46.0;
const COLOURS: [&str; 2] = ["#2f81f7", "#d29922"];

/// Returns charts beside each other.
pub fn svg(charts: &[Chart<'_>], description: &str) -> String {
    let width = WIDTH * f64::from(u16::try_from(charts.len()).unwrap_or(u16::MAX));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {HEIGHT}\" role=\"img\" aria-label=\"{description}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#16181d\"/>\n\
         <g font-family=\"ui-sans-serif, system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif\" font-size=\"11\" fill=\"#9aa3b2\">\n"
    );
    let mut left = 0.0;
    for chart in charts {
        draw(&mut out, left, chart);
        left += WIDTH;
    }
    out.push_str("</g>\n</svg>\n");
    out
}

/// Where a chart's points stand.
struct Scale {
    left: f64,
    first: f64,
    last: f64,
    highest: f64,
}

impl Scale {
    fn across(&self, number: f64) -> f64 {
        let part = (number / self.first).ln() / (self.last / self.first).ln();
        self.left + LEFT + part * (WIDTH - LEFT - RIGHT)
    }

    fn up(&self, nanos: f64) -> f64 {
        HEIGHT - BOTTOM - nanos / self.highest * (HEIGHT - TOP - BOTTOM)
    }
}

fn draw(out: &mut String, left: f64, chart: &Chart<'_>) {
    let points = || chart.lines.iter().flat_map(|line| &line.points);
    let step = step(points().map(|point| point.1).fold(0.0, f64::max));
    let scale = Scale {
        left,
        first: points().map(|point| point.0).fold(f64::INFINITY, f64::min),
        last: points().map(|point| point.0).fold(0.0, f64::max),
        highest: (points().map(|point| point.1).fold(0.0, f64::max) / step).ceil() * step,
    };
    text(out, left + LEFT, 24.0, "start", &format!("fill=\"#e6e9ef\" font-size=\"14\"|{}", chart.title));
    text(out, left + LEFT + (WIDTH - LEFT - RIGHT) / 2.0, HEIGHT - 10.0, "middle", chart.growing);
    let mut nanos = 0.0;
    while nanos <= scale.highest + step / 2.0 {
        let y = scale.up(nanos);
        let (from, to) = (left + LEFT, left + WIDTH - RIGHT);
        let _ = writeln!(out, "<path d=\"M{from:.1} {y:.1}H{to:.1}\" stroke=\"#2c313a\"/>");
        let unit = if nanos == 0.0 { " ns" } else { "" };
        text(out, from - 6.0, y + 4.0, "end", &format!("{nanos}{unit}"));
        nanos += step;
    }
    if let Some(line) = chart.lines.first() {
        for (number, _) in &line.points {
            text(out, scale.across(*number), HEIGHT - BOTTOM + 16.0, "middle", &count(*number));
        }
    }
    let mut legend = left + LEFT;
    for (line, colour) in chart.lines.iter().zip(COLOURS) {
        let path: Vec<String> = line
            .points
            .iter()
            .map(|(number, nanos)| format!("{:.1} {:.1}", scale.across(*number), scale.up(*nanos)))
            .collect();
        let _ = writeln!(out, "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>", path.join("L"));
        for (number, nanos) in &line.points {
            let (x, y) = (scale.across(*number), scale.up(*nanos));
            let _ = writeln!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
        }
        let _ = writeln!(out, "<circle cx=\"{:.1}\" cy=\"36\" r=\"3\" fill=\"{colour}\"/>", legend + 3.0);
        text(out, legend + 10.0, 40.0, "start", line.name);
        legend += 118.0;
    }
}

/// Writes text; what stands before a bar are attributes of its own.
fn text(out: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let (attributes, text) = text.split_once('|').unwrap_or(("", text));
    let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" {attributes}>{text}</text>");
}

/// Returns the distance of lines that divide a height into about five.
fn step(highest: f64) -> f64 {
    let raw = (highest / 5.0).max(1.0);
    let power = 10_f64.powf(raw.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * power).find(|step| *step >= raw).unwrap_or(raw)
}

fn count(number: f64) -> String {
    if number >= 1_000.0 { format!("{}k", number / 1_000.0) } else { number.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stand_at_round_numbers_that_reach_above_the_highest_point() {
        assert_eq!([9.0, 88.0, 240.0, 1_300.0].map(|highest| step(highest).to_string()), ["2", "20", "50", "500"]);
    }

    #[test]
    fn a_line_runs_from_the_left_to_the_right_of_its_chart() {
        let lines = vec![Line { name: "found", points: vec![(1.0, 10.0), (100.0, 10.0), (10_000.0, 20.0)] }];
        let svg = svg(&[Chart { title: "Values", growing: "values", lines }], "cost by list length");
        assert!(svg.contains("<path d=\"M46.0 133.0L162.0 133.0L278.0 52.0\""), "{svg}");
        assert!(svg.contains(">10k</text>"), "{svg}");
    }
}
