//! Answers that concern no session.

use allspark_protocol::http::RequestHead;

use super::rig::{NO_CACHE, Rig, own, own_answer};
use crate::sockjs::SockJsOptions;
use crate::sockjs::asked::Asked;
use crate::sockjs::endpoint::{Sender, Transport};

const NEVER: &str = "no-store, no-cache, no-transform, must-revalidate, max-age=0";
const YEAR: &str = "public, max-age=31536000";

#[test]
fn the_path_itself_greets() {
    let mut rig = Rig::new();
    for path in ["", "/", "foo", "?a=b"] {
        let answer = rig.get(path);
        answer.assert_is(200, "Welcome to SockJS!\n");
        answer.assert_headers(&[
            ("content-type", Some("text/plain; charset=UTF-8")),
            ("set-cookie", None),
        ]);
    }
    for path in ["/a", "/a.html", "//", "///", "/a/a", "/a/a/", "/a/"] {
        rig.get(path).assert_not_found();
    }
}

#[test]
fn a_method_that_is_not_allowed_is_told_those_that_are() {
    let mut rig = Rig::new();
    for (method, path, allowed) in [
        ("HEAD", "", "GET"),
        ("POST", "/", "GET"),
        ("POST", "/info", "OPTIONS, GET"),
        ("PATCH", "/iframe.html", "GET"),
        ("GET", "/chunking_test", "OPTIONS, POST"),
        ("GET", "/a/b/xhr", "POST, OPTIONS"),
        ("DELETE", "/a/b/xhr_send", "POST, OPTIONS"),
        ("GET", "/a/b/xhr_streaming", "POST, OPTIONS"),
        ("POST", "/a/b/eventsource", "GET"),
        ("OPTIONS", "/a/b/htmlfile", "GET"),
        ("OPTIONS", "/a/b/jsonp", "GET"),
        ("GET", "/a/b/jsonp_send", "POST"),
        ("POST", "/websocket", "GET"),
        ("OPTIONS", "/a/b/websocket", "GET"),
    ] {
        let answer = rig.answer(method, path, "", "");
        answer.assert_is(405, "");
        answer.assert_headers(&[("allow", Some(allowed)), ("content-type", None)]);
    }
}

#[test]
fn the_iframe_page_is_cached_for_long() {
    let mut rig = Rig::new();
    let page = rig.get("/iframe-0.1.2.html?t=1");
    assert_eq!(page.status, 200);
    let script = "\n  <script src=\"iframe.js\"></script>\n";
    assert!(page.body.contains(script), "{}", page.body);
    // As long as the page of sockjs 0.3.24, but for the URL.
    const URL: &str = "https://cdn.jsdelivr.net/npm/sockjs-client@1/dist/sockjs.min.js";
    assert_eq!(page.body.len(), 472 - URL.len() + "iframe.js".len());
    assert!(!page.body.contains("://"), "nothing comes from elsewhere");
    page.assert_headers(&[
        ("content-type", Some("text/html; charset=UTF-8")),
        ("cache-control", Some(NO_CACHE)),
        ("expires", Some("Thu, 31 Dec 2037 23:55:55 GMT")),
        ("set-cookie", None),
    ]);
    let tag = page.header("etag").unwrap();
    assert_eq!(tag.len(), 34, "{tag}");
    let known = rig.answer(
        "GET",
        "/iframe.html",
        &format!("If-None-Match: {tag}\r\n"),
        "",
    );
    known.assert_is(304, "");
    known.assert_headers(&[("content-type", None), ("cache-control", Some(NO_CACHE))]);
    let other = rig.answer("GET", "/iframe.html", "If-None-Match: \"other\"\r\n", "");
    assert_eq!((other.status, other.header("etag")), (200, Some(tag)));

    let mut rig = Rig::with(|options| options.sockjs_url = Some("/s.js".to_owned()));
    let page = rig.get("/iframe.html");
    assert!(
        page.body.contains("<script src=\"/s.js\">"),
        "{}",
        page.body
    );
    assert_ne!(page.header("etag"), Some(tag));
}

