//! A client, a server that does what it is told, and virtual time.
//!
//! A script is words: `open`, `accept` (the server accepts the connection), `refuse`, `lost` (the
//! connection breaks), `close` (the server says goodbye in the words of WebSocket), `answer` (it
//! answers the client's goodbye), `dismiss` (`primus::server::close`), `ping`, `id:ID`,
//! `data:TEXT`, `write:TEXT`, `ask`, `end`, `destroy`, `offline`, `online`, `wait:MS`. The server
//! acts on the link that was connected last.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use allspark_protocol::http::Reader;
use allspark_protocol::transformer::{Kind, Link};
use allspark_protocol::websocket::handshake::Upgrade;
use allspark_protocol::websocket::{Decoder, Item, Role, encode};
use allspark_protocol::{Input, Instant};
use allspark_transformers::Speech;
use allspark_transformers::engine_io::ClientTransports;

use super::super::{Attempt, Client, ClientOptions, Event, Output, Outputs};

pub(super) struct Rig {
    pub(super) client: Client,
    pub(super) now: Instant,
    out: Outputs,
    cables: BTreeMap<u32, Cable>,
    /// The names of all events with what belongs to them, in the words of the npm client.
    pub(super) events: Vec<String>,
    /// What the server got, as `LINK:TEXT`.
    pub(super) sent: Vec<String>,
}

/// A link as the server sees it.
struct Cable {
    written: Vec<u8>,
    decoder: Option<Decoder>,
    /// By either side: nothing may be wanted of it any more.
    is_closed: bool,
    said_goodbye: bool,
}

/// Runs a script from the beginning.
pub(super) fn run(options: &str, script: &str) -> Rig {
    let mut rig = Rig::new(options);
    rig.run(script);
    rig
}

impl Rig {
    /// Options are words too, for instance `strategy=online retries=2`.
    pub(super) fn new(words: &str) -> Self {
        let mut options = ClientOptions::default();
        // So that every delay is known: 500 ms for the first attempt, 1 s for all others.
        options.reconnect.max = Duration::from_secs(1);
        for word in words.split_whitespace() {
            let (name, value) = word.split_once('=').expect("NAME=VALUE");
            set(&mut options, name, value);
        }
        Self {
            client: Client::new(Arc::new(options), 7),
            now: Instant::from_ms(1_000),
            out: Outputs::default(),
            cables: BTreeMap::new(),
            events: Vec::new(),
            sent: Vec::new(),
        }
    }

    pub(super) fn run(&mut self, script: &str) {
        for word in script.split_whitespace() {
            let (word, value) = word.split_once(':').unwrap_or((word, ""));
            self.step(word, value);
        }
    }

    /// Runs a word, unless it is one of the server for which there is no link, or which it can't
    /// say now.
    pub(super) fn run_if_possible(&mut self, word: &str) {
        let name = word.split(':').next().unwrap_or(word);
        let last = self.cables.values().next_back();
        let is_possible = match name {
            "accept" | "refuse" => last.is_some_and(|cable| cable.decoder.is_none()),
            "close" | "answer" | "dismiss" | "ping" | "id" | "data" => {
                last.is_some_and(|cable| cable.decoder.is_some())
            }
            "lost" => last.is_some(),
            _ => true,
        };
        if is_possible {
            self.run(word);
        }
    }

    pub(super) fn events(out: &Outputs) -> impl Iterator<Item = &Event> {
        out.list().iter().filter_map(|output| match output {
            Output::Event(event) => Some(event),
            _ => None,
        })
    }

    pub(super) fn open_links(&self) -> usize {
        self.cables
            .values()
            .filter(|cable| !cable.is_closed)
            .count()
    }

    /// The target of the request on the link of this number.
    pub(super) fn request_target(&self, link: u32) -> String {
        let request = String::from_utf8_lossy(&self.cables[&link].written);
        let target = request.split(' ').nth(1);
        target.expect("a request line").to_owned()
    }

    pub(super) fn call(&mut self, call: impl FnOnce(&mut Client, Instant, &mut Outputs)) {
        let mut out = std::mem::take(&mut self.out);
        call(&mut self.client, self.now, &mut out);
        for output in out.list() {
            match output {
                Output::Connect(link) => {
                    let before = self.cables.insert(link.0, Cable::new());
                    assert!(before.is_none(), "{link:?} is used twice");
                }
                Output::Write(link, bytes) => {
                    let messages = self.cable(*link).take(out.bytes(bytes.clone()));
                    let named = messages
                        .into_iter()
                        .map(|text| format!("{}:{text}", link.0));
                    self.sent.extend(named);
                }
                Output::Close(link) => self.cable(*link).is_closed = true,
                Output::Event(event) => self.events.push(words(event, &out)),
            }
        }
        out.clear();
        self.out = out;
    }

    fn step(&mut self, word: &str, value: &str) {
        match word {
            "open" => self.call(|client, now, out| client.open(now, out)),
            "end" => self.call(|client, now, out| client.end(now, out)),
            "destroy" => self.call(|client, now, out| client.destroy(now, out)),
            "ask" => self.call(|client, now, out| client.ask_id(now, out)),
            "renew" => self.call(|client, now, out| client.renew_authorization(now, value, out)),
            "write" => self.call(|client, now, out| {
                client.write(now, Kind::Text, value.as_bytes(), out);
            }),
            "offline" => self.call(|client, now, out| client.network(now, false, out)),
            "online" => self.call(|client, now, out| client.network(now, true, out)),
            "wait" => self.wait(Duration::from_millis(value.parse().expect("MS"))),
            _ => self.server_step(word, value),
        }
    }

