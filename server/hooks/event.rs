//! What an application is told: one event of one spark, as the members of a JSON object. They are
//! made where the event happens, so that what waits is bytes and nothing else.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use allspark::auth::{Auth, Authorized};
use allspark::{Data, Kind as Encoding, LayerRequest, ParserKind, Spark, SparkId};
use allspark_protocol::parser::Parser;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::asking::Asking;
use super::kind::Kind;
use super::options::Headers;
use super::part::{Part, Waiting};
use super::plain::is_plain;
use crate::trace;

/// One event that is to be told.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) kind: Kind,
    pub(super) about: About,
    /// The members of the object behind its `id`.
    pub(super) members: Box<[u8]>,
    /// What it costs of what may wait of its spark, if that is counted.
    #[expect(dead_code, reason = "it waits no more when this is gone")]
    pub(super) part: Option<Part>,
}

/// Whom an event is about.
#[derive(Clone, Debug)]
pub(super) enum About {
    Spark(SparkId),
    /// A client that has no spark yet.
    Asking(Asking),
}

/// What is told of a client that connects.
struct Client<'a> {
    address: SocketAddr,
    query: &'a str,
    is_secure: bool,
    trace: Option<(trace::Context, Option<&'a str>)>,
    auth: Option<&'a Auth>,
}

impl Event {
    /// A client has connected.
    pub(super) fn connect(spark: &Spark<'_>, headers: &Headers) -> Self {
        let client = Client {
            address: spark.address(),
            query: spark.query().as_str(),
            is_secure: spark.is_secure(),
            trace: trace::context_of(spark).map(|context| (context, trace::state_of(spark))),
            auth: spark.auth(),
        };
        let mut members = begin(Kind::Connect, Some(spark.id()));
        client.add(&mut members, spark.headers().iter(), headers);
        Self::new(Kind::Connect, spark.id(), members)
    }

    /// A client wants to connect, and is waiting.
    pub(super) fn asks(request: &LayerRequest<'_>, headers: &Headers, asking: &Asking) -> Self {
        let head = request.head();
        let client = Client {
            address: request.address(),
            query: head.query().as_str(),
            is_secure: request.is_secure(),
            trace: trace::of_request(request),
            auth: request.attached(),
        };
        let sent = head.headers();
        let sent = sent.filter_map(|(name, value)| Some((name, str::from_utf8(value).ok()?)));
        let mut members = begin(Kind::Connect, None);
        client.add(&mut members, sent, headers);
        Self {
            kind: Kind::Connect,
            about: About::Asking(asking.clone()),
            members: members.into_bytes().into_boxed_slice(),
            part: None,
        }
    }

    /// There is a spark of a client that was asked about by the event of this id, if the
    /// application has answered that.
    pub(super) fn open(spark: SparkId, connect: Option<&str>) -> Self {
        let mut members = begin(Kind::Open, Some(spark));
        if let Some(connect) = connect {
            member(&mut members, "connect", connect);
        }
        Self::new(Kind::Open, spark, members)
    }

    /// A client has sent a message.
    pub(super) fn message(
        spark: SparkId,
        parser: ParserKind,
        data: &Data<'_>,
        waiting: &Waiting,
    ) -> Self {
        let mut members = begin(Kind::Message, Some(spark));
        add_data(&mut members, parser, data);
        let part = Some(waiting.add(members.len()));
        let event = Self::new(Kind::Message, spark, members);
        Self { part, ..event }
    }

    /// A spark has ended, whose connection the application has refused or not.
    pub(super) fn disconnect(spark: &Spark<'_>, refused: bool) -> Self {
        let mut members = begin(Kind::Disconnect, Some(spark.id()));
        let reason = spark.end_reason().map(|reason| reason.name());
        let reason = match refused {
            true => Some("refused"),
            false => reason,
        };
        member(&mut members, "reason", reason.unwrap_or_default());
        Self::new(Kind::Disconnect, spark.id(), members)
    }

