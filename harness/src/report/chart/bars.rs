//! One value per name, as horizontal bars with their spread.

use super::frame::style;
use super::scale::{End, Scale};
use super::svg::{Anchor, Drawing, Size, elide, text_width};
use super::{Axis, Table};

/// The height of a bar with the space around it.
const ROW: f64 = 34.0;
/// The height of a bar.
const BAR: f64 = 18.0;
/// Space above the first bar.
const TOP: f64 = 10.0;
/// Space below the last bar: labels of ticks, and that of the axis.
const BOTTOM: f64 = 48.0;
/// The widest column of names.
const NAMES_MAX: f64 = 180.0;
/// The column of values, right of the bars.
const VALUES: f64 = 76.0;
/// The widest column of notes, right of the values.
const NOTES_MAX: f64 = 110.0;
/// Space between columns.
const GAP: f64 = 14.0;

/// The style of the bar that others are compared with, and theirs, which is a quiet one.
const OWN: usize = 0;
const OTHERS: usize = 2;

/// Values beside each other. They always need a row of the page.
#[derive(Clone, Debug)]
pub(crate) struct Bars {
    pub(crate) axis: Axis,
    pub(crate) bars: Vec<Bar>,
}

/// One value.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) value: f64,
    /// The least and the most, if it was measured more than once.
    pub(crate) spread: Option<(f64, f64)>,
    /// A few words right of the value.
    pub(crate) note: String,
    /// Whether it is the one that the others are compared with.
    pub(crate) is_own: bool,
}

/// Where the columns are.
struct Columns {
    left: f64,
    right: f64,
    values: f64,
    notes: f64,
}

impl Bars {
    pub(super) fn draw(&self) -> Drawing {
        let columns = self.columns();
        let bottom = TOP + ROW * self.bars.len() as f64;
        let mut drawing = Drawing::new(Size::Full, bottom + BOTTOM);
        let values = self.bars.iter().flat_map(|bar| {
            let most = bar.spread.map(|(_, most)| most);
            [Some(bar.value), most].into_iter().flatten()
        });
        let x =
            Scale::linear(values, self.axis.unit, End::AtTick).onto(columns.left, columns.right);
        self.draw_axis(&mut drawing, &x, &columns, bottom);
        for (number, bar) in self.bars.iter().enumerate() {
            let middle = TOP + ROW * (number as f64 + 0.5);
            self.draw_bar(&mut drawing, bar, &x, &columns, middle);
        }
        drawing
    }

    pub(super) fn table(&self) -> Table {
        let show = |value: f64| self.axis.unit.show(value);
        let row = |bar: &Bar| {
            let (least, most) = bar.spread.unwrap_or((bar.value, bar.value));
            vec![
                bar.name.clone(),
                show(bar.value),
                show(least),
                show(most),
                bar.note.clone(),
            ]
        };
        let head = ["", self.axis.label, "least", "most", "beside"];
        Table {
            head: head.map(str::to_owned).to_vec(),
            rows: self.bars.iter().map(row).collect(),
        }
    }

    fn columns(&self) -> Columns {
        let widest = |of: fn(&Bar) -> &str, most: f64| {
            let widths = self.bars.iter().map(|bar| text_width(of(bar)));
            widths.fold(0.0, f64::max).min(most)
        };
        let names = widest(|bar| &bar.name, NAMES_MAX);
        let notes = Size::Full.width() - widest(|bar| &bar.note, NOTES_MAX) - 6.0;
        let values = notes - GAP;
        Columns {
            left: names + GAP,
            right: values - VALUES - GAP,
            values,
            notes,
        }
    }

    fn draw_axis(&self, drawing: &mut Drawing, x: &Scale, columns: &Columns, bottom: f64) {
        let mut free_from = 0.0;
        for &tick in &x.ticks {
            let (at, text) = (x.at(tick), self.axis.unit.show(tick));
            drawing.line("grid", (at, TOP), (at, bottom));
            if at - text_width(&text) / 2.0 >= free_from {
                drawing.text("tick", (at, bottom + 18.0), Anchor::Middle, &text);
                free_from = at + text_width(&text) / 2.0 + GAP / 2.0;
            }
        }
        drawing.line("axis", (columns.left, TOP), (columns.left, bottom));
        let middle = f64::midpoint(columns.left, columns.right);
        let label = (middle, bottom + 39.0);
        drawing.text("label", label, Anchor::Middle, self.axis.label);
    }

    fn draw_bar(
        &self,
        drawing: &mut Drawing,
        bar: &Bar,
        x: &Scale,
        columns: &Columns,
        middle: f64,
    ) {
        let baseline = middle + 4.0;
        let name = elide(&bar.name, NAMES_MAX);
        let name_class = if bar.is_own { "name own" } else { "name" };
        let name_at = (columns.left - GAP / 2.0, baseline);
        drawing.text(name_class, name_at, Anchor::End, &name);
        let value = self.axis.unit.show(bar.value);
        drawing.text("value", (columns.values, baseline), Anchor::End, &value);
        let note = elide(&bar.note, NOTES_MAX);
        drawing.text("tick", (columns.notes, baseline), Anchor::Start, &note);
        if !bar.value.is_finite() {
            return;
        }
        let corner = (columns.left, middle - BAR / 2.0);
        let size = (x.at(bar.value) - columns.left, BAR);
        let class = style("bar", if bar.is_own { OWN } else { OTHERS });
        let hint = format!("{}: {value}", bar.name);
        drawing.bar(&class, corner, size, &hint);
        if let Some((least, most)) = bar.spread.filter(|(a, b)| a.is_finite() && b.is_finite()) {
            draw_spread(drawing, x.at(least), x.at(most), middle);
        }
    }
}

/// A line from the least to the most, with ends.
fn draw_spread(drawing: &mut Drawing, least: f64, most: f64, middle: f64) {
    drawing.line("spread", (least, middle), (most, middle));
    for end in [least, most] {
        drawing.line("spread", (end, middle - 5.0), (end, middle + 5.0));
    }
}
