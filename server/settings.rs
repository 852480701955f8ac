//! What the server can be told, whoever says it: one table of options, one struct of results.
//!
//! Command line, environment and file all end up as an option and a text; [`Setting::apply`] is the
//! only place where that text is judged. An option that would have no effect in this build is
//! refused rather than ignored.

use allspark::{DriverChoice, ParserKind, SendPolicy, TransformerKind};
use allspark_engine::Options;
use allspark_engine::limits::MIN_RATE_BYTES_PER_S_HIGHEST;
use allspark_protocol::http::{Cors, CorsOptions};
use allspark_protocol::limits::{MESSAGE_BYTES_MAX_DEFAULT, MESSAGE_BYTES_MAX_HIGHEST, SHARDS_MAX};
use allspark_transformers::{AnyTransformer, CommonOptions};
use tracing::level_filters::LevelFilter;

use crate::counts;
use crate::listen::Listen;
use crate::page;
use crate::values::{
    choose, global, list, max_age_s, named, number, pair, parser, pathname, ping_interval_ms,
    switch, timeout_ms,
};

/// Everything that the server needs to know before it starts. [`Settings::default`] is what it
/// does when nobody says anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Where connections are accepted. Default: `127.0.0.1:8080`.
    pub(crate) listen: Listen,
    /// The prefix of the paths that belong to Primus. Starts with `/` and does not end with one.
    /// Default: `/primus`.
    pub(crate) pathname: String,
    /// The transport. Default: `any`.
    pub(crate) transformer: TransformerKind,
    /// Options of the transport by Primus's names, in the order in which they were given; of two
    /// with the same name the last one counts.
    pub(crate) transport: Vec<(String, String)>,
    /// How messages become values. Default: `json`.
    pub(crate) parser: ParserKind,
    /// The global variable that the client library makes. Default: `Primus`.
    pub(crate) global: String,
    /// What is done with messages. Default: [`App::Broadcast`].
    pub(crate) app: App,
    /// Milliseconds between two pings of a spark; `None` for no heartbeat. Default: 30000.
    pub(crate) ping_interval_ms: Option<u64>,
    /// Bytes of one message; a longer one ends its spark. Default: 10 MiB.
    pub(crate) max_length_bytes: usize,
    /// Whether messages may be compressed. Default: false.
    pub(crate) compression: bool,
    /// What scripts of other origins may do. Default: Primus's, which allow every origin.
    pub(crate) cors: CorsOptions,
    /// Bytes that may wait to be sent to one spark. Default: what two of the longest messages need.
    pub(crate) send_queue_bytes_max: Option<usize>,
    /// What happens when they become more. Default: [`SendPolicy::Disconnect`].
    pub(crate) send_policy: SendPolicy,
    /// Milliseconds that the head of a request may take, and in which a body, and what is sent,
    /// must move by the least rate. Default: 30000.
    pub(crate) request_timeout_ms: u64,
    /// Milliseconds that a connection may wait between two requests. Default: 75000.
    pub(crate) keep_alive_timeout_ms: u64,
    /// Bytes per second that a peer must send of a body, and take of what it is sent. Default: 500.
    pub(crate) min_rate_bytes_per_s: u32,
    /// Connections of all shards together. Default: 1048576.
    pub(crate) connections_max: usize,
    /// Sessions of polling transports that no request waits for. Default: 131072.
    pub(crate) sessions_max: usize,
    /// Bytes that may be held for peers in all. Default: half of what the machine has.
    pub(crate) memory_bytes_max: Option<u64>,
    /// Shards, each with its own thread. Default: 0, one for each CPU that the process may use.
    pub(crate) shards: usize,
    /// How the kernel is spoken to. Default: [`DriverChoice::Auto`].
    pub(crate) driver: DriverChoice,
    /// Whether there is a page at `/`. Default: true.
    pub(crate) page: bool,
    /// Whether `/stats` tells how many sparks there are. Default: true.
    pub(crate) stats: bool,
    /// The least important events that are logged. Default: `info`.
    pub(crate) log: LevelFilter,
}

