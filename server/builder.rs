//! Builds a server: options one by one, checked together.

mod cors;
mod limits;
mod observed;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use allspark_client::library::{Library, LibraryError};
use allspark_engine::io::DriverChoice;
use allspark_engine::{
    self as engine, IdRequest, KeepHeaders, LayerRequest, Plugin, PluginError, Routes, SendPolicy,
    Verdict,
};
use allspark_protocol::http::{RequestHead, Response, is_token};
use allspark_protocol::parser::{Custom, CustomParser, Parser, ParserKind};
use allspark_protocol::primus::PingInterval;

use crate::error::{Error, OptionError};
use crate::library::{ServedLibrary, with_client};
use crate::options::Options;
use crate::primus::Primus;
use crate::room_bounds::RoomBounds;

/// What is asked whether a request may go on.
#[derive(Clone)]
struct Authorization(Arc<dyn Fn(&mut LayerRequest<'_>) -> Verdict + Send + Sync>);

impl std::fmt::Debug for Authorization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authorization").finish_non_exhaustive()
    }
}

/// What makes ids of requests.
#[derive(Clone)]
struct IdGenerator(Arc<dyn Fn(&IdRequest<'_>) -> String + Send + Sync>);

impl std::fmt::Debug for IdGenerator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdGenerator").finish_non_exhaustive()
    }
}

/// The options of a server, with Primus's names and defaults. [`Builder::build`] says what is wrong
/// with one of them.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    options: Options,
    /// What is wrong with options, each by its name.
    wrong: Vec<(&'static str, OptionError)>,
    /// Only what nothing else here says: what is done with headers, other requests and memory.
    pub(crate) engine: engine::Options,
    authorization: Option<Authorization>,
    may_refuse: bool,
    id_generator: Option<IdGenerator>,
    /// Only what nothing else here says: the client halves of plugins.
    library: Library,
    plugins: Plugins,
}

/// Plugins, in the order in which they are added.
#[derive(Clone, Default)]
struct Plugins(Vec<Arc<dyn Plugin>>);

impl std::fmt::Debug for Plugins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.0.iter().map(|plugin| plugin.name());
        f.debug_list().entries(names).finish()
    }
}

impl From<Options> for Builder {
    /// A server with these options, which can still be told more.
    fn from(options: Options) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }
}

impl Plugins {
    /// The client library with their client halves.
    fn clients(&self, mut library: Library) -> Result<Library, PluginError> {
        for (place, plugin) in self.0.iter().enumerate() {
            let is_same = |other: &Arc<dyn Plugin>| other.name() == plugin.name();
            if self.0[..place].iter().any(is_same) {
                return Err(PluginError::Duplicate(plugin.name().to_owned()));
            }
            library = with_client(library, &**plugin);
        }
        Ok(library)
    }
}

impl Builder {
    /// The transport: `websockets`, `faye`, `uws`, `engine.io`, `sockjs`, `browserchannel`, or
    /// `any` for all of them on one pathname. In any case. Default `websockets`.
    #[must_use]
    pub fn transformer(self, name: impl AsRef<str>) -> Self {
        let kind = name.as_ref().parse();
        self.set("transformer", kind, |o| &mut o.transformer)
    }

    /// An option of the transport by its name in Primus, for instance `pingTimeout` of `engine.io`.
    /// Times are in milliseconds unless the transport says otherwise. With `any` it counts for
    /// every transport that has it.
    #[must_use]
    pub fn transport(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.transport.push(name, value);
        self
    }

    /// Whether messages may be compressed for clients that offer it (permessage-deflate, RFC 7692;
    /// `websockets`, `faye` and `uws`). Default false.
    #[must_use]
    pub fn compression(mut self, enabled: bool) -> Self {
        self.options.compression = enabled;
        self
    }

    /// Whether a WebSocket may be asked for over HTTP/1.0. Proxies do so that were not told
    /// otherwise (nginx: `proxy_http_version 1.1`), and such a site works, so the default is true,
    /// as in Primus. RFC 6455, 4.1 wants HTTP/1.1: with false such a request gets 400.
    #[must_use]
    pub fn http10_upgrades(mut self, allowed: bool) -> Self {
        self.options.http10_upgrades = allowed;
        self
    }

