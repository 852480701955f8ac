//! The client library in JavaScript as a server makes it: one file, with the transport, the parser
//! and the options of that server compiled in. What `primus.library()` is in Primus.
//!
//! The modules of `client/js/src` are part of this crate. Those that are needed are put one after
//! the other into one function, in the order in which they import each other; the module
//! `defaults.js`, which says what is compiled in, is replaced by one with the server's options.
//! No bundler takes part, so the modules keep to a few rules (see `defaults.js`), which are checked
//! here (`module.rs`).
//!
//! It reads no file. Of the code of a plugin it knows only whether it can stand in its place
//! (`plugin_code.rs`), not whether it is right.
//!
//! # Invariants
//! - The same options give the same text.
//! - Names and pathnames are text wherever they stand: none of them can end a literal, or the
//!   script in whose place the library is put.
//! - The library compiles nothing at run time, so that it works under a Content-Security-Policy
//!   without `unsafe-eval`.

mod assemble;
mod defaults;
mod lexer;
mod literal;
mod module;
mod modules;
mod options;
mod plugin_code;
#[cfg(test)]
mod tests;
mod wrap;

use allspark_protocol::parser::{Custom, Parser, ParserKind};

use options::Plugin;
pub use options::{Format, Library, Target};

/// Why there can't be such a library.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LibraryError {
    /// The global name can't be the name of a variable.
    #[error("{0:?} can't be the name of a variable in JavaScript")]
    Global(String),
    /// A module was asked for, for browsers that know none ([`Target::Legacy`]).
    #[error("browsers that need the legacy library know no modules")]
    LegacyModule,
    /// A plugin has no name.
    #[error("a plugin has no name")]
    PluginUnnamed,
    /// The code of a parser of the application can't be JavaScript in its place.
    #[error("the {half} of the parser {name:?} can't be used: {what} (line {line})")]
    ParserCode {
        /// The parser.
        name: &'static str,
        /// Which code of it: `encoder`, `decoder` or `library`.
        half: &'static str,
        /// Where it is wrong, counted from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// Two plugins have the same name.
    #[error("there is a plugin named {0:?} already")]
    PluginTwice(String),
    /// A plugin has neither a client half nor library code.
    #[error("the plugin {0:?} has no code for the client")]
    PluginEmpty(String),
    /// The code of a plugin can't be JavaScript in its place, where it would keep everybody from
    /// using the library.
    #[error("the {half} code of the plugin {name:?} can't be used: {what} (line {line})")]
    PluginCode {
        /// The plugin.
        name: String,
        /// Which code of it: `client` or `library`.
        half: &'static str,
        /// Where it is wrong, counted from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
}

impl Library {
    /// Makes the library.
    ///
    /// # Errors
    /// Those of [`Library::check`], and [`LibraryError::LegacyModule`].
    pub fn assemble(&self, format: Format) -> Result<String, LibraryError> {
        self.check()?;
        let is_legacy = self.target == Target::Legacy;
        if is_legacy && format == Format::Module {
            return Err(LibraryError::LegacyModule);
        }
        let defaults = defaults::module(self);
        let sources = |path: &str| match path {
            "defaults.js" => Some(defaults.as_str()),
            _ if is_legacy => modules::legacy_text(path),
            _ => modules::text(path),
        };
        // Which options are compiled in decides which modules are taken, and nothing else; the
        // tests of this crate assemble each of them.
        let body = assemble::assemble(modules::ENTRY, &sources);
        let body = body.unwrap_or_else(|broken| panic!("the tests let this pass: {broken}"));
        Ok(wrap::wrap(self, format, &body))
    }

    /// Whether [`Library::assemble`] would make one.
    ///
    /// # Errors
    /// If a name can't be what it is meant to be, or a plugin has no code or some that can't be
    /// JavaScript.
    pub fn check(&self) -> Result<(), LibraryError> {
        if !literal::is_variable_name(&self.global) {
            return Err(LibraryError::Global(self.global.clone()));
        }
        if let ParserKind::Custom(custom) = &self.parser {
            check_parser(custom)?;
        }
        for (index, plugin) in self.plugins.iter().enumerate() {
            let name = &plugin.name;
            if name.is_empty() {
                return Err(LibraryError::PluginUnnamed);
            }
            if self.plugins[..index]
                .iter()
                .any(|other| other.name == *name)
            {
                return Err(LibraryError::PluginTwice(name.clone()));
            }
            if plugin.client.trim().is_empty() && plugin.library.trim().is_empty() {
                return Err(LibraryError::PluginEmpty(name.clone()));
            }
            plugin.check_code()?;
        }
        Ok(())
    }
}

impl Plugin {
    fn check_code(&self) -> Result<(), LibraryError> {
        let client = match self.client.trim().is_empty() {
            true => Ok(()),
            false => plugin_code::check_client(&self.client),
        };
        let library = plugin_code::check_library(&self.library);
        for (half, found) in [("client", client), ("library", library)] {
            found.map_err(|lexer::Fault { line, what }| LibraryError::PluginCode {
                name: self.name.clone(),
                half,
                line,
                what,
            })?;
        }
        Ok(())
    }
}

fn check_parser(parser: &Custom) -> Result<(), LibraryError> {
    let half = parser.client_half();
    for (half, found) in [
        ("encoder", plugin_code::check_client(&half.encoder)),
        ("decoder", plugin_code::check_client(&half.decoder)),
        ("library", plugin_code::check_library(&half.library)),
    ] {
        found.map_err(|lexer::Fault { line, what }| LibraryError::ParserCode {
            name: parser.name(),
            half,
            line,
            what,
        })?;
    }
    Ok(())
}
