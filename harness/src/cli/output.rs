//! Where reports go, besides the terminal.

use std::path::PathBuf;

use clap::Args;

/// Files that every command can write.
#[derive(Debug, Args)]
pub(crate) struct OutputArguments {
    /// Write the report there as JSON.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Write the report there as a page with charts, in one file.
    #[arg(long)]
    pub(crate) html: Option<PathBuf>,
}
