//! The page at `/`, on which a person can connect, write and see what happens.
//!
//! Its files are part of the binary. It knows nothing of the server but the pathname and the app,
//! and never answers with anything that a request contains.
//!
//! # Invariants
//! - The page asks no other host for anything, and runs no script or style but its own files: its
//!   Content-Security-Policy forbids both.
//! - A file is sent again only when it has changed: every answer carries an entity tag.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use allspark::{RequestHead, Response};

/// The files of the page, as they are served.
pub(crate) struct Page {
    files: Vec<File>,
}

struct File {
    /// What stands after the first `/` of the path; nothing for the page itself.
    name: &'static str,
    content_type: &'static str,
    text: String,
    entity_tag: String,
}

/// Names, types and texts; the first is the page itself.
const FILES: [(&str, &str, &str); 9] = [
    ("", HTML, include_str!("index.html")),
    ("style.css", CSS, include_str!("style.css")),
    ("icon.svg", SVG, include_str!("icon.svg")),
    ("page.js", JAVASCRIPT, include_str!("page.js")),
    ("client.js", JAVASCRIPT, include_str!("client.js")),
    ("recovery.js", JAVASCRIPT, include_str!("recovery.js")),
    ("log.js", JAVASCRIPT, include_str!("log.js")),
    ("pulse.js", JAVASCRIPT, include_str!("pulse.js")),
    ("round-trips.js", JAVASCRIPT, include_str!("round-trips.js")),
];

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

const SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

impl Page {
    /// The page of a server with this pathname and this app, named as on the command line.
    pub(crate) fn new(pathname: &str, app: &str) -> Self {
        let file = |(name, content_type, text): (_, _, &str)| {
            let text = match content_type {
                HTML => fill_in(text, pathname, app),
                _ => text.to_owned(),
            };
            let entity_tag = entity_tag(&text);
            File {
                name,
                content_type,
                text,
                entity_tag,
            }
        };
        Self {
            files: FILES.map(file).into(),
        }
    }

    /// Answers a request that is not for Primus.
    pub(crate) fn respond(&self, request: &RequestHead<'_>) -> Response {
        self.answer(
            request.method(),
            request.path(),
            request.header("if-none-match"),
        )
    }

    fn answer(&self, method: &str, path: &str, known_tags: Option<&str>) -> Response {
        let name = path.strip_prefix('/').unwrap_or(path);
        let Some(file) = self.files.iter().find(|file| file.name == name) else {
            return Response::text(404, "Not Found");
        };
        if !matches!(method, "GET" | "HEAD") {
            return Response::text(405, "Method Not Allowed").header("Allow", "GET, HEAD");
        }
        let is_known = known_tags.is_some_and(|tags| {
            tags.split(',')
                .map(str::trim)
                .any(|tag| tag == "*" || weak(tag) == file.entity_tag)
        });
        let response = Response::new(if is_known { 304 } else { 200 })
            .header("ETag", &file.entity_tag)
            .header("Cache-Control", "no-cache")
            .header("Content-Security-Policy", SECURITY_POLICY)
            .header("Referrer-Policy", "no-referrer")
            .header("X-Content-Type-Options", "nosniff");
        if is_known {
            return response;
        }
        response.body(file.content_type, file.text.clone().into_bytes())
    }
}

/// A proxy that compresses marks a tag as weak; for `If-None-Match` that makes no difference
/// (RFC 9110, 13.1.2).
fn weak(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
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

/// Equal for equal texts of one build, which is all that a tag has to be.
fn entity_tag(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Page {
        Page::new("/chat", "echo")
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
        let response = page().answer("GET", "/", None);
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
        let response = page.answer("GET", "/", None);
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
                    let status = page().answer("GET", &format!("/{name}"), None).status();
                    assert!(is_elsewhere || status == 200, "{name} is missing");
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
        let response = page().answer("GET", "/page.js", None);
        assert!(!header(&response, "Content-Security-Policy").contains("unsafe"));
    }

    #[test]
    fn an_unchanged_file_is_not_sent_again() {
        let page = page();
        let first = page.answer("GET", "/style.css", None);
        let tag = header(&first, "ETag").to_owned();
        for known in [
            tag.clone(),
            format!("W/{tag}"),
            format!("\"x\", {tag}"),
            "*".to_owned(),
        ] {
            let second = page.answer("GET", "/style.css", Some(&known));
            assert_eq!(second.status(), 304, "{known}");
            assert!(second.body_bytes().is_empty());
            assert_eq!(header(&second, "ETag"), tag);
        }
        assert_eq!(
            page.answer("GET", "/style.css", Some("\"x\"")).status(),
            200
        );
        assert_ne!(tag, header(&page.answer("GET", "/", None), "ETag"));
    }

    #[test]
    fn other_paths_and_methods_are_refused() {
        assert_eq!(page().answer("GET", "/nothing", None).status(), 404);
        assert_eq!(page().answer("GET", "/index.html", None).status(), 404);
        assert_eq!(page().answer("GET", "//", None).status(), 404);
        let refused = page().answer("POST", "/", None);
        assert_eq!(refused.status(), 405);
        assert_eq!(header(&refused, "Allow"), "GET, HEAD");
    }
}
