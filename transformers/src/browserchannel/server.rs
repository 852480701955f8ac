//! The server half: which request is what, and the answers that need no session.

use std::borrow::Cow;
use std::time::Duration;

use allspark_protocol::Input;
use allspark_protocol::http::{Query, Request, RequestHead, Response};
use allspark_protocol::limits::BROWSERCHANNEL_BODY_BYTES_MIN;
use allspark_protocol::primus::{Pathname, SparkId};
use allspark_protocol::transformer::{
    Answer, Carrier, Context, Event, Kind, Outputs, PacedPart, SessionName, Transformer, Units,
    Wire,
};

use super::answers::Form;
use super::options::BrowserChannelOptions;
use super::session::BrowserChannelSession;
use super::shared::{Shared, names_session};
use super::{arrays, json};
use crate::options::CommonOptions;

/// What Primus tells the application as the port of every client.
const PORT: u16 = 1337;

/// How long the second phase of the test waits between its two parts.
const TEST_PAUSE: Duration = Duration::from_secs(2);

/// The server half of `browserchannel`.
#[derive(Clone, Debug)]
pub struct BrowserChannel {
    pathname: Pathname,
    shared: Shared,
}

impl BrowserChannel {
    /// A transformer that refuses messages of more than `common.message_bytes_max` bytes by ending
    /// their session. It does not compress.
    pub fn new(common: &CommonOptions, options: BrowserChannelOptions) -> Self {
        Self {
            pathname: common.pathname.clone(),
            shared: Shared::new(options, common.message_bytes_max.size()),
        }
    }

    fn test<'r>(&mut self, head: &RequestHead<'_>) -> Answer<'r, BrowserChannelSession> {
        let query = head.query();
        if !is_version_8(query) {
            return Answer::Respond(self.shared.wrong_version());
        }
        if head.method() == "GET" && query.get("MODE").as_deref() == Some("init") {
            return Answer::Respond(self.shared.host_prefixes());
        }
        let kind = query.get("TYPE").unwrap_or_default();
        let form = Form::of_type(&kind).unwrap_or(Form::Xmlhttp);
        let response = self.shared.answers.begin(form);
        let domain = query.get("DOMAIN").unwrap_or_default();
        Answer::Paced {
            response,
            parts: test_parts(form, &domain),
        }
    }

    fn bind<'r>(&self, request: &'r Request<'_>) -> Answer<'r, BrowserChannelSession> {
        let query = request.head.query();
        if !is_version_8(query) {
            return Answer::Respond(self.shared.wrong_version());
        }
        if let Some(id) = session_of(&request.head) {
            return Answer::Find(SessionName::Spark(id));
        }
        if names_session(query) {
            return Answer::Respond(self.shared.unknown_session());
        }
        let kind = query.get("TYPE").unwrap_or_default();
        match request.head.method() {
            "POST" => self.open(request),
            "GET" if kind == "terminate" => {
                let answer = self.shared.answers.answer(200, &b""[..]);
                Answer::Respond(answer)
            }
            // The package throws here, where it means to give this answer.
            "GET" if Form::of_type(&kind).is_some() => {
                Answer::Respond(self.shared.answers.error(400, "Invalid SID"))
            }
            // The package never answers this.
            "GET" => Answer::Respond(self.shared.unknown_type()),
            _ => Answer::Respond(self.shared.method_not_allowed()),
        }
    }

    /// A new session. The package makes one before it reads the body, and lets it time out if that
    /// is bad; here a bad body makes none.
    fn open<'r>(&self, request: &Request<'_>) -> Answer<'r, BrowserChannelSession> {
        match self.shared.read(request) {
            Ok((number, _)) => Answer::Open {
                session: BrowserChannelSession::new(number),
                port: Some(PORT),
            },
            Err(response) => Answer::Respond(response),
        }
    }
}

/// What stands behind the pathname. The package's client puts a slash and a name behind it even if
/// it ends with slashes, so all of them together count as one.
pub(crate) fn behind<'p>(base: &str, path: &'p str) -> Option<&'p str> {
    let rest = path.strip_prefix(base)?;
    let slashes = rest.len() - rest.trim_start_matches('/').len();
    Some(&rest[slashes.saturating_sub(1)..])
}

impl Transformer for BrowserChannel {
    type Session = BrowserChannelSession;

    const WIRES: u8 = 1;

