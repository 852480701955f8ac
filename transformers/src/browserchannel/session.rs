//! The server half of one session: its forward channel, its back channel and its end.

use std::time::Duration;

use allspark_protocol::Instant;
use allspark_protocol::http::{Query, Request};
use allspark_protocol::limits::{BROWSERCHANNEL_BACK_CHANNEL_BYTES, BROWSERCHANNEL_CHUNK_BYTES};
use allspark_protocol::transformer::{Carrier, Context, End, Outputs, Units};

use super::answers::Form;
use super::arrays::Arrays;
use super::forward::{Body, Broken, Forward, Work};
use super::json;
use super::maps::parse_int;
use super::shared::{Shared, names_session, request_number};

/// A session as the server sees it.
#[derive(Debug)]
pub struct BrowserChannelSession {
    arrays: Arrays,
    forward: Forward,
    back: Option<BackChannel>,
    /// When something is due: with a back channel the next noop; without one, or when closing, the
    /// end.
    deadline: Instant,
    state: State,
}

// A session is as large while nothing happens; what it keeps for its client is on the heap.
const _: () = assert!(size_of::<BrowserChannelSession>() <= 104);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The application has said goodbye. What was written before is still sent.
    Closing,
    /// The same, and `stop` is among the arrays.
    Stopped,
    /// Nothing more happens.
    Over,
}

/// An open request that messages can be sent with.
#[derive(Clone, Copy, Debug)]
struct BackChannel {
    carrier: Carrier,
    form: Form,
    /// Whether it is used for more than one chunk, `CI=0`.
    is_streaming: bool,
    /// Whether the answer has begun.
    has_begun: bool,
    /// UTF-16 code units of the chunks so far, as the package counts them.
    sent: u32,
}

/// How long a session stays once its goodbye was sent, in case that the answer was lost: a client
/// whose back channel breaks opens another one at once. It is as long as the engine gives a
/// WebSocket for its goodbye. The package forgets the session after its timeout only.
const STOPPED_TIMEOUT: Duration = Duration::from_secs(5);

impl BrowserChannelSession {
    /// Bytes of heap memory that came early, or that its client has not acknowledged.
    pub(super) fn held_bytes(&self) -> usize {
        self.arrays.held_bytes() + self.forward.held_bytes()
    }

    /// A session whose first request has this number.
    pub(super) fn new(first_request: u64) -> Self {
        Self {
            arrays: Arrays::default(),
            forward: Forward::new(first_request),
            back: None,
            deadline: Instant::ZERO,
            state: State::Open,
        }
    }

    pub(super) fn carrier(&self) -> Option<Carrier> {
        self.back.map(|back| back.carrier)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        (self.state != State::Over).then_some(self.deadline)
    }

    /// Whether it is the client who has to act by that deadline: otherwise a noop is due.
    pub(super) fn awaits_client(&self) -> bool {
        self.state != State::Open || self.back.is_none()
    }

    /// Handles a request, the one that opens the session among them.
    pub(super) fn exchange(
        &mut self,
        shared: &mut Shared,
        context: Context,
        carrier: Carrier,
        request: &Request<'_>,
        out: &mut Outputs,
    ) {
        let query = request.head.query();
        let is_first = self.arrays.is_unused();
        if !is_first && !names_session(query) {
            // Its client asks for another session. What the client has not received is lost, as in
            // the package.
            self.end(shared, End::Goodbye, out);
            out.decline(carrier);
            return out.over();
        }
        if is_first {
            self.arrays.push(&shared.first_array(context.id));
            self.deadline = context.now + shared.options.session_timeout_interval;
        } else if let Some(last) = query.get("AID").and_then(|aid| parse_int(&aid)) {
            self.arrays.acknowledge(last);
        }
        match request.head.method() {
            "POST" => self.forward(shared, context, carrier, request, is_first, out),
            "GET" => self.get(shared, context, carrier, query, out),
            _ => {
                let answer = shared.method_not_allowed();
                out.respond(carrier, answer);
            }
        }
    }

