//! Latencies by percentile: each step of the axis is a tenth of what was left, so that the slowest
//! of a million messages has as much room as the fastest half, as HdrHistogram's plots do.

use super::frame::Plot;
use super::scale::{End, Scale};
use super::series::{Line, draw_line, finite, names};
use super::svg::{Drawing, Size};
use super::{Table, Unit};

/// The rarest of what is shown: one in so many.
const ONE_IN_MAX: f64 = 1e7;

/// From the smallest value to the largest, when a linear axis would hide the small ones.
const WIDE: f64 = 20.0;

/// Percentiles of the table.
const QUANTILES: [f64; 7] = [0.5, 0.75, 0.9, 0.99, 0.999, 0.9999, 0.99999];

/// The values of each quantile, of several things. A line's points are a quantile from 0 to 1, and
/// its value.
#[derive(Clone, Debug)]
pub(crate) struct PercentileCurve {
    pub(crate) label: &'static str,
    pub(crate) unit: Unit,
    pub(crate) lines: Vec<Line>,
}

impl PercentileCurve {
    pub(super) fn draw(&self, size: Size) -> Drawing {
        let names = names(&self.lines);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (plot, mut drawing) = Plot::new(size, &names);
        let x = self.quantile_scale().onto(plot.left, plot.right);
        let y = self.value_scale().onto(plot.bottom, plot.top);
        let axis = super::Axis::new(self.label, self.unit);
        plot.draw_y(&mut drawing, &axis, &y);
        let ticks = x.ticks.iter().map(|&tick| (x.at(tick), show_one_in(tick)));
        plot.draw_x(&mut drawing, "percentile", &ticks.collect::<Vec<_>>());
        for (number, line) in self.lines.iter().enumerate() {
            let place = |(quantile, value)| (x.at(one_in(quantile)), y.at(value));
            let hint = |(quantile, value): (f64, f64)| {
                let (at, value) = (show_one_in(one_in(quantile)), self.unit.show(value));
                format!("{}: {at} within {value}", line.name)
            };
            draw_line(&mut drawing, number, &line.points, place, hint);
        }
        drawing
    }

    pub(super) fn table(&self) -> Table {
        let shown = QUANTILES
            .into_iter()
            .filter(|&quantile| self.reaches(quantile));
        let names = self.lines.iter().map(|line| line.name.clone());
        let row = |quantile: f64| {
            let values = self.lines.iter().map(|line| {
                let value = value_at(line, quantile);
                value.map_or_else(|| "–".to_owned(), |value| self.unit.show(value))
            });
            let at = show_one_in(one_in(quantile));
            [at].into_iter().chain(values).collect()
        };
        Table {
            head: ["percentile".to_owned()].into_iter().chain(names).collect(),
            rows: shown.map(row).collect(),
        }
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        self.lines.iter().flat_map(|line| finite(&line.points))
    }

    fn reaches(&self, quantile: f64) -> bool {
        self.points().any(|point| point.0 >= quantile)
    }

    fn quantile_scale(&self) -> Scale {
        let rarest = self
            .points()
            .map(|point| one_in(point.0))
            .fold(10.0, f64::max);
        let decades = (1..=7).map(|power| 10_f64.powi(power));
        let ticks = [1.0, 2.0, 4.0].into_iter().chain(decades);
        let ticks = ticks.filter(|&tick| tick <= rarest * 1.000_001);
        Scale::log_between(1.0, rarest, ticks.collect())
    }

    fn value_scale(&self) -> Scale {
        let values = || self.points().map(|point| point.1);
        let (least, most) = values().fold((f64::INFINITY, 0.0), |(least, most): (f64, f64), v| {
            (least.min(v), most.max(v))
        });
        if most / least > WIDE {
            Scale::log(values())
        } else {
            Scale::linear(values(), self.unit, End::AtTick)
        }
    }
}

/// A quantile of 0.99 leaves out one in a hundred.
fn one_in(quantile: f64) -> f64 {
    (1.0 / (1.0 - quantile.clamp(0.0, 1.0))).min(ONE_IN_MAX)
}

/// One in a hundred is beyond the percentile 99.
fn show_one_in(one_in: f64) -> String {
    let percent = format!("{:.5}", 100.0 * (1.0 - 1.0 / one_in));
    let percent = percent.trim_end_matches('0').trim_end_matches('.');
    format!("{percent} %")
}

/// The value that at least this part is within, if the line goes so far.
fn value_at(line: &Line, quantile: f64) -> Option<f64> {
    let reached = finite(&line.points).find(|point| point.0 >= quantile - 1e-9);
    reached.map(|point| point.1)
}
