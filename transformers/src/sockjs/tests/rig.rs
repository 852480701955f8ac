//! A server to ask.

use allspark_protocol::Input;
use allspark_protocol::http::{ResponsePart, ResponseReader};
use allspark_protocol::primus::SparkId;
use allspark_protocol::transformer::{End, Kind};

use crate::CommonOptions;
use crate::sockjs::{SockJs, SockJsOptions};
use crate::testing::{Event, NoClient, Pair, Raw};

pub(super) struct Rig {
    pub(super) pair: Pair<SockJs, NoClient>,
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
        let common = CommonOptions {
            message_bytes_max: 1000,
            ..CommonOptions::default()
        };
        Self {
            pair: Pair::server_only(SockJs::new(&common, options), 7),
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
        Asked {
            raw,
            reader: ResponseReader::default(),
            head_only: method == "HEAD",
            answer: Answer::default(),
        }
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
        let mut bytes = self.pair.raw_received(asked.raw);
        let mut input = Input::new(&mut bytes);
        let before = asked.answer.body.len();
        while let Some(part) = asked.reader.next(&mut input, asked.head_only).unwrap() {
            match part {
                ResponsePart::Head(head) => {
                    asked.answer.status = head.status();
                    let pairs = head.headers().map(|(name, value)| {
                        let value = String::from_utf8_lossy(value);
                        (name.to_ascii_lowercase(), value.into_owned())
                    });
                    asked.answer.headers = pairs.collect();
                }
                ResponsePart::Data(data) => {
                    asked.answer.body += std::str::from_utf8(data).unwrap();
                }
                ResponsePart::End => asked.answer.is_complete = true,
            }
        }
        asked.answer.body[before..].to_owned()
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

impl Asked {
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
