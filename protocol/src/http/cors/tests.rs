//! What Primus 8.0.9 answers, recorded on Node.js 20 with the options of each test. Names of
//! headers are in lower case here.

use super::*;

/// The options of Primus, some of them changed.
fn options(change: impl FnOnce(&mut CorsOptions)) -> CorsOptions {
    let mut options = CorsOptions::default();
    change(&mut options);
    options
}

/// What is decided about a request, given as on the wire.
fn verdict(cors: &Cors, text: &[u8]) -> CorsVerdict {
    cors.judge(&RequestHead::parse(text).unwrap())
}

/// What a request with these headers leads to: the status of the answer, if there is one, and its
/// headers; else those that are added to the answer of the transport, `said`.
fn headers(options: &CorsOptions, request: &str, said: Response) -> (u16, Vec<String>) {
    let (line, headers) = request.split_once('\n').unwrap_or((request, ""));
    let headers: String = headers.lines().map(|line| format!("{line}\r\n")).collect();
    let text = format!("{line} /primus/x HTTP/1.1\r\nHost: h\r\n{headers}\r\n");
    let cors = Cors::new(options).unwrap();
    let (status, response) = match verdict(&cors, text.as_bytes()) {
        CorsVerdict::Answer(response) => (response.status(), response),
        CorsVerdict::Pass(grant) => (0, cors.apply(&grant, said)),
    };
    assert_eq!(response.misuse(), None);
    let lines = response.headers().map(|(name, value)| {
        let value = std::str::from_utf8(value).unwrap();
        format!("{}: {value}", name.to_lowercase())
    });
    (status, lines.collect())
}

fn judged(options: &CorsOptions, request: &str) -> (u16, Vec<String>) {
    headers(options, request, Response::new(200))
}

const PASSED: u16 = 0;
const GET: &str = "GET\nOrigin: http://Example.org";
const PREFLIGHT: &str = "OPTIONS\nOrigin: http://Example.org\nAccess-Control-Request-Method: POST\n\
    Access-Control-Request-Headers: X-A, x-b";
const NAMED: &str = "access-control-allow-origin: http://Example.org";
const VARY: &str = "vary: Origin";
const CREDENTIALS: &str = "access-control-allow-credentials: true";
const MAX_AGE: &str = "access-control-max-age: 2592000";
const METHODS: &str = "access-control-allow-methods: GET, HEAD, PUT, POST, DELETE, OPTIONS";
const HEADERS: &str = "access-control-allow-headers: X-A, x-b";
/// What the defaults add to an answer.
const GRANTED: [&str; 3] = [NAMED, VARY, CREDENTIALS];
/// What a refusal holds.
const REFUSED: [&str; 1] = ["content-type: text/plain"];

#[track_caller]
fn assert_headers(options: &CorsOptions, request: &str, status: u16, expected: &[&str]) {
    let (seen, lines) = judged(options, request);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!((seen, &lines[..]), (status, expected), "{request}");
}

#[test]
fn without_an_origin_nothing_is_added() {
    for request in [
        "GET",
        "PATCH",
        "OPTIONS",
        "OPTIONS\nAccess-Control-Request-Method: POST",
    ] {
        assert_headers(&CorsOptions::default(), request, PASSED, &[]);
    }
}

#[test]
fn the_defaults_name_every_origin() {
    let defaults = CorsOptions::default();
    assert_headers(&defaults, GET, PASSED, &GRANTED);
    for request in [
        "HEAD\nORIGIN: http://Example.org",
        "OPTIONS\nOrigin: http://Example.org",
        "OPTIONS\nOrigin: http://Example.org\nAccess-Control-Request-Method:",
        "GET\nOrigin: http://Example.org\nAccess-Control-Request-Method: POST",
    ] {
        assert_headers(&defaults, request, PASSED, &GRANTED);
    }
    let preflight = [NAMED, VARY, CREDENTIALS, MAX_AGE, METHODS, HEADERS];
    assert_headers(&defaults, PREFLIGHT, 200, &preflight);
    let (bare, _) = PREFLIGHT.rsplit_once('\n').unwrap();
    assert_headers(&defaults, bare, 200, &preflight[..5]);
}

#[test]
fn a_refusal_says_what_was_refused() {
    let text = b"PATCH /primus HTTP/1.1\r\nHost: h\r\nOrigin: http://Example.org\r\n\r\n";
    let cors = Cors::new(&CorsOptions::default()).unwrap();
    let verdict = verdict(&cors, text);
    let CorsVerdict::Answer(response) = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(response.status(), 403);
    let all: Vec<_> = response.headers().collect();
    assert_eq!(all, [("Content-Type", &b"text/plain"[..])]);
    let body = "Invalid HTTP Access Control (CORS) request:\n  Origin: http://Example.org\n  \
        Method: PATCH";
    assert_eq!(response.body_bytes(), body.as_bytes());
}

