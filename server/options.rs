//! The options of a server, each of a type that can't be wrong, whoever says them: an application,
//! a file, the environment or the command line.

use std::fmt;
use std::str::FromStr;

use allspark_client::library::{Library, LibraryError};
use allspark_engine::io::DriverChoice;
use allspark_engine::limits::{
    CONNECTIONS_MAX_DEFAULT, CONNECTIONS_PER_ADDRESS_DEFAULT, HANDSHAKES_MAX_DEFAULT,
    KEEP_ALIVE_TIMEOUT_MS_DEFAULT, MIN_RATE_BYTES_PER_S_DEFAULT, RATE_BURST_MS_DEFAULT,
    REQUEST_TIMEOUT_MS_DEFAULT, REQUESTS_MAX_DEFAULT, ROOM_NAME_BYTES_MAX_DEFAULT,
    ROOMS_PER_SPARK_MAX_DEFAULT, SESSIONS_MAX_DEFAULT,
};
use allspark_engine::{self as engine, AcceptPolicy, RatePolicy, SendPolicy};
pub use allspark_engine::{
    BurstMs, Count, CountAtLeastOne, HeadMax, MinRate, PerAddress, PerSecond, ShardCount, TimeoutMs,
};
use allspark_protocol::http::{Cors, ForwardedHeader, NetworkError, TrustedProxies};
use allspark_protocol::limits::{HTTP_HEAD_BYTES_MAX, MESSAGE_BYTES_MAX_DEFAULT};
pub use allspark_protocol::options::MaxLength;
use allspark_protocol::options::{self, Bounded};
use allspark_protocol::parser::{Parser, ParserKind};
use allspark_protocol::primus::{Pathname, PingInterval};
use allspark_protocol::transformer::Kind;
use allspark_transformers::{AnyTransformer, CommonOptions, TransformerKind};
use serde::{Deserialize, Deserializer};

use crate::error::{Error, OptionError};
use crate::transport::TransportOptions;

/// The options of a server, with Primus's names and defaults. Serde reads them by the names of the
/// command line (`ping-interval`), from text, numbers or truth values.
///
/// ```
/// let options: allspark::Options = serde_json::from_str(
///     r#"{ "pathname": "/chat", "ping-interval": "off", "limits": { "max-length": 65536 } }"#,
/// )?;
/// let primus = allspark::Builder::from(options).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Options {
    /// Requests whose path starts with this belong to Primus. Default `/primus`.
    pub pathname: Pathname,
    /// The transport. Default `websockets`.
    #[serde(deserialize_with = "options::deserialize")]
    pub transformer: TransformerKind,
    /// Options of the transport. Default none.
    pub transport: TransportOptions,
    /// How messages become values. Default `json`.
    #[serde(deserialize_with = "options::deserialize")]
    pub parser: ParserKind,
    /// The global variable that the client library makes. Default `Primus`.
    pub global: GlobalName,
    /// Milliseconds between two pings of a spark, or off. Default 30,000.
    pub ping_interval: PingInterval,
    /// Whether messages may be compressed. Default false.
    #[serde(deserialize_with = "options::deserialize_switch")]
    pub compression: bool,
    /// Whether a WebSocket may be asked for over HTTP/1.0, as an nginx does that was not told
    /// `proxy_http_version 1.1`. Default true.
    #[serde(deserialize_with = "options::deserialize_switch")]
    pub http10_upgrades: bool,
    /// What scripts of other origins may do. Default: Primus's, which allow every origin.
    pub cors: Cors,
    /// Networks of the proxies whose word counts about whom a request comes from. Default none.
    pub trusted_proxies: TrustedProxies,
    /// The header in which they say that. Default `x-forwarded-for`.
    #[serde(deserialize_with = "options::deserialize")]
    pub forwarded_header: ForwardedHeader,
    /// Who may connect. Default: everybody.
    #[cfg(feature = "auth")]
    pub authorization: crate::auth::AuthorizationOptions,
    /// TLS. Default: none.
    #[cfg(feature = "tls")]
    pub tls: crate::tls::TlsOptions,
    /// What a peer may cost.
    pub limits: Limits,
    /// Shards, each with its own thread. Default: one for each CPU that the process may use.
    pub shards: Option<ShardCount>,
    /// How the kernel is spoken to. Default [`DriverChoice::Auto`].
    #[serde(deserialize_with = "options::deserialize")]
    pub driver: DriverChoice,
}

