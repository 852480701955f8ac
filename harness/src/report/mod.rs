//! What people and programs get to see: text on the terminal, JSON in a file, a page with charts.
//!
//! | module | what it is for |
//! |---|---|
//! | [`load`], [`sim`], [`compare`], [`transformers`], [`secure`] | text, by what was run |
//! | [`delays`] | text that several of them have in common |
//! | [`scenarios`] | the same, of what only some loads have to say |
//! | [`page`] | the same as a page of HTML |
//! | [`chart`] | charts as plain SVG |
//! | [`run`] | the command, the program and the moment |
//!
//! Nothing is measured here, and nothing is left out of the JSON that text or page say.

mod chart;
mod compare;
mod delays;
mod load;
mod page;
mod run;
mod scenarios;
mod secure;
mod sim;
mod transformers;

use std::fmt::Display;
use std::io;
use std::path::Path;

use serde::Serialize;

pub(crate) use load::LoadReport;
pub(crate) use page::Page;
pub(crate) use run::Run;
pub(crate) use sim::SimReport;

/// What a command has found out.
pub(crate) trait Report: Display + Serialize {
    /// Whether nothing was wrong.
    fn is_ok(&self) -> bool;

    /// The same as a page, with what was run.
    fn page(&self, run: &Run) -> Page;
}

/// Writes a report as JSON, and names the file if that fails.
pub(crate) fn write_json(path: &Path, report: &impl Report, run: &Run) -> io::Result<()> {
    let document = Document { run, report };
    let mut text = serde_json::to_string_pretty(&document).map_err(io::Error::other)?;
    text.push('\n');
    write(path, &text)
}

/// Writes a report as HTML, and names the file if that fails.
pub(crate) fn write_html(path: &Path, report: &impl Report, run: &Run) -> io::Result<()> {
    write(path, &report.page(run).render())
}

/// The report, and beside its own fields how it came about.
#[derive(Serialize)]
struct Document<'r, R> {
    run: &'r Run,
    #[serde(flatten)]
    report: &'r R,
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let complain =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    std::fs::write(path, text).map_err(complain)
}
