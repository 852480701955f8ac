//! A report as one page of HTML, to be shown to somebody: it asks nobody for anything, follows the
//! reader's choice of light or dark, can be printed, and has every number of its charts in a table.
//!
//! It is also well-formed XML but for its first line, so that tests can read it.
//!
//! | module | whose page it makes |
//! |---|---|
//! | [`load`] | one load |
//! | [`churn`], [`heartbeats`], [`latency`], [`mixed`], [`storm`] | what only some loads have |
//! | [`plugins`] | values and questions, the same |
//! | [`seconds`] | the same, second by second |
//! | [`sim`] | one simulation |
//! | [`delays`] | delays before attempts to reconnect, of loads and simulations |
//! | [`compare`] | several servers under the same load |
//! | [`transformers`] | every transformer, beside Primus on Node.js |

mod churn;
mod compare;
mod delays;
mod heartbeats;
mod latency;
mod load;
mod mixed;
mod plugins;
mod seconds;
mod secure;
mod siege;
mod sim;
mod storm;
#[cfg(test)]
mod tests;
mod transformers;

use std::fmt::Write;

use super::chart::{Chart, Figure, Size, Table, escape};

/// What every page looks like.
const STYLE: &str = include_str!("page.css");

/// What is on a page, from top to bottom.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    pub(crate) title: String,
    /// What kind of report it is.
    pub(crate) kind: &'static str,
    pub(crate) verdict: Verdict,
    /// The few numbers to remember.
    pub(crate) tiles: Vec<Tile>,
    pub(crate) sections: Vec<Section>,
    /// What was run, and where: names and values.
    pub(crate) facts: Vec<(String, String)>,
}

/// What the auditor said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) ok: bool,
    pub(crate) headline: String,
    /// The first faults in words.
    pub(crate) examples: Vec<String>,
}

/// One number, large.
#[derive(Clone, Debug)]
pub(crate) struct Tile {
    pub(crate) label: &'static str,
    pub(crate) value: String,
    pub(crate) note: String,
}

/// One subject.
#[derive(Clone, Debug, Default)]
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) sentences: Vec<String>,
    pub(crate) figures: Vec<Figure>,
    /// Numbers that no chart shows.
    pub(crate) table: Option<Table>,
}

impl Page {
    /// The whole page.
    pub(crate) fn render(&self) -> String {
        let sections: String = self.sections.iter().map(Section::render).collect();
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
             <meta name=\"color-scheme\" content=\"light dark\"/>\n\
             <title>{title} · AllSpark</title>\n<style>\n{STYLE}</style></head>\n<body><main>\n\
             <header><p class=\"kind\">{kind}</p><h1>{title}</h1>\n{verdict}</header>\n\
             {tiles}{sections}{facts}</main></body></html>\n",
            title = escape(&self.title),
            kind = escape(self.kind),
            verdict = self.verdict.render(),
            tiles = self.render_tiles(),
            facts = self.render_facts(),
        )
    }

    fn render_tiles(&self) -> String {
        let tile = |tile: &Tile| {
            let (label, value) = (escape(tile.label), escape(&tile.value));
            let note = escape(&tile.note);
            format!("<div><dt>{label}</dt><dd>{value}</dd><dd class=\"note\">{note}</dd></div>\n")
        };
        let tiles: String = self.tiles.iter().map(tile).collect();
        if tiles.is_empty() {
            return tiles;
        }
        format!("<dl class=\"tiles\">\n{tiles}</dl>\n")
    }

    fn render_facts(&self) -> String {
        let fact = |(name, value): &(String, String)| {
            format!("<dt>{}</dt><dd>{}</dd>\n", escape(name), escape(value))
        };
        let facts: String = self.facts.iter().map(fact).collect();
        format!("<section><h2>What was run</h2>\n<dl class=\"facts\">\n{facts}</dl></section>\n")
    }
}

impl Verdict {
    fn render(&self) -> String {
        let (class, sign) = if self.ok {
            ("ok", "✓")
        } else {
            ("wrong", "✗")
        };
        let example = |text: &String| format!("<li>{}</li>\n", escape(text));
        let examples: String = self.examples.iter().map(example).collect();
        let mut verdict = format!(
            "<p class=\"verdict {class}\"><span aria-hidden=\"true\">{sign}</span> {}</p>\n",
            escape(&self.headline)
        );
        if !examples.is_empty() {
            write!(verdict, "<ul class=\"faults\">\n{examples}</ul>\n")
                .expect("a string takes everything");
        }
        verdict
    }
}

impl Section {
    fn render(&self) -> String {
        let sentence = |text: &String| format!("<p>{}</p>\n", escape(text));
        let sentences: String = self.sentences.iter().map(sentence).collect();
        let size = self.figure_size();
        let figures = self
            .figures
            .iter()
            .map(|figure| render_figure(figure, size));
        let figures: String = figures.collect();
        let figures = match size {
            Size::Full => figures,
            Size::Half => format!("<div class=\"grid\">\n{figures}</div>\n"),
        };
        let table = self.table.as_ref().map_or_else(String::new, render_table);
        let title = escape(&self.title);
        format!("<section><h2>{title}</h2>\n{sentences}{table}{figures}</section>\n")
    }

    /// Histograms are alike: where there are several, two share a row.
    fn figure_size(&self) -> Size {
        let is_histogram = |figure: &Figure| matches!(figure.chart, Chart::Histogram(_));
        match self.figures.len() > 1 && self.figures.iter().all(is_histogram) {
            true => Size::Half,
            false => Size::Full,
        }
    }
}

/// A picture with its numbers under it. Where it is too small to be read as a whole, a part of it
/// is shown, and `sideways` says so.
fn render_figure(figure: &Figure, size: Size) -> String {
    let class = match size {
        Size::Full => "full",
        Size::Half => "half",
    };
    format!(
        "<figure class=\"{class}\"><h3>{}</h3>\n<div class=\"plot\">{}</div>\n\
         <p class=\"sideways\">Scroll sideways, the chart goes on →</p>\n\
         <figcaption>{}</figcaption>\n\
         <details><summary>Numbers</summary>\n{}</details></figure>\n",
        escape(&figure.title),
        figure.svg(size),
        escape(&figure.caption),
        render_table(&figure.table()),
    )
}

fn render_table(table: &Table) -> String {
    let head = table.head.iter();
    let head: String = head
        .map(|cell| format!("<th scope=\"col\">{}</th>", escape(cell)))
        .collect();
    let rows: String = table.rows.iter().map(|row| render_row(row)).collect();
    format!(
        "<div class=\"table\"><table><thead><tr>{head}</tr></thead>\n\
         <tbody>{rows}</tbody></table></div>\n"
    )
}

/// The first cell says what the others are.
fn render_row(row: &[String]) -> String {
    let cell = |(column, text): (usize, &String)| {
        let text = escape(text);
        if column == 0 {
            format!("<th scope=\"row\">{text}</th>")
        } else {
            format!("<td>{text}</td>")
        }
    };
    let cells: String = row.iter().enumerate().map(cell).collect();
    format!("<tr>{cells}</tr>\n")
}