    fn server_step(&mut self, word: &str, value: &str) {
        let link = Link(*self.cables.keys().next_back().expect("there is a link"));
        match word {
            "accept" => {
                // The bytes were under way when the client closed the link, if it has.
                let cable = self.cables.get_mut(&link.0).expect("it is the last");
                let answer = cable.accept();
                self.receive(link, answer);
            }
            "refuse" => {
                let answer = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
                self.receive(link, answer.into());
            }
            "lost" => {
                self.cables
                    .get_mut(&link.0)
                    .expect("it is the last")
                    .is_closed = true;
                self.call(|client, now, out| client.lost(now, link, out));
            }
            "close" | "answer" => {
                let mut frame = Vec::new();
                encode::close(None, "", None, &mut frame);
                self.receive(link, frame);
            }
            "dismiss" => self.receive_text(link, "\"primus::server::close\""),
            "ping" => self.receive_text(link, "\"primus::ping::17\""),
            "id" => self.receive_text(link, &format!("\"primus::id::{value}\"")),
            "data" => self.receive_text(link, value),
            _ => panic!("no such word: {word}"),
        }
    }

    /// Lets time pass, with every deadline in it at its moment.
    fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(deadline) = self.client.deadline().filter(|deadline| *deadline <= end) {
            assert!(deadline > self.now, "a deadline lies in the past");
            self.now = deadline;
            self.call(|client, now, out| client.expired(now, out));
        }
        self.now = end;
    }

    fn receive_text(&mut self, link: Link, text: &str) {
        let mut frame = Vec::new();
        encode::message(Kind::Text, text.as_bytes(), None, &mut frame);
        self.receive(link, frame);
    }

    fn receive(&mut self, link: Link, mut bytes: Vec<u8>) {
        let mut input = Input::new(&mut bytes);
        self.call(|client, now, out| client.receive(now, link, &mut input, out));
        assert!(input.is_empty(), "everything is consumed");
    }

    fn cable(&mut self, link: Link) -> &mut Cable {
        let cable = self
            .cables
            .get_mut(&link.0)
            .expect("a link that was connected");
        assert!(!cable.is_closed, "{link:?} is closed");
        cable
    }
}

impl Cable {
    fn new() -> Self {
        Self {
            written: Vec::new(),
            decoder: None,
            is_closed: false,
            said_goodbye: false,
        }
    }

    /// Takes what the client wrote; returns its messages.
    fn take(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut messages = Vec::new();
        let Some(decoder) = &mut self.decoder else {
            self.written.extend_from_slice(bytes);
            return messages;
        };
        let mut bytes = bytes.to_vec();
        let mut input = Input::new(&mut bytes);
        while let Some(item) = decoder.next(&mut input).expect("a client speaks well") {
            match item {
                Item::Message { payload, .. } => {
                    assert!(!self.said_goodbye, "a message after the goodbye");
                    messages.push(String::from_utf8_lossy(&payload).into_owned());
                }
                Item::Close { .. } => self.said_goodbye = true,
                Item::Ping(_) | Item::Pong(_) => {}
            }
        }
        messages
    }

    fn accept(&mut self) -> Vec<u8> {
        self.decoder = Some(Decoder::new(Role::Server, 1 << 20));
        accept(&self.written)
    }
}

/// The answer to an upgrade.
fn accept(request: &[u8]) -> Vec<u8> {
    let mut request = request.to_vec();
    let mut answer = Vec::new();
    let mut reader = Reader::new(0);
    let mut input = Input::new(&mut request);
    let asked = reader
        .next(&mut input)
        .expect("a request")
        .expect("all of it");
    let upgrade = Upgrade::check(&asked.head).expect("an upgrade");
    upgrade.response().encode(&mut answer, true, false);
    answer
}

fn set(options: &mut ClientOptions, name: &str, value: &str) {
    let ms = || (value != "off").then(|| Duration::from_millis(value.parse().expect("MS")));
    let number = || value.parse().expect("a number");
    match name {
        "strategy" => options.strategy = value.trim_matches('-').parse().expect("strategies"),
        "timeout" => options.timeout = ms(),
        "ping" => options.ping_timeout = ms(),
        "retries" => options.reconnect.retries = value.parse().expect("a number"),
        "min" => options.reconnect.min = ms().expect("MS"),
        "reconnect-timeout" => options.reconnect.reconnect_timeout = ms().expect("MS"),
        "queue" => options.queue_size = number(),
        "speech" => options.speech = Speech::EngineIo(ClientTransports::WebSocket),
        "target" => options.target = value.to_owned(),
        _ => panic!("no such option: {name}"),
    }
}

/// An event as the oracle prints it.
fn words(event: &Event, out: &Outputs) -> String {
    let name = event
        .name()
        .replace("readyStateChange", "state")
        .replace(' ', "-");
    let scheduled = |attempt: &Attempt| {
        format!(
            "{name}:{}/{}",
            attempt.attempt,
            attempt.scheduled.as_millis()
        )
    };
    let lasted = |attempt: &Attempt| {
        format!(
            "{name}:{}/{}",
            attempt.attempt,
            attempt.duration.as_millis()
        )
    };
    match event {
        Event::ReadyState(state) => format!("{name}:{}", state.name()),
        Event::Data { bytes, .. } => {
            format!(
                "{name}:{}",
                String::from_utf8_lossy(out.bytes(bytes.clone()))
            )
        }
        Event::ReconnectScheduled(attempt) => scheduled(attempt),
        Event::Reconnect(attempt)
        | Event::ReconnectTimeout(attempt)
        | Event::Reconnected(attempt)
        | Event::ReconnectFailed(attempt) => lasted(attempt),
        Event::Id(id) => format!("{name}:{id}"),
        Event::Ping(value) | Event::Pong(value) => format!("{name}:{}", value.unwrap_or(0)),
        _ => name,
    }
}