#[test]
fn an_origin_is_null_or_begins_like_a_url() {
    let status = |origin: &str| {
        let (status, lines) = judged(&CorsOptions::default(), &format!("GET\nOrigin: {origin}"));
        if status == PASSED {
            let named = format!("access-control-allow-origin: {}", origin.trim());
            assert_eq!(lines[0], named);
        }
        status
    };
    for origin in [
        "null",
        "NULL",
        "localhost:80",
        "http:",
        "1.+-a:",
        "  HTTP://x  ",
        "mailto:x",
        "http://caf\u{e9}",
        "http://a, http://b",
    ] {
        assert_eq!(status(origin), PASSED, "{origin}");
    }
    for origin in ["", "foo", "http://a%20b", "_a:", "//a", "\u{e9}:", ":"] {
        assert_eq!(status(origin), 403, "{origin}");
    }
}

#[test]
fn what_no_browser_sends_is_refused() {
    let twice = "GET\nOrigin: http://a\nOrigin: http://b";
    assert_headers(&CorsOptions::default(), twice, 403, &REFUSED);
    let text = b"GET / HTTP/1.1\r\nHost: h\r\nOrigin: http://caf\xe9\r\n\r\n";
    let cors = Cors::new(&CorsOptions::default()).unwrap();
    assert!(
        matches!(verdict(&cors, text), CorsVerdict::Answer(response) if response.status() == 403)
    );
}

#[test]
fn origins_can_be_listed_in_any_case() {
    for origins in [
        "http://example.org, http://b",
        "http://b,http://example.org",
        "HTTP://EXAMPLE.ORG",
    ] {
        let options = options(|o| o.origins = origins.into());
        assert_headers(&options, GET, PASSED, &GRANTED);
    }
    for origins in [
        "http://b",
        "",
        "http://example.or",
        "https://example.org",
        ",",
    ] {
        let options = options(|o| o.origins = origins.into());
        assert_headers(&options, GET, 403, &REFUSED);
        assert_headers(&options, PREFLIGHT, 403, &REFUSED);
    }
}

#[test]
fn without_credentials_everybody_is_named_at_once() {
    let open = options(|o| o.credentials = false);
    let everybody = "access-control-allow-origin: *";
    assert_headers(&open, GET, PASSED, &[everybody]);
    assert_headers(
        &open,
        PREFLIGHT,
        200,
        &[everybody, MAX_AGE, METHODS, HEADERS],
    );

    let listed = options(|o| {
        o.credentials = false;
        o.origins = "http://example.org".into();
    });
    assert_headers(&listed, GET, PASSED, &[NAMED, VARY]);
    let preflight = [NAMED, VARY, MAX_AGE, METHODS, HEADERS];
    assert_headers(&listed, PREFLIGHT, 200, &preflight);
}

#[test]
fn methods_are_for_every_request_with_an_origin() {
    let some = options(|o| o.methods = "get, POST".into());
    assert_headers(&some, GET, PASSED, &GRANTED);
    assert_headers(&some, PREFLIGHT, 403, &REFUSED);

    let some = options(|o| o.methods = "get,options".into());
    let methods = "access-control-allow-methods: GET, OPTIONS";
    let preflight = [NAMED, VARY, CREDENTIALS, MAX_AGE, methods, HEADERS];
    assert_headers(&some, PREFLIGHT, 200, &preflight);

    let all = options(|o| o.methods = String::new());
    assert_headers(&all, "PATCH\nOrigin: http://Example.org", PASSED, &GRANTED);
    let preflight = [NAMED, VARY, CREDENTIALS, MAX_AGE, HEADERS];
    assert_headers(&all, PREFLIGHT, 200, &preflight);
}

#[test]
fn a_preflight_is_told_what_the_options_say() {
    let with = |change: fn(&mut CorsOptions)| judged(&options(change), PREFLIGHT).1;
    let short = with(|o| o.max_age_s = 1000);
    assert_eq!(short[3], "access-control-max-age: 1000");
    let none = with(|o| o.max_age_s = 0);
    assert_eq!(none[3], METHODS);
    let headers = with(|o| o.headers = "X-Foo, x-Bar".into());
    assert_eq!(headers[5], "access-control-allow-headers: X-Foo, x-Bar");
    let exposed = with(|o| o.exposed = "X-Foo".into());
    assert_eq!(exposed.len(), 6, "what is exposed is not told in advance");
}