    /// How messages become values: `json`; `ejson`, `msgpack` or `binary` with the bytes of the npm
    /// packages that Primus drives (ejson, primus-msgpack, binary-pack); or `raw` to pass text and
    /// bytes on as they are. In any case. Default `json`. The messages of `msgpack` and `binary`
    /// are bytes, which the transformer `sockjs` can't carry.
    #[must_use]
    pub fn parser(self, name: impl AsRef<str>) -> Self {
        let parser = name.as_ref().parse();
        self.set("parser", parser, |o| &mut o.parser)
    }

    /// A parser of the application: how messages become values here, and the sources of the two
    /// functions that do the same in its clients in JavaScript, which the client library then has.
    /// It lives as long as the program; one without state does by itself.
    ///
    /// ```
    /// use allspark::parser::{Json, Parser, Scratch};
    /// use allspark::{
    ///     ClientHalf, CustomParser, DecodeError, EncodeError, Kind, ParseError, Primus, Value,
    /// };
    ///
    /// /// JSON behind a letter.
    /// struct Lettered;
    ///
    /// impl CustomParser for Lettered {
    ///     fn name(&self) -> &'static str {
    ///         "lettered"
    ///     }
    ///
    ///     fn encode(&self, value: &Value, out: &mut Vec<u8>) -> Result<Kind, EncodeError> {
    ///         out.push(b'v');
    ///         Json.encode_value(value, out)
    ///     }
    ///
    ///     fn decode(&self, kind: Kind, message: &[u8]) -> Result<Value, DecodeError> {
    ///         let what = "no letter";
    ///         let json = message.strip_prefix(b"v").ok_or(ParseError::Refused { what })?;
    ///         Json.decode(kind, json, &mut Scratch::default())
    ///     }
    ///
    ///     fn client_half(&self) -> ClientHalf {
    ///         ClientHalf {
    ///             encoder: "(value, done) => done(null, 'v' + JSON.stringify(value))".into(),
    ///             decoder: "(packet, done) => done(null, JSON.parse(packet.slice(1)))".into(),
    ///             library: "".into(),
    ///         }
    ///     }
    /// }
    ///
    /// let primus = Primus::builder().custom_parser(&Lettered).build()?;
    /// assert!(primus.library().contains("'v' + JSON.stringify"));
    /// # Ok::<(), allspark::Error>(())
    /// ```
    #[doc(alias = "parser")]
    #[must_use]
    pub fn custom_parser(self, parser: &'static dyn CustomParser) -> Self {
        let custom = Custom::new(parser);
        let checked = match custom.carries_control() {
            true => Ok(ParserKind::Custom(custom)),
            false => Err(OptionError::NoControl {
                parser: custom.name(),
            }),
        };
        self.set("parser", checked, |o| &mut o.parser)
    }

    /// Requests whose path starts with this belong to Primus; a missing leading `/` is added, and
    /// a `/` at the end means nothing. Default `/primus`.
    #[must_use]
    pub fn pathname(self, pathname: impl AsRef<str>) -> Self {
        let pathname = pathname.as_ref().parse();
        self.set("pathname", pathname, |o| &mut o.pathname)
    }

    /// Milliseconds between two pings of a spark, from 1 to a day; `None` for no heartbeat. Default
    /// 30,000.
    #[doc(alias = "pingInterval")]
    #[must_use]
    pub fn ping_interval_ms(self, interval_ms: Option<u64>) -> Self {
        let interval = PingInterval::try_from(interval_ms);
        self.set("ping_interval_ms", interval, |o| &mut o.ping_interval)
    }

    /// Bytes of the longest message that is accepted; a longer one ends its spark, with close code
    /// 1009 where the transport has codes. From 1 to 512 MiB; default 10 MiB.
    #[doc(alias = "maxLength")]
    #[must_use]
    pub fn max_length(self, bytes: usize) -> Self {
        self.set("max_length", bytes.try_into(), |o| &mut o.limits.max_length)
    }

    /// Bytes that may wait to be sent to one spark, and what happens when more would have to wait.
    /// What waits is counted as what it costs in memory; while the kernel takes everything for the
    /// client, twice as much may wait until the end of a turn. Default: two messages of
    /// [`Builder::max_length`] and 1 MiB, at least 4 MiB, and [`SendPolicy::Disconnect`]. Less than
    /// one such message is warned of when the server is built, and 0 is refused.
    #[must_use]
    pub fn send_queue(self, bytes_max: usize, policy: SendPolicy) -> Self {
        let limit = bytes_max.try_into().map(Some);
        let queue = self.set("send_queue", limit, |o| &mut o.limits.send_queue);
        queue.send_policy(policy)
    }

