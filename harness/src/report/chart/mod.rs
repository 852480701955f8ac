//! Charts as plain SVG: numbers in, a picture and the same numbers as a table out.
//!
//! | module | what it draws |
//! |---|---|
//! | [`series`] | lines over time |
//! | [`percentiles`] | latencies, stretched so that the tail is seen |
//! | [`histogram`] | counts per range, beside what was expected |
//! | [`bars`] | one value per name, with its spread |
//! | [`axis`], [`frame`], [`scale`] | axes, what stands around a plot, ticks |
//! | [`mod@unit`], [`svg`] | how numbers are written, markup |
//! | [`table`] | the same in numbers |
//!
//! It knows nothing of loads and servers, measures nothing and reads no clock.
//!
//! # Invariants
//! - Whatever the numbers are (none, one, huge, not a number), the result is well-formed, and every
//!   mark is inside the plot. What is not finite is left out.
//! - Axes of amounts begin at zero, or are logarithmic and look it.
//! - Nothing is said by colour alone: lines differ in their dashes, bars have their names.

mod axis;
mod bars;
mod frame;
mod histogram;
mod percentiles;
mod scale;
mod series;
mod svg;
mod table;
#[cfg(test)]
mod tests;
mod unit;

pub(crate) use axis::Axis;
pub(crate) use bars::{Bar, Bars};
pub(crate) use histogram::{Bin, Histogram};
pub(crate) use percentiles::PercentileCurve;
pub(crate) use series::{Line, Series, Span};
pub(crate) use svg::{Size, escape};
pub(crate) use table::Table;
pub(crate) use unit::Unit;

/// A chart with what is said of it.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) title: String,
    /// One sentence: what is to be seen.
    pub(crate) caption: String,
    pub(crate) chart: Chart,
}

/// What is drawn.
#[derive(Clone, Debug)]
pub(crate) enum Chart {
    Series(Series),
    Percentiles(PercentileCurve),
    Histogram(Histogram),
    Bars(Bars),
}

impl Figure {
    /// The picture. Its colours come from the style sheet of the page.
    pub(crate) fn svg(&self, size: Size) -> String {
        let drawing = match &self.chart {
            Chart::Series(series) => series.draw(size),
            Chart::Percentiles(curve) => curve.draw(size),
            Chart::Histogram(histogram) => histogram.draw(size),
            Chart::Bars(bars) => bars.draw(),
        };
        drawing.finish(&self.title, &self.caption)
    }

    /// The same in numbers.
    pub(crate) fn table(&self) -> Table {
        match &self.chart {
            Chart::Series(series) => series.table(),
            Chart::Percentiles(curve) => curve.table(),
            Chart::Histogram(histogram) => histogram.table(),
            Chart::Bars(bars) => bars.table(),
        }
    }
}
