//! The files of the dashboard, which are part of the binary.
//!
//! # Invariants
//! - The pages ask no other host for anything, and run no script or style but their own files.
//! - No page can be put into a frame.
//! - Nothing that a request contains becomes part of a page.

use allspark::{RequestHead, Response};
use allspark_protocol::http::StaticBody;

/// The page, and the one on which people log in.
pub(super) const DASHBOARD: &str = "dashboard.html";
pub(super) const LOGIN: &str = "login.html";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! files {
    ($($name:literal: $type:expr),* $(,)?) => {
        [$(($name, $type, include_str!(concat!("page/", $name)))),*]
    };
}

/// Names, types and texts.
const FILES: &[(&str, &str, &str)] = &files![
    "dashboard.html": HTML,
    "login.html": HTML,
    "admin.css": CSS,
    "charts.js": JAVASCRIPT,
    "dashboard.js": JAVASCRIPT,
    "facts.js": JAVASCRIPT,
    "format.js": JAVASCRIPT,
    "history.js": JAVASCRIPT,
    "hooks.js": JAVASCRIPT,
    "live.js": JAVASCRIPT,
    "login.js": JAVASCRIPT,
    "spark.js": JAVASCRIPT,
    "tables.js": JAVASCRIPT,
    "theme.js": JAVASCRIPT,
    "tiles.js": JAVASCRIPT,
];

/// That of the page at `/`, as both are of one family.
const ICON: (&str, &str, &str) = ("icon.svg", SVG, include_str!("../page/icon.svg"));

const SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";

/// What is filled into a page.
pub(super) type Blanks<'b> = &'b [(&'b str, &'b str)];

/// The files, as they are served.
pub(super) struct Files {
    assets: Vec<(&'static str, StaticBody)>,
}

impl Files {
    pub(super) fn new() -> Self {
        let all = FILES.iter().chain([&ICON]);
        let assets = all.filter(|(_, content_type, _)| *content_type != HTML);
        let served = |(name, content_type, text): &(&'static str, &'static str, &'static str)| {
            (*name, StaticBody::new(content_type, text.as_bytes()))
        };
        Self {
            assets: assets.map(served).collect(),
        }
    }

    /// A script, a style or an image: what anybody may see.
    pub(super) fn asset(&self, name: &str, head: &RequestHead<'_>) -> Response {
        let found = self.assets.iter().find(|(known, _)| *known == name);
        match found {
            Some((_, body)) => secured(body.answer(head)),
            None => secured(Response::text(404, "Not Found\n")),
        }
    }
}

/// A page, which nobody keeps.
pub(super) fn page(status: u16, name: &str, blanks: Blanks<'_>) -> Response {
    let page = FILES.iter().find(|(known, ..)| *known == name);
    let (.., text) = page.expect("the names of pages are constants");
    let mut text = (*text).to_owned();
    for (blank, filling) in blanks {
        text = text.replace(&format!("{{{{{blank}}}}}"), &escaped(filling));
    }
    let response = Response::new(status).body(HTML, text.into_bytes());
    secured(response.header("Cache-Control", "no-store"))
}

/// An answer that says what browsers must not do with it. The referrer stays within the site: a
/// form would have no origin without one.
pub(super) fn secured(response: Response) -> Response {
    response
        .header("Content-Security-Policy", SECURITY_POLICY)
        .header("Cross-Origin-Opener-Policy", "same-origin")
        .header("Cross-Origin-Resource-Policy", "same-origin")
        .header("Referrer-Policy", "same-origin")
        .header("X-Content-Type-Options", "nosniff")
        .header("X-Frame-Options", "DENY")
}

/// For text and attributes.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_page_has_a_style_a_script_or_a_handler_in_it() {
        for (name, _, text) in FILES.iter().filter(|(name, ..)| name.ends_with(".html")) {
            for banned in [
                "<style",
                " style=",
                " onclick=",
                " onload=",
                "javascript:",
                "http:",
            ] {
                assert!(!text.contains(banned), "{name}: {banned}");
            }
            let scripts = text.matches("<script").count();
            assert_eq!(
                scripts,
                text.matches(" src=\"").count() - text.matches("<img").count()
            );
        }
    }

    /// `textContent` alone: what a client says must never be markup.
    #[test]
    fn no_script_makes_markup_of_text() {
        for (name, _, text) in FILES.iter().filter(|(name, ..)| name.ends_with(".js")) {
            for banned in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "new Function",
                "srcdoc",
                "setHTML",
            ] {
                assert!(!text.contains(banned), "{name}: {banned}");
            }
        }
    }

    #[test]
    fn every_blank_is_filled_and_what_fills_it_is_text() {
        let response = page(
            200,
            LOGIN,
            &[
                ("version", "1"),
                ("form", "both"),
                ("secret", "s"),
                ("why", "<b>\"&"),
            ],
        );
        let html = std::str::from_utf8(response.body_bytes()).unwrap();
        assert!(html.contains("&lt;b>&quot;&amp;"), "{html}");
        assert!(!html.contains("{{"), "{html}");
    }
}