    /// What happens when more would have to wait for one spark than may.
    #[must_use]
    pub fn send_policy(mut self, policy: SendPolicy) -> Self {
        self.options.limits.send_policy = policy;
        self
    }

    /// Milliseconds that the head of a request may take from its first byte, and that a connection
    /// may take for its first one. From 1 to a day; default 30,000. A body may take longer, and so
    /// may what is sent, see [`Builder::min_rate`].
    #[must_use]
    pub fn request_timeout_ms(self, timeout_ms: u64) -> Self {
        let limit = timeout_ms.try_into();
        self.set("request_timeout_ms", limit, |o| {
            &mut o.limits.request_timeout
        })
    }

    /// Milliseconds that a connection may wait between two requests. From 1 to a day; default
    /// 75,000: longer than load balancers keep an idle connection (60 s is common), so that they
    /// close it and no request meets the close. Behind one that keeps it for longer, set this
    /// higher, too.
    #[must_use]
    pub fn keep_alive_timeout_ms(self, timeout_ms: u64) -> Self {
        let limit = timeout_ms.try_into();
        self.set("keep_alive_timeout_ms", limit, |o| {
            &mut o.limits.keep_alive_timeout
        })
    }

    /// Bytes per second, at the least, that a peer must send of a request's body, and take of what
    /// it is sent, on the average of a [`Builder::request_timeout_ms`]; who is slower is given up.
    /// At most 1 MiB; default 500. With 0 a single byte in that time will do.
    #[must_use]
    pub fn min_rate(self, bytes_per_s: u32) -> Self {
        let limit = u64::from(bytes_per_s).try_into();
        self.set("min_rate", limit, |o| &mut o.limits.min_rate)
    }

    /// Connections of all shards together; a further one is answered with 503 and `Retry-After`,
    /// and closed. At least 1; default 1,048,576.
    #[must_use]
    pub fn connections_max(self, count: usize) -> Self {
        let limit = count.try_into();
        self.set("connections_max", limit, |o| &mut o.limits.connections_max)
    }

    /// Sessions of polling transports, of all shards together, that no request waits for at the
    /// moment: those of clients between two polls, and those that nobody polls. Who asks for a
    /// further one gets 503 and `Retry-After`. Default 131,072.
    #[must_use]
    pub fn sessions_max(self, count: usize) -> Self {
        let limit = count.try_into();
        self.set("sessions_max", limit, |o| &mut o.limits.sessions_max)
    }

    /// Bytes that all shards together may hold for peers that have not finished what they began.
    /// With more than that new connections and sessions get 503, and whoever wants more although it
    /// has its share is ended. At least 1; default: half of what the machine or the control group
    /// has.
    #[must_use]
    pub fn memory_max(self, bytes: u64) -> Self {
        let limit = bytes.try_into().map(Some);
        self.set("memory_max", limit, |o| &mut o.limits.memory_max)
    }

    /// Which request headers a spark keeps after its `connection` event. Default none.
    #[must_use]
    pub fn keep_headers(mut self, keep: KeepHeaders) -> Self {
        self.engine.keep_headers = keep;
        self
    }

    /// Networks and addresses of the proxies whose word counts about whom a request comes from,
    /// separated by commas: `10.0.0.0/8, ::1`. Default none: then a request comes from the peer of
    /// its connection. Primus believes the header of everybody.
    ///
    /// The client is the first address from the right that is no trusted proxy, in
    /// [`Builder::forwarded_header`]. It is that of the spark
    /// ([`Spark::address`](crate::Spark::address)), of layers and routes, and in the log. Its port
    /// is 0 unless the proxy names it.
    #[must_use]
    pub fn trusted_proxies(self, networks: impl AsRef<str>) -> Self {
        let networks = networks.as_ref().parse();
        self.set("trusted_proxies", networks, |o| &mut o.trusted_proxies)
    }

    /// The header in which trusted proxies say whom a request comes from: `x-forwarded-for`, or
    /// `forwarded` (RFC 7239). In any case; default `x-forwarded-for`. The other one is not looked
    /// at, as a proxy that does not write it passes on what a stranger has written.
    #[must_use]
    pub fn forwarded_header(self, name: impl AsRef<str>) -> Self {
        let header = name.as_ref().parse();
        self.set("forwarded_header", header, |o| &mut o.forwarded_header)
    }

