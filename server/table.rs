//! The one table of options: what the command line, the environment, the file, `--help` and
//! docs/OPTIONS.md know of them. What a value may be is the business of its type.

use allspark_engine::limits::{
    CONNECTIONS_PER_ADDRESS_HIGHEST, DRAIN_RATE_HIGHEST, DRAIN_SECONDS_HIGHEST,
    HEAD_BYTES_MAX_LEAST, MIN_RATE_BYTES_PER_S_HIGHEST, RATE_BURST_MS_HIGHEST, RATE_HIGHEST,
    TIMEOUT_MS_HIGHEST,
};
use allspark_protocol::limits::{HTTP_HEAD_BYTES_MAX, MESSAGE_BYTES_MAX_HIGHEST, SHARDS_MAX};

use crate::access::table::ACCESS_SETTINGS;
use crate::admin::ADMIN_SETTINGS;
use crate::api::table::API_SETTINGS;
use crate::authorization_table::AUTHORIZATION_SETTINGS;
use crate::hooks::table::HOOKS_SETTINGS;
use crate::metrics::table::METRICS_SETTINGS;
use crate::setting::setting;
pub(crate) use crate::setting::{DefaultValue, Kind, Setting};
use crate::tls_table::TLS_SETTINGS;
use crate::trace::table::TRACE_SETTINGS;
use crate::web::table::WEB_SETTINGS;

/// The option that has this name in this section; of the top if that is empty.
pub(crate) fn find_in(section: &str, key: &str) -> Option<&'static Setting> {
    let mut settings = SETTINGS.iter();
    settings.find(|setting| setting.section == section && setting.key() == key)
}

/// The option of this name.
pub(crate) fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// Whether a file may have a table of options by this name.
pub(crate) fn is_section(name: &str) -> bool {
    !name.is_empty() && SETTINGS.iter().any(|setting| setting.section == name)
}

const CORS: &str = "cors";
const LIMITS: &str = "limits";

const NAME: Kind = Kind::Text("NAME");
const MS: Kind = Kind::Number("MS", 1, TIMEOUT_MS_HIGHEST);
const BYTES: Kind = Kind::Number("BYTES", 1, u64::MAX);

use DefaultValue::{Text, Words};
use Kind::{List, Number, Pair, Switch};

/// Every option, in the order of the help.
pub(crate) const SETTINGS: &[Setting] = &joined();

/// How many there are.
const COUNT: usize = {
    let (mut part, mut count) = (0, 0);
    while part < PARTS.len() {
        count += PARTS[part].len();
        part += 1;
    }
    count
};

/// What has a section of its own stands in a file of its own, behind what has none.
const PARTS: &[&[Setting]] = &[
    GENERAL_SETTINGS,
    API_SETTINGS,
    TLS_SETTINGS,
    AUTHORIZATION_SETTINGS,
    METRICS_SETTINGS,
    ACCESS_SETTINGS,
    ADMIN_SETTINGS,
    TRACE_SETTINGS,
    HOOKS_SETTINGS,
    WEB_SETTINGS,
];

const fn joined() -> [Setting; COUNT] {
    let mut all = [GENERAL_SETTINGS[0]; COUNT];
    let (mut part, mut index, mut total) = (0, 0, 0);
    while part < PARTS.len() {
        while index < PARTS[part].len() {
            all[total] = PARTS[part][index];
            index += 1;
            total += 1;
        }
        part += 1;
        index = 0;
    }
    all
}

