//! What is around the data: axes, grid, labels and the legend.

use super::Axis;
use super::scale::Scale;
use super::svg::{Anchor, Drawing, Size, text_width};

/// Space to the left of the plot: the widest label of a tick.
const LEFT: f64 = 70.0;
/// Space to the right of the plot: half a label of a tick.
const RIGHT: f64 = 28.0;
/// Space above the plot: the label of the axis.
const TOP: f64 = 30.0;
/// Space below the plot: labels of ticks, and that of the axis.
const BOTTOM: f64 = 48.0;
/// The height of a row of the legend.
const LEGEND_ROW: f64 = 22.0;
/// The line of the legend, and the space around it.
const SWATCH: f64 = 24.0;
/// Space between two labels.
const GAP: f64 = 10.0;

/// Lines that look different from each other; more begin again.
const STYLES: usize = 6;

/// The inside of a chart, in units of the picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plot {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
    size: Size,
}

impl Plot {
    /// The plot under a legend, and a drawing that is large enough.
    pub(super) fn new(size: Size, names: &[&str]) -> (Self, Drawing) {
        let legend = LEGEND_ROW * legend_rows(size, names) as f64;
        let top = TOP + legend;
        let plot = Self {
            left: LEFT,
            top,
            right: size.width() - RIGHT,
            bottom: top + size.plot_height(),
            size,
        };
        let mut drawing = Drawing::new(size, plot.bottom + BOTTOM);
        draw_legend(&mut drawing, size, names);
        (plot, drawing)
    }

    /// The horizontal axis: ticks with these labels, as many as fit.
    pub(super) fn draw_x(&self, drawing: &mut Drawing, label: &str, ticks: &[(f64, String)]) {
        drawing.line("axis", (self.left, self.bottom), (self.right, self.bottom));
        let mut free_from = 0.0;
        for (x, text) in ticks {
            let half = text_width(text) / 2.0;
            if x - half < free_from || x + half > self.size.width() {
                continue;
            }
            free_from = x + half + GAP;
            drawing.line("axis", (*x, self.bottom), (*x, self.bottom + 5.0));
            drawing.text("tick", (*x, self.bottom + 19.0), Anchor::Middle, text);
        }
        let middle = f64::midpoint(self.left, self.right);
        drawing.text("label", (middle, self.bottom + 40.0), Anchor::Middle, label);
    }

    /// The vertical axis with its grid.
    pub(super) fn draw_y(&self, drawing: &mut Drawing, axis: &Axis, scale: &Scale) {
        let label_y = self.top - 14.0;
        drawing.text("label", (6.0, label_y), Anchor::Start, axis.label);
        for &tick in &scale.ticks {
            let y = scale.at(tick);
            drawing.line("grid", (self.left, y), (self.right, y));
            let text = axis.unit.show(tick);
            drawing.text("tick", (self.left - 8.0, y + 4.0), Anchor::End, &text);
        }
    }
}

impl Plot {
    /// What was going on for a while: a shade behind the data, with its name if there is room.
    pub(super) fn draw_span(&self, drawing: &mut Drawing, from: f64, to: f64, name: &str) {
        let size = ((to - from).max(0.0), self.bottom - self.top);
        drawing.span((from, self.top), size, name);
        if text_width(name) < size.0 {
            let middle = (f64::midpoint(from, to), self.top + 14.0);
            drawing.text("label", middle, Anchor::Middle, name);
        }
    }
}

/// The class of the line or bar with this number.
pub(super) fn style(kind: &str, number: usize) -> String {
    format!("{kind} s{}", number % STYLES)
}

/// A single thing needs no legend: the title says what it is.
fn legend_rows(size: Size, names: &[&str]) -> usize {
    if names.len() < 2 {
        return 0;
    }
    legend_places(size, names)
        .last()
        .map_or(0, |(_, row)| row + 1)
}

fn draw_legend(drawing: &mut Drawing, size: Size, names: &[&str]) {
    if names.len() < 2 {
        return;
    }
    let places = legend_places(size, names);
    for (number, (name, (x, row))) in names.iter().zip(places).enumerate() {
        let y = 14.0 + row as f64 * LEGEND_ROW;
        drawing.line(&style("line", number), (x, y - 4.0), (x + SWATCH, y - 4.0));
        drawing.text("name", (x + SWATCH + 6.0, y), Anchor::Start, name);
    }
}

/// Where each name begins, and in which row.
fn legend_places(size: Size, names: &[&str]) -> Vec<(f64, usize)> {
    let (mut x, mut row) = (6.0, 0);
    let mut places = Vec::with_capacity(names.len());
    for name in names {
        let width = SWATCH + 6.0 + text_width(name) + 2.0 * GAP;
        if x + width > size.width() && x > 6.0 {
            (x, row) = (6.0, row + 1);
        }
        places.push((x, row));
        x += width;
    }
    places
}
