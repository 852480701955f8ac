//! The options of a server, checked when it is built.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use allspark_client::library::{Library, LibraryError};
use allspark_engine::io::DriverChoice;
use allspark_engine::limits::TIMEOUT_MS_HIGHEST;
use allspark_engine::{self as engine, KeepHeaders, Options, SendPolicy, ShardFailure, StartError};
use allspark_protocol::http::{Cors, CorsOptions, RequestHead, Response, is_token};
use allspark_protocol::limits::{MESSAGE_BYTES_MAX_DEFAULT, SHARDS_MAX};
use allspark_protocol::parser::ParserKind;
use allspark_protocol::primus::pathname;
use allspark_transformers::{AnyTransformer, CommonOptions, TransformerKind};

use crate::Primus;
use crate::library::ServedLibrary;

/// Why a server can't be built or started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option has a value that means nothing.
    #[error("option `{name}`: {reason}")]
    Option {
        /// Which option.
        name: &'static str,
        /// What is wrong with its value.
        reason: String,
    },
    /// The server can't be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The server ran and has failed.
    #[error(transparent)]
    Failed(#[from] ShardFailure),
    /// The client library can't be saved. What was at that path before is still there.
    #[error("{}: {source}", path.display())]
    Save {
        /// Where it was to be saved.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The options of a server, with Primus's names and defaults.
#[derive(Clone, Debug)]
pub struct Builder {
    options: Options,
    transformer: String,
    transport: Vec<(String, String)>,
    compression: bool,
    cors: CorsOptions,
    parser: String,
    max_length: usize,
    /// Derived from `max_length` unless it is given.
    send_queue_bytes_max: Option<usize>,
    shards: usize,
    driver: DriverChoice,
    /// Only what nothing else here says: the global name and the plugins.
    library: Library,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            options: Options::default(),
            transformer: TransformerKind::WebSockets.name().to_owned(),
            transport: Vec::new(),
            compression: false,
            cors: CorsOptions::default(),
            parser: "json".to_owned(),
            max_length: MESSAGE_BYTES_MAX_DEFAULT,
            send_queue_bytes_max: None,
            shards: 0,
            driver: DriverChoice::Auto,
            library: Library::new(),
        }
    }
}

impl Builder {
    /// The transport: `websockets`, `faye`, `uws`, `engine.io`, `sockjs`, `browserchannel`, or
    /// `any` for all of them on one pathname. In any case. Default `websockets`.
    #[must_use]
    pub fn transformer(mut self, name: impl Into<String>) -> Self {
        self.transformer = name.into();
        self
    }

    /// An option of the transport by its name in Primus, for instance `pingTimeout` of `engine.io`.
    /// Times are in milliseconds unless the transport says otherwise. With `any` it counts for
    /// every transport that has it.
    #[must_use]
    pub fn transport(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.transport.push((name.into(), value.into()));
        self
    }

    /// Whether messages may be compressed for clients that offer it (permessage-deflate, RFC 7692;
    /// `websockets`, `faye` and `uws`). Default false.
    #[must_use]
    pub fn compression(mut self, enabled: bool) -> Self {
        self.compression = enabled;
        self
    }

    /// How messages become values: `json`, or `raw` to pass text and bytes on as they are.
    /// Default `json`.
    #[must_use]
    pub fn parser(mut self, name: impl Into<String>) -> Self {
        self.parser = name.into();
        self
    }

    /// Requests whose path starts with this belong to Primus; a missing leading `/` is added, and
    /// a `/` at the end means nothing. Default `/primus`.
    #[must_use]
    pub fn pathname(mut self, pathname: impl Into<String>) -> Self {
        self.options.pathname = pathname.into();
        self
    }

    /// Milliseconds between two pings of a spark; `None` for no heartbeat. Default 30,000.
    #[must_use]
    pub fn ping_interval_ms(mut self, interval_ms: Option<u64>) -> Self {
        self.options.ping_interval_ms = interval_ms;
        self
    }

    /// Bytes of the longest message that is accepted; a longer one ends its spark, with close code
    /// 1009 where the transport has codes. Default 10 MiB.
    #[must_use]
    pub fn max_length(mut self, bytes: usize) -> Self {
        self.max_length = bytes;
        self
    }

