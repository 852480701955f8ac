//! A server to ask.

use allspark_protocol::http::{Request, RequestHead, Response, ResponsePart, ResponseReader};
use allspark_protocol::primus::SparkId;
use allspark_protocol::transformer::{Answer as Verdict, End, Kind, Transformer};
use allspark_protocol::{Input, Payload};

use crate::sockjs::{SockJs, SockJsOptions};
use crate::testing::{Event, NoClient, Pair, Raw};
use crate::{AnyTransformer, CommonOptions};

/// What every answer says to caches: Primus's own word, which replaces that of the package.
pub(super) const NO_CACHE: &str = "no-store, no-cache, must-revalidate, max-age=0";

pub(super) struct Rig {
    pub(super) pair: Pair<AnyTransformer, NoClient>,
}

/// A response, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: String,
    pub(super) is_complete: bool,
}

/// A request whose response comes in parts.
pub(super) struct Asked {
    pub(super) raw: Raw,
    reader: ResponseReader,
    head_only: bool,
    answer: Answer,
}

impl Rig {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(set: impl FnOnce(&mut SockJsOptions)) -> Self {
        let mut options = SockJsOptions::default();
        set(&mut options);
        Self::of(false, options)
    }

    /// One whose server may compress.
    pub(super) fn compressing() -> Self {
        Self::of(true, SockJsOptions::default())
    }

    fn of(compression: bool, options: SockJsOptions) -> Self {
        let common = CommonOptions {
            message_bytes_max: 1000_usize.try_into().unwrap(),
            compression,
            ..CommonOptions::default()
        };
        Self {
            pair: Pair::server_only(SockJs::new(&common, options).into(), 7),
        }
    }

    /// Sends a request on a connection of its own.
    pub(super) fn ask(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Asked {
        let raw = self.pair.raw();
        let length = match body {
            "" if method == "GET" => String::new(),
            _ => format!("Content-Length: {}\r\n", body.len()),
        };
        let head = format!("{method} /primus{path} HTTP/1.1\r\nHost: a\r\n{headers}{length}\r\n");
        self.pair.raw_send(raw, head + body);
        self.pair.settle();
        Asked::new(raw, method == "HEAD")
    }

    /// The whole answer to a request.
    #[track_caller]
    pub(super) fn answer(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let mut asked = self.ask(method, path, headers, body);
        self.read(&mut asked);
        assert!(asked.answer.is_complete, "{:?}", asked.answer);
        asked.answer
    }

    #[track_caller]
    pub(super) fn get(&mut self, path: &str) -> Answer {
        self.answer("GET", path, "", "")
    }

    #[track_caller]
    pub(super) fn post(&mut self, path: &str, body: &str) -> Answer {
        self.answer("POST", path, "", body)
    }

    /// What of the body has come since the last time.
    pub(super) fn read(&mut self, asked: &mut Asked) -> String {
        self.pair.settle();
        let bytes = self.pair.raw_received(asked.raw);
        asked.take(bytes)
    }

    #[track_caller]
    pub(super) fn assert_reads(&mut self, asked: &mut Asked, body: &str) {
        assert_eq!(self.read(asked), body);
    }
    /// The only spark.
    #[track_caller]
    pub(super) fn spark(&self) -> SparkId {
        let sparks = self.pair.sparks();
        assert_eq!(sparks.len(), 1);
        sparks[0]
    }

    /// The messages that a spark got, which must be text.
    pub(super) fn messages(&self, spark: SparkId) -> Vec<String> {
        let messages = self.pair.server_messages(spark).into_iter();
        let text = |(kind, bytes)| {
            assert_eq!(kind, Kind::Text);
            String::from_utf8(bytes).unwrap()
        };
        messages.map(text).collect()
    }

    /// Writes a message to the only spark.
    #[track_caller]
    pub(super) fn write(&mut self, message: &str) {
        let spark = self.spark();
        assert!(
            self.pair
                .server_write(spark, Kind::Text, message.as_bytes())
        );
    }

    /// Ends the only spark.
    #[track_caller]
    pub(super) fn close(&mut self) {
        let spark = self.spark();
        assert!(self.pair.server_close(spark));
    }

    /// Asserts that the only spark ended like this, and is forgotten.
    #[track_caller]
    pub(super) fn assert_over(&self, end: &End) {
        let spark = self.spark();
        assert_eq!(self.pair.server_end(spark), Some(end));
        assert!(self.pair.is_over(spark));
    }

    pub(super) fn alive_count(&self) -> usize {
        let is_alive = |event: &&Event| matches!(event, Event::Alive(_));
        self.pair.events().iter().filter(is_alive).count()
    }
}

/// What the transport answers to a request that is for no session, before Primus adds its words.
#[track_caller]
pub(super) fn own_answer(method: &str, path: &str, headers: &str) -> Answer {
    let text = format!("{method} /primus{path} HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
    let request = Request {
        head: RequestHead::parse(text.as_bytes()).unwrap(),
        body: Payload::Owned(Vec::new()),
    };
    let mut server = SockJs::new(&CommonOptions::default(), SockJsOptions::default());
    match server.request(&request) {
        Verdict::Respond(response) => own(&response),
        _ => panic!("{path} is for a session"),
    }
}

/// What a response says.
pub(super) fn own(response: &Response) -> Answer {
    let mut bytes = Vec::new();
    response.encode(&mut bytes, true, false);
    let mut asked = Asked::new(Raw::default(), false);
    asked.take(bytes);
    asked.answer
}

impl Asked {
    fn new(raw: Raw, head_only: bool) -> Self {
        Self {
            raw,
            reader: ResponseReader::default(),
            head_only,
            answer: Answer::default(),
        }
    }

    /// Reads on. Returns what this brings of the body.
    fn take(&mut self, mut bytes: Vec<u8>) -> String {
        let mut input = Input::new(&mut bytes);
        let before = self.answer.body.len();
        while let Some(part) = self.reader.next(&mut input, self.head_only).unwrap() {
            match part {
                ResponsePart::Head(head) => {
                    self.answer.status = head.status();
                    let pairs = head.headers().map(|(name, value)| {
                        let value = String::from_utf8_lossy(value);
                        (name.to_ascii_lowercase(), value.into_owned())
                    });
                    self.answer.headers = pairs.collect();
                }
                ResponsePart::Data(data) => {
                    self.answer.body += std::str::from_utf8(data).unwrap();
                }
                ResponsePart::End => self.answer.is_complete = true,
            }
        }
        self.answer.body[before..].to_owned()
    }

    pub(super) fn answer(&self) -> &Answer {
        &self.answer
    }
}

impl Answer {
    /// The header, which is there at most once.
    #[track_caller]
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(other, _)| other == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} is repeated");
        value
    }

    #[track_caller]
    pub(super) fn assert_headers(&self, headers: &[(&str, Option<&str>)]) {
        for (name, value) in headers {
            assert_eq!(self.header(name), *value, "{name}");
        }
    }

    #[track_caller]
    pub(super) fn assert_not_found(&self) {
        assert_eq!(self.status, 404);
        assert_eq!(self.body, "404 Error: Page not found\n");
        assert_eq!(
            self.header("content-type"),
            Some("text/plain; charset=UTF-8")
        );
    }

    #[track_caller]
    pub(super) fn assert_is(&self, status: u16, body: &str) {
        assert_eq!((self.status, self.body.as_str()), (status, body));
    }
}