/// What a peer may cost, in bytes, in time, and in number.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Bytes of one message; a longer one ends its spark. Default 10 MiB.
    pub max_length: MaxLength,
    /// Bytes that may wait to be sent to one spark. Default: what two of the longest messages need,
    /// see [`Limits::send_queue_bytes`].
    pub send_queue: Option<CountAtLeastOne>,
    /// What happens when they become more. Default [`SendPolicy::Disconnect`].
    #[serde(deserialize_with = "options::deserialize")]
    pub send_policy: SendPolicy,
    /// Milliseconds that the head of a request may take, and in which a body, and what is sent,
    /// must move by the least rate. Default 30,000.
    pub request_timeout: TimeoutMs,
    /// Milliseconds that a connection may wait between two requests. Default 75,000.
    pub keep_alive_timeout: TimeoutMs,
    /// Bytes per second that a peer must send of a body, and take of what it is sent. Default 500.
    pub min_rate: MinRate,
    /// Connections of all shards together. Default 1,048,576.
    pub connections_max: CountAtLeastOne,
    /// Connections from one address, and sparks of one client's address; with 0 any number. An IPv6
    /// network of 64 bits counts as one. Default 16,384.
    pub connections_per_address: PerAddress,
    /// Networks whose addresses are not counted, beside trusted proxies. Default: the machine
    /// itself.
    pub per_address_exempt: Exempt,
    /// New connections per second of all shards together; with 0 any number. Default 0.
    pub accept_rate: PerSecond,
    /// What happens to those that come faster. Default [`AcceptPolicy::Refuse`].
    #[serde(deserialize_with = "options::deserialize")]
    pub accept_policy: AcceptPolicy,
    /// New connections per second from one address; with 0 any number. Default 0.
    pub accept_rate_per_address: PerSecond,
    /// Handshakes of TLS under way. Default 8,192.
    pub handshakes_max: CountAtLeastOne,
    /// Requests that have not come whole, or that the application has not answered. Default 65,536.
    pub requests_max: CountAtLeastOne,
    /// Messages per second that a client may send; with 0 any number. Default 0.
    pub message_rate: PerSecond,
    /// Bytes of messages per second that a client may send; with 0 any number. Default 0.
    pub message_bytes_rate: PerSecond,
    /// Milliseconds whose worth of both may come at once. Default 2,000.
    pub message_burst: BurstMs,
    /// What happens when more comes. Default [`RatePolicy::Pause`].
    #[serde(deserialize_with = "options::deserialize")]
    pub message_policy: RatePolicy,
    /// Bytes of the head of a request. Default 16,384.
    pub head_max: HeadMax,
    /// Rooms that one spark may be in. Default 1,000.
    pub rooms_per_spark: Count,
    /// Bytes of the name of a room. Default 255.
    pub room_name_max: CountAtLeastOne,
    /// Sessions of polling transports that no request waits for. Default 131,072.
    pub sessions_max: Count,
    /// Bytes that may be held for peers in all. Default: half of what the machine has.
    pub memory_max: Option<CountAtLeastOne>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pathname: Pathname::default(),
            transformer: TransformerKind::WebSockets,
            transport: TransportOptions::default(),
            parser: ParserKind::default(),
            global: GlobalName::default(),
            ping_interval: PingInterval::default(),
            compression: false,
            http10_upgrades: true,
            cors: Cors::default(),
            trusted_proxies: TrustedProxies::default(),
            forwarded_header: ForwardedHeader::default(),
            #[cfg(feature = "auth")]
            authorization: crate::auth::AuthorizationOptions::default(),
            #[cfg(feature = "tls")]
            tls: crate::tls::TlsOptions::default(),
            limits: Limits::default(),
            shards: None,
            driver: DriverChoice::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_length: const { Bounded::of(MESSAGE_BYTES_MAX_DEFAULT as u64) },
            send_queue: None,
            send_policy: SendPolicy::Disconnect,
            request_timeout: const { Bounded::of(REQUEST_TIMEOUT_MS_DEFAULT) },
            keep_alive_timeout: const { Bounded::of(KEEP_ALIVE_TIMEOUT_MS_DEFAULT) },
            min_rate: const { Bounded::of(MIN_RATE_BYTES_PER_S_DEFAULT as u64) },
            connections_max: const { Bounded::of(CONNECTIONS_MAX_DEFAULT as u64) },
            connections_per_address: const { Bounded::of(CONNECTIONS_PER_ADDRESS_DEFAULT) },
            per_address_exempt: Exempt::default(),
            accept_rate: const { Bounded::of(0) },
            accept_policy: AcceptPolicy::Refuse,
            accept_rate_per_address: const { Bounded::of(0) },
            handshakes_max: const { Bounded::of(HANDSHAKES_MAX_DEFAULT) },
            requests_max: const { Bounded::of(REQUESTS_MAX_DEFAULT) },
            message_rate: const { Bounded::of(0) },
            message_bytes_rate: const { Bounded::of(0) },
            message_burst: const { Bounded::of(RATE_BURST_MS_DEFAULT) },
            message_policy: RatePolicy::Pause,
            head_max: const { Bounded::of(HTTP_HEAD_BYTES_MAX as u64) },
            rooms_per_spark: const { Bounded::of(ROOMS_PER_SPARK_MAX_DEFAULT as u64) },
            room_name_max: const { Bounded::of(ROOM_NAME_BYTES_MAX_DEFAULT as u64) },
            sessions_max: const { Bounded::of(SESSIONS_MAX_DEFAULT as u64) },
            memory_max: None,
        }
    }
}

