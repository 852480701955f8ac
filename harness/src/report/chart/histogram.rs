//! Counts per range. All ranges are drawn equally wide, so that ranges that grow tenfold make a
//! logarithmic axis.

use super::frame::{Plot, style};
use super::scale::{End, Scale};
use super::svg::{Drawing, Size};
use super::{Axis, Table, Unit};

/// Space between two bars, as a part of their width.
const GAP: f64 = 0.12;

/// The widest range: a single one is no wall.
const WIDTH_MAX: f64 = 90.0;

/// How many things were in which range, beside how many were expected there.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    pub(crate) x: Axis,
    /// What is counted.
    pub(crate) label: &'static str,
    /// One after the other, without holes.
    pub(crate) bins: Vec<Bin>,
}

/// One range.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bin {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) count: f64,
    /// How many were to be expected, if that is known.
    pub(crate) expected: Option<f64>,
}

impl Histogram {
    pub(super) fn draw(&self, size: Size) -> Drawing {
        let expects = self.bins.iter().any(|bin| bin.expected.is_some());
        let names: &[&str] = if expects {
            &["measured", "expected"]
        } else {
            &[]
        };
        let (plot, mut drawing) = Plot::new(size, names);
        let counts = self
            .bins
            .iter()
            .flat_map(|bin| [Some(bin.count), bin.expected]);
        let y =
            Scale::linear(counts.flatten(), Unit::Count, End::AtTick).onto(plot.bottom, plot.top);
        plot.draw_y(&mut drawing, &Axis::new(self.label, Unit::Count), &y);
        let width = (plot.right - plot.left) / self.bins.len().max(1) as f64;
        let width = width.min(WIDTH_MAX);
        let left_of = |index: usize| plot.left + width * index as f64;
        for (index, bin) in self.bins.iter().enumerate() {
            let top = y.at(bin.count);
            if bin.count.is_finite() && bin.count > 0.0 {
                let corner = (left_of(index) + width * GAP / 2.0, top);
                let size = (width * (1.0 - GAP), plot.bottom - top);
                drawing.bar(&style("bar", 0), corner, size, &self.hint(bin));
            }
        }
        self.draw_expected(&mut drawing, &y, left_of);
        plot.draw_x(&mut drawing, self.x.label, &self.edges(left_of));
        drawing
    }

    pub(super) fn table(&self) -> Table {
        let expects = self.bins.iter().any(|bin| bin.expected.is_some());
        let show = |count: Option<f64>| Unit::Count.show(count.unwrap_or(f64::NAN));
        let row = |bin: &Bin| {
            let expected = expects.then(|| show(bin.expected));
            let cells = [self.range(bin), show(Some(bin.count))];
            cells.into_iter().chain(expected).collect()
        };
        let expected = expects.then(|| "expected".to_owned());
        let head = [self.x.label.to_owned(), self.label.to_owned()];
        Table {
            head: head.into_iter().chain(expected).collect(),
            rows: self.bins.iter().map(row).collect(),
        }
    }

    /// Steps over the bars.
    fn draw_expected(&self, drawing: &mut Drawing, y: &Scale, left_of: impl Fn(usize) -> f64) {
        let steps = self.bins.iter().enumerate().filter_map(|(index, bin)| {
            let height = y.at(bin.expected.filter(|count| count.is_finite())?);
            Some([(left_of(index), height), (left_of(index + 1), height)])
        });
        let points: Vec<_> = steps.flatten().collect();
        if !points.is_empty() {
            drawing.polyline(&style("line", 1), &points);
        }
    }

    /// The end of each range is the beginning of the next one.
    fn edges(&self, left_of: impl Fn(usize) -> f64) -> Vec<(f64, String)> {
        let first = self.bins.first().map(|bin| bin.from);
        let ends = self.bins.iter().map(|bin| bin.to);
        let edges = first.into_iter().chain(ends).enumerate();
        edges
            .map(|(index, edge)| (left_of(index), self.x.unit.show(edge)))
            .collect()
    }

    fn range(&self, bin: &Bin) -> String {
        let (from, to) = (self.x.unit.show(bin.from), self.x.unit.show(bin.to));
        format!("{from} to {to}")
    }

    fn hint(&self, bin: &Bin) -> String {
        format!("{}: {}", self.range(bin), Unit::Count.show(bin.count))
    }
}