impl Settings {
    /// Judges what can be judged only when everything is known.
    ///
    /// # Errors
    /// What is wrong, in one line.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.check_transport()?;
        self.check_paths()
    }

    fn check_transport(&self) -> Result<(), String> {
        let common = CommonOptions {
            pathname: self.pathname.clone(),
            message_bytes_max: self.max_length_bytes,
            compression: self.compression,
            seed: 0,
        };
        match AnyTransformer::new(self.transformer, &common, &self.transport) {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("transport: {}", error.to_string().escape_debug())),
        }
    }

    /// What begins with the pathname belongs to Primus, so nothing else that is served may.
    fn check_paths(&self) -> Result<(), String> {
        let pathname = &self.pathname;
        let mut files = page::paths().filter(|_| self.page);
        if let Some(file) = files.find(|file| file.starts_with(&**pathname)) {
            return Err(format!(
                "pathname: {pathname} would hide {file}, which the page at / needs: write another \
                 one, or --page=false"
            ));
        }
        match self.stats && counts::PATH.starts_with(&**pathname) {
            true => Err(format!(
                "pathname: {pathname} would hide {}: write another one, or --stats=false",
                counts::PATH
            )),
            false => Ok(()),
        }
    }
}

/// A built-in handler of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum App {
    /// Each message goes back to the spark it came from.
    Echo,
    /// Each message goes to every spark.
    Broadcast,
    /// A message that begins with `["all",` goes to every spark, any other one back.
    Mixed,
    /// Messages are read and forgotten.
    None,
}

impl App {
    /// The name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Broadcast => "broadcast",
            Self::Mixed => "mixed",
            Self::None => "none",
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let engine = Options::default();
        Self {
            listen: Listen::local(8080),
            pathname: engine.pathname,
            transformer: TransformerKind::Any,
            transport: Vec::new(),
            parser: engine.parser,
            global: "Primus".to_owned(),
            app: App::Broadcast,
            ping_interval_ms: engine.ping_interval_ms,
            max_length_bytes: MESSAGE_BYTES_MAX_DEFAULT,
            compression: false,
            cors: CorsOptions::default(),
            send_queue_bytes_max: None,
            send_policy: engine.send_policy,
            request_timeout_ms: engine.request_timeout_ms,
            keep_alive_timeout_ms: engine.keep_alive_timeout_ms,
            min_rate_bytes_per_s: engine.min_rate_bytes_per_s,
            connections_max: engine.connections_max,
            sessions_max: engine.sessions_max,
            memory_bytes_max: engine.memory_bytes_max,
            shards: 0,
            driver: DriverChoice::Auto,
            page: true,
            stats: true,
            log: LevelFilter::INFO,
        }
    }
}

/// One option, the same on the command line, in the environment and in a file.
pub(crate) struct Setting {
    /// Its name in kebab case: `--name`, `ALLSPARK_NAME`, `name = ..`.
    pub(crate) name: &'static str,
    /// What stands for its value in the help. Some say what it is: [`BOOL`], [`LIST`], [`PAIR`].
    pub(crate) value_name: &'static str,
    /// What it means, for the help.
    pub(crate) help: &'static str,
    /// Whether it changes the client library, so that `allspark library` has it, too.
    pub(crate) is_for_library: bool,
    set: fn(&mut Settings, &str) -> Result<(), String>,
}

impl Setting {
    /// Takes `text` over into the settings.
    ///
    /// # Errors
    /// What is wrong with the text, in one line without the option's name.
    pub(crate) fn apply(&self, settings: &mut Settings, text: &str) -> Result<(), String> {
        (self.set)(settings, text)
    }

    /// Whether it is true or false, and on the command line true if it is only named.
    pub(crate) fn is_switch(&self) -> bool {
        self.value_name == BOOL
    }

    /// Whether it is a list, which a file may have as an array.
    pub(crate) fn is_list(&self) -> bool {
        self.value_name == LIST
    }

    /// Whether it may be given more than once.
    pub(crate) fn is_repeatable(&self) -> bool {
        self.value_name == PAIR
    }
}

const BOOL: &str = "BOOL";
const LIST: &str = "LIST";
const PAIR: &str = "KEY=VALUE";

