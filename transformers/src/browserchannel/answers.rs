//! Answers as the package gives them: their headers, and the two forms of a body in parts.

use std::borrow::Cow;

use allspark_protocol::Dice;
use allspark_protocol::http::Response;

use super::json;
use super::options::BrowserChannelOptions;

/// The headers of answers. The package's `Cache-Control` and `Pragma` are not among them: Primus
/// puts its own in their place, and here the engine does.
#[derive(Clone, Debug)]
pub(super) struct Answers {
    headers: Vec<(String, String)>,
    content_type: String,
}

/// How the parts of a body are framed: `TYPE` of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// For an XMLHttpRequest.
    Xmlhttp,
    /// For a hidden iframe, which is told everything by scripts. Internet Explorer before version
    /// 10 cannot read an answer otherwise before it is complete.
    Html,
}

const EXPIRES: (&str, &str) = ("Expires", "Fri, 01 Jan 1990 00:00:00 GMT");
const NO_SNIFF: (&str, &str) = ("X-Content-Type-Options", "nosniff");

impl Answers {
    pub(super) fn new(options: &BrowserChannelOptions) -> Self {
        let is = |name: &str| {
            let name = name.to_owned();
            move |(other, _): &(String, String)| other.eq_ignore_ascii_case(&name)
        };
        let mut headers = options.headers.clone();
        let content_type = headers.iter().find(|header| is("Content-Type")(header));
        let content_type = content_type
            .map_or("text/plain", |(_, value)| value)
            .to_owned();
        headers.retain(|header| !is("Content-Type")(header));
        for (name, value) in [EXPIRES, NO_SNIFF] {
            if !headers.iter().any(is(name)) {
                headers.push((name.to_owned(), value.to_owned()));
            }
        }
        let credentials = options.cors_allow_credentials.then_some("true");
        for (name, value) in [
            ("Access-Control-Allow-Origin", options.cors.as_deref()),
            ("Access-Control-Allow-Credentials", credentials),
        ] {
            if let Some(value) = value {
                headers.retain(|header| !is(name)(header));
                headers.push((name.to_owned(), value.to_owned()));
            }
        }
        Self {
            headers,
            content_type,
        }
    }

    /// An answer in one piece.
    pub(super) fn answer(&self, status: u16, body: impl Into<Cow<'static, [u8]>>) -> Response {
        self.with_headers(Response::new(status))
            .body(&self.content_type, body)
    }

    /// Tells a client what it did wrong. Clients recognise some of these words.
    pub(super) fn error(&self, status: u16, message: &str) -> Response {
        let body = format!("<html><body><h1>{message}</h1></body></html>");
        self.answer(status, body.into_bytes())
    }

    /// Status and headers of an answer in parts.
    pub(super) fn begin(&self, form: Form) -> Response {
        match form {
            Form::Xmlhttp => self
                .with_headers(Response::new(200))
                .header("Content-Type", &self.content_type),
            Form::Html => Response::new(200)
                .header(EXPIRES.0, EXPIRES.1)
                .header(NO_SNIFF.0, NO_SNIFF.1)
                .header("Content-Type", "text/html"),
        }
    }

    fn with_headers(&self, response: Response) -> Response {
        self.headers
            .iter()
            .fold(response, |response, (name, value)| {
                response.header(name, value)
            })
    }
}

impl Form {
    /// What `TYPE` names.
    pub(super) fn of_type(name: &str) -> Option<Self> {
        match name {
            "xmlhttp" => Some(Self::Xmlhttp),
            "html" => Some(Self::Html),
            _ => None,
        }
    }

    /// Appends what comes before the first part. `domain` is that of the page around the iframe,
    /// which the iframe has to take on if it comes from a host with a prefix.
    pub(super) fn push_begin(self, domain: &str, out: &mut Vec<u8>) {
        if self == Self::Xmlhttp {
            return;
        }
        out.extend_from_slice(b"<html><body>");
        if !domain.is_empty() {
            out.extend_from_slice(b"<script>try{document.domain=");
            json::quote_ascii(domain, out);
            out.extend_from_slice(b";}catch(e){}</script>\n");
        }
    }

    /// Appends a part as it is. Noise follows the first script: Internet Explorer shows nothing
    /// before it has so many bytes.
    pub(super) fn push_part(self, part: &str, is_first: bool, out: &mut Vec<u8>) {
        match self {
            Self::Xmlhttp => out.extend_from_slice(part.as_bytes()),
            Self::Html => {
                out.extend_from_slice(b"<script>try {parent.m(");
                json::quote_ascii(part, out);
                out.extend_from_slice(b")} catch(e) {}</script>\n");
                if is_first {
                    out.extend_from_slice(&NOISE);
                }
            }
        }
    }

    /// Appends what comes behind the last part.
    pub(super) fn push_end(self, out: &mut Vec<u8>) {
        if self == Self::Html {
            out.extend_from_slice(b"<script>try  {parent.d(); }catch (e){}</script>\n");
        }
    }
}

/// As many bytes as the package sends: digits that do not compress, and a line feed.
const NOISE_BYTES: usize = 291;

const NOISE: [u8; NOISE_BYTES] = noise();

const fn noise() -> [u8; NOISE_BYTES] {
    let mut noise = [b'\n'; NOISE_BYTES];
    let mut dice = Dice::new(1);
    let mut at = 0;
    while at < NOISE_BYTES - 1 {
        noise[at] = b"0123456789abcdef"[dice.index(16)];
        at += 1;
    }
    noise
}
