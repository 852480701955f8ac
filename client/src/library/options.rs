//! What a library is made of: the options of the server that it is for.

use allspark_protocol::parser::ParserKind;
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
    pub(super) transformer: TransformerKind,
    pub(super) parser: ParserKind,
    pub(super) pathname: String,
    pub(super) ping_timeout_ms: Option<u64>,
    pub(super) authorization: bool,
    pub(super) global: String,
    pub(super) plugins: Vec<Plugin>,
    pub(super) target: Target,
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

/// What a plugin adds to the library.
#[derive(Clone, Debug)]
pub(super) struct Plugin {
    pub(super) name: String,
    /// The source of a function, or nothing.
    pub(super) client: String,
    /// Statements, or nothing.
    pub(super) library: String,
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
}

/// What `pingInterval + Math.round(pingInterval / 2)` is in Primus, where an interval of 0 means
/// that there is no heartbeat, too.
fn ping_timeout_ms(interval_ms: u64) -> Option<u64> {
    (interval_ms > 0).then(|| interval_ms.saturating_add(interval_ms.div_ceil(2)))
}
