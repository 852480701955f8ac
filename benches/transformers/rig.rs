//! The server half of one transport with one session, and as much of an engine as that needs.

use std::hint::black_box;

use allspark_protocol::http::{BodyFraming, Reader};
use allspark_protocol::primus::SparkId;
use allspark_protocol::primus::id::IdParts;
use allspark_protocol::transformer::{
    Answer, Carrier, Context, Event, Kind, Output, Outputs, Transformer, Units,
};
use allspark_protocol::{Input, Instant};
use allspark_transformers::{AnySession, AnyTransformer};

/// The id of the only spark, by which clients of some transports name their session.
pub(crate) const SPARK: SparkId = SparkId::new(
    IdParts {
        shard: 0,
        index: 0,
        random: 1,
    },
    0,
);

/// Time stands still, so that no session wants to ping.
const NOW: Instant = Instant::from_ms(1);

const CARRIER: Carrier = Carrier(1);

/// One session, and what an engine keeps beside it.
pub(crate) struct Rig {
    transformer: AnyTransformer,
    /// From the first request on.
    session: Option<AnySession>,
    /// Whether messages are framed for its carrier, rather than taken by the session.
    is_streaming: bool,
    /// The body that the answer to a request has begun.
    body: Option<BodyFraming>,
    outputs: Outputs,
    unit: Vec<u8>,
    /// What the client would be sent. Emptied by [`Rig::take_sent`].
    sent: Vec<u8>,
    messages: usize,
}

impl Rig {
    pub(crate) fn new(transformer: AnyTransformer) -> Self {
        Self {
            transformer,
            session: None,
            is_streaming: false,
            body: None,
            outputs: Outputs::default(),
            unit: Vec::new(),
            sent: Vec::new(),
            messages: 0,
        }
    }

    /// Handles a request: the first one opens the session, the others are for it.
    pub(crate) fn request(&mut self, bytes: &mut [u8]) {
        let mut reader = Reader::new(self.transformer.request_body_bytes_max());
        let request = reader.next(&mut Input::new(bytes));
        let request = request.expect("the request is sound");
        let request = request.expect("the request is whole");
        let mut answer = self.transformer.request(&request);
        if let (Answer::Find(_), None) = (&answer, &self.session) {
            answer = self.transformer.absent(&request);
        }
        match answer {
            Answer::Find(_) => {}
            Answer::Open { session, .. } => self.session = Some(session),
            Answer::Upgrade { response, session } => {
                response.encode(&mut self.sent, true, false);
                (self.session, self.is_streaming) = (Some(session), true);
                return;
            }
            Answer::Respond(response) => panic!("the request is refused: {response:?}"),
            Answer::Paced { .. } => panic!("the request tests the way to the server"),
        }
        let context = self.context();
        let session = self.session.as_mut().expect("it was opened or found");
        let outputs = &mut self.outputs;
        self.transformer
            .exchange(session, context, CARRIER, &request, outputs);
        self.perform();
        if self.has_carrier() {
            self.send(None);
        }
    }

    /// Takes in bytes of the upgraded connection.
    pub(crate) fn receive(&mut self, bytes: &mut [u8]) {
        let context = self.context();
        let session = self.session.as_mut().expect("it was opened");
        let mut input = Input::new(bytes);
        while let Some(event) =
            self.transformer
                .receive(session, context, CARRIER, &mut input, &mut self.outputs)
        {
            match event {
                Event::Message { payload, .. } => {
                    black_box(&*payload);
                    self.messages += 1;
                }
                Event::Alive => {}
                Event::Ended(end) => panic!("the transport is over: {end:?}"),
            }
        }
        self.perform();
    }

    /// Writes a message to the client.
    pub(crate) fn write(&mut self, message: &[u8]) {
        let session = self.session.as_ref().expect("it was opened");
        let wire = self.transformer.wire(session);
        if self.is_streaming {
            let out = &mut self.sent;
            return self.transformer.frame(wire, Kind::Text, message, out);
        }
        let mut unit = std::mem::take(&mut self.unit);
        unit.clear();
        self.transformer.frame(wire, Kind::Text, message, &mut unit);
        self.send(Some(&unit));
        self.unit = unit;
    }

    /// Whether a message could be sent now.
    pub(crate) fn has_carrier(&self) -> bool {
        let carrier = |session| self.transformer.carrier(session);
        self.is_streaming || self.session.as_ref().and_then(carrier).is_some()
    }

    /// Whether messages are framed for its carrier, rather than taken by the session.
    pub(crate) fn is_streaming(&self) -> bool {
        self.is_streaming
    }

    /// How many messages came since the last call.
    pub(crate) fn take_messages(&mut self) -> usize {
        std::mem::take(&mut self.messages)
    }

    /// How many bytes were sent since the last call.
    pub(crate) fn take_sent(&mut self) -> usize {
        let bytes = black_box(&self.sent).len();
        self.sent.clear();
        bytes
    }

    fn context(&self) -> Context {
        Context {
            now: NOW,
            id: SPARK,
            stream: self.is_streaming.then_some(CARRIER),
        }
    }

    /// Lets the session send what waits for it.
    fn send(&mut self, unit: Option<&[u8]>) {
        let context = self.context();
        let session = self.session.as_mut().expect("it was opened");
        let mut units = Waiting(unit);
        self.transformer
            .send(session, context, &mut units, &mut self.outputs);
        assert!(units.0.is_none(), "the session has left the message");
        self.perform();
    }

    fn perform(&mut self) {
        if self.outputs.is_empty() {
            return;
        }
        let was_streaming = self.is_streaming;
        let mut list = self.outputs.take_list();
        list.drain(..).for_each(|output| self.output(output));
        self.outputs.recycle(list);
        if self.is_streaming && !was_streaming {
            self.send(None);
        }
    }

    fn output(&mut self, output: Output) {
        match output {
            Output::Message { bytes, .. } => {
                black_box(self.outputs.bytes(bytes));
                self.messages += 1;
            }
            Output::Alive => {}
            Output::Respond(_, response) | Output::Upgrade(_, response) => {
                response.encode(&mut self.sent, true, false);
            }
            Output::Begin(_, response) => {
                let framing = response.framing(1, false);
                response.encode_begin(&mut self.sent, framing, true);
                self.body = Some(framing);
            }
            Output::Write(_, bytes) | Output::Latest(_, bytes) => {
                let bytes = self.outputs.bytes(bytes);
                match self.body {
                    Some(framing) => framing.push(&mut self.sent, bytes),
                    None => self.sent.extend_from_slice(bytes),
                }
            }
            Output::Finish(_) => {
                let framing = self.body.take().expect("a body was begun");
                framing.end(&mut self.sent);
            }
            Output::Stream(_) => self.is_streaming = true,
            Output::Close(_) | Output::Decline(_) | Output::Ended(_) | Output::Over => {
                panic!("the session ends: {output:?}")
            }
        }
    }
}

/// At most one message that waits for the session.
struct Waiting<'m>(Option<&'m [u8]>);

impl Units for Waiting<'_> {
    fn take(&mut self) -> Option<&[u8]> {
        self.0.take()
    }
}
