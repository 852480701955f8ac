//! The client halves and their links.

use std::collections::{BTreeMap, BTreeSet};

use allspark_protocol::transformer::{
    ClientOutput, ClientOutputs, ClientTransport, Kind, Link, Transformer,
};
use allspark_protocol::{Input, Instant};

use super::Pair;
use super::connection::{Connection, Far};
use super::events::{ClientEvent, Event};

/// A client half, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client(pub(super) usize);

pub(super) struct ClientState<C> {
    pub(super) half: C,
    /// The connection of each link that is open.
    pub(super) links: BTreeMap<u32, usize>,
    /// The links so far: a number is not used again.
    links_used: BTreeSet<u32>,
    is_open: bool,
    has_ended: bool,
    pub(super) is_stalled: bool,
    pub(super) is_frozen: bool,
}

/// The client half of those who need none.
pub(crate) enum NoClient {}

impl<T: Transformer, C: ClientTransport> Pair<T, C> {
    pub(super) fn start_client(&mut self, half: C) -> Client {
        self.clients.push(ClientState {
            half,
            links: BTreeMap::new(),
            links_used: BTreeSet::new(),
            is_open: false,
            has_ended: false,
            is_stalled: false,
            is_frozen: false,
        });
        let client = Client(self.clients.len() - 1);
        self.call_client(client, ClientTransport::start);
        client
    }

    /// Calls a client half and carries out what it wants.
    pub(super) fn call_client(
        &mut self,
        client: Client,
        call: impl FnOnce(&mut C, Instant, &mut ClientOutputs),
    ) {
        let mut out = ClientOutputs::default();
        let now = self.net.now();
        call(&mut self.clients[client.0].half, now, &mut out);
        for output in out.list() {
            self.carry_out(client, output, &out);
        }
        self.collect();
    }

    pub(super) fn client_receives(&mut self, client: Client, link: Link, bytes: &mut [u8]) {
        self.call_client(client, |half, now, out| {
            let mut input = Input::new(bytes);
            half.receive(now, link, &mut input, out);
            assert!(input.is_empty(), "a client half left {} bytes", input.len());
        });
    }

    pub(super) fn client_loses(&mut self, client: Client, link: Link) {
        self.clients[client.0].links.remove(&link.0);
        self.call_client(client, |half, now, out| half.lost(now, link, out));
    }

    fn carry_out(&mut self, client: Client, output: &ClientOutput, out: &ClientOutputs) {
        let state = &mut self.clients[client.0];
        let is_allowed = !state.has_ended || matches!(output, ClientOutput::Close(_));
        assert!(is_allowed, "after its end a client half wants {output:?}");
        match output {
            ClientOutput::Connect(link) => self.connect_link(client, *link),
            ClientOutput::Write(link, range) => {
                let bytes = out.bytes(range.clone());
                self.link(client, *link).write(bytes);
            }
            ClientOutput::Close(link) => {
                self.link(client, *link).close();
                self.clients[client.0].links.remove(&link.0);
            }
            ClientOutput::Open => {
                assert!(!state.is_open, "a client half opens twice");
                state.is_open = true;
                self.tell(client, ClientEvent::Open);
            }
            ClientOutput::Message { kind, bytes } => {
                let bytes = out.bytes(bytes.clone()).to_vec();
                assert!(
                    state.is_open,
                    "a client half got a message before it was open"
                );
                if *kind == Kind::Text {
                    assert!(
                        str::from_utf8(&bytes).is_ok(),
                        "a client half let bad text pass"
                    );
                }
                self.tell(client, ClientEvent::Message(*kind, bytes));
            }
            ClientOutput::Ended(end) => {
                state.has_ended = true;
                self.tell(client, ClientEvent::Ended(end.clone()));
            }
        }
    }

    fn connect_link(&mut self, client: Client, link: Link) {
        let id = self.open_connection(Far::Client(client, link));
        let state = &mut self.clients[client.0];
        let is_new = state.links_used.insert(link.0);
        assert!(
            is_new,
            "a client half uses the number of a link again: {link:?}"
        );
        state.links.insert(link.0, id);
    }

    fn link(&mut self, client: Client, link: Link) -> &mut Connection {
        let Some(id) = self.clients[client.0].links.get(&link.0) else {
            panic!("a client half uses a link that is not open: {link:?}");
        };
        &mut self.connections[*id]
    }

    fn tell(&mut self, client: Client, event: ClientEvent) {
        self.watch.push(Event::Client(client, event));
    }
}

impl ClientTransport for NoClient {
    fn start(&mut self, _now: Instant, _out: &mut ClientOutputs) {
        match *self {}
    }

    fn receive(&mut self, _: Instant, _: Link, _: &mut Input<'_>, _: &mut ClientOutputs) {
        match *self {}
    }

    fn lost(&mut self, _now: Instant, _link: Link, _out: &mut ClientOutputs) {
        match *self {}
    }

    fn send(&mut self, _: Instant, _: Kind, _: &[u8], _: &mut ClientOutputs) {
        match *self {}
    }

    fn close(&mut self, _now: Instant, _out: &mut ClientOutputs) {
        match *self {}
    }

    fn deadline(&self) -> Option<Instant> {
        match *self {}
    }

    fn expired(&mut self, _now: Instant, _out: &mut ClientOutputs) {
        match *self {}
    }
}