    /// Bytes that may wait to be sent to one spark, and what happens when more would have to wait.
    /// What waits is counted as what it costs in memory; while the kernel takes everything for the
    /// client, twice as much may wait until the end of a turn. Default: two messages of
    /// [`Builder::max_length`] and 1 MiB, at least 4 MiB, and [`SendPolicy::Disconnect`]. Less than
    /// one such message is warned of when the server is built.
    #[must_use]
    pub fn send_queue(mut self, bytes_max: usize, policy: SendPolicy) -> Self {
        self.send_queue_bytes_max = Some(bytes_max);
        self.send_policy(policy)
    }

    /// What happens when more would have to wait for one spark than may.
    #[must_use]
    pub fn send_policy(mut self, policy: SendPolicy) -> Self {
        self.options.send_policy = policy;
        self
    }

    /// Milliseconds that the head of a request may take from its first byte, and that a connection
    /// may take for its first one. Default 30,000. A body may take longer, and so may what is sent,
    /// see [`Builder::min_rate`].
    #[must_use]
    pub fn request_timeout_ms(mut self, timeout_ms: u64) -> Self {
        self.options.request_timeout_ms = timeout_ms;
        self
    }

    /// Milliseconds that a connection may wait between two requests. Default 75,000: longer than
    /// load balancers keep an idle connection (60 s is common), so that they close it and no
    /// request meets the close. Behind one that keeps it for longer, set this higher, too.
    #[must_use]
    pub fn keep_alive_timeout_ms(mut self, timeout_ms: u64) -> Self {
        self.options.keep_alive_timeout_ms = timeout_ms;
        self
    }

    /// Bytes per second, at the least, that a peer must send of a request's body, and take of what
    /// it is sent, on the average of a [`Builder::request_timeout_ms`]; who is slower is given up.
    /// Default 500. With 0 a single byte in that time will do.
    #[must_use]
    pub fn min_rate(mut self, bytes_per_s: u32) -> Self {
        self.options.min_rate_bytes_per_s = bytes_per_s;
        self
    }

    /// Connections of all shards together; a further one is answered with 503 and `Retry-After`,
    /// and closed. Default 1,048,576.
    #[must_use]
    pub fn connections_max(mut self, count: usize) -> Self {
        self.options.connections_max = count;
        self
    }

    /// Sessions of polling transports, of all shards together, that no request waits for at the
    /// moment: those of clients between two polls, and those that nobody polls. Who asks for a
    /// further one gets 503 and `Retry-After`. Default 131,072.
    #[must_use]
    pub fn sessions_max(mut self, count: usize) -> Self {
        self.options.sessions_max = count;
        self
    }

    /// Bytes that all shards together may hold for peers that have not finished what they began.
    /// With more than that new connections and sessions get 503, and whoever wants more although it
    /// has its share is ended. Default: half of what the machine or the control group has.
    #[must_use]
    pub fn memory_max(mut self, bytes: u64) -> Self {
        self.options.memory_bytes_max = Some(bytes);
        self
    }

    /// Which request headers a spark keeps after its `connection` event. Default none.
    #[must_use]
    pub fn keep_headers(mut self, keep: KeepHeaders) -> Self {
        self.options.keep_headers = keep;
        self
    }

    /// What scripts of other origins may do: Primus's `origins`, `methods`, `credentials`,
    /// `maxAge`, `headers` and `exposed`. Default: Primus's, which allow every origin. Once origins
    /// are listed, they are asked of upgrades, too, unless [`CorsOptions::upgrades`] is false.
    #[must_use]
    pub fn cors(mut self, cors: CorsOptions) -> Self {
        self.cors = cors;
        self
    }

    /// The name of the global variable that the client library makes. Default `Primus`.
    #[must_use]
    pub fn global(mut self, name: impl Into<String>) -> Self {
        self.library = self.library.global(name);
        self
    }

    /// Adds the client half of a plugin to the client library: the source of a JavaScript function,
    /// which each client calls when it is made, with itself and its options. Two plugins of one
    /// name are an error, and so is one without name or source, or with a source that can't be a
    /// function: it would make the library useless for everybody.
    #[must_use]
    pub fn client_plugin(mut self, name: impl Into<String>, client: impl Into<String>) -> Self {
        self.library = self.library.client_plugin(name, client);
        self
    }