impl Limits {
    /// Bytes that may wait to be sent to one spark. Unless [`Limits::send_queue`] says otherwise,
    /// two messages of [`Limits::max_length`] and 1 MiB, at least 4 MiB.
    pub fn send_queue_bytes(&self) -> CountAtLeastOne {
        self.send_queue
            .unwrap_or_else(|| engine::send_queue_bytes_for(self.max_length))
    }

    /// What two limits say that does not go together.
    pub(crate) fn contradiction(&self) -> Option<String> {
        let (queue, message) = (self.send_queue_bytes().get(), self.max_length.get());
        if queue < message {
            return Some(format!(
                "a send queue of {queue} bytes holds no message of {message} bytes (max_length) \
                 beside anything else: clients that get such messages will count as too slow"
            ));
        }
        let rate = self.message_bytes_rate.get();
        let seconds = message.checked_div(rate)?;
        (seconds > PAUSE_S_MAX).then(|| {
            format!(
                "a message of {message} bytes (max_length) is worth {seconds} s of \
                 message_bytes_rate: a client that sends one is not listened to for so long"
            )
        })
    }

    /// How many may come, and how fast, as the engine has it.
    fn admission(&self) -> engine::Admission {
        engine::Admission {
            per_address: self.connections_per_address,
            exempt: self.per_address_exempt.0.clone(),
            accepts_per_s: self.accept_rate,
            accept_policy: self.accept_policy,
            accepts_per_s_of_address: self.accept_rate_per_address,
            handshakes_max: self.handshakes_max,
            requests_max: self.requests_max,
        }
    }

    /// How much a client may send, as the engine has it.
    fn message_rates(&self) -> engine::MessageRates {
        engine::MessageRates {
            messages_per_s: self.message_rate,
            bytes_per_s: self.message_bytes_rate,
            burst_ms: self.message_burst,
            policy: self.message_policy,
        }
    }
}