#[test]
fn other_answers_are_told_what_is_exposed() {
    let options = options(|o| o.exposed = "X-Foo,Y".into());
    let exposed = "access-control-expose-headers: X-Foo,Y";
    let granted = [NAMED, VARY, CREDENTIALS, exposed];
    assert_headers(&options, GET, PASSED, &granted);
    assert_headers(&options, "GET", PASSED, &[]);
}

/// `/info` of sockjs, with `credentials` true and false.
#[test]
fn primus_outranks_the_transport() {
    let said = || {
        Response::new(200)
            .header("Access-Control-Allow-Credentials", "true")
            .header("Access-Control-Allow-Origin", "*")
            .header("Vary", "Origin")
            .header("Content-Type", "application/json; charset=UTF-8")
    };
    let (_, lines) = headers(&CorsOptions::default(), GET, said());
    let kept = [VARY, "content-type: application/json; charset=UTF-8"];
    assert_eq!(lines, [kept[0], kept[1], NAMED, CREDENTIALS]);

    let options = options(|o| o.credentials = false);
    let (_, lines) = headers(&options, GET, said());
    let everybody = "access-control-allow-origin: *";
    assert_eq!(lines, [CREDENTIALS, kept[0], kept[1], everybody]);

    let (_, lines) = headers(&options, "GET", said());
    assert_eq!(lines, [CREDENTIALS, everybody, kept[0], kept[1]]);
}

#[test]
fn vary_is_joined() {
    let vary = |said: Response| {
        let (_, lines) = headers(&CorsOptions::default(), GET, said);
        let mut varies = lines.into_iter().filter(|line| line.starts_with("vary"));
        let vary = varies.next().unwrap();
        assert_eq!(varies.next(), None);
        vary
    };
    let said = |value| Response::new(200).header("Vary", value);
    assert_eq!(vary(said("Cookie")), "vary: Cookie, Origin");
    assert_eq!(vary(said("Cookie , origin")), "vary: Cookie , origin");
    assert_eq!(vary(said("*")), "vary: *");
    let two = said("Cookie").header("vary", "Accept");
    assert_eq!(vary(two), "vary: Cookie, Accept, Origin");
}

#[test]
fn upgrades_are_asked_for_their_origin_as_soon_as_origins_are_listed() {
    let status = |options: &CorsOptions, headers: &str| {
        let text = format!("GET /primus HTTP/1.1\r\nHost: h\r\n{headers}\r\n");
        let cors = Cors::new(options).unwrap();
        let refusal = cors.refuse_upgrade(&RequestHead::parse(text.as_bytes()).unwrap());
        refusal.map(|response| response.status())
    };
    let upgrade = |origin: &str| format!("Connection: upgrade\r\nUpgrade: websocket\r\n{origin}");
    let friend = upgrade("Origin: http://Friend.example\r\n");
    let foe = upgrade("Origin: http://foe.example\r\n");
    let listed = options(|o| o.origins = "https://x, HTTP://friend.EXAMPLE:80".into());
    assert_eq!(status(&listed, &friend), None);
    assert_eq!(status(&listed, &upgrade("")), None, "no browser");
    for origin in [
        "Origin: http://foe.example\r\n",
        "Origin: http://friend.example:81\r\n",
        "Origin: http://friend.example.foe.example\r\n",
        "Origin: https://friend.example\r\n",
        "Origin: null\r\n",
        "Origin:\r\n",
        "Origin: http://caf\u{e9}\r\n",
        "Origin: http://friend.example\r\nOrigin: http://friend.example\r\n",
    ] {
        assert_eq!(status(&listed, &upgrade(origin)), Some(403), "{origin}");
    }
    assert_eq!(
        status(&listed, "Origin: http://foe.example\r\n"),
        None,
        "no upgrade"
    );
    let nobody = options(|o| o.origins = String::new());
    assert_eq!(status(&nobody, &friend), Some(403));
    assert_eq!(status(&nobody, &upgrade("")), None);
    assert_eq!(status(&CorsOptions::default(), &foe), None);
    assert_eq!(
        status(&CorsOptions::default(), &upgrade("Origin: foo\r\n")),
        None
    );
    let as_in_primus = CorsOptions {
        upgrades: false,
        ..listed
    };
    assert_eq!(status(&as_in_primus, &foe), None);
}

