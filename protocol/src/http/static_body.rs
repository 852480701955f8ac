//! Bodies that never change. Clients that have a body already get a 304 instead.

use std::borrow::Cow;
use std::fmt::Write;

use sha1::{Digest, Sha1};

use super::gzip::{accepts_gzip, gzip};
use super::head::RequestHead;
use super::response::Response;

/// A body that stays as it is for as long as the server runs, with everything that caches need to
/// know about it (RFC 9110, 8.8.3 and 13.1.2; RFC 9111).
///
/// - It has an entity tag, made from its bytes alone, and a client that has it gets a 304.
/// - It is compressed once, and clients that accept `gzip` get it compressed.
/// - Caches must ask each time (`Cache-Control: no-cache`), unless the request names the content:
///   what is asked for with the query `v=<hash>` (see [`StaticBody::hash`]) may be kept for a year.
///
/// It answers every method as it answers `GET`. To a `HEAD` the body is left out when the response
/// is encoded.
#[derive(Debug)]
pub struct StaticBody {
    content_type: &'static str,
    plain: Cow<'static, [u8]>,
    /// `None` if that is no shorter.
    gzip: Option<Vec<u8>>,
    hash: String,
}

impl StaticBody {
    /// Takes a body and compresses it. `content_type` is that of the answers.
    pub fn new(content_type: &'static str, body: impl Into<Cow<'static, [u8]>>) -> Self {
        let plain = body.into();
        let gzip = Some(gzip(&plain, LEVEL)).filter(|gzip| gzip.len() < plain.len());
        let hash = hash(&plain);
        Self {
            content_type,
            plain,
            gzip,
            hash,
        }
    }

    /// 16 hexadecimal digits that differ from body to body. They show that a copy is out of date;
    /// they do not protect it against forgery.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The body as it was given.
    pub fn bytes(&self) -> &[u8] {
        &self.plain
    }

    /// Answers a request for this body.
    pub fn answer(&self, request: &RequestHead<'_>) -> Response {
        let is_versioned = request
            .query()
            .get("v")
            .is_some_and(|hash| hash == self.hash);
        let response = |status| {
            let caching = if is_versioned { FOREVER } else { "no-cache" };
            Response::new(status)
                .header("Cache-Control", caching)
                .header("Vary", "Accept-Encoding")
        };
        let gzip = self.gzip.as_ref().filter(|_| accepts_gzip(request));
        // Two forms of one body are two entities, and have two tags.
        let tag = match gzip {
            Some(_) => format!("\"{}-gzip\"", self.hash),
            None => format!("\"{}\"", self.hash),
        };
        if is_known(request, &tag) {
            return response(304).header("ETag", &tag);
        }
        let response = response(200).header("ETag", &tag);
        match gzip {
            Some(gzip) => response
                .header("Content-Encoding", "gzip")
                .body(self.content_type, gzip.clone()),
            None => response.body(self.content_type, self.plain.clone()),
        }
    }
}

/// The highest level of zlib: a body is compressed only once.
const LEVEL: u8 = 9;

/// A year, which is the longest time in use; `immutable` is of RFC 8246.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// Whether the sender has what the tag stands for. A proxy that compresses marks tags as weak,
/// which makes no difference here.
fn is_known(request: &RequestHead<'_>, tag: &str) -> bool {
    let is_it = |known: &str| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag;
    let known = request.header("if-none-match");
    let is_known = known.is_some_and(|known| known.split(',').map(str::trim).any(is_it));
    is_known && matches!(request.method(), "GET" | "HEAD")
}

fn hash(body: &[u8]) -> String {
    let digest = Sha1::digest(body);
    digest[..8].iter().fold(String::new(), |mut hash, byte| {
        write!(hash, "{byte:02x}").expect("a String takes everything");
        hash
    })
}

#[cfg(test)]
mod tests {
    use zlib_rs::{InflateConfig, decompress_slice};

    use super::super::gzip::WINDOW_BITS_GZIP;
    use super::*;

    const TEXT: &str = "a text that is there twice, a text that is there twice";