    /// Sends what waits, and then the goodbye, if it was said.
    pub(super) fn send(
        &mut self,
        shared: &Shared,
        context: Context,
        units: &mut dyn Units,
        out: &mut Outputs,
    ) {
        let Some(back) = self.back else {
            return;
        };
        // What is sent again counts, so that what is kept stays bounded if it is never
        // acknowledged.
        let mut has_room = !back.is_full(self.arrays.unsent_bytes());
        let mut is_empty = false;
        while has_room && !is_empty {
            match units.take() {
                Some(unit) => self.arrays.push_unit(unit),
                None => is_empty = true,
            }
            has_room = self.arrays.unsent_bytes() < BROWSERCHANNEL_CHUNK_BYTES;
        }
        if is_empty && self.state == State::Closing {
            self.arrays.push(b"[\"stop\"]");
            self.state = State::Stopped;
        }
        self.flush(shared, context, out);
    }

    /// Says goodbye, once everything is sent.
    pub(super) fn close(&mut self, shared: &Shared, context: Context) {
        if self.state == State::Open {
            self.state = State::Closing;
            self.deadline = context.now + shared.options.session_timeout_interval;
        }
    }

    pub(super) fn lost(&mut self, shared: &Shared, context: Context, carrier: Carrier) {
        if self.carrier() == Some(carrier) {
            self.back = None;
            self.start_timeout(shared, context);
        } else {
            self.forward.lost(carrier);
        }
    }

    pub(super) fn expired(&mut self, shared: &Shared, context: Context, out: &mut Outputs) {
        if self.state == State::Over || context.now < self.deadline {
            return;
        }
        if self.state == State::Open && self.back.is_some() {
            self.deadline = context.now + shared.options.keep_alive_interval;
            self.arrays.push(b"[\"noop\"]");
            self.flush(shared, context, out);
        } else {
            self.end(shared, End::Goodbye, out);
            out.over();
        }
    }

    /// A request of the forward channel.
    fn forward(
        &mut self,
        shared: &mut Shared,
        context: Context,
        carrier: Carrier,
        request: &Request<'_>,
        is_first: bool,
        out: &mut Outputs,
    ) {
        let (number, body) = match shared.read(request) {
            Ok((number, body)) => (number, body),
            Err(response) => return out.respond(carrier, response),
        };
        let carrier = Some(carrier);
        if self.forward.is_early(number) {
            let result = self.forward.keep(number, body).map(|()| None);
            return self.forwarded(shared, context, (carrier, is_first), result, out);
        }
        let Some(mut body) = body else {
            let next = Ok(self.forward.done(number));
            return self.forwarded(shared, context, (carrier, is_first), next, out);
        };
        match self.hand_on(shared, &mut body, out) {
            Ok(false) => {
                self.forward.put_off(Work {
                    request: number,
                    body: Some(body.into_owned()),
                    carrier,
                    is_first,
                });
                out.more();
            }
            Ok(true) => {
                let next = Ok(self.forward.done(number));
                self.forwarded(shared, context, (carrier, is_first), next, out);
            }
            Err(violation) => {
                self.forwarded(shared, context, (carrier, is_first), Err(violation), out);
            }
        }
    }

    /// Hands on the next maps of a request that brought many, or of one that waited for it.
    pub(super) fn proceed(&mut self, shared: &mut Shared, context: Context, out: &mut Outputs) {
        let Some(mut work) = self.forward.take_work() else {
            return;
        };
        let done = match &mut work.body {
            Some(body) => self.hand_on(shared, body, out),
            None => Ok(true),
        };
        let asked = (work.carrier, work.is_first);
        match done {
            Ok(false) => {
                self.forward.put_off(work);
                out.more();
            }
            Ok(true) => {
                let next = Ok(self.forward.done(work.request));
                self.forwarded(shared, context, asked, next, out);
            }
            Err(violation) => self.forwarded(shared, context, asked, Err(violation), out),
        }
    }

