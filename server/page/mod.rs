//! The page at `/`, on which a person can connect, write and see what happens.
//!
//! Its files are part of the binary. It knows nothing of the server but the pathname and the app,
//! and never answers with anything that a request contains.
//!
//! # Invariants
//! - The page asks no other host for anything, and runs no script or style but its own files: its
//!   Content-Security-Policy forbids both.
//! - A file is sent again only when it has changed: every answer carries an entity tag.

use std::sync::Arc;

use allspark::{RequestHead, Response};
use allspark_protocol::http::StaticBody;

use crate::assembly::{self, Assembly};

/// Adds it, for a server with this pathname and this app, named as on the command line.
pub(crate) fn assemble(assembly: &mut Assembly, pathname: &str, app: &str) {
    let page = Page::new(pathname, app);
    let page = Arc::new(page);
    for path in paths() {
        let page = Arc::clone(&page);
        assembly::add(&mut assembly.public, &path, move |head| page.respond(head));
    }
}

/// The files of the page, as they are served.
struct Page {
    /// Each with what stands after the first `/` of its path; nothing for the page itself.
    files: Vec<(&'static str, StaticBody)>,
}

/// Names, types and texts; the first is the page itself. The client of Primus is no part of the
/// page: it takes the library that the server makes.
const FILES: [(&str, &str, &str); 9] = [
    ("", HTML, include_str!("index.html")),
    ("style.css", CSS, include_str!("style.css")),
    ("icon.svg", SVG, include_str!("icon.svg")),
    ("page.js", JAVASCRIPT, include_str!("page.js")),
    ("carrier.js", JAVASCRIPT, include_str!("carrier.js")),
    ("log.js", JAVASCRIPT, include_str!("log.js")),
    ("pulse.js", JAVASCRIPT, include_str!("pulse.js")),
    ("round-trips.js", JAVASCRIPT, include_str!("round-trips.js")),
    (
        "transformers.js",
        JAVASCRIPT,
        include_str!("transformers.js"),
    ),
];

/// The paths of the page and of what it needs.
pub(crate) fn paths() -> impl Iterator<Item = String> {
    FILES.iter().map(|(name, ..)| format!("/{name}"))
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

const SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

impl Page {
    /// The page of a server with this pathname and this app, named as on the command line.
    fn new(pathname: &str, app: &str) -> Self {
        let file = |(name, content_type, text): (_, _, &'static str)| {
            let body = match content_type {
                HTML => StaticBody::new(HTML, fill_in(text, pathname, app).into_bytes()),
                _ => StaticBody::new(content_type, text.as_bytes()),
            };
            (name, body)
        };
        Self {
            files: FILES.map(file).into(),
        }
    }

    /// Answers a request that is not for Primus.
    fn respond(&self, request: &RequestHead<'_>) -> Response {
        let path = request.path();
        let name = path.strip_prefix('/').unwrap_or(path);
        let Some((_, file)) = self.files.iter().find(|(file, _)| *file == name) else {
            return Response::text(404, "Not Found");
        };
        if !matches!(request.method(), "GET" | "HEAD") {
            return Response::text(405, "Method Not Allowed").header("Allow", "GET, HEAD");
        }
        file.answer(request)
            .header("Content-Security-Policy", SECURITY_POLICY)
            .header("Referrer-Policy", "no-referrer")
            .header("X-Content-Type-Options", "nosniff")
    }
}

fn fill_in(html: &str, pathname: &str, app: &str) -> String {
    html.replace("{{pathname}}", &escape(pathname))
        .replace("{{app}}", app)
        .replace("{{version}}", env!("CARGO_PKG_VERSION"))
}

/// A pathname may hold characters that mean something in HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(method: &str, path: &str, headers: &str) -> Response {
        ask_page(&Page::new("/chat", "echo"), method, path, headers)
    }

    fn ask_page(page: &Page, method: &str, path: &str, headers: &str) -> Response {
        let text = format!("{method} {path} HTTP/1.1\r\nHost: h\r\n{headers}\r\n");
        page.respond(&RequestHead::parse(text.as_bytes()).unwrap())
    }

    fn header<'r>(response: &'r Response, name: &str) -> &'r str {
        let found = response
            .headers()
            .find(|(header, _)| header.eq_ignore_ascii_case(name));
        let (_, value) = found.unwrap_or_else(|| panic!("{name} is missing"));
        std::str::from_utf8(value).unwrap()
    }

    #[test]
    fn the_page_knows_pathname_app_and_version() {
        let response = ask("GET", "/", "");
        let html = std::str::from_utf8(response.body_bytes()).unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "Content-Type"), HTML);
        assert!(
            html.contains(r#"data-pathname="/chat" data-app="echo""#),
            "{html}"
        );
        assert!(html.contains(env!("CARGO_PKG_VERSION")));
        assert!(!html.contains("{{"), "a blank was left open");
    }

    #[test]
    fn a_pathname_is_text_in_the_page_whatever_it_holds() {
        let page = Page::new("/a&b\"<", "echo");
        let response = ask_page(&page, "GET", "/", "");
        let html = std::str::from_utf8(response.body_bytes()).unwrap();
        assert!(
            html.contains(r#"data-pathname="/a&amp;b&quot;&lt;""#),
            "{html}"
        );
    }

    #[test]
    fn everything_that_the_page_asks_for_is_there() {
        for (_, content_type, text) in FILES {
            let marks: &[&str] = match content_type {
                HTML => &["href=\"", "src=\""],
                JAVASCRIPT => &["from './"],
                _ => &[],
            };
            for mark in marks {
                for rest in text.split(mark).skip(1) {
                    let name = rest.split(['"', '\'']).next().unwrap();
                    let is_elsewhere = name.starts_with('#') || name.starts_with("{{pathname}}");
                    let is_there = || ask("GET", &format!("/{name}"), "").status() == 200;
                    assert!(is_elsewhere || is_there(), "{name} is missing");
                }
            }
        }
    }

    #[test]
    fn nothing_is_inline_so_that_the_policy_can_forbid_it() {
        let html = FILES[0].2;
        for inline in ["<style", "style=", "onclick=", "<script>"] {
            assert!(!html.contains(inline), "{inline}");
        }
        let response = ask("GET", "/page.js", "");
        assert!(!header(&response, "Content-Security-Policy").contains("unsafe"));
    }

    #[test]
    fn an_unchanged_file_is_not_sent_again() {
        let first = ask("GET", "/style.css", "");
        let known = format!("If-None-Match: {}\r\n", header(&first, "ETag"));
        let second = ask("GET", "/style.css", &known);
        assert_eq!(second.status(), 304);
        assert_eq!(header(&second, "X-Content-Type-Options"), "nosniff");
        assert_eq!(ask("GET", "/", &known).status(), 200);
    }

    #[test]
    fn other_paths_and_methods_are_refused() {
        for path in ["/nothing", "/index.html", "//", "/client.js"] {
            assert_eq!(ask("GET", path, "").status(), 404, "{path}");
        }
        let refused = ask("POST", "/", "");
        assert_eq!(refused.status(), 405);
        assert_eq!(header(&refused, "Allow"), "GET, HEAD");
    }
}
