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
mod plugin_code;
#[cfg(test)]
mod tests;
mod wrap;

use allspark_protocol::parser::{Custom, Parser, ParserKind};
use allspark_transformers::TransformerKind;

/// What a library is made of. The defaults are Primus's.
///
/// ```
/// use allspark_client::library::{Format, Library};
///
/// let library = Library::new().pathname("/chat").ping_interval_ms(Some(10_000));
/// let text = library.assemble(Format::Universal)?;
/// assert!(text.contains("\"/chat\""));
/// # Ok::<(), allspark_client::library::LibraryError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Library {
    transformer: TransformerKind,
    parser: ParserKind,
    pathname: String,
    ping_timeout_ms: Option<u64>,
    authorization: bool,
    global: String,
    plugins: Vec<Plugin>,
    target: Target,
}

/// Where a library is to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Target {
    /// In browsers, and wherever else there is a `WebSocket`.
    #[default]
    Browser,
    /// In Node.js from 20.16 on: it brings a `WebSocket` of its own, where Node.js has none.
    Node,
    /// In browsers that know ECMAScript 5 and no more, from about 2012 on: without `fetch`,
    /// promises and classes. It makes requests with `XMLHttpRequest`. A plugin's code is left as it
    /// is.
    Legacy,
}

/// How a library is handed to the code that uses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// For a script tag, `import` for its side effect, CommonJS and AMD, all in one, as Primus
    /// serves it.
    #[default]
    Universal,
    /// A module with `export default`; nothing becomes global.
    Module,
}

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

/// What a plugin adds to the library.
#[derive(Clone, Debug)]
struct Plugin {
    name: String,
    /// The source of a function, or nothing.
    client: String,
    /// Statements, or nothing.
    library: String,
}

impl Default for Library {
    fn default() -> Self {
        Self {
            transformer: TransformerKind::WebSockets,
            parser: ParserKind::default(),
            pathname: "/primus".to_owned(),
            ping_timeout_ms: ping_timeout_ms(30_000),
            authorization: false,
            global: "Primus".to_owned(),
            plugins: Vec::new(),
            target: Target::default(),
        }
    }
}

impl Library {
    /// The library of a server with Primus's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The transport; [`TransformerKind::Any`] for all of them, among which the option
    /// `transformer` of the client chooses. Default `websockets`.
    #[must_use]
    pub fn transformer(mut self, transformer: TransformerKind) -> Self {
        self.transformer = transformer;
        self
    }

    /// How messages become values. Default JSON. One of the application brings its client half.
    #[must_use]
    pub fn parser(mut self, parser: ParserKind) -> Self {
        self.parser = parser;
        self
    }

    /// The pathname of the server, with its `/`. Default `/primus`.
    #[must_use]
    pub fn pathname(mut self, pathname: impl Into<String>) -> Self {
        self.pathname = pathname.into();
        self
    }

    /// Milliseconds between two pings of the server; `None` for no heartbeat. The client takes the
    /// connection for lost after one and a half times as long, as Primus has it. Default 30,000.
    #[must_use]
    pub fn ping_interval_ms(mut self, interval_ms: Option<u64>) -> Self {
        self.ping_timeout_ms = interval_ms.and_then(ping_timeout_ms);
        self
    }

    /// Whether the server has an authorization handler. A client of one does not reconnect by
    /// itself when it could not connect in time: what it hears may be a refusal. Default false.
    #[must_use]
    pub fn authorization(mut self, authorization: bool) -> Self {
        self.authorization = authorization;
        self
    }

    /// The name of the global variable, in the universal format. Default `Primus`.
    #[must_use]
    pub fn global(mut self, name: impl Into<String>) -> Self {
        self.global = name.into();
        self
    }

    /// Adds the client half of a plugin: the source of a function, which the constructor of each
    /// client calls with the client and its options (`Primus.prototype.ark` in Primus). It begins
    /// with `function`, `async`, `(` or a parameter and `=>`.
    #[must_use]
    pub fn client_plugin(self, name: impl Into<String>, client: impl Into<String>) -> Self {
        self.plugin(name, client, "")
    }

    /// Adds a plugin with `library` code beside its client half. That is statements, which run once
    /// and outside of strict mode (in [`Format::Universal`]), with the class as `Primus`, for code
    /// that the client half needs. Of the two one may be empty.
    #[must_use]
    pub fn plugin(
        mut self,
        name: impl Into<String>,
        client: impl Into<String>,
        library: impl Into<String>,
    ) -> Self {
        self.plugins.push(Plugin {
            name: name.into(),
            client: client.into(),
            library: library.into(),
        });
        self
    }

    /// Removes the plugin of this name, if there is one.
    #[must_use]
    pub fn without_plugin(mut self, name: &str) -> Self {
        self.plugins.retain(|plugin| plugin.name != name);
        self
    }

    /// Where it is to run. Default [`Target::Browser`].
    #[must_use]
    pub fn target(mut self, target: Target) -> Self {
        self.target = target;
        self
    }

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

/// What `pingInterval + Math.round(pingInterval / 2)` is in Primus, where an interval of 0 means
/// that there is no heartbeat, too.
fn ping_timeout_ms(interval_ms: u64) -> Option<u64> {
    (interval_ms > 0).then(|| interval_ms.saturating_add(interval_ms.div_ceil(2)))
}