/// Every option, in the order of the help.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        name: "listen",
        value_name: "[ADDRESS:]PORT",
        help: "Where to accept connections: 8080 on this machine alone, :8080 on every interface, \
               localhost:8080, [::1]:8080 [default: 127.0.0.1:8080]",
        is_for_library: false,
        set: |settings, text| Listen::parse(text).map(|value| settings.listen = value),
    },
    Setting {
        name: "pathname",
        value_name: "PATH",
        help: "The prefix of the paths that belong to Primus [default: /primus]",
        is_for_library: true,
        set: |settings, text| pathname(text).map(|value| settings.pathname = value),
    },
    Setting {
        name: "transformer",
        value_name: "NAME",
        help: "The transport to speak: websockets, faye, uws, engine.io, sockjs, browserchannel, \
               or any for all of them [default: any]",
        is_for_library: true,
        set: |settings, text| named(text).map(|value| settings.transformer = value),
    },
    Setting {
        name: "transport",
        value_name: PAIR,
        help: "An option of the transport by its name in Primus, such as pingTimeout=5000 for \
               engine.io; may be repeated",
        is_for_library: false,
        set: |settings, text| pair(text).map(|pair| settings.transport.push(pair)),
    },
    Setting {
        name: "parser",
        value_name: "NAME",
        help: "How messages are encoded: json, raw [default: json]",
        is_for_library: true,
        set: |settings, text| parser(text).map(|value| settings.parser = value),
    },
    Setting {
        name: "global",
        value_name: "NAME",
        help: "The global variable that the client library makes [default: Primus]",
        is_for_library: true,
        set: |settings, text| global(text).map(|value| settings.global = value),
    },
    Setting {
        name: "app",
        value_name: "NAME",
        help: "What to do with messages: echo, broadcast, mixed (to all what begins \
               with [\"all\",), none [default: broadcast]",
        is_for_library: false,
        set: |settings, text| choose(text, APPS).map(|value| settings.app = value),
    },
    Setting {
        name: "ping-interval",
        value_name: "MS|off",
        help: "Milliseconds between two pings of a spark [default: 30000]",
        is_for_library: true,
        set: |settings, text| ping_interval_ms(text).map(|value| settings.ping_interval_ms = value),
    },
    Setting {
        name: "max-length",
        value_name: "BYTES",
        help: "The longest message a spark may send [default: 10485760]",
        is_for_library: false,
        set: |settings, text| {
            let range = 1..=MESSAGE_BYTES_MAX_HIGHEST;
            number(text, range).map(|value| settings.max_length_bytes = value)
        },
    },
    Setting {
        name: "compression",
        value_name: BOOL,
        help: "Compress messages for clients that offer it (websockets, faye, uws, engine.io) \
               [default: false]",
        is_for_library: false,
        set: |settings, text| switch(text).map(|value| settings.compression = value),
    },
    Setting {
        name: "origins",
        value_name: LIST,
        help: "Origins whose scripts may connect, such as https://chat.example.org, with commas \
               between them [default: *]",
        is_for_library: false,
        set: |settings, text| set_cors(settings, |cors| cors.origins = list(text)),
    },
    Setting {
        name: "origins-upgrades",
        value_name: BOOL,
        help: "Whether WebSockets are refused to other origins, too, once some are listed; false \
               as in Primus, where every page can open one with its visitor's cookies \
               [default: true]",
        is_for_library: false,
        set: |settings, text| switch(text).map(|value| settings.cors.upgrades = value),
    },
    Setting {
        name: "methods",
        value_name: LIST,
        help: "Methods that scripts of other origins may use \
               [default: GET,HEAD,PUT,POST,DELETE,OPTIONS]",
        is_for_library: false,
        set: |settings, text| set_cors(settings, |cors| cors.methods = list(text)),
    },
    Setting {
        name: "credentials",
        value_name: BOOL,
        help: "Whether they may send cookies: true, false [default: true]",
        is_for_library: false,
        set: |settings, text| switch(text).map(|value| settings.cors.credentials = value),
    },
    Setting {
        name: "max-age",
        value_name: "TIME",
        help: "How long browsers may remember that, such as 1 hour; a number alone is in \
               milliseconds [default: 30 days]",
        is_for_library: false,
        set: |settings, text| max_age_s(text).map(|value| settings.cors.max_age_s = value),
    },
    Setting {
        name: "headers",
        value_name: LIST,
        help: "Headers that scripts of other origins may send; without it those they ask for",
        is_for_library: false,
        set: |settings, text| set_cors(settings, |cors| cors.headers = list(text)),
    },
    Setting {
        name: "exposed",
        value_name: LIST,
        help: "Headers of answers that scripts of other origins may see; without it none",
        is_for_library: false,
        set: |settings, text| set_cors(settings, |cors| cors.exposed = list(text)),
    },
    Setting {
        name: "send-queue",
        value_name: "BYTES",
        help: "How much may wait to be sent to one spark; without it twice max-length and 1 MiB, \
               at least 4 MiB",
        is_for_library: false,
        set: |settings, text| {
            number(text, 1..=usize::MAX).map(|value| settings.send_queue_bytes_max = Some(value))
        },
    },
    Setting {
        name: "send-policy",
        value_name: "NAME",
        help: "What to do when more waits: disconnect, drop-newest, drop-oldest, keep-latest \
               [default: disconnect]",
        is_for_library: false,
        set: |settings, text| choose(text, SEND_POLICIES).map(|value| settings.send_policy = value),
    },
    Setting {
        name: "request-timeout",
        value_name: "MS",
        help: "How long the head of a request may take; a body, and what is sent, may take longer \
               at the least rate [default: 30000]",
        is_for_library: false,
        set: |settings, text| timeout_ms(text).map(|value| settings.request_timeout_ms = value),
    },
    Setting {
        name: "keep-alive-timeout",
        value_name: "MS",
        help: "How long a connection may wait between two requests [default: 75000]",
        is_for_library: false,
        set: |settings, text| timeout_ms(text).map(|value| settings.keep_alive_timeout_ms = value),
    },
    Setting {
        name: "min-rate",
        value_name: "BYTES",
        help: "How much of a body a peer must send per second, and take of what it is sent, on \
               the average of a request-timeout; 0 for at least one byte in it [default: 500]",
        is_for_library: false,
        set: |settings, text| {
            let rate = number(text, 0..=MIN_RATE_BYTES_PER_S_HIGHEST)?;
            settings.min_rate_bytes_per_s = rate as u32;
            Ok(())
        },
    },
    Setting {
        name: "connections-max",
        value_name: "N",
        help: "Connections in all; further ones get 503 [default: 1048576]",
        is_for_library: false,
        set: |settings, text| {
            number(text, 1..=usize::MAX).map(|value| settings.connections_max = value)
        },
    },
    Setting {
        name: "sessions-max",
        value_name: "N",
        help: "Sessions of polling transports that are not polled at the moment; further ones get \
               503 [default: 131072]",
        is_for_library: false,
        set: |settings, text| {
            number(text, 0..=usize::MAX).map(|value| settings.sessions_max = value)
        },
    },
    Setting {
        name: "memory-max",
        value_name: "BYTES",
        help: "What may be held in all for peers that have not finished what they began; without \
               it half of what the machine or its control group has",
        is_for_library: false,
        set: |settings, text| {
            number(text, 1..=usize::MAX).map(|value| settings.memory_bytes_max = Some(value as u64))
        },
    },
    Setting {
        name: "shards",
        value_name: "N",
        help: "Threads that serve sparks [default: one for each CPU it may use]",
        is_for_library: false,
        set: |settings, text| number(text, 1..=SHARDS_MAX).map(|value| settings.shards = value),
    },
    Setting {
        name: "driver",
        value_name: "NAME",
        help: "How to speak to the kernel: auto, uring, epoll [default: auto]",
        is_for_library: false,
        set: |settings, text| choose(text, DRIVERS).map(|value| settings.driver = value),
    },
    Setting {
        name: "page",
        value_name: BOOL,
        help: "Whether there is a page at / to try the server on; false in production \
               [default: true]",
        is_for_library: false,
        set: |settings, text| switch(text).map(|value| settings.page = value),
    },
    Setting {
        name: "stats",
        value_name: BOOL,
        help: "Whether /stats tells everybody how many sparks there are; false in production \
               [default: true]",
        is_for_library: false,
        set: |settings, text| switch(text).map(|value| settings.stats = value),
    },
    Setting {
        name: "log",
        value_name: "LEVEL",
        help: "What to log to stderr: off, error, warn, info, debug, trace [default: info]",
        is_for_library: false,
        set: |settings, text| choose(text, LEVELS).map(|value| settings.log = value),
    },
];

