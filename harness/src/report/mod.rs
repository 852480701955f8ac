//! What people and programs get to see: text on the terminal, JSON in a file.
//!
//! Nothing is measured here, and nothing is left out of the JSON that the text says.

mod compare;
mod load;
mod sim;
mod transformers;

use std::io;
use std::path::Path;

pub(crate) use load::LoadReport;
pub(crate) use sim::SimReport;

/// Writes a report as JSON, and names the file if that fails.
pub(crate) fn write_json(path: &Path, report: &impl serde::Serialize) -> io::Result<()> {
    let complain =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let mut text = serde_json::to_string_pretty(report).map_err(io::Error::other)?;
    text.push('\n');
    std::fs::write(path, text).map_err(complain)
}