#[test]
fn options_that_no_browser_or_header_can_match_are_refused() {
    let refusal = |change: fn(&mut CorsOptions)| {
        let error = Cors::new(&options(change)).map(|_| ()).unwrap_err();
        assert!(!error.reason.contains(['\r', '\n']), "{error}");
        error.to_string()
    };
    for (change, expected) in [
        (
            (|o| o.origins = "http://a, not an origin".into()) as fn(&mut CorsOptions),
            "origins: \"not\" is no origin: an origin is scheme://host or scheme://host:port, \
             such as https://chat.example.org",
        ),
        (
            |o| o.origins = "http://a.example/".into(),
            "origins: \"http://a.example/\" goes on behind its host: write http://a.example",
        ),
        (
            |o| o.origins = "http://a\r\nX:y".into(),
            "origins: \"http://a\\r\\nX:y\" has",
        ),
        (
            |o| o.origins = "*, http://b".into(),
            "origins: \"*\" allows every origin",
        ),
        (
            |o| o.origins = "null".into(),
            "origins: \"null\" can be sent by every site",
        ),
        (
            |o| o.headers = "a\r\nb".into(),
            "headers: \"a\\r\\nb\" is no header's name",
        ),
        (
            |o| o.headers = "a\r\n,b".into(),
            "headers: \"a\\r\\n\" is no",
        ),
        (
            |o| o.headers = "X-A X-B".into(),
            "headers: \"X-A X-B\" is no header's name: write",
        ),
        (
            |o| o.exposed = "X-A, b:".into(),
            "exposed: \"b:\" is no header's name",
        ),
        (|o| o.exposed = "\u{fc}".into(), "exposed: "),
        (
            |o| o.methods = "GET\0".into(),
            "methods: \"GET\\0\" is no method: write",
        ),
        (
            |o| o.methods = "GET;POST".into(),
            "methods: \"GET;POST\" is no method",
        ),
    ] {
        let refused = refusal(change);
        assert!(refused.starts_with(expected), "{refused}");
    }
    for change in [
        (|o| o.headers = "*".into()) as fn(&mut CorsOptions),
        |o| o.exposed = " X-A ,\tX-B, ".into(),
        |o| o.methods = "get, POST PATCH".into(),
        |o| o.origins = "http://a http://b,http://c".into(),
    ] {
        assert!(Cors::new(&options(change)).is_ok());
    }
}

#[test]
fn durations_are_read_as_primus_reads_text() {
    for (text, expected) in [
        ("30 days", Some(2_592_000)),
        ("1 day", Some(86_400)),
        ("1Day", Some(86_400)),
        ("1.5h", Some(5400)),
        (".5 minutes", Some(30)),
        ("2 weeks", Some(1_209_600)),
        ("1y", Some(31_536_000)),
        ("3 secs", Some(3)),
        ("1500 ms", Some(1)),
        ("1000", Some(1)),
        ("0", Some(0)),
        (" 1 s ", Some(1)),
        ("bogus", None),
        ("", None),
        ("-1 day", None),
        ("1 fortnight", None),
        ("1.2.3 s", None),
        ("inf", None),
        ("1 day 2", None),
    ] {
        assert_eq!(max_age_s(text), expected, "{text:?}");
    }
    assert_eq!(
        max_age_s(&format!("{} years", "9".repeat(400))),
        Some(u64::MAX)
    );
}

#[test]
fn a_page_of_another_origin_may_not_load_scripts() {
    let allows = |origins: &str, referers: &[&str]| {
        let options = CorsOptions {
            origins: origins.to_owned(),
            ..CorsOptions::default()
        };
        let headers: String = referers
            .iter()
            .map(|referer| format!("Referer: {referer}\r\n"))
            .collect();
        let head = format!("GET / HTTP/1.1\r\nHost: own:81\r\n{headers}\r\n");
        let head = RequestHead::parse(head.as_bytes()).unwrap();
        Cors::new(&options).unwrap().allows_referer(&head)
    };
    let some = "http://a.example https://b.example:8443";
    for referer in [
        "http://a.example/",
        "http://A.example",
        "http://a.example/x?http://evil.example/",
        "http://a.example?x",
        "https://b.example:8443/path#x",
        "http://own:81/page",
        "https://OWN:81",
    ] {
        assert!(allows(some, &[referer]), "{referer}");
    }
    for referer in [
        "http://evil.example/",
        "http://evil.example/http://a.example/",
        "http://a.example.evil.example/",
        "http://a.example@evil.example/",
        "http://a.example:81/",
        "https://a.example/",
        "http://own/",
        "a.example",
        "about:blank",
        "null",
    ] {
        assert!(!allows(some, &[referer]), "{referer}");
        assert!(allows("*", &[referer]));
        assert!(!allows("", &[referer]));
        assert!(!allows(some, &["http://a.example/", referer]));
    }
    assert!(allows(some, &[]) && allows(some, &[""]) && allows("", &[]));
}