impl Options {
    /// Judges what no single type knows, as it depends on the transformer: which options the
    /// transport has, and whether it carries what the parser makes; and what stands in files: the
    /// keys of authorization, and keys and certificates of TLS.
    ///
    /// # Errors
    /// The first thing that does not go together, as [`Builder::build`](crate::Builder::build) says
    /// it, or the first file of keys that can't be used.
    pub fn check(&self) -> Result<(), Error> {
        self.build_transformer(0)?;
        #[cfg(feature = "auth")]
        self.judges()?;
        #[cfg(feature = "tls")]
        self.tls
            .check()
            .map_err(|error| Error::of(error.option())(error))?;
        Ok(())
    }

    /// Who decides about requests, with the keys that there are at the moment.
    #[cfg(feature = "auth")]
    pub(crate) fn judges(&self) -> Result<crate::auth::Judges, Error> {
        let judges = crate::auth::Judges::try_from(&self.authorization);
        judges.map_err(|error| Error::of(error.option())(error))
    }

    /// The transformer that these options describe.
    pub(crate) fn build_transformer(&self, seed: u64) -> Result<AnyTransformer, Error> {
        let common = CommonOptions {
            pathname: self.pathname.clone(),
            message_bytes_max: self.limits.max_length,
            compression: self.compression,
            seed,
        };
        let transformer = AnyTransformer::new(self.transformer, &common, self.transport.pairs());
        let transformer = transformer.map_err(Error::of("transport"))?;
        self.check_parser().map_err(Error::of("parser"))?;
        Ok(transformer)
    }

    /// Whether clients of the transformer can get what the parser makes. SockJS has no bytes, there
    /// or in npm's packages; with `any` clients of the other transports can.
    fn check_parser(&self) -> Result<(), OptionError> {
        let makes_bytes = self.parser.kind(Kind::Text) == Kind::Binary;
        match self.transformer == TransformerKind::SockJs && makes_bytes {
            true => Err(OptionError::NoBytes {
                parser: self.parser.name(),
                transformer: self.transformer.name(),
            }),
            false => Ok(()),
        }
    }

    /// What the engine is told, with the `rest` that only an application says.
    pub(crate) fn for_engine(&self, rest: engine::Options) -> engine::Options {
        let limits = &self.limits;
        engine::Options {
            pathname: self.pathname.clone(),
            parser: self.parser,
            ping_interval: self.ping_interval,
            send_queue_bytes_max: limits.send_queue_bytes(),
            send_policy: limits.send_policy,
            request_timeout_ms: limits.request_timeout,
            keep_alive_timeout_ms: limits.keep_alive_timeout,
            min_rate_bytes_per_s: limits.min_rate,
            connections_max: limits.connections_max,
            sessions_max: limits.sessions_max,
            memory_bytes_max: limits.memory_max,
            admission: limits.admission(),
            message_rates: limits.message_rates(),
            head_bytes_max: limits.head_max,
            rooms: engine::RoomOptions {
                per_spark_max: limits.rooms_per_spark.size(),
                name_bytes_max: limits.room_name_max.size(),
                ..rest.rooms
            },
            upgrades_of_http_1_0: self.http10_upgrades,
            cors: self.cors.clone(),
            trusted_proxies: self.trusted_proxies.clone(),
            forwarded_header: self.forwarded_header,
            ..rest
        }
    }

    /// `library`, for clients of a server with these options.
    pub fn library(&self, library: Library) -> Library {
        library
            .transformer(self.transformer)
            .parser(self.parser)
            .pathname(&*self.pathname)
            .ping_interval_ms(self.ping_interval.ms())
            .global(self.global.as_str())
            .authorization(self.has_authorization())
    }

    /// Whether clients may be refused, so that they must not try again and again.
    pub(crate) fn has_authorization(&self) -> bool {
        #[cfg(feature = "auth")]
        return self.authorization.is_on();
        #[cfg(not(feature = "auth"))]
        false
    }
}

/// Seconds for which a client is not listened to because of one message, beyond which it is said.
const PAUSE_S_MAX: u64 = 60;

