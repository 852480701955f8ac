//! `allspark library`: writes the client library that a server with the same settings serves.

use std::path::Path;

use allspark_client::library::Library;

use crate::flags::LibraryFlags;
use crate::output;
use crate::save;
use crate::settings::Settings;

/// Writes the library to the file that was named, or else to standard output.
///
/// # Errors
/// Why it could not be written, in one line.
pub(crate) fn run(settings: &Settings, flags: &LibraryFlags) -> Result<(), String> {
    let mut library = settings.options.library(Library::new());
    let plugins = settings.plugin.make();
    for plugin in plugins.map_err(|(name, error)| format!("{name}: {error}"))? {
        let half = plugin.client();
        if !half.is_empty() {
            library = library.plugin(plugin.name(), half.client, half.library);
        }
    }
    let library = library.target(flags.target);
    let text = library.assemble(flags.format);
    let text = text.map_err(|error| error.to_string())?;
    match &flags.out {
        Some(path) => save::save(Path::new(path), text.as_bytes())
            .map_err(|error| format!("{}: {error}", path.escape_debug())),
        None => output::print(text.as_bytes()),
    }
}