    fn ask(body: &StaticBody, line: &str, headers: &str) -> Response {
        let text = format!("{line} HTTP/1.1\r\nHost: h\r\n{headers}\r\n");
        body.answer(&RequestHead::parse(text.as_bytes()).unwrap())
    }

    fn header(response: &Response, name: &str) -> String {
        let mut all = response.headers();
        let found = all.find(|(header, _)| *header == name);
        found.map_or_else(String::new, |(_, value)| {
            String::from_utf8(value.to_vec()).unwrap()
        })
    }

    fn body() -> StaticBody {
        StaticBody::new("text/plain", TEXT.as_bytes())
    }

    #[test]
    fn it_is_compressed_for_those_who_accept_it() {
        let body = body();
        for (accepted, is_compressed) in [
            ("", false),
            ("Accept-Encoding: gzip\r\n", true),
            ("Accept-Encoding: br, GZIP;q=0.5\r\n", true),
            ("Accept-Encoding: deflate, *\r\n", true),
            ("Accept-Encoding: gzip;q=0, *\r\n", false),
            ("Accept-Encoding: gzip; q=0.000\r\n", false),
            ("Accept-Encoding: gzip;q=\r\n", false),
            ("Accept-Encoding: xgzip, identity\r\n", false),
        ] {
            let response = ask(&body, "GET /", accepted);
            assert_eq!(response.status(), 200);
            assert_eq!(header(&response, "Content-Type"), "text/plain");
            assert_eq!(header(&response, "Vary"), "Accept-Encoding");
            let encoding = header(&response, "Content-Encoding");
            assert_eq!(encoding == "gzip", is_compressed, "{accepted}");
            if is_compressed {
                let mut plain = [0; TEXT.len() + 1];
                let config = InflateConfig {
                    window_bits: WINDOW_BITS_GZIP,
                };
                let (plain, _) = decompress_slice(&mut plain, response.body_bytes(), config);
                assert_eq!(plain, TEXT.as_bytes());
            } else {
                assert_eq!(response.body_bytes(), TEXT.as_bytes());
            }
        }
        let short = StaticBody::new("text/plain", &b"x"[..]);
        let response = ask(&short, "GET /", "Accept-Encoding: gzip\r\n");
        assert_eq!(response.body_bytes(), b"x");
    }

    #[test]
    fn it_is_not_sent_to_who_has_it() {
        let body = body();
        for accepted in ["", "Accept-Encoding: gzip\r\n"] {
            let tag = header(&ask(&body, "GET /", accepted), "ETag");
            for known in [
                tag.clone(),
                format!("W/{tag}"),
                format!("\"x\", {tag}"),
                "*".to_owned(),
            ] {
                let headers = format!("{accepted}If-None-Match: {known}\r\n");
                let response = ask(&body, "GET /", &headers);
                assert_eq!(
                    (response.status(), response.body_bytes()),
                    (304, &b""[..]),
                    "{known}"
                );
                assert_eq!(header(&response, "ETag"), tag);
                assert_eq!(ask(&body, "POST /", &headers).status(), 200);
            }
            assert_eq!(
                ask(&body, "GET /", "If-None-Match: \"x\"\r\n").status(),
                200
            );
        }
        let plain = format!(
            "If-None-Match: {}\r\n",
            header(&ask(&body, "GET /", ""), "ETag")
        );
        let headers = format!("Accept-Encoding: gzip\r\n{plain}");
        assert_eq!(
            ask(&body, "GET /", &headers).status(),
            200,
            "the other form"
        );
    }

    #[test]
    fn it_may_be_kept_by_who_names_its_content() {
        let body = body();
        let caching = |line: &str| header(&ask(&body, line, ""), "Cache-Control");
        assert_eq!(caching(&format!("GET /?v={}", body.hash())), FOREVER);
        assert_eq!(caching("GET /"), "no-cache");
        assert_eq!(caching("GET /?v=0000000000000000"), "no-cache");
        assert_ne!(body.hash(), StaticBody::new("text/plain", &b"x"[..]).hash());
        assert_eq!(body.hash().len(), 16);
    }
}
