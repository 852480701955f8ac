//! Lines over time, or over anything else that grows.

use super::frame::{Plot, style};
use super::scale::{End, Scale};
use super::svg::{Drawing, Size, elide};
use super::{Axis, Table};

/// Points that a line is drawn with; of more, the least and the most of each column are drawn.
const POINTS_MAX: usize = 1200;

/// Points up to which each is marked.
const DOTS_MAX: usize = 60;

/// Rows of the table; of more, every so manieth is shown.
const ROWS_MAX: usize = 60;

/// The width of a name in a legend.
pub(super) const NAME_WIDTH: f64 = 200.0;

/// Several lines over the same axis.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) lines: Vec<Line>,
    /// What was going on meanwhile.
    pub(crate) spans: Vec<Span>,
}

/// Something that lasted for a while, by the first numbers of the points.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) name: String,
    pub(crate) from: f64,
    pub(crate) to: f64,
}

/// One line. Values below zero are drawn as zero.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    /// In the order of the first number.
    pub(crate) points: Vec<(f64, f64)>,
}

impl Series {
    pub(super) fn draw(&self, size: Size) -> Drawing {
        let names = names(&self.lines);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (plot, mut drawing) = Plot::new(size, &names);
        let points = || self.lines.iter().flat_map(|line| finite(&line.points));
        let x = Scale::linear(points().map(|point| point.0), self.x.unit, End::AtValue)
            .onto(plot.left, plot.right);
        let y = Scale::linear(points().map(|point| point.1), self.y.unit, End::AtTick)
            .onto(plot.bottom, plot.top);
        let is_finite = |span: &&Span| span.from.is_finite() && span.to.is_finite();
        for span in self.spans.iter().filter(is_finite) {
            plot.draw_span(&mut drawing, x.at(span.from), x.at(span.to), &span.name);
        }
        plot.draw_y(&mut drawing, &self.y, &y);
        let ticks = x
            .ticks
            .iter()
            .map(|&tick| (x.at(tick), self.x.unit.show(tick)));
        plot.draw_x(&mut drawing, self.x.label, &ticks.collect::<Vec<_>>());
        for (number, line) in self.lines.iter().enumerate() {
            let place = |point: (f64, f64)| (x.at(point.0), y.at(point.1));
            let hint = |point: (f64, f64)| {
                let (at, value) = (self.x.unit.show(point.0), self.y.unit.show(point.1));
                format!("{}: {value} at {at}", line.name)
            };
            draw_line(&mut drawing, number, &line.points, place, hint);
        }
        drawing
    }

    pub(super) fn table(&self) -> Table {
        let points = self.lines.iter().flat_map(|line| finite(&line.points));
        let mut places: Vec<f64> = points.map(|point| point.0).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        let stride = places.len().div_ceil(ROWS_MAX).max(1);
        let names = self.lines.iter().map(|line| line.name.clone());
        let row = |&x: &f64| {
            let values = self.lines.iter().map(|line| self.y.unit.show(line.at(x)));
            [self.x.unit.show(x)].into_iter().chain(values).collect()
        };
        Table {
            head: [self.x.label.to_owned()].into_iter().chain(names).collect(),
            rows: places.iter().step_by(stride).map(row).collect(),
        }
    }
}

impl Line {
    /// The value there, or none, which is not a number.
    fn at(&self, x: f64) -> f64 {
        let point = self.points.iter().find(|point| point.0 == x);
        point.map_or(f64::NAN, |point| point.1)
    }
}

/// Draws a line, and dots that say their value if they are few or the line has only one.
pub(super) fn draw_line(
    drawing: &mut Drawing,
    number: usize,
    points: &[(f64, f64)],
    place: impl Fn((f64, f64)) -> (f64, f64),
    hint: impl Fn((f64, f64)) -> String,
) {
    let points: Vec<_> = finite(points).collect();
    let placed: Vec<_> = thin(&points).into_iter().map(&place).collect();
    if placed.len() > 1 {
        drawing.polyline(&style("line", number), &placed);
    }
    if points.len() <= DOTS_MAX {
        for point in points {
            drawing.dot(&style("dot", number), place(point), &hint(point));
        }
    }
}

/// Names that fit into a legend.
pub(super) fn names(lines: &[Line]) -> Vec<String> {
    lines
        .iter()
        .map(|line| elide(&line.name, NAME_WIDTH))
        .collect()
}

pub(super) fn finite(points: &[(f64, f64)]) -> impl Iterator<Item = (f64, f64)> {
    let points = points.iter().copied();
    points.filter(|(x, y)| x.is_finite() && y.is_finite())
}

/// At most [`POINTS_MAX`] points; peaks stay.
fn thin(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() <= POINTS_MAX {
        return points.to_vec();
    }
    let columns = points.chunks(points.len().div_ceil(POINTS_MAX / 2));
    let ends = columns.flat_map(|column| {
        let by_value = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let least = column.iter().min_by(by_value).copied();
        let most = column.iter().max_by(by_value).copied();
        let (first, second) = match (least, most) {
            (Some(least), Some(most)) if least.0 > most.0 => (Some(most), Some(least)),
            ends => ends,
        };
        first.into_iter().chain(second)
    });
    ends.collect()
}
