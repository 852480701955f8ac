//! The options of files and upstreams: a part of the table of options.

use super::bounds::{MAX_AGE_S_MAX, REQUESTS_MAX, RETRIES_MAX, THREADS_MAX, TIMEOUT_MS_MAX};
use crate::setting::{DefaultValue, Kind, Setting, setting};

use DefaultValue::{Text, Words};
use Kind::{List, Number, Switch};

const STATIC: &str = "static";
const PROXY: &str = "proxy";

const MS: Kind = Number("MS", 1, TIMEOUT_MS_MAX);
const PATH: Kind = Kind::Text("PATH");
const FILE: Kind = Kind::Text("FILE");
const COUNT: Kind = Number("N", 1, REQUESTS_MAX);

/// In the order of the help.
pub(crate) const WEB_SETTINGS: &[Setting] = &[
    of_static("static-root", Kind::Text("DIR"), Words("none"))
        .help("A folder whose files are served; links that lead out of it are not followed"),
    of_static("static-path", PATH, Text("/")).help(
        "What the paths of files begin with; at / they come behind all other routes, and there is \
         no page",
    ),
    of_static("static-index", FILE, Text("index.html"))
        .help("The file that is sent for a path that ends with a slash"),
    of_static("static-fallback", FILE, Words("none")).help(
        "The file that is sent for paths without one whose last part has no dot, as an application \
         of one page needs it",
    ),
    of_static("static-max-age", Number("S", 0, MAX_AGE_S_MAX), Text("0"))
        .help("Seconds for which browsers may take a file from their cache without asking"),
    of_static("static-precompressed", Switch, Text("true"))
        .help("Whether FILE.br, FILE.zst and FILE.gz are sent to those who can read them"),
    of_static("static-hidden", Switch, Text("false"))
        .help("Whether names that begin with a dot are served, other than .well-known"),
    of_static("static-requests-max", COUNT, Text("4096")).help(
        "Requests for files that may be under way, at 200 KiB each while their clients read \
         slowly; more get 503",
    ),
    of_proxy("proxy-upstreams", List, Words("none")).help(
        "Where the application itself is: http://HOST:PORT, unix:PATH or unix:@NAME, several with \
         commas between them; the one with the fewest requests under way is asked",
    ),
    of_proxy("proxy-path", PATH, Text("/")).help(
        "What paths begin with that go to the application; at / it is all paths that no route and \
         no file has, and there is no page. Primus's pathname never goes there",
    ),
    of_proxy(
        "proxy-body-max",
        Number("BYTES", 1, u64::MAX),
        Text("1073741824"),
    )
    .help("Bytes of a request's body, which goes on as it comes; with more it is 413"),
    of_proxy("proxy-connect-timeout", MS, Text("5000"))
        .help("Milliseconds that it may take to connect to the application"),
    of_proxy("proxy-answer-timeout", MS, Text("60000"))
        .help("Milliseconds after which a request that is not answered gets 504"),
    of_proxy("proxy-idle-timeout", MS, Text("60000"))
        .help("Milliseconds for which the application may be silent within an answer"),
    of_proxy("proxy-upgrade-timeout", MS, Text("600000"))
        .help("Milliseconds for which both sides of a WebSocket may be silent"),
    of_proxy("proxy-requests-max", COUNT, Text("4096")).help(
        "Requests and WebSockets that may be under way, at 300 KiB each while one side is slow; \
         more get 503",
    ),
    of_proxy("proxy-retries", Number("N", 0, RETRIES_MAX), Text("1")).help(
        "How often a GET, HEAD or OPTIONS that the application may have seen is sent again when \
         its connection breaks",
    ),
    of_proxy("proxy-failed-for", MS, Text("10000"))
        .help("Milliseconds for which one that could not be reached is asked last"),
    of_proxy("proxy-health-path", PATH, Words("none"))
        .help("What each is asked with GET to find out whether it is well: 200 to 399"),
    of_proxy("proxy-health-interval", MS, Text("5000"))
        .help("Milliseconds between two such questions; two answers that agree decide how it is"),
    of_proxy("proxy-threads", Number("N", 1, THREADS_MAX), Text("1"))
        .help("Threads that files and the application are waited for on"),
];

const fn of_static(name: &'static str, kind: Kind, default: DefaultValue) -> Setting {
    setting(name, kind, default).within(STATIC).own()
}

const fn of_proxy(name: &'static str, kind: Kind, default: DefaultValue) -> Setting {
    setting(name, kind, default).within(PROXY).own()
}
