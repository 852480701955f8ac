//! Lets things happen: deliveries in random pieces and random order, and time.

use std::time::Duration;

use allspark_protocol::Instant;
use allspark_protocol::primus::SparkId;
use allspark_protocol::transformer::{ClientTransport, Transformer};

use super::Pair;
use super::clients::Client;
use super::connection::{Far, Role};

/// Deadlines that may be met without any time passing. Who needs more does not make progress.
const DEADLINES_PER_MOMENT_MAX: usize = 10_000;

/// The largest piece in which bytes are delivered.
const PIECE_BYTES_MAX: usize = 64 * 1024;

#[derive(Clone, Copy)]
enum Delivery {
    Up(u64),
    Down(u64),
}

#[derive(Clone, Copy)]
enum Sleeper {
    Session(SparkId),
    Client(Client),
    Paced(u64),
}

impl<T: Transformer, C: ClientTransport> Pair<T, C> {
    /// Delivers everything that is under way, until nothing more happens without time passing.
    pub(crate) fn settle(&mut self) {
        loop {
            let has_proceeded = self.proceed();
            self.end_turn();
            match self.next_delivery() {
                Some(Delivery::Up(id)) => self.deliver_up(id),
                Some(Delivery::Down(id)) => self.deliver_down(id),
                None if has_proceeded => {}
                None => return,
            }
        }
    }

    /// Lets so many milliseconds pass.
    pub(crate) fn run_for(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        self.run(end, |_| false);
    }

    /// Lets time pass until `done` says so.
    ///
    /// # Panics
    /// If it has not said so within 10 minutes of virtual time.
    pub(crate) fn run_until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let end = self.now + Duration::from_secs(600);
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
            match self.next_sleeper() {
                Some((deadline, sleeper)) if deadline <= end => {
                    met = if deadline > self.now { 0 } else { met + 1 };
                    assert!(met < DEADLINES_PER_MOMENT_MAX, "a deadline is met in vain");
                    self.now = self.now.max(deadline);
                    self.wake(sleeper);
                }
                _ => break,
            }
        }
        self.now = end;
        done(self)
    }

    /// The deadline that is next, and whose it is.
    fn next_sleeper(&self) -> Option<(Instant, Sleeper)> {
        let sessions = self.sessions.keys().filter_map(|spark| {
            let deadline = self.session_deadline(*spark)?;
            Some((deadline, Sleeper::Session(*spark)))
        });
        let clients = self.clients.iter().enumerate();
        let clients = clients.filter_map(|(number, client)| {
            let deadline = client.half.deadline().filter(|_| !client.is_frozen)?;
            Some((deadline, Sleeper::Client(Client(number))))
        });
        let paced = self.connections.iter().filter_map(|(id, connection)| {
            let Role::Pacing(pacing) = &connection.role else {
                return None;
            };
            Some((pacing.due, Sleeper::Paced(*id)))
        });
        sessions
            .chain(clients)
            .chain(paced)
            .min_by_key(|(deadline, _)| *deadline)
    }

    fn wake(&mut self, sleeper: Sleeper) {
        match sleeper {
            Sleeper::Session(spark) => self.session_expired(spark),
            Sleeper::Client(client) => self.call_client(client, ClientTransport::expired),
            Sleeper::Paced(id) => self.next_paced_part(id),
        }
    }

    /// What the engine does at the end of a turn.
    fn end_turn(&mut self) {
        let sparks: Vec<SparkId> = self.sessions.keys().copied().collect();
        sparks.into_iter().for_each(|spark| self.flush(spark));
        let answered = |id: &u64| {
            let connection = &self.connections[id];
            matches!(connection.role, Role::Http | Role::Upgraded(_)) && !connection.kept.is_empty()
        };
        let answered: Vec<u64> = self.connections.keys().copied().filter(answered).collect();
        answered.into_iter().for_each(|id| self.read_kept(id));
        // A test may still want to look at what came on a raw connection.
        self.connections
            .retain(|_, connection| !connection.is_over() || matches!(connection.far, Far::Raw(_)));
    }

    fn next_delivery(&mut self) -> Option<Delivery> {
        let mut possible = Vec::new();
        for (id, connection) in &self.connections {
            let client = match connection.far {
                Far::Client(client, _) => Some(&self.clients[client.0]),
                Far::Raw(_) | Far::Gone => None,
            };
            let sends = client.is_none_or(|client| !client.is_frozen);
            let reads = client.is_none_or(|client| !client.is_frozen && !client.is_stalled)
                && !connection.is_stalled;
            if sends && connection.up.has_news() {
                possible.push(Delivery::Up(*id));
            }
            if reads && connection.down.has_news() {
                possible.push(Delivery::Down(*id));
            }
        }
        let count = possible.len();
        (count > 0).then(|| possible[self.dice.index(count)])
    }

    fn deliver_up(&mut self, id: u64) {
        let count = self.piece();
        let pipe = &mut self.connection(id).up;
        let bytes = pipe.read(count);
        if bytes.is_empty() {
            self.server_loses(id);
        } else {
            self.server_receives(id, bytes);
        }
    }

    fn deliver_down(&mut self, id: u64) {
        let count = self.piece();
        let connection = self.connection(id);
        let mut bytes = connection.down.read(count);
        match &mut connection.far {
            Far::Client(client, link) => {
                let (client, link) = (*client, *link);
                if bytes.is_empty() {
                    // Who learns that the other end has closed closes, too.
                    connection.far = Far::Gone;
                    connection.up.close();
                    self.client_loses(client, link);
                } else {
                    self.client_receives(client, link, &mut bytes);
                }
            }
            Far::Raw(_) if bytes.is_empty() => connection.up.close(),
            Far::Raw(received) => received.extend(bytes),
            Far::Gone => {}
        }
    }

    /// How many bytes are delivered at once: often a few, sometimes many.
    fn piece(&mut self) -> usize {
        let max = [3, 50, 4096, PIECE_BYTES_MAX][self.dice.index(4)];
        1 + self.dice.index(max)
    }
}