    /// Asks this function about every request and upgrade for Primus, as Primus's option of this
    /// name. It runs on the shard of the request and must not block: what takes long is decided
    /// later, from any thread, with [`LayerRequest::later`]. Default: everybody is let in.
    ///
    /// Who is refused gets 401, or the status of the error, with `{"error":message}`, and with 401
    /// the `WWW-Authenticate` of the error, if it has one. Of a session that polls every request is
    /// asked, not only the one that opens it. `/spec` and the client library come before it. What
    /// is attached to a request is its spark's ([`Spark::attached`](crate::Spark::attached)).
    ///
    /// ```
    /// use allspark::{LayerError, Primus, Verdict};
    ///
    /// # fn known(_: &str) -> bool { true }
    /// // At once:
    /// let primus = Primus::builder().authorization(|request| {
    ///     match request.head().query().get("token") {
    ///         Some(token) if known(&token) => Ok(()),
    ///         _ => Err(LayerError::new("who are you?").authenticate("Bearer")),
    ///     }
    /// });
    /// // Later, by a thread or a future:
    /// let primus = Primus::builder().authorization(|request| {
    ///     let token = request.head().query().get("token").map(String::from);
    ///     let mut ticket = request.later();
    ///     std::thread::spawn(move || match token {
    ///         Some(token) if known(&token) => {
    ///             ticket.attach(token);
    ///             ticket.next();
    ///         }
    ///         _ => ticket.fail("who are you?"),
    ///     });
    ///     Verdict::Later
    /// });
    /// ```
    #[must_use]
    pub fn authorization<V: Into<Verdict>>(
        mut self,
        authorization: impl Fn(&mut LayerRequest<'_>) -> V + Send + Sync + 'static,
    ) -> Self {
        let ask = move |request: &mut LayerRequest<'_>| authorization(request).into();
        self.authorization = Some(Authorization(Arc::new(ask)));
        self
    }

    /// As [`Builder::authorization`], but `async`: what the function returns is run by the shard of
    /// the request, and decides when it is done. To attach something to the request, take a ticket:
    /// [`LayerRequest::spawn`].
    ///
    /// ```
    /// use allspark::{LayerError, Primus};
    ///
    /// # async fn is_known(_: Option<String>) -> bool { true }
    /// let primus = Primus::builder().authorization_async(|request| {
    ///     let token = request.head().query().get("token").map(String::from);
    ///     async move {
    ///         match is_known(token).await {
    ///             true => Ok(()),
    ///             false => Err(LayerError::new("who are you?").authenticate("Bearer")),
    ///         }
    ///     }
    /// });
    /// ```
    #[must_use]
    pub fn authorization_async<F>(
        self,
        authorization: impl Fn(&mut LayerRequest<'_>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output: Into<Verdict>> + 'static,
    {
        self.authorization(move |request| {
            let future = authorization(request);
            request.decide_by(future)
        })
    }

    /// Has tokens, JWTs, session cookies or a URL decide who may connect, instead of a function;
    /// both is an error. [`Authorized::auth`](crate::auth::Authorized::auth) is who a spark is.
    /// Files are read when the server is built and whenever they change. Default: nothing, so that
    /// everybody may connect.
    ///
    /// ```no_run
    /// use allspark::auth::AuthorizationOptions;
    ///
    /// let primus = allspark::Primus::builder().authorization_by(AuthorizationOptions {
    ///     jwks_file: Some("/etc/allspark/jwks.json".into()),
    ///     jwt_audience: vec!["chat".to_owned()],
    ///     ..AuthorizationOptions::default()
    /// });
    /// ```
    #[cfg(feature = "auth")]
    #[must_use]
    pub fn authorization_by(mut self, options: crate::auth::AuthorizationOptions) -> Self {
        self.options.authorization = options;
        self
    }

    /// Has listeners speak TLS that do not say otherwise, as Primus's `createServer` does when it
    /// gets a key and a certificate. Files are read when the server is built and whenever they
    /// change. Default: none.
    ///
    /// ```no_run
    /// use allspark::tls::TlsOptions;
    ///
    /// let primus = allspark::Primus::builder().tls(TlsOptions {
    ///     cert: Some("/etc/allspark/fullchain.pem".into()),
    ///     key: Some("/etc/allspark/privkey.pem".into()),
    ///     ..TlsOptions::default()
    /// });
    /// ```
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, options: crate::tls::TlsOptions) -> Self {
        self.options.tls = options;
        self
    }

    /// Gives each spark an id that this function makes of the request which opened it, Primus's
    /// `idGenerator`. It has to be unlike all others, and has from 1 to 128 bytes. It is what
    /// [`Spark::given_id`](crate::Spark::given_id) says, what a client is told that asks for its
    /// id, and by which [`Primus::find_given`] finds the spark. Default: sparks have no such id.
    /// The spark's own id ([`Spark::id`](crate::Spark::id)) stays what it is: it says where it is.
    /// The function must not block. Who has to ask somebody for the id does so in an `async` layer,
    /// and attaches the answer to the request: [`IdRequest::attached`].
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// let count = AtomicU64::new(0);
    /// let primus = allspark::Primus::builder()
    ///     .id_generator(move |_| format!("client-{}", count.fetch_add(1, Ordering::Relaxed)));
    /// ```
    #[doc(alias = "idGenerator")]
    #[must_use]
    pub fn id_generator(
        mut self,
        generate: impl Fn(&IdRequest<'_>) -> String + Send + Sync + 'static,
    ) -> Self {
        self.id_generator = Some(IdGenerator(Arc::new(generate)));
        self
    }

    /// The name of the global variable that the client library makes. Default `Primus`.
    #[must_use]
    pub fn global(self, name: impl AsRef<str>) -> Self {
        let global = name.as_ref().parse();
        self.set("global", global, |o| &mut o.global)
    }

    /// Adds a plugin: its server half to the server, its client half to the client library. Plugins
    /// are set up in the order in which they are added, when the server is built. Two of one name
    /// are an error. `docs/PLUGINS.md` says which there are and how to write one.
    ///
    ///
    #[must_use]
    pub fn plugin(self, plugin: impl Plugin) -> Self {
        self.plugin_boxed(Box::new(plugin))
    }

    /// The same for a plugin whose type is not known, for instance one that was chosen by its name.
    #[must_use]
    pub fn plugin_boxed(mut self, plugin: Box<dyn Plugin>) -> Self {
        self.plugins.0.push(plugin.into());
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

    /// Where requests go that are not for Primus: a page, a health check, an upload. Answers may
    /// come later, from any thread, and a long body part by part ([`Reply::Stream`](crate::Reply)).
    /// Default: no routes.
    ///
    /// ```
    /// use allspark::{Primus, Reply, Response, Routes};
    ///
    /// let mut routes = Routes::new();
    /// routes.add("GET", "/health", |_| Response::text(200, "ok\n").into())?;
    /// routes.add("GET", "/users/{id}", |request| {
    ///     let (ticket, id) = (request.later(), request.param("id").map(str::to_owned));
    ///     std::thread::spawn(move || {
    ///         let found = format!("{id:?}"); // A database, another service, ...
    ///         ticket.respond(Response::text(200, &found));
    ///     });
    ///     Reply::Later
    /// })?;
    /// let primus = Primus::builder().routes(routes).build();
    /// # Ok::<(), allspark::RouteError>(())
    /// ```
    #[must_use]
    pub fn routes(mut self, routes: Routes) -> Self {
        self.engine.routes = Arc::new(routes);
        self
    }

    /// What listeners serve that are [internal](crate::Place::internal), and no others do: metrics,
    /// health, administration. Default: no routes.
    #[must_use]
    pub fn internal_routes(mut self, routes: Routes) -> Self {
        self.engine.internal_routes = Arc::new(routes);
        self
    }

    /// Whether copies of the listening sockets are kept for a process that may take them over:
    /// [`Server::take_listeners`](crate::Server::take_listeners) here, and
    /// [`Place::taken`](crate::Place::taken) there. Default false.
    #[must_use]
    pub fn keeps_listeners(mut self, keeps: bool) -> Self {
        self.engine.keeps_listeners = keeps;
        self
    }

    /// Answers requests that are neither for Primus nor for a route. Default: 404.
    #[must_use]
    pub fn fallback(
        mut self,
        answer: impl Fn(&RequestHead<'_>) -> Response + Send + Sync + 'static,
    ) -> Self {
        self.engine.fallback = Some(Arc::new(answer));
        self
    }

    /// Has the allocator give freed memory back to the system. Each shard calls it on its own
    /// thread some seconds after it has worked, with `true` if it holds much less than before, or
    /// has nothing else to do: a shard that sleeps never calls its allocator. Default: nothing; the
    /// `allspark` server tells mimalloc.
    #[must_use]
    pub fn give_back(mut self, give_back: fn(bool)) -> Self {
        self.engine.give_back = Some(give_back);
        self
    }

    /// How many shards, each a thread on a CPU of its own as far as there are enough. At most
    /// 1,024; default 0: one per CPU that the process may use.
    #[must_use]
    pub fn shards(self, count: usize) -> Self {
        let count = match count {
            0 => Ok(None),
            count => count.try_into().map(Some),
        };
        self.set("shards", count, |o| &mut o.shards)
    }

    /// Which driver. Default: `io_uring`, or `epoll` where that can't be used.
    #[must_use]
    pub fn driver(mut self, choice: DriverChoice) -> Self {
        self.options.driver = choice;
        self
    }

    /// Takes over an option, or what is wrong with it.
    pub(crate) fn set<T, E: Into<OptionError>>(
        mut self,
        name: &'static str,
        value: Result<T, E>,
        field: impl FnOnce(&mut Options) -> &mut T,
    ) -> Self {
        self.wrong.retain(|(wrong, _)| *wrong != name);
        match value {
            Ok(value) => *field(&mut self.options) = value,
            Err(error) => self.wrong.push((name, error.into())),
        }
        self
    }

    /// Checks the options.
    ///
    /// # Errors
    /// [`Error::Option`], with the first option that means nothing.
    pub fn build(self) -> Result<Primus, Error> {
        let options = self.options;
        if let Some((name, error)) = self.wrong.into_iter().next() {
            return Err(Error::of(name)(error));
        }
        if let Some(contradiction) = options.limits.contradiction() {
            tracing::warn!("{contradiction}");
        }
        check_names(&self.engine.keep_headers).map_err(Error::of("keep_headers"))?;
        let transformer = options.build_transformer(engine::random())?;
        let asks = self.may_refuse || self.authorization.is_some() || options.has_authorization();
        let library = options.library(self.library).authorization(asks);
        let library = ServedLibrary::new(self.plugins.clients(library)?, &options.pathname);
        let library = library.map_err(|error| match error {
            LibraryError::ParserCode { .. } => Error::of("parser")(error),
            _ => Error::of("client_plugin")(error),
        })?;
        #[cfg_attr(
            not(feature = "plugins"),
            expect(unused_mut, reason = "no plugin changes it")
        )]
        let mut engine = options.for_engine(engine::Options {
            files: library.files(),
            ..self.engine
        });
        let mut room_bounds = RoomBounds::default();
        #[cfg(feature = "plugins")]
        for plugin in &self.plugins.0 {
            let bounds = crate::rooms_plugin::prepare(&**plugin, &mut engine, &options);
            room_bounds = bounds.unwrap_or(room_bounds);
        }
        let primus = Primus {
            engine: engine::Primus::new(engine, transformer, options.shards, options.driver),
            library,
            asks: AtomicBool::new(asks),
            options,
            room_bounds,
            #[cfg(feature = "auth")]
            keys: None,
            #[cfg(feature = "tls")]
            tls: None,
        };
        #[cfg(feature = "auth")]
        let primus = primus.with_keys(self.authorization.is_some())?;
        #[cfg(feature = "tls")]
        let primus = primus.with_tls()?;
        if let Some(IdGenerator(generate)) = self.id_generator {
            primus.engine.id_generator(move |request| generate(request));
        }
        if let Some(Authorization(ask)) = self.authorization {
            primus.authorize(move |request| ask(request));
        }
        for plugin in self.plugins.0 {
            primus.engine.plugin(plugin)?;
        }
        primus.tell_library();
        Ok(primus)
    }
}

impl Primus {
    /// Options of a server, with Primus's names and defaults.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

/// No request has a header with another name than a token.
fn check_names(keep: &KeepHeaders) -> Result<(), OptionError> {
    let KeepHeaders::Named(names) = keep else {
        return Ok(());
    };
    match names.iter().find(|name| !is_token(name.as_bytes())) {
        Some(wrong) => Err(OptionError::HeaderName(wrong.clone())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
