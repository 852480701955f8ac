//! What the sessions of a shard share: the options, and the answers that depend on them.

use allspark_protocol::http::{Query, Request, Response};
use allspark_protocol::primus::SparkId;

use super::answers::Answers;
use super::forward::Body;
use super::maps::{BadBody, Maps, number, parse_int};
use super::options::BrowserChannelOptions;

/// What sessions share.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) options: BrowserChannelOptions,
    pub(super) answers: Answers,
    pub(super) message_bytes_max: usize,
    /// Which host prefix is given out next.
    prefix_next: usize,
}

impl Shared {
    pub(super) fn new(options: BrowserChannelOptions, message_bytes_max: usize) -> Self {
        Self {
            answers: Answers::new(&options),
            options,
            message_bytes_max,
            prefix_next: 0,
        }
    }

    /// The array that tells a client the name of its session.
    pub(super) fn first_array(&mut self, id: SparkId) -> Vec<u8> {
        format!("[\"c\",\"{id}\",{},8]", self.next_prefix()).into_bytes()
    }

    /// The number of a request of the forward channel, and what it brings.
    ///
    /// # Errors
    /// The answer to one that is not what a client of the package sends.
    pub(super) fn read<'r>(
        &self,
        request: &'r Request<'_>,
    ) -> Result<(u64, Option<Body<'r>>), Response> {
        let number = request_number(request.head.query());
        let text = str::from_utf8(&request.body).ok();
        let (Some(number), Some(text)) = (number, text) else {
            return Err(self.bad_data());
        };
        match Maps::parse(request.head.header("content-type"), text) {
            Ok(maps) => Ok((number, maps.map(|maps| Body::new(text, maps)))),
            Err(BadBody::Data) => Err(self.bad_data()),
            Err(BadBody::TooMany) => Err(self.answers.error(413, "Too many maps")),
        }
    }

    fn bad_data(&self) -> Response {
        self.answers.error(400, "Bad data")
    }

    pub(super) fn unknown_type(&self) -> Response {
        self.answers.error(400, "Unknown TYPE")
    }

    pub(super) fn method_not_allowed(&self) -> Response {
        self.answers.answer(405, &b"Method not allowed"[..])
    }

    pub(super) fn wrong_version(&self) -> Response {
        self.answers.error(400, "Version 8 required")
    }

    /// By these words in the body of a 400 a client knows that its session is gone.
    pub(super) fn unknown_session(&self) -> Response {
        self.answers.error(400, "Unknown SID")
    }

    /// The first phase of the test: the host prefix to use, and that there is no other host by
    /// which administrators could block this one.
    pub(super) fn host_prefixes(&mut self) -> Response {
        let body = format!("[{},null]", self.next_prefix());
        self.answers.answer(200, body.into_bytes()).header(
            "X-Accept",
            "application/json; application/x-www-form-urlencoded",
        )
    }

    /// A host prefix as JSON. The package draws one by chance.
    fn next_prefix(&mut self) -> String {
        let prefixes = &self.options.host_prefixes;
        if prefixes.is_empty() {
            return "null".to_owned();
        }
        let prefix = &prefixes[self.prefix_next % prefixes.len()];
        self.prefix_next = self.prefix_next.wrapping_add(1);
        format!("\"{prefix}\"")
    }
}

/// Whether a request is for a session that there should be.
pub(super) fn names_session(query: Query<'_>) -> bool {
    query.get("SID").is_some_and(|name| !name.is_empty())
}

/// The number of a request.
pub(super) fn request_number(query: Query<'_>) -> Option<u64> {
    number(parse_int(&query.get("RID")?)?)
}
