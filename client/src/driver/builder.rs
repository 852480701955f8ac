//! The options of a client, and its start.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use allspark_protocol::Value;
use allspark_protocol::parser::ParserKind;
use allspark_protocol::primus::BackoffOptions;
use allspark_transformers::{ClientCommonOptions, Speech, TransformerKind};
use futures_util::StreamExt;
use tokio::runtime::Handle;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use super::connect::{Connector, Place};
use super::error::{OpenError, OptionError};
use super::event::Event;
use super::events::Events;
use super::mailbox::{Command, Mailbox};
use super::primus::Primus;
use super::task::Task;
use super::tls;
use super::url::Url;
use super::writer::Writer;
use crate::core::{Client, ClientOptions, Direction, Strategy, Verdict, on_values};

/// The options of a client, by the names and with the defaults of the npm package `primus` 8.0.9.
/// Made by [`Primus::connect`].
///
/// To connect and wait until the connection is open, `.await` it. That may take several attempts,
/// as [`strategy`](Self::strategy) and [`reconnect`](Self::reconnect) say, and it fails when the
/// client would emit `end`. What happens until then is not told again by the client's events.
/// [`start`](Self::start) waits for nothing: the client connects in the background, queues what is
/// written meanwhile, and tells everything that happens.
///
/// ```no_run
/// use std::time::Duration;
/// use allspark_client::{BackoffOptions, Primus};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let primus = Primus::connect("https://example.org/?token=secret")
///     .transformer("sockjs")
///     .timeout(Duration::from_secs(5))
///     .strategy("disconnect, online")
///     .reconnect(BackoffOptions {
///         max: Duration::from_secs(60),
///         retries: u32::MAX,
///         ..BackoffOptions::default()
///     })
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a client connects when it is awaited or started"]
pub struct Builder {
    url: String,
    options: ClientOptions,
    pathname: String,
    is_manual: bool,
    unix: Option<PathBuf>,
    tls: Option<Arc<ClientConfig>>,
    transforms: Vec<(Direction, ValueTransform)>,
    /// The first option that was wrong. It is reported when the client is started.
    wrong: Option<OptionError>,
}

/// A message transform before the parser is known.
type ValueTransform = Box<dyn FnMut(&mut Value) -> Verdict + Send>;

impl Primus {
    /// Begins to say which server to connect to, and how: see [`Builder`].
    ///
    /// The URL is `http`, `https`, `ws` or `wss`. Its query is sent with every connection, so that
    /// the server finds it in `spark.query`. Its path does not matter: Primus is always under its
    /// [`pathname`](Builder::pathname).
    pub fn connect(url: impl Into<String>) -> Builder {
        Builder::new(url.into())
    }
}