    fn name(&self) -> &'static str {
        "browserchannel"
    }

    fn is_upgrade(&self, _head: &RequestHead<'_>) -> bool {
        false
    }

    fn request_body_bytes_max(&self) -> usize {
        let message_bytes = self.shared.message_bytes_max.saturating_mul(3);
        message_bytes
            .saturating_add(64 * 1024)
            .max(BROWSERCHANNEL_BODY_BYTES_MIN)
    }

    fn request<'r>(&mut self, request: &'r Request<'_>) -> Answer<'r, BrowserChannelSession> {
        match behind(&self.pathname, request.head.path()) {
            Some("/test") => self.test(&request.head),
            Some("/bind") => self.bind(request),
            Some(rest) if rest.starts_with('/') => {
                let answer = self.shared.answers.answer(404, &b"Not found"[..]);
                Answer::Respond(answer)
            }
            // These are Primus's words, not those of the package.
            _ => Answer::Respond(Response::new(404).body("text/plain", &b"Not Found"[..])),
        }
    }

    fn addressee<'r>(&self, head: &RequestHead<'r>) -> Option<SessionName<'r>> {
        let is_bind = behind(&self.pathname, head.path()) == Some("/bind");
        let is_known = is_bind && is_version_8(head.query());
        session_of(head)
            .filter(|_| is_known)
            .map(SessionName::Spark)
    }

    fn absent<'r>(&mut self, request: &'r Request<'_>) -> Answer<'r, BrowserChannelSession> {
        match names_session(request.head.query()) {
            true => Answer::Respond(self.shared.unknown_session()),
            false => self.open(request),
        }
    }

    #[inline]
    fn held_bytes(&self, session: &BrowserChannelSession) -> usize {
        session.held_bytes()
    }

    fn wire(&self, _session: &BrowserChannelSession) -> Wire {
        Wire(0)
    }

    fn frame(&mut self, _wire: Wire, kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
        arrays::push_unit(out, |out| match kind {
            Kind::Text => json::quote(payload, out),
            Kind::Binary => json::push_buffer(payload, out),
        });
    }

    fn receive<'i>(
        &mut self,
        _session: &mut BrowserChannelSession,
        _context: Context,
        _carrier: Carrier,
        input: &mut Input<'i>,
        _out: &mut Outputs,
    ) -> Option<Event<'i>> {
        // No carrier is ever upgraded.
        input.take_all();
        None
    }

    fn close(&mut self, session: &mut BrowserChannelSession, context: Context, _: &mut Outputs) {
        session.close(&self.shared, context);
    }

    fn exchange(
        &mut self,
        session: &mut BrowserChannelSession,
        context: Context,
        carrier: Carrier,
        request: &Request<'_>,
        out: &mut Outputs,
    ) {
        session.exchange(&mut self.shared, context, carrier, request, out);
    }

    fn proceed(
        &mut self,
        session: &mut BrowserChannelSession,
        context: Context,
        out: &mut Outputs,
    ) {
        session.proceed(&mut self.shared, context, out);
    }

    /// A page in an iframe, which takes on the domain that it is told.
    fn is_script(&self, head: &RequestHead<'_>) -> bool {
        let mut fields = head.query().fields();
        fields.any(|field| field.is("TYPE") && field.value() == "html")
    }

    fn carrier(&self, session: &BrowserChannelSession) -> Option<Carrier> {
        session.carrier()
    }

    fn send(
        &mut self,
        session: &mut BrowserChannelSession,
        context: Context,
        units: &mut dyn Units,
        out: &mut Outputs,
    ) {
        session.send(&self.shared, context, units, out);
    }

    fn lost(
        &mut self,
        session: &mut BrowserChannelSession,
        context: Context,
        carrier: Carrier,
        _out: &mut Outputs,
    ) {
        session.lost(&self.shared, context, carrier);
    }

    fn deadline(&self, session: &BrowserChannelSession) -> Option<allspark_protocol::Instant> {
        session.deadline()
    }

    fn awaits_client(&self, session: &BrowserChannelSession) -> bool {
        session.awaits_client()
    }

    fn expired(
        &mut self,
        session: &mut BrowserChannelSession,
        context: Context,
        out: &mut Outputs,
    ) {
        session.expired(&self.shared, context, out);
    }
}

/// The session that a client had before the one that it asks for.
fn old_session(query: Query<'_>) -> Option<SparkId> {
    query.get("OSID")?.parse().ok()
}

/// The session that a request for `/bind` names.
fn session_of(head: &RequestHead<'_>) -> Option<SparkId> {
    let query = head.query();
    match query.get("SID").filter(|name| !name.is_empty()) {
        Some(name) => name.parse().ok(),
        // The name is answered first, whatever the path is.
        None if head.method() == "POST" => old_session(query),
        None => None,
    }
}

fn is_version_8(query: Query<'_>) -> bool {
    query.get("VER").as_deref() == Some("8")
}

/// The second phase of the test. A client that sees `11111` before the rest may have its back
/// channel streamed.
fn test_parts(form: Form, domain: &str) -> Vec<PacedPart> {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    form.push_begin(domain, &mut first);
    form.push_part("11111", true, &mut first);
    form.push_part("2", false, &mut second);
    form.push_end(&mut second);
    let part = |pause, bytes| PacedPart {
        pause,
        bytes: Cow::Owned(bytes),
    };
    vec![part(Duration::ZERO, first), part(TEST_PAUSE, second)]
}