    /// A spark has joined or left rooms.
    pub(super) fn rooms(kind: Kind, spark: SparkId, rooms: &[&str]) -> Self {
        let mut members = begin(kind, Some(spark));
        let _ = write!(members, ",\"rooms\":{}", Value::from(rooms));
        Self::new(kind, spark, members)
    }

    /// Something went wrong with a spark.
    pub(super) fn error(spark: SparkId, error: &str) -> Self {
        let mut members = begin(Kind::Error, Some(spark));
        member(&mut members, "error", error);
        Self::new(Kind::Error, spark, members)
    }

    fn new(kind: Kind, spark: SparkId, members: String) -> Self {
        let members = members.into_bytes().into_boxed_slice();
        Self {
            kind,
            about: About::Spark(spark),
            members,
            part: None,
        }
    }
}

impl Client<'_> {
    /// Says all of it, with those of the headers that are wanted.
    fn add<'h>(
        &self,
        members: &mut String,
        sent: impl Iterator<Item = (&'h str, &'h str)>,
        wanted: &Headers,
    ) {
        member(members, "address", &self.address.to_string());
        member(members, "query", self.query);
        let mut told = Map::new();
        for (name, value) in sent.filter(|(name, _)| wanted.has(name)) {
            // A header that came more than once is one with commas, as HTTP has it.
            let said = told.entry(name.to_ascii_lowercase());
            match said.or_insert_with(|| Value::String(String::new())) {
                Value::String(text) if text.is_empty() => value.clone_into(text),
                Value::String(text) => {
                    text.push_str(", ");
                    text.push_str(value);
                }
                _ => {}
            }
        }
        let _ = write!(members, ",\"headers\":{}", Value::Object(told));
        let _ = write!(members, ",\"secure\":{}", self.is_secure);
        if let Some((context, state)) = &self.trace {
            member(members, "traceparent", &context.traceparent());
            if let Some(state) = state {
                member(members, "tracestate", state);
            }
        }
        if let Some(auth) = self.auth {
            let _ = write!(members, ",\"auth\":{}", auth.claims_json());
        }
    }
}

fn begin(kind: Kind, spark: Option<SparkId>) -> String {
    let (name, at) = (kind.name(), unix_ms());
    let spark = spark.map_or_else(String::new, |spark| format!("\"spark\":\"{spark}\","));
    format!("\"event\":\"{name}\",{spark}\"at\":{at}")
}

fn member(members: &mut String, name: &str, text: &str) {
    let text = Value::from(text);
    let _ = write!(members, ",\"{name}\":{text}");
}

/// What JSON can say is said in JSON, byte for byte as it came where the parser is JSON. The rest,
/// and what some readers of JSON would stumble over, goes as base64 of what came.
fn add_data(members: &mut String, parser: ParserKind, data: &Data<'_>) {
    let encoded = data.encoded();
    let json = match (parser, data.kind()) {
        (ParserKind::Json, Encoding::Text) => str::from_utf8(encoded).ok().map(str::to_owned),
        (ParserKind::Raw, Encoding::Binary) => None,
        (ParserKind::Raw, Encoding::Text) => str::from_utf8(encoded)
            .ok()
            .map(|text| Value::from(text).to_string()),
        // As the parser JSON would write it: bytes are what Node.js makes of a Buffer.
        _ => data.value().ok().and_then(|value| {
            let mut json = Vec::new();
            ParserKind::Json.encode_serialize(value, &mut json).ok()?;
            String::from_utf8(json).ok()
        }),
    };
    match json.filter(|json| is_plain(json.as_bytes())) {
        Some(json) => {
            members.reserve_exact(json.len() + 8);
            members.push_str(",\"data\":");
            members.push_str(&json);
        }
        None => {
            members.push_str(",\"base64\":\"");
            STANDARD.encode_string(encoded, members);
            members.push('"');
        }
    }
}

/// Milliseconds since 1970.
pub(super) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}