    /// Hands on maps of a body, as many as one call should. Says whether these were all.
    fn hand_on(
        &mut self,
        shared: &Shared,
        body: &mut Body<'_>,
        out: &mut Outputs,
    ) -> Result<bool, Broken> {
        let (is_open, bytes_max) = (self.state == State::Open, shared.message_bytes_max);
        let mut is_too_long = false;
        let done = self.forward.hand_on(body, |message| {
            if let Some((kind, bytes)) = message
                && is_open
                && !is_too_long
            {
                is_too_long = bytes.len() > bytes_max;
                if !is_too_long {
                    out.message(kind, &bytes);
                }
            }
            !is_too_long && !out.is_portion()
        });
        match is_too_long {
            true => Err(Broken::TooLong),
            false => done,
        }
    }

    /// Answers a request that is done with, and begins with the one that waited for it.
    fn forwarded(
        &mut self,
        shared: &mut Shared,
        context: Context,
        (carrier, is_first): (Option<Carrier>, bool),
        next: Result<Option<Work>, Broken>,
        out: &mut Outputs,
    ) {
        match next {
            Ok(Some(work)) => {
                self.forward.put_off(work);
                out.more();
            }
            Ok(None) if self.forward.is_over() => self.end(shared, End::Goodbye, out),
            Ok(None) => {}
            Err(broken) => self.end(shared, End::Violation(broken.sentence()), out),
        }
        if self.state == State::Over {
            if let Some(carrier) = carrier {
                out.respond(carrier, shared.answers.error(403, "Forbidden"));
            }
            return out.over();
        }
        let Some(carrier) = carrier else {
            return;
        };
        if is_first {
            // The first answer is a back channel for one chunk, in which the session gets its name.
            let back = BackChannel::new(carrier, Form::Xmlhttp, false);
            self.set_back_channel(shared, context, back, "", out);
        } else {
            let body = self.status().into_bytes();
            out.respond(carrier, shared.answers.answer(200, body));
        }
    }

    /// What a client is told of its back channel: whether there is one, the last array that was
    /// sent, and how much was sent and not acknowledged.
    fn status(&self) -> String {
        let has_back_channel = u8::from(self.back.is_some());
        let (last, outstanding) = (self.arrays.last_sent(), self.arrays.outstanding_units());
        let status = format!("[{has_back_channel},{last},{outstanding}]");
        format!("{}\n{status}", status.len())
    }

    /// A back channel, or the client's goodbye.
    fn get(
        &mut self,
        shared: &mut Shared,
        context: Context,
        carrier: Carrier,
        query: Query<'_>,
        out: &mut Outputs,
    ) {
        let kind = query.get("TYPE").unwrap_or_default();
        if kind == "terminate" {
            // A malformed number, which no client sends, means a goodbye all the same.
            self.forward.goodbye(request_number(query).unwrap_or(0));
            out.respond(carrier, shared.answers.answer(200, &b""[..]));
            if self.forward.is_over() {
                self.end(shared, End::Goodbye, out);
                out.over();
            }
            return;
        }
        let Some(form) = Form::of_type(&kind) else {
            return out.respond(carrier, shared.unknown_type());
        };
        if query.get("RID").as_deref() != Some("rpc") {
            let answer = shared.answers.error(400, "Expected RPC");
            return out.respond(carrier, answer);
        }
        let is_streaming = query.get("CI").as_deref() == Some("0");
        let domain = query.get("DOMAIN").unwrap_or_default();
        let back = BackChannel::new(carrier, form, is_streaming);
        self.set_back_channel(shared, context, back, &domain, out);
    }