#[test]
fn the_script_of_the_iframe_page_comes_from_here() {
    let mut rig = Rig::new();
    let script = rig.get("/iframe.js");
    assert_eq!(script.status, 200);
    assert!(script.body.contains("bootstrap_iframe"));
    assert!(!script.body.contains("://"), "nothing comes from elsewhere");
    script.assert_headers(&[
        (
            "content-type",
            Some("application/javascript; charset=UTF-8"),
        ),
        ("cache-control", Some(NO_CACHE)),
        ("x-content-type-options", Some("nosniff")),
    ]);
    let known = format!("If-None-Match: {}\r\n", script.header("etag").unwrap());
    rig.answer("GET", "/iframe.js", &known, "")
        .assert_is(304, "");
}

#[test]
fn info_tells_what_the_server_can() {
    let mut rig = Rig::new();
    let entropies = [rig.get("/info"), rig.get("/info/")].map(|info| {
        info.assert_headers(&[
            ("content-type", Some("application/json; charset=UTF-8")),
            ("cache-control", Some(NO_CACHE)),
            ("access-control-allow-origin", Some("*")),
            ("access-control-allow-credentials", None),
            ("vary", Some("Origin")),
            ("set-cookie", None),
        ]);
        let start = r#"{"websocket":true,"origins":["*:*"],"cookie_needed":false,"entropy":"#;
        let entropy = info
            .body
            .strip_prefix(start)
            .unwrap()
            .strip_suffix('}')
            .unwrap();
        entropy.parse::<u32>().unwrap()
    });
    assert_ne!(entropies[0], entropies[1]);

    let mut rig = Rig::with(|options| {
        options.websocket = false;
        options.jsessionid = true;
        options.disable_cors = true;
        options.base_url = Some("http://b".to_owned());
    });
    let info = rig.get("/info");
    let start = r#"{"websocket":false,"cookie_needed":true,"entropy":"#;
    assert!(info.body.starts_with(start), "{}", info.body);
    assert!(
        info.body.ends_with(r#","base_url":"http://b"}"#),
        "{}",
        info.body
    );
    info.assert_headers(&[("access-control-allow-origin", None), ("set-cookie", None)]);
}

#[test]
fn preflights_are_answered() {
    for (path, methods) in [
        ("/info", "OPTIONS, GET"),
        ("/a/b/xhr", "OPTIONS, POST"),
        ("/a/b/xhr_send", "OPTIONS, POST"),
        ("/a/b/xhr_streaming", "OPTIONS, POST"),
        ("/chunking_test", "OPTIONS, POST"),
    ] {
        for (origin, allowed, credentials) in [
            ("", "*", None),
            ("Origin: test\r\n", "test", Some("true")),
            // As sockjs-node, and as browsers want it today.
            ("Origin: null\r\n", "null", Some("true")),
        ] {
            let answer = own_answer("OPTIONS", path, origin);
            answer.assert_is(204, "");
            answer.assert_headers(&[
                ("cache-control", Some(YEAR)),
                ("expires", Some("Thu, 31 Dec 2037 23:55:55 GMT")),
                ("access-control-max-age", Some("31536000")),
                ("access-control-allow-methods", Some(methods)),
                ("access-control-allow-origin", Some(allowed)),
                ("access-control-allow-credentials", credentials),
                ("access-control-allow-headers", None),
                ("vary", Some("Origin")),
            ]);
        }
    }
    let asked = "Access-Control-Request-Headers: x-y, z\r\n";
    let answer = own_answer("OPTIONS", "/info", asked);
    answer.assert_headers(&[("access-control-allow-headers", Some("x-y, z"))]);
}

#[test]
fn the_chunking_test_comes_at_once() {
    let answer = Rig::new().post("/chunking_test", "");
    answer.assert_is(200, &format!("h\n{}h\nh\nh\nh\nh\nh\n", " ".repeat(2048)));
}

#[test]
fn the_cookie_is_set_on_session_requests() {
    let mut rig = Rig::with(|options| options.jsessionid = true);
    let dummy = [("set-cookie", Some("JSESSIONID=dummy; path=/"))];
    rig.post("/a/b/xhr", "").assert_headers(&dummy);
    rig.post("/a/b/xhr_send", "[]").assert_headers(&dummy);
    rig.post("/a/x/xhr_send", "[]").assert_headers(&dummy);
    rig.get("/a/c/jsonp?c=x").assert_headers(&dummy);
    rig.post("/a/c/jsonp_send", "[]").assert_headers(&dummy);
    rig.get("/a/c/jsonp").assert_headers(&dummy);
    rig.answer("OPTIONS", "/info", "", "")
        .assert_headers(&dummy);
    for path in ["/a/d/eventsource", "/a/e/htmlfile?c=x"] {
        let mut asked = rig.ask("GET", path, "", "");
        rig.read(&mut asked);
        asked.answer().assert_headers(&dummy);
    }
    for (cookies, value) in [
        ("JSESSIONID=abcdef", "abcdef"),
        ("a=b; JSESSIONID = x ;JSESSIONID=y=z; c", "y"),
        ("JSESSIONID=", "dummy"),
    ] {
        let answer = rig.answer("POST", "/a/f/xhr", &format!("Cookie: {cookies}\r\n"), "");
        let cookie = format!("JSESSIONID={value}; path=/");
        answer.assert_headers(&[("set-cookie", Some(&cookie))]);
        rig.post("/a/f/xhr_send", "[]");
        let spark = *rig.pair.sparks().last().unwrap();
        rig.pair.server_close(spark);
        rig.pair.run_for(5_000);
    }
}

#[test]
fn sessions_may_have_any_name_without_a_dot() {
    let mut rig = Rig::new();
    for path in ["/a/a", "/_/_", "/1/1", "/abcdefgh_i-j%20/abcdefg_i-j%20"] {
        rig.post(&format!("{path}/xhr"), "").assert_is(200, "o\n");
    }
    for path in ["//", "/a./a", "/a/a.", "/./.", "/", "///", ""] {
        for method in ["GET", "POST"] {
            let answer = rig.answer(method, &format!("{path}/xhr"), "", "");
            answer.assert_not_found();
        }
    }
}

#[test]
fn a_preflight_of_a_page_is_answered_by_primus() {
    let headers = "Origin: http://b\r\nAccess-Control-Request-Method: POST\r\n";
    let answer = Rig::new().answer("OPTIONS", "/a/b/xhr", headers, "");
    assert_eq!(answer.status, 200);
    answer.assert_headers(&[
        ("access-control-allow-origin", Some("http://b")),
        ("access-control-allow-credentials", Some("true")),
        ("expires", None),
    ]);
}

/// Primus replaces this, but the transport says what the package says.
#[test]
fn caches_are_told_what_the_package_tells_them() {
    for path in ["/iframe.html", "/iframe-1.2.html"] {
        own_answer("GET", path, "").assert_headers(&[("cache-control", Some(YEAR))]);
    }
    own_answer("GET", "/iframe.js", "").assert_headers(&[("cache-control", Some("no-cache"))]);
    own_answer("GET", "/info", "").assert_headers(&[("cache-control", Some(NEVER))]);
    let head = b"GET /primus HTTP/1.1\r\nHost: a\r\nOrigin: null\r\n\r\n";
    let head = RequestHead::parse(head).unwrap();
    let options = SockJsOptions::default();
    let asked = Asked::of(&head, "");
    for sender in [Sender::Xhr, Sender::Jsonp] {
        let answer = own(&asked.sending(200, sender, &options));
        answer.assert_headers(&[("cache-control", Some(NEVER))]);
    }
    for (transport, origin) in [
        (Transport::Xhr, Some("null")),
        (Transport::XhrStreaming, Some("null")),
        (Transport::Jsonp, None),
        (Transport::HtmlFile, None),
        (Transport::EventSource, Some("*")),
    ] {
        own(&asked.receiving(transport, &options)).assert_headers(&[
            ("cache-control", Some(NEVER)),
            ("access-control-allow-origin", origin),
        ]);
    }
}
