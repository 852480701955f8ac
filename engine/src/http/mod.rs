//! The front door: what is asked over HTTP, and what is said to it, before anybody knows what the
//! request is for. It knows neither sockets nor sparks: requests go in, ways and answers come out.
//!
//! | file | what it is |
//! |---|---|
//! | here | [`Door`]: where a request goes |
//! | [`asked`] | what an answer has to know of its request |
//! | [`browser`] | what answers say to browsers |
//! | [`proxies`] | what the operator should know of a proxy |
//! | [`parked`] | a request that waits for its answer, with what comes behind it |
//! | [`paced`] | an answer that comes in parts with pauses |
//! | [`streamed`] | an answer whose body comes as it is pulled |
//!
//! # Invariants
//! - A request is judged once. What was decided about it travels with it ([`Verdict`]).
//! - No transport, and nothing of the application but its fallback, sees a request that was
//!   refused.

use allspark_protocol::http::{HttpDate, RequestHead, Response};
use allspark_protocol::parser::{Json, Parser};
use allspark_protocol::primus::{PRIMUS_VERSION, Pathname};

use crate::config::Options;

mod asked;
mod browser;
mod paced;
mod parked;
mod proxies;
mod streamed;

pub(crate) use asked::Asked;
pub(crate) use browser::Verdict;
pub(crate) use paced::{Paced, Part};
pub(crate) use parked::{Next, Parked, append};
pub(crate) use proxies::look_at_proxy;
pub(crate) use streamed::Streamed;

use browser::Browser;

/// Where a request goes.
#[derive(Debug)]
pub(crate) enum Way {
    /// It is answered with this.
    Answer(Response),
    /// It is answered with this, the last word on its connection: what follows an upgrade that was
    /// refused may be anything but HTTP.
    LastAnswer(Response),
    /// To the application: it is not for Primus.
    Elsewhere,
    /// To the transport.
    Transport(Verdict),
}

/// Decides where requests go.
pub(crate) struct Door {
    /// The second in which an answer was last sent.
    date: HttpDate,
    pathname: Pathname,
    /// The answer to `GET <pathname>/spec`.
    spec: String,
}

impl Door {
    /// The door of a server that speaks this transformer.
    pub(crate) fn new(options: &Options, transformer: &str) -> Self {
        Self {
            date: HttpDate::at(0),
            pathname: options.pathname.clone(),
            spec: spec(options, transformer),
        }
    }

    /// The header `Date` of answers that are sent now.
    pub(crate) fn date(&mut self, unix_ms: u64) -> HttpDate {
        self.date.move_to(unix_ms);
        self.date
    }

    /// Where a request goes. `is_upgrade` says whether it is an upgrade to the transport,
    /// `is_script` whether what that answers is a script, which a browser asks for without an
    /// `Origin`.
    pub(crate) fn judge(
        &self,
        options: &Options,
        head: &RequestHead<'_>,
        is_upgrade: bool,
        is_script: impl FnOnce(&RequestHead<'_>) -> bool,
    ) -> Way {
        if !head.path().starts_with(&*self.pathname) {
            return Way::Elsewhere;
        }
        let cors = &options.cors;
        if is_upgrade && let Some(refusal) = cors.refuse_upgrade(head) {
            return Way::LastAnswer(refusal);
        }
        let browser = match is_upgrade {
            true => None,
            false => match Browser::of(cors, head) {
                Ok(browser) => Some(browser),
                Err(response) => return Way::Answer(response),
            },
        };
        if !cors.allows_referer(head) && is_script(head) {
            return Way::Answer(Response::text(403, "Forbidden\n"));
        }
        if let Some(browser) = &browser
            && let Some(response) = self.own_answer(options, head)
        {
            return Way::Answer(browser.allow(cors, response));
        }
        Way::Transport(Verdict::new(browser))
    }

    /// What Primus itself answers, whatever the method: files (the library) and `/spec`.
    fn own_answer(&self, options: &Options, head: &RequestHead<'_>) -> Option<Response> {
        let name = head.path().strip_prefix(&*self.pathname)?;
        if name == "/spec" {
            return Some(Response::json(200, self.spec.clone()));
        }
        let (_, file) = options.files.iter().find(|(file, _)| *file == name)?;
        Some(file.answer(head))
    }
}

fn spec(options: &Options, transformer: &str) -> String {
    let interval = options.ping_interval_ms;
    let interval = interval.map_or_else(|| "false".to_owned(), |ms| ms.to_string());
    let pathname = json_string(&options.pathname);
    let parser = options.parser.name();
    format!(
        "{{\"pingInterval\":{interval},\"pathname\":{pathname},\
         \"version\":\"{PRIMUS_VERSION}\",\
         \"parser\":\"{parser}\",\"transformer\":\"{transformer}\"}}"
    )
}

fn json_string(text: &str) -> String {
    let mut out = Vec::new();
    Json.encode_str(text, &mut out);
    String::from_utf8(out).expect("JSON is UTF-8")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use allspark_protocol::http::{Cors, CorsOptions, StaticBody};

    use super::*;

    fn options() -> Options {
        let file = StaticBody::new("text/javascript; charset=utf-8", b"script".to_vec());
        Options {
            files: Arc::new([("/primus.js", file)]),
            ..Options::default()
        }
    }

    fn judge(options: &Options, head: &str) -> Way {
        let head = format!("{head}\r\nHost: a.example\r\n\r\n");
        let head = RequestHead::parse(head.as_bytes()).unwrap();
        let is_upgrade = head.wants_upgrade();
        Door::new(options, "websockets").judge(options, &head, is_upgrade, |_| false)
    }

    fn status(way: &Way) -> Option<u16> {
        match way {
            Way::Answer(response) | Way::LastAnswer(response) => Some(response.status()),
            Way::Elsewhere | Way::Transport(_) => None,
        }
    }

    #[test]
    fn a_request_goes_where_its_path_says() {
        let options = options();
        let elsewhere = judge(&options, "GET /other HTTP/1.1");
        assert!(matches!(elsewhere, Way::Elsewhere), "{elsewhere:?}");
        let transport = judge(&options, "GET /primus/0/s/xhr HTTP/1.1");
        assert!(matches!(transport, Way::Transport(_)), "{transport:?}");
        for own in ["/primus/spec", "/primus/primus.js"] {
            let way = judge(&options, &format!("PUT {own} HTTP/1.1"));
            assert_eq!(status(&way), Some(200), "{own}");
        }
    }

    #[test]
    fn an_upgrade_is_never_answered_with_a_file() {
        let options = options();
        let head = "GET /primus/primus.js HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket";
        let way = judge(&options, head);
        assert!(matches!(way, Way::Transport(_)), "{way:?}");
    }

    #[test]
    fn who_is_not_listed_gets_no_further() {
        let mut options = options();
        let listed = CorsOptions {
            origins: "http://good.example".to_owned(),
            ..CorsOptions::default()
        };
        options.cors = Cors::new(&listed).unwrap();
        let evil = "GET /primus/x HTTP/1.1\r\nOrigin: http://evil.example";
        assert_eq!(status(&judge(&options, evil)), Some(403));
        let upgrade = format!("{evil}\r\nConnection: upgrade\r\nUpgrade: websocket");
        let way = judge(&options, &upgrade);
        assert!(matches!(way, Way::LastAnswer(_)), "{way:?}");
        let good = "GET /primus/x HTTP/1.1\r\nOrigin: http://good.example";
        assert_eq!(status(&judge(&options, good)), None);
    }
}