impl Builder {
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            options: ClientOptions::default(),
            pathname: "/primus".to_owned(),
            is_manual: false,
            unix: None,
            tls: None,
            transforms: Vec::new(),
            wrong: None,
        }
    }

    /// The transformer of the server: `websockets`, `faye`, `uws`, `engine.io`, `sockjs` or
    /// `browserchannel`, in any case. (A server of `any` understands each of them; with `any` the
    /// client opens a WebSocket.) Default `websockets`.
    pub fn transformer(mut self, name: &str) -> Self {
        match name.parse::<TransformerKind>() {
            Ok(kind) => self.options.speech = Speech::usual(kind),
            Err(error) => self.refuse(error),
        }
        self
    }

    /// How to speak to the server in detail (Primus: `transport`): for instance `engine.io`
    /// without its upgrade, one transport of `sockjs`, or a WebSocket with compression. It stands
    /// instead of [`transformer`](Self::transformer).
    pub fn speech(mut self, speech: Speech) -> Self {
        self.options.speech = speech;
        self
    }

    /// The parser of the server as a value: one that is built in, or one of the application
    /// ([`Custom`](allspark_protocol::parser::Custom)).
    pub fn parser_kind(mut self, parser: ParserKind) -> Self {
        self.options.parser = parser;
        self
    }

    /// The parser of the server, by its name in any case. Default `json`.
    pub fn parser(mut self, name: &str) -> Self {
        match ParserKind::from_name(name) {
            Ok(parser) => self.options.parser = parser,
            Err(error) => self.refuse(error),
        }
        self
    }

    /// The path of Primus on the server; a missing `/` at its beginning is added. Default
    /// `/primus`.
    pub fn pathname(mut self, pathname: &str) -> Self {
        let slash = if pathname.starts_with('/') { "" } else { "/" };
        self.pathname = format!("{slash}{pathname}");
        self
    }

    /// How long the first connection may take; `None` for ever. Default 10 s.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.options.timeout = timeout.into();
        self
    }

    /// How long the server may go without a ping before the client takes the connection for lost;
    /// `None` for ever. It must be more than the server's `pingInterval`. Default 45 s.
    pub fn ping_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.options.ping_timeout = timeout.into();
        self
    }

    /// When to reconnect: a list such as `"disconnect, online"`, or a [`Strategy`]. The empty list
    /// and [`Strategy::NONE`] mean never. Default: on all occasions.
    pub fn strategy<S>(mut self, strategy: S) -> Self
    where
        S: TryInto<Strategy, Error: Into<OptionError>>,
    {
        match strategy.try_into() {
            Ok(strategy) => self.options.strategy = strategy,
            Err(error) => self.refuse(error),
        }
        self
    }

    /// How often to try to reconnect, and how long to wait before each attempt. Default: 10 times,
    /// the first after 500 ms, each of at most 30 s.
    pub fn reconnect(mut self, options: BackoffOptions) -> Self {
        if !(options.factor.is_finite() && options.factor > 0.0) {
            self.refuse(OptionError::Range {
                name: "reconnect.factor",
                expected: "a number above 0",
            });
        }
        self.options.reconnect = options;
        self
    }

    /// How many messages wait while there is no connection. One more drops the oldest. Default: no
    /// limit.
    pub fn queue_size(mut self, messages: usize) -> Self {
        self.options.queue_size = messages;
        self
    }

    /// Bytes of the largest message that is taken from the server. Default 10 MiB.
    pub fn max_length(mut self, bytes: usize) -> Self {
        if bytes == 0 {
            self.refuse(OptionError::Range {
                name: "max_length",
                expected: "at least 1 byte",
            });
        }
        self.options.message_bytes_max = bytes;
        self
    }

    /// Whether [`start`](Self::start) leaves the client closed until [`Writer::open`] is called.
    /// Default false.
    pub fn manual(mut self, manual: bool) -> Self {
        self.is_manual = manual;
        self
    }

    /// Connects to a socket in the file system. The URL still says what the server is called, and
    /// whether TLS is spoken.
    pub fn unix(mut self, path: impl Into<PathBuf>) -> Self {
        self.unix = Some(path.into());
        self
    }

    /// How TLS is spoken, for instance with a client certificate or with other roots. If it names
    /// protocols (ALPN), `http/1.1` must be among them and no other be chosen. Default: TLS 1.2
    /// and 1.3 with the root certificates of the system.
    pub fn tls(mut self, config: Arc<ClientConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// Adds a message transform: it sees every message of its direction, may change it, and says
    /// whether it goes on. Transforms run in the order in which they were added. Incoming ones run
    /// before [`Event::Data`], outgoing ones before a message is sent or queued.
    ///
    /// ```no_run
    /// use allspark_client::{Direction, Primus, Value, Verdict};
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let primus = Primus::connect("http://localhost:8080")
    ///     .transform(Direction::Incoming, |message| match message {
    ///         Value::Null => Verdict::Drop,
    ///         _ => Verdict::Pass,
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn transform(
        mut self,
        direction: Direction,
        transform: impl FnMut(&mut Value) -> Verdict + Send + 'static,
    ) -> Self {
        self.transforms.push((direction, Box::new(transform)));
        self
    }

    /// Starts the client, which connects in the background unless it is
    /// [`manual`](Self::manual).
    ///
    /// # Errors
    /// If an option is wrong, or there is no tokio runtime.
    pub fn start(self) -> Result<Primus, OptionError> {
        let should_open = !self.is_manual;
        let primus = self.spawn()?;
        if should_open {
            primus.open();
        }
        Ok(primus)
    }

    /// Starts the client and waits until it is open; the same as `.await`.
    ///
    /// # Errors
    /// If an option is wrong, or the server can't be reached.
    pub async fn open(self) -> Result<Primus, OpenError> {
        let mut primus = self.spawn()?;
        primus.open();
        let mut last = None;
        while let Some(event) = primus.next().await {
            match event {
                Event::Open => return Ok(primus),
                Event::Error(error) => last = Some(error),
                _ => {}
            }
        }
        Err(OpenError::Failed(last))
    }

    fn refuse(&mut self, error: impl Into<OptionError>) {
        self.wrong.get_or_insert(error.into());
    }

    /// Starts the task.
    fn spawn(mut self) -> Result<Primus, OptionError> {
        if let Some(wrong) = self.wrong.take() {
            return Err(wrong);
        }
        let url = Url::parse(&self.url).map_err(|error| OptionError::Url {
            url: self.url.clone(),
            error,
        })?;
        self.options.host = url.authority();
        self.options.target = self.target(&url)?;
        self.try_request()?;
        let connector = self.connector(url)?;
        let runtime = Handle::try_current().map_err(|_| OptionError::Runtime)?;

        let parser = self.options.parser;
        let mailbox = Arc::new(Mailbox::new());
        for (direction, transform) in self.transforms {
            // The task that takes it has not begun.
            let transform = on_values(parser, transform);
            let _ = mailbox.give(Command::Transform(direction, transform));
        }
        let client = Client::new(Arc::new(self.options.clone()), tls::seed()?);
        let task = Task::new(client, &self.options, Arc::clone(&mailbox), connector);
        runtime.spawn(task.run());
        let writer = Writer::new(Arc::clone(&mailbox), parser);
        Ok(Primus::new(writer, Events::new(mailbox)))
    }

    fn target(&self, url: &Url) -> Result<String, OptionError> {
        let fits = |byte: u8| byte.is_ascii_graphic() && !b"?#".contains(&byte);
        if !self.pathname.bytes().all(fits) {
            return Err(OptionError::Pathname(self.pathname.clone()));
        }
        Ok(match url.query.as_str() {
            "" => self.pathname.clone(),
            query => format!("{}?{query}", self.pathname),
        })
    }

    /// Finds out whether host and target make a request, before anything depends on it.
    fn try_request(&self) -> Result<(), OptionError> {
        let server = ClientCommonOptions {
            host: &self.options.host,
            target: &self.options.target,
            message_bytes_max: self.options.message_bytes_max,
        };
        Speech::WebSocket(None).half(&server, 0)?;
        Ok(())
    }

    fn connector(&self, url: Url) -> Result<Connector, OptionError> {
        let tls = match url.is_secure {
            false => None,
            true => {
                let wrong = |_| OptionError::ServerName(url.host.clone());
                let name = ServerName::try_from(url.host.clone()).map_err(wrong)?;
                let config = self.tls.clone().map_or_else(tls::default_config, Ok)?;
                Some((config, name))
            }
        };
        let place = match &self.unix {
            Some(path) => Place::Unix(path.clone()),
            None => Place::Tcp(url.host, url.port),
        };
        Ok(Connector::new(place, tls))
    }
}

impl IntoFuture for Builder {
    type Output = Result<Primus, OpenError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.open())
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("url", &self.url)
            .field("pathname", &self.pathname)
            .field("options", &self.options)
            .field("manual", &self.is_manual)
            .field("unix", &self.unix)
            .finish_non_exhaustive()
    }
}