    /// Adds a plugin's client half together with its `library`: statements that run once, with the
    /// class as `Primus`, for code that the client half needs. Of the two one may be empty. The
    /// plugins of Primus have them in `plugin.client.toString()` and `plugin.library`.
    #[must_use]
    pub fn client_plugin_with_library(
        mut self,
        name: impl Into<String>,
        client: impl Into<String>,
        library: impl Into<String>,
    ) -> Self {
        self.library = self.library.plugin(name, client, library);
        self
    }

    /// Answers requests that are not for Primus. Default: 404.
    #[must_use]
    pub fn fallback(
        mut self,
        answer: impl Fn(&RequestHead<'_>) -> Response + Send + Sync + 'static,
    ) -> Self {
        self.options.fallback = Some(Arc::new(answer));
        self
    }

    /// Has the allocator give freed memory back to the system. Each shard calls it on its own
    /// thread some seconds after it has worked, with `true` if it holds much less than before.
    /// Allocators that give back lazily do so when they are called for something else, which a
    /// shard that sleeps never does. Default: nothing; the `allspark` server tells mimalloc.
    #[must_use]
    pub fn give_back(mut self, give_back: fn(bool)) -> Self {
        self.options.give_back = Some(give_back);
        self
    }

    /// How many shards, each a thread on a CPU of its own as far as there are enough. Default 0:
    /// one per CPU that the process may use.
    #[must_use]
    pub fn shards(mut self, count: usize) -> Self {
        self.shards = count;
        self
    }

    /// Which driver. Default: `io_uring`, or `epoll` where that can't be used.
    #[must_use]
    pub fn driver(mut self, choice: DriverChoice) -> Self {
        self.driver = choice;
        self
    }

    fn send_queue_bytes(&self) -> usize {
        let derived = engine::send_queue_bytes_for(self.max_length);
        self.send_queue_bytes_max.unwrap_or(derived)
    }

    /// What two options say that does not go together.
    fn contradiction(&self) -> Option<String> {
        let (queue, message) = (self.send_queue_bytes(), self.max_length);
        (queue < message).then(|| {
            format!(
                "a send queue of {queue} bytes holds no message of {message} bytes (max_length) \
                 beside anything else: clients that get such messages will count as too slow"
            )
        })
    }

    /// Checks the options.
    pub fn build(self) -> Result<Primus, Error> {
        let wrong = |name, reason: String| Error::Option { name, reason };
        if let Some(contradiction) = self.contradiction() {
            tracing::warn!("{contradiction}");
        }
        let send_queue_bytes_max = self.send_queue_bytes();
        let kind: TransformerKind = self
            .transformer
            .parse()
            .map_err(|e| wrong("transformer", format!("{e}")))?;
        let mut options = self.options;
        options.send_queue_bytes_max = send_queue_bytes_max;
        options.pathname =
            pathname(&options.pathname).map_err(|error| wrong("pathname", error.to_string()))?;
        options.parser = ParserKind::from_name(&self.parser)
            .map_err(|error| wrong("parser", error.to_string()))?;
        if options.ping_interval_ms == Some(0) {
            return Err(wrong(
                "ping_interval_ms",
                "must be at least 1 ms".to_owned(),
            ));
        }
        for (name, timeout_ms) in [
            ("request_timeout_ms", options.request_timeout_ms),
            ("keep_alive_timeout_ms", options.keep_alive_timeout_ms),
        ] {
            if !(1..=TIMEOUT_MS_HIGHEST).contains(&timeout_ms) {
                return Err(wrong(name, "must be from 1 ms to a day".to_owned()));
            }
        }
        if self.max_length == 0 {
            return Err(wrong("max_length", "must be at least 1 byte".to_owned()));
        }
        if options.connections_max == 0 {
            return Err(wrong("connections_max", "must be at least 1".to_owned()));
        }
        if self.shards > SHARDS_MAX {
            return Err(wrong("shards", format!("must be at most {SHARDS_MAX}")));
        }
        check_names(&options.keep_headers).map_err(|reason| wrong("keep_headers", reason))?;
        options.cors = Cors::new(&self.cors).map_err(|error| wrong("cors", error.to_string()))?;
        let common = CommonOptions {
            pathname: options.pathname.clone(),
            message_bytes_max: self.max_length,
            compression: self.compression,
            seed: engine::random(),
        };
        let transformer = AnyTransformer::new(kind, &common, &self.transport)
            .map_err(|error| wrong("transport", error.to_string()))?;
        let library = self
            .library
            .transformer(kind)
            .parser(options.parser)
            .pathname(&options.pathname)
            .ping_interval_ms(options.ping_interval_ms);
        let library = ServedLibrary::new(library, &options.pathname)
            .map_err(|error| wrong(option_of(&error), error.to_string()))?;
        options.files = library.files();
        #[cfg(feature = "client")]
        let socket = crate::Socket {
            transformer: kind,
            parser: options.parser,
            pathname: options.pathname.clone(),
            ping_interval_ms: options.ping_interval_ms,
        };
        Ok(Primus {
            engine: engine::Primus::new(options, transformer, self.shards, self.driver),
            library,
            #[cfg(feature = "client")]
            socket,
        })
    }
}

/// No request has a header with another name than a token.
fn check_names(keep: &KeepHeaders) -> Result<(), String> {
    let KeepHeaders::Named(names) = keep else {
        return Ok(());
    };
    match names.iter().find(|name| !is_token(name.as_bytes())) {
        Some(wrong) => Err(format!("{wrong:?} is no header's name")),
        None => Ok(()),
    }
}

/// The option that a library can't be made with.
fn option_of(error: &LibraryError) -> &'static str {
    match error {
        LibraryError::Global(_) => "global",
        _ => "client_plugin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_send_queue_follows_the_longest_message() {
        let bytes = |builder: &Builder| (builder.send_queue_bytes(), builder.contradiction());
        let (mib, policy) = (1024 * 1024, SendPolicy::DropOldest);
        assert_eq!(bytes(&Builder::default()), (21 * mib, None));
        let long = Builder::default().max_length(100 * mib).send_policy(policy);
        assert_eq!(bytes(&long), (201 * mib, None));
        assert_eq!(bytes(&Builder::default().max_length(9)), (4 * mib, None));
        let given = Builder::default().send_queue(10 * mib, policy);
        assert_eq!(bytes(&given), (10 * mib, None));
    }

