//! Lets things happen: deliveries in random pieces and random order, and time.

use std::time::Duration;

use allspark_protocol::Instant;
use allspark_protocol::transformer::{ClientTransport, Transformer};

use super::Pair;
use super::clients::Client;
use super::connection::{Came, Connection, Far};

/// Deadlines that may be met without any time passing. Who needs more does not make progress.
const DEADLINES_PER_MOMENT_MAX: usize = 10_000;

/// The largest piece in which bytes are delivered.
const PIECE_BYTES_MAX: usize = 64 * 1024;

impl<T: Transformer, C: ClientTransport> Pair<T, C> {
    /// Delivers everything that is under way, until nothing more happens without time passing.
    pub(crate) fn settle(&mut self) {
        loop {
            self.net.advance_to(self.net.now());
            self.server.settle();
            if !self.deliver() && self.net.next_event() != Some(self.net.now()) {
                break;
            }
        }
        self.collect();
    }

    /// Lets so many milliseconds pass.
    pub(crate) fn run_for(&mut self, ms: u64) {
        let end = self.net.now() + Duration::from_millis(ms);
        self.run(end, |_| false);
    }

    /// Lets time pass until `done` says so.
    ///
    /// # Panics
    /// If it has not said so within 10 minutes of virtual time.
    pub(crate) fn run_until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let end = self.net.now() + Duration::from_secs(600);
        let is_done = self.run(end, &mut done);
        assert!(is_done, "not within 10 minutes: {what}");
    }

    fn run(&mut self, end: Instant, mut done: impl FnMut(&Self) -> bool) -> bool {
        let mut met = 0;
        loop {
            self.settle();
            if done(self) {
                return true;
            }
            let due = self.due_client();
            let client = due.map(|(deadline, _)| deadline);
            let others = [self.server.next_deadline(), self.net.next_event()];
            let next = others.into_iter().chain([client]).flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else {
                break;
            };
            met = if next > self.net.now() { 0 } else { met + 1 };
            assert!(met < DEADLINES_PER_MOMENT_MAX, "a deadline is met in vain");
            self.net.advance_to(next);
            if let Some((deadline, client)) = due
                && deadline <= next
            {
                self.call_client(client, ClientTransport::expired);
            }
        }
        self.net.advance_to(end);
        done(self)
    }

    /// The client half whose deadline is next.
    fn due_client(&self) -> Option<(Instant, Client)> {
        let clients = self.clients.iter().enumerate();
        let deadlines = clients.filter_map(|(number, client)| {
            let deadline = client.half.deadline().filter(|_| !client.is_frozen)?;
            Some((deadline, Client(number)))
        });
        deadlines.min_by_key(|(deadline, _)| *deadline)
    }

    /// Opens a connection to the server.
    pub(super) fn open_connection(&mut self, far: Far) -> usize {
        let endpoint = self.net.connect(0, Duration::ZERO);
        let endpoint = endpoint.expect("the server listens");
        self.connections.push(Connection::new(far, endpoint));
        self.connections.len() - 1
    }

    /// Makes what has happened visible to the test.
    pub(super) fn collect(&mut self) {
        self.events.extend(self.watch.take());
    }

    /// Moves a piece on one of the connections. Returns whether there was one to move.
    fn deliver(&mut self) -> bool {
        while self.net.next_client_notice().is_some() {}
        let first = self.dice.index(self.connections.len().max(1));
        let reads_first = self.dice.index(2) == 0;
        let order = (first..self.connections.len()).chain(0..first);
        for id in order {
            let moved = match reads_first {
                true => self.deliver_down(id) || self.deliver_up(id),
                false => self.deliver_up(id) || self.deliver_down(id),
            };
            if moved {
                return true;
            }
        }
        false
    }

    fn deliver_up(&mut self, id: usize) -> bool {
        if let Far::Client(client, _) = self.connections[id].far
            && self.clients[client.0].is_frozen
        {
            return false;
        }
        let count = self.piece();
        self.connections[id].send(&self.net, count)
    }

    fn deliver_down(&mut self, id: usize) -> bool {
        let connection = &self.connections[id];
        let waits = match connection.far {
            Far::Client(client, _) => {
                let client = &self.clients[client.0];
                client.is_frozen || client.is_stalled
            }
            Far::Raw(_) | Far::Gone => connection.is_stalled,
        };
        if waits {
            return false;
        }
        let count = self.piece();
        let connection = &mut self.connections[id];
        let came = connection.read(&self.net, count);
        match (came, &mut connection.far) {
            (Came::Nothing, _) => return false,
            (Came::Bytes(mut bytes), Far::Client(client, link)) => {
                let (client, link) = (*client, *link);
                self.client_receives(client, link, &mut bytes);
            }
            (Came::End, Far::Client(client, link)) => {
                let (client, link) = (*client, *link);
                connection.far = Far::Gone;
                self.client_loses(client, link);
            }
            (Came::Bytes(bytes), Far::Raw(received)) => received.extend(bytes),
            (Came::End, Far::Raw(_)) | (Came::Bytes(_) | Came::End, Far::Gone) => {}
        }
        true
    }

    /// How many bytes are delivered at once: often a few, sometimes many.
    fn piece(&mut self) -> usize {
        let max = [3, 50, 4096, PIECE_BYTES_MAX][self.dice.index(4)];
        1 + self.dice.index(max)
    }
}