/// Changes the options of CORS, if what they become means something.
fn set_cors(settings: &mut Settings, change: impl FnOnce(&mut CorsOptions)) -> Result<(), String> {
    let mut cors = settings.cors.clone();
    change(&mut cors);
    Cors::new(&cors).map_err(|error| error.reason)?;
    settings.cors = cors;
    Ok(())
}

const APPS: &[(&str, App)] = &[
    (App::Echo.name(), App::Echo),
    (App::Broadcast.name(), App::Broadcast),
    (App::Mixed.name(), App::Mixed),
    (App::None.name(), App::None),
];

const SEND_POLICIES: &[(&str, SendPolicy)] = &[
    ("disconnect", SendPolicy::Disconnect),
    ("drop-newest", SendPolicy::DropNewest),
    ("drop-oldest", SendPolicy::DropOldest),
    ("keep-latest", SendPolicy::KeepLatest),
];

const DRIVERS: &[(&str, DriverChoice)] = &[
    ("auto", DriverChoice::Auto),
    ("uring", DriverChoice::Uring),
    ("epoll", DriverChoice::Epoll),
];

const LEVELS: &[(&str, LevelFilter)] = &[
    ("off", LevelFilter::OFF),
    ("error", LevelFilter::ERROR),
    ("warn", LevelFilter::WARN),
    ("info", LevelFilter::INFO),
    ("debug", LevelFilter::DEBUG),
    ("trace", LevelFilter::TRACE),
];

#[cfg(test)]
mod tests;