const GENERAL_SETTINGS: &[Setting] = &[
    setting(
        "listen",
        Kind::Repeated("[ADDRESS:]PORT"),
        Text("127.0.0.1:8080"),
    )
    .help(
        "Where to accept connections: 8080 on this machine alone, :8080 on every interface, \
             localhost:8080, [::1]:8080, name:8080, unix:/run/allspark.sock, unix:@name, systemd: \
             or systemd:NAME for sockets that systemd passes; up to 16 of them, again and again or \
             as a list. Behind a ? stand options of one: ?internal serves only what operators \
             need, ?redirect=443 sends everybody to https, ?proxy-protocol=required (or optional) \
             reads a header of a trusted proxy first, then mode=660 and owner=USER:GROUP of a Unix \
             socket, ipv6-only, backlog=N and interface=eth0 of an address, with & between them. \
             In a file it may be [[listen]] with address, unix or systemd and these options",
    )
    .own(),
    setting("pathname", Kind::Text("PATH"), Text("/primus"))
        .help("The prefix of the paths that belong to Primus")
        .of_primus("pathname")
        .for_library(),
    setting("transformer", NAME, Text("any"))
        .help(
            "The transport to speak: websockets, faye, uws, engine.io, sockjs, browserchannel, or \
             any for all of them",
        )
        .of_primus("transformer")
        .for_library(),
    setting("transport", Pair, Words("none"))
        .help(
            "An option of the transport by its name in Primus, such as pingTimeout=5000 for \
             engine.io; may be repeated",
        )
        .of_primus("transport"),
    setting("parser", NAME, Text("json"))
        .help(
            "How messages are encoded: json, ejson, msgpack, binary, or raw to pass text and bytes \
             on as they are",
        )
        .of_primus("parser")
        .for_library(),
    setting("global", NAME, Text("Primus"))
        .help("The global variable that the client library makes")
        .of_primus("global")
        .for_library(),
    setting("app", NAME, Text("broadcast"))
        .help(
            "What to do with messages: echo (back), broadcast (to every spark), mixed (back, or to \
             every spark what begins with [\"all\",), none",
        )
        .own(),
    setting("plugin", Kind::Plugin, Words("none"))
        .help(
            "A plugin to add, by its name, or an option of it (rooms.join=news:*), whose value is \
             JSON or a text; may be repeated; NAME=false takes it out",
        )
        .of_primus("plugin")
        .own()
        .for_library(),
    setting("ping-interval", Kind::Text("MS|off"), Text("30000"))
        .help("Milliseconds between two pings of a spark, at most a day")
        .of_primus("pingInterval")
        .for_library(),
    setting(
        "max-length",
        Number("BYTES", 1, MESSAGE_BYTES_MAX_HIGHEST as u64),
        Text("10485760"),
    )
    .help("The longest message a spark may send; a longer one ends it (close code 1009)")
    .within(LIMITS)
    .of_primus("maxLength"),
    setting("compression", Switch, Text("false"))
        .help("Compress messages for clients that offer it (websockets, faye, uws, engine.io)")
        .of_primus("compression"),
    setting("http10-upgrades", Switch, Text("true")).help(
        "Whether a WebSocket may be asked for over HTTP/1.0, as nginx does without \
             proxy_http_version 1.1; false answers 400, as RFC 6455 wants",
    ),
    setting("origins", List, Text("*"))
        .help(
            "Origins whose scripts may connect, such as https://chat.example.org, with commas \
             between them",
        )
        .within(CORS)
        .of_primus("origins")
        .live(),
    setting("origins-upgrades", Switch, Text("true"))
        .help(
            "Whether WebSockets are refused to other origins, too, once some are listed; false as \
             in Primus, where every page can open one with its visitor's cookies",
        )
        .within(CORS)
        .live(),
    setting("methods", List, Text("GET,HEAD,PUT,POST,DELETE,OPTIONS"))
        .help("Methods that scripts of other origins may use")
        .within(CORS)
        .of_primus("methods")
        .live(),
    setting("credentials", Switch, Text("true"))
        .help("Whether they may send cookies")
        .within(CORS)
        .of_primus("credentials")
        .live(),
    setting("max-age", Kind::Text("TIME"), Text("30 days"))
        .help(
            "How long browsers may remember that, such as 1 hour; a number alone is in \
             milliseconds",
        )
        .within(CORS)
        .of_primus("maxAge")
        .live(),
    setting("headers", List, Words("those they ask for"))
        .help("Headers that scripts of other origins may send")
        .within(CORS)
        .of_primus("headers")
        .live(),
    setting("exposed", List, Words("none"))
        .help("Headers of answers that scripts of other origins may see")
        .within(CORS)
        .of_primus("exposed")
        .live(),
    setting("trusted-proxies", List, Words("none")).help(
        "Networks of the proxies whose word counts about whom a request comes from, such as \
             10.0.0.0/8,::1, and unix for whoever comes through a Unix socket; Primus believes \
             everybody",
    ),
    setting("forwarded-header", NAME, Text("x-forwarded-for"))
        .help("The header in which they say that: x-forwarded-for or forwarded"),
    setting(
        "send-queue",
        BYTES,
        Words("twice max-length and 1 MiB, at least 4 MiB"),
    )
    .help("How much may wait to be sent to one spark, counted as what it costs in memory")
    .within(LIMITS)
    .live(),
    setting("send-policy", NAME, Text("disconnect"))
        .help("What to do when more waits: disconnect, drop-newest, drop-oldest, keep-latest")
        .within(LIMITS)
        .live(),
    setting("request-timeout", MS, Text("30000"))
        .help(
            "How long the head of a request may take; a body, and what is sent, may take longer at \
             the least rate",
        )
        .within(LIMITS)
        .live(),
    setting("keep-alive-timeout", MS, Text("75000"))
        .help(
            "How long a connection may wait between two requests: longer than a load balancer \
             keeps one",
        )
        .within(LIMITS)
        .live(),
    setting(
        "min-rate",
        Number("BYTES", 0, MIN_RATE_BYTES_PER_S_HIGHEST),
        Text("500"),
    )
    .help(
        "How much of a body, or of a message that has begun, a peer must send per second, and \
             take of what it is sent, on the average of a request-timeout, or it is given up; 0 \
             for at least one byte in it",
    )
    .within(LIMITS)
    .live(),
    setting("connections-max", Number("N", 1, u64::MAX), Text("1048576"))
        .help("Connections in all; further ones get 503 and Retry-After")
        .within(LIMITS)
        .live(),
    setting(
        "connections-per-address",
        Number("N", 0, CONNECTIONS_PER_ADDRESS_HIGHEST),
        Text("16384"),
    )
    .help(
        "Connections from one address, and sparks of one client's address as trusted proxies say \
             it; further ones get 503 and Retry-After; an IPv6 /64 counts as one, 0 for any number",
    )
    .within(LIMITS)
    .live(),
    setting("per-address-exempt", List, Text("127.0.0.0/8,::1"))
        .help(
            "Networks whose addresses are not counted, beside trusted proxies and Unix sockets, \
             or none",
        )
        .within(LIMITS),
    setting("accept-rate", Number("N", 0, RATE_HIGHEST), Text("0"))
        .help("New connections per second in all, and as many at once; 0 for any number")
        .within(LIMITS)
        .live(),
    setting("accept-policy", NAME, Text("refuse"))
        .help(
            "What happens to those that come faster: refuse (503 and Retry-After), or wait (they \
             are not accepted, and wait in the kernel)",
        )
        .within(LIMITS)
        .live(),
    setting(
        "accept-rate-per-address",
        Number("N", 0, RATE_HIGHEST),
        Text("0"),
    )
    .help(
        "New connections per second from one address, and as many at once; further ones get 503 \
             and Retry-After; 0 for any number",
    )
    .within(LIMITS)
    .live(),
    setting("handshakes-max", Number("N", 1, u64::MAX), Text("8192"))
        .help("Handshakes of TLS that are under way; further connections are closed")
        .within(LIMITS)
        .live(),
    setting("requests-max", Number("N", 1, u64::MAX), Text("65536"))
        .help(
            "Requests that have not come whole, or that the application has not answered; further \
             ones get 503 and Retry-After",
        )
        .within(LIMITS)
        .live(),
    setting("message-rate", Number("N", 0, RATE_HIGHEST), Text("0"))
        .help("Messages per second that a client may send; 0 for any number")
        .within(LIMITS)
        .live(),
    setting(
        "message-bytes-rate",
        Number("BYTES", 0, RATE_HIGHEST),
        Text("0"),
    )
    .help("Bytes of messages per second that a client may send; 0 for any number")
    .within(LIMITS)
    .live(),
    setting(
        "message-burst",
        Number("MS", 1, RATE_BURST_MS_HIGHEST),
        Text("2000"),
    )
    .help("Milliseconds whose worth of both may come at once")
    .within(LIMITS)
    .live(),
    setting("message-policy", NAME, Text("pause"))
        .help(
            "What happens when more comes: pause (the client is not listened to for a while), \
             drop, or end (close code 1008)",
        )
        .within(LIMITS)
        .live(),
    setting(
        "head-max",
        Number("BYTES", HEAD_BYTES_MAX_LEAST, HTTP_HEAD_BYTES_MAX as u64),
        Text("16384"),
    )
    .help("The head of a request; a longer one gets 431")
    .within(LIMITS)
    .live(),
    setting("rooms-per-spark", Number("N", 0, u64::MAX), Text("1000"))
        .help("Rooms that one spark may be in")
        .within(LIMITS)
        .live(),
    setting("room-name-max", BYTES, Text("255"))
        .help("The name of a room")
        .within(LIMITS)
        .live(),
    setting("sessions-max", Number("N", 0, u64::MAX), Text("131072"))
        .help(
            "Sessions of polling transports that are not polled at the moment; further ones get \
             503 and Retry-After",
        )
        .within(LIMITS)
        .live(),
    setting(
        "memory-max",
        BYTES,
        Words("half of what the machine or its control group has"),
    )
    .help(
        "What may be held in all for peers that have not finished what they began; then new \
             ones get 503, and whoever wants more than its share is ended",
    )
    .within(LIMITS)
    .live(),
    setting(
        "shards",
        Number("N", 1, SHARDS_MAX as u64),
        Words("one for each CPU it may use"),
    )
    .help("Threads that serve sparks, each pinned to a CPU"),
    setting("driver", NAME, Text("auto"))
        .help("How to speak to the kernel: uring, epoll, or auto for io_uring where it works"),
    setting("iknowhttpsisbetter", Switch, Text("false"))
        .help("Switches off the warning that a listener for everybody speaks no TLS")
        .of_primus("iknowhttpsisbetter")
        .own(),
    setting("page", Switch, Text("true"))
        .help("Whether there is a page at / to try the server on; false in production")
        .own(),
    setting("stats", Switch, Text("true"))
        .help("Whether /stats tells everybody how many sparks there are; false in production")
        .own(),
    setting("health", Switch, Text("true"))
        .help(
            "Whether /healthz says that the server lives and /readyz whether new clients may come: \
             503 as soon as it drains, and while it holds as much as memory-max allows",
        )
        .own(),
    setting(
        "drain-delay",
        Number("SECONDS", 0, DRAIN_SECONDS_HIGHEST),
        Text("0"),
    )
    .help(
        "How long a server that is told to end goes on accepting, so that load balancers notice \
         /readyz first: what these need to ask twice",
    )
    .own()
    .live(),
    setting(
        "drain-seconds",
        Number("SECONDS", 0, DRAIN_SECONDS_HIGHEST),
        Text("15"),
    )
    .help(
        "Over how long its clients are then told to reconnect, at most; what is under way after \
         that has 10 seconds more",
    )
    .own()
    .live(),
    setting(
        "drain-rate",
        Number("N", 1, DRAIN_RATE_HIGHEST),
        Text("200"),
    )
    .help(
        "Clients per second that are told so, if that takes less than drain-seconds; more than \
             that go faster",
    )
    .own()
    .live(),
    setting("handover", Kind::Text("PATH"), Words("none"))
        .help(
            "A socket file through which a new process, started with the same path, takes the \
             listening sockets over from the running one, which then drains: a restart that no \
             client notices by a refused connection",
        )
        .own(),
    setting("log", Kind::Text("LEVEL"), Text("info"))
        .help(
            "What to log to stderr, one line for each event: off, error, warn, info, debug, trace",
        )
        .own()
        .live(),
    setting("log-format", NAME, Text("text"))
        .help("How a line of the log looks: text for people, or json, one object for each event")
        .own(),
];