/// Networks whose addresses are not counted: networks and addresses with commas between them, or
/// `none`. Default: the addresses by which the machine reaches itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exempt(TrustedProxies);

impl Default for Exempt {
    fn default() -> Self {
        Self(engine::this_machine())
    }
}

impl FromStr for Exempt {
    type Err = NetworkError;

    fn from_str(list: &str) -> Result<Self, NetworkError> {
        match list.eq_ignore_ascii_case("none") {
            true => Ok(Self(TrustedProxies::default())),
            false => list.parse().map(Self),
        }
    }
}

impl<'de> Deserialize<'de> for Exempt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = options::list(deserializer, str::parse::<Self>)?;
        list.parse().map_err(serde::de::Error::custom)
    }
}

/// The name of a variable in JavaScript. Default `Primus`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobalName(String);

impl GlobalName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for GlobalName {
    fn default() -> Self {
        Self("Primus".to_owned())
    }
}

impl FromStr for GlobalName {
    type Err = LibraryError;

    fn from_str(name: &str) -> Result<Self, LibraryError> {
        Library::new().global(name).check()?;
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for GlobalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for GlobalName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        options::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use allspark_protocol::http::CorsOptions;

    use super::*;

    #[test]
    fn the_send_queue_follows_the_longest_message() {
        let bytes = |max_length: usize, send_queue: Option<u64>| {
            let limits = Limits {
                max_length: max_length.try_into().unwrap(),
                send_queue: send_queue.map(|bytes| bytes.try_into().unwrap()),
                ..Limits::default()
            };
            (limits.send_queue_bytes().size(), limits.contradiction())
        };
        let mib = 1024 * 1024;
        assert_eq!(bytes(10 * mib, None), (21 * mib, None));
        assert_eq!(bytes(100 * mib, None), (201 * mib, None));
        assert_eq!(bytes(9, None), (4 * mib, None));
        assert_eq!(bytes(10 * mib, Some(10 << 20)), (10 * mib, None));
        let (_, sentence) = bytes(10 * mib, Some(4 << 20));
        let sentence = sentence.unwrap();
        assert!(
            sentence.contains("4194304") && sentence.contains("10485760"),
            "{sentence}"
        );
    }

    #[test]
    fn serde_refuses_what_means_nothing() {
        for (text, expected) in [
            (r#"{ "pathname": "//x" }"#, "write one slash"),
            (r#"{ "ping-interval": 0 }"#, "neither off nor a number"),
            (
                r#"{ "shards": 1025 }"#,
                "\"1025\" is not a number from 1 to 1024",
            ),
            (r#"{ "global": "a b" }"#, "the name of a variable"),
            (
                r#"{ "limits": { "max-length": 0 } }"#,
                "\"0\" is not a number from 1 to",
            ),
            (
                r#"{ "limits": { "send-policy": "wait" } }"#,
                "the choices are: disconnect",
            ),
            (
                r#"{ "limits": { "max_length": 1 } }"#,
                "unknown field `max_length`",
            ),
            (
                r#"{ "cors": { "origins": ["http://a/"] } }"#,
                "write http://a",
            ),
            (
                r#"{ "transport": ["a"] }"#,
                "\"a\" is not of the form KEY=VALUE",
            ),
        ] {
            let error = serde_json::from_str::<Options>(text).unwrap_err();
            assert!(error.to_string().contains(expected), "{text}: {error}");
        }
        let json = r#"{ "cors": { "origins": ["http://a", "http://b"], "max-age": "1 h" },
                        "transport": { "pingTimeout": 5000 }, "transformer": "engine.io" }"#;
        let options: Options = serde_json::from_str(json).unwrap();
        let cors = CorsOptions {
            origins: "http://a http://b".to_owned(),
            max_age_s: 3600,
            ..CorsOptions::default()
        };
        assert_eq!(options.cors, Cors::new(&cors).unwrap());
        assert_eq!(
            options.transport.pairs(),
            [("pingTimeout".into(), "5000".into())]
        );
        options.check().unwrap();
    }
}