    /// Replaces the back channel. What was sent on the one before and not acknowledged may be lost,
    /// and is sent again.
    fn set_back_channel(
        &mut self,
        shared: &Shared,
        context: Context,
        mut back: BackChannel,
        domain: &str,
        out: &mut Outputs,
    ) {
        self.end_back_channel(shared, out);
        back.has_begun = back.is_streaming || back.form == Form::Html;
        if back.has_begun {
            out.begin(back.carrier, shared.answers.begin(back.form));
            if back.form == Form::Html {
                out.write(back.carrier, |out| back.form.push_begin(domain, out));
            }
        }
        self.back = Some(back);
        self.arrays.rewind();
        if self.state == State::Open {
            self.deadline = context.now + shared.options.keep_alive_interval;
        }
    }

    /// Sends the arrays that have not been sent.
    fn flush(&mut self, shared: &Shared, context: Context, out: &mut Outputs) {
        let Some(mut back) = self.back else {
            return;
        };
        if !self.arrays.has_unsent() {
            return;
        }
        let units = self.arrays.unsent_units();
        let is_last = !back.is_streaming
            || back.sent as usize + units > BROWSERCHANNEL_BACK_CHANNEL_BYTES
            || self.state == State::Stopped;
        if back.has_begun {
            let (form, is_first) = (back.form, back.sent == 0);
            out.write(back.carrier, |out| {
                self.write_chunk(form, units, is_first, out);
            });
        } else {
            let mut body = Vec::new();
            self.write_chunk(back.form, units, true, &mut body);
            out.respond(back.carrier, shared.answers.answer(200, body));
        }
        back.sent += units as u32;
        self.back = Some(back);
        if is_last {
            if back.has_begun {
                self.end_back_channel(shared, out);
            }
            self.back = None;
            self.start_timeout(shared, context);
        }
        if self.state == State::Stopped {
            self.deadline = self.deadline.min(context.now + STOPPED_TIMEOUT);
        }
    }

    /// Appends a chunk in the form that the back channel has. For an XMLHttpRequest its length is
    /// in front, because the client sees a body that grows, not its parts.
    fn write_chunk(&mut self, form: Form, units: usize, is_first: bool, out: &mut Vec<u8>) {
        if form == Form::Xmlhttp {
            json::push_number(units as u64, out);
            out.push(b'\n');
            return self.arrays.write_unsent(out);
        }
        let mut chunk = Vec::new();
        self.arrays.write_unsent(&mut chunk);
        form.push_part(&String::from_utf8_lossy(&chunk), is_first, out);
    }

    /// Completes the answer of the back channel.
    fn end_back_channel(&mut self, shared: &Shared, out: &mut Outputs) {
        match self.back.take() {
            Some(back) if back.has_begun => {
                if back.form == Form::Html {
                    out.write(back.carrier, |out| back.form.push_end(out));
                }
                out.finish(back.carrier);
            }
            Some(back) => {
                let answer = shared.answers.answer(200, &b""[..]);
                out.respond(back.carrier, answer);
            }
            None => {}
        }
    }

    /// From now on the session has this long to get a back channel.
    fn start_timeout(&mut self, shared: &Shared, context: Context) {
        if self.state == State::Open {
            self.deadline = context.now + shared.options.session_timeout_interval;
        }
    }

    /// Ends the session; it is over once what is left to answer is answered.
    fn end(&mut self, shared: &Shared, end: End, out: &mut Outputs) {
        if self.state == State::Open {
            out.ended(end);
        }
        self.state = State::Over;
        self.end_back_channel(shared, out);
    }
}

impl BackChannel {
    fn new(carrier: Carrier, form: Form, is_streaming: bool) -> Self {
        Self {
            carrier,
            form,
            is_streaming,
            has_begun: false,
            sent: 0,
        }
    }

    /// Whether nothing can be added to a chunk of so many bytes.
    fn is_full(&self, bytes: usize) -> bool {
        self.sent as usize + bytes > BROWSERCHANNEL_BACK_CHANNEL_BYTES
    }
}
