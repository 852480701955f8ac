//! One session without an engine, and what it says to whoever asks.

use allspark_protocol::http::{Reader, Response};
use allspark_protocol::primus::SparkId;
use allspark_protocol::primus::id::IdParts;
use allspark_protocol::transformer::{
    Answer, Carrier, Context, End, Event, Output, Outputs, Transformer,
};
use allspark_protocol::{Input, Instant};
use allspark_transformers::{AnySession, AnyTransformer, CommonOptions, TransformerKind};

/// Bytes that arrive at once.
const READ_BYTES: usize = 4096;

/// One session, and who asks it.
pub(crate) struct World {
    transformer: AnyTransformer,
    session: Option<AnySession>,
    outputs: Outputs,
    pub(crate) seen: Seen,
    /// It has said that it has more messages to hand on.
    has_more: bool,
    /// The carrier of the next request.
    carrier: u64,
}

/// What came of what was sent.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) messages: usize,
    /// The most that were handed on in one call.
    pub(crate) messages_at_once: usize,
    pub(crate) bytes_at_once: usize,
    pub(crate) longest_bytes: usize,
    /// Carriers and statuses, in the order of the answers.
    pub(crate) answers: Vec<(u64, u16)>,
    pub(crate) end: Option<End>,
    pub(crate) is_over: bool,
    pub(crate) peak_bytes: u64,
}

pub(crate) fn id() -> SparkId {
    let parts = IdParts {
        shard: 0,
        index: 0,
        random: 7,
    };
    SparkId::new(parts, 0)
}

impl World {
    /// A session that was opened by a request.
    pub(crate) fn new(kind: TransformerKind, opening: &str) -> Self {
        let common = CommonOptions::default();
        let allow_old = [("allowEIO3".to_owned(), "true".to_owned())];
        let options = match kind {
            TransformerKind::EngineIo => &allow_old[..],
            _ => &[],
        };
        let mut world = Self {
            transformer: AnyTransformer::new(kind, &common, options).unwrap(),
            session: None,
            outputs: Outputs::default(),
            seen: Seen::default(),
            has_more: false,
            carrier: 0,
        };
        world.request(opening.as_bytes().to_vec());
        assert!(world.session.is_some(), "{:?}", world.seen);
        world.seen = Seen::default();
        world
    }

    /// Sends a request, and has the session go on until it has nothing more to hand on.
    pub(crate) fn request(&mut self, bytes: Vec<u8>) {
        self.ask(bytes);
        while self.proceed() {}
    }

    /// Sends a request on a carrier of its own, which is returned.
    pub(crate) fn ask(&mut self, mut bytes: Vec<u8>) -> u64 {
        self.carrier += 1;
        let mut reader = Reader::new(self.transformer.request_body_bytes_max());
        for part in bytes.chunks_mut(READ_BYTES) {
            let request = match reader.next(&mut Input::new(part)) {
                Ok(None) => continue,
                Ok(Some(request)) => request,
                Err(error) => {
                    self.seen.answers.push((self.carrier, error.status()));
                    return self.carrier;
                }
            };
            let context = context();
            let mut answer = self.transformer.request(&request);
            if matches!(answer, Answer::Find(_)) && self.session.is_none() {
                answer = self.transformer.absent(&request);
            }
            match answer {
                Answer::Find(_) => {}
                Answer::Open { session, .. } => self.session = Some(session),
                Answer::Respond(response) => {
                    self.seen.answered(self.carrier, &response);
                    return self.carrier;
                }
                other => panic!("{other:?}"),
            }
            let session = self.session.as_mut().expect("it was opened");
            let (carrier, out) = (Carrier(self.carrier), &mut self.outputs);
            self.transformer
                .exchange(session, context, carrier, &request, out);
        }
        drop(reader);
        self.carry_out();
        self.carrier
    }

    /// Sends bytes on the upgraded connection.
    pub(crate) fn receive(&mut self, mut bytes: Vec<u8>) {
        for part in bytes.chunks_mut(READ_BYTES) {
            let mut input = Input::new(part);
            loop {
                let session = self.session.as_mut().expect("it was opened");
                let (carrier, out) = (Carrier(self.carrier), &mut self.outputs);
                let event = self
                    .transformer
                    .receive(session, context(), carrier, &mut input, out);
                match event {
                    Some(Event::Message { payload, .. }) => self.seen.message(payload.len()),
                    Some(Event::Alive) => {}
                    Some(Event::Ended(end)) => self.seen.end = Some(end),
                    None => break,
                }
            }
            self.carry_out();
        }
    }

    /// Bytes that the session says it holds.
    pub(crate) fn held_bytes(&self) -> usize {
        let session = self.session.as_ref().expect("it was opened");
        self.transformer.held_bytes(session)
    }

    /// Ends the spark.
    pub(crate) fn close(&mut self) {
        self.call(AnyTransformer::close);
    }

    /// Breaks a connection whose request is not answered yet.
    pub(crate) fn lose(&mut self, carrier: u64) {
        self.call(|transformer, session, context, out| {
            transformer.lost(session, context, Carrier(carrier), out);
        });
    }

    /// Has the session go on. Says whether it had more to hand on.
    pub(crate) fn proceed(&mut self) -> bool {
        let had_more = std::mem::take(&mut self.has_more);
        if had_more {
            self.call(AnyTransformer::proceed);
        }
        had_more
    }

    fn call(
        &mut self,
        call: impl FnOnce(&mut AnyTransformer, &mut AnySession, Context, &mut Outputs),
    ) {
        let session = self.session.as_mut().expect("it was opened");
        call(&mut self.transformer, session, context(), &mut self.outputs);
        self.carry_out();
    }

    /// Looks at what the session wants.
    fn carry_out(&mut self) {
        let has_more = self.outputs.take_more();
        assert!(!(has_more && self.has_more), "it has said so already");
        self.has_more |= has_more;
        let mut list = self.outputs.take_list();
        let before = self.seen.messages;
        let mut bytes_at_once = 0;
        for output in list.drain(..) {
            match output {
                Output::Message { bytes, .. } => {
                    bytes_at_once += bytes.len();
                    self.seen.message(bytes.len());
                }
                Output::Respond(carrier, response) => self.seen.answered(carrier.0, &response),
                Output::Ended(end) => self.seen.end = Some(end),
                Output::Over => self.seen.is_over = true,
                _ => {}
            }
        }
        self.outputs.recycle(list);
        let messages = self.seen.messages - before;
        self.seen.messages_at_once = self.seen.messages_at_once.max(messages);
        self.seen.bytes_at_once = self.seen.bytes_at_once.max(bytes_at_once);
    }
}

fn context() -> Context {
    Context {
        now: Instant::from_ms(1),
        id: id(),
        stream: None,
    }
}

impl Seen {
    fn message(&mut self, bytes: usize) {
        self.messages += 1;
        self.longest_bytes = self.longest_bytes.max(bytes);
    }

    fn answered(&mut self, carrier: u64, response: &Response) {
        self.answers.push((carrier, response.status()));
    }

    pub(crate) fn statuses(&self) -> Vec<u16> {
        self.answers.iter().map(|(_, status)| *status).collect()
    }
}

pub(crate) fn post(target: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("POST {target} HTTP/1.1\r\nHost: a\r\n{headers}Content-Length: {length}");
    [head.as_bytes(), b"\r\n\r\n", body].concat()
}