    #[test]
    fn a_send_queue_that_holds_no_message_is_a_contradiction() {
        let builder = Builder::default().send_queue(4 << 20, SendPolicy::Disconnect);
        let sentence = builder.contradiction().unwrap();
        assert!(
            sentence.contains("4194304") && sentence.contains("10485760"),
            "{sentence}"
        );
        assert_eq!(builder.max_length(4 << 20).contradiction(), None);
    }

    #[test]
    fn an_option_that_means_nothing_is_refused_with_a_sentence() {
        let cors = |change: fn(&mut CorsOptions)| {
            let mut cors = CorsOptions::default();
            change(&mut cors);
            Primus::builder().cors(cors)
        };
        for (builder, expected) in [
            (
                cors(|cors| cors.origins = "http://a.example/".into()),
                "option `cors`: origins: \"http://a.example/\" goes on behind its host: write \
                 http://a.example",
            ),
            (
                cors(|cors| cors.methods = "GET;POST".into()),
                "option `cors`: methods: \"GET;POST\" is no method: write them as in GET,POST",
            ),
            (
                Primus::builder().keep_headers(KeepHeaders::Named(vec!["X-A, X-B".into()])),
                "option `keep_headers`: \"X-A, X-B\" is no header's name",
            ),
            (
                Primus::builder().pathname("//x"),
                "option `pathname`: browsers take what follows the // of \"//x\" for a host: write \
                 one slash",
            ),
            (
                Primus::builder().pathname("/"),
                "option `pathname`: with \"/\" every path belongs to Primus: write a path such as \
                 /primus",
            ),
        ] {
            assert_eq!(builder.build().unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_pathname_is_the_same_with_and_without_its_slashes() {
        for pathname in ["chat", "/chat", "chat/", "/chat/"] {
            let primus = Primus::builder().pathname(pathname).build().unwrap();
            assert!(primus.library_path().starts_with("/chat/primus.js?"));
        }
    }
}
