//! One simulated client, and all of them.

use allspark_engine::io::Socket;

use super::outbox::Seat;
use super::transport::Transport;

/// How far a client has come. It only ever goes forward, until it begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// It has not begun to connect.
    Waiting,
    /// The connection is being opened.
    Connecting,
    /// The request is sent, the answer is awaited.
    Handshaking,
    /// It can send and receive messages.
    Open,
    /// It has said goodbye and waits for the server's.
    Leaving,
    /// Both have said goodbye; the server is to close the connection.
    Answered,
    /// It has closed, or lost, its connection, and waits for the driver to confirm it.
    Ended,
    /// It is over.
    Gone,
}

/// A client. There may be a million of them: it holds no buffer and, once open, no heap memory.
#[derive(Debug)]
pub(crate) struct Client {
    /// Its connection; meaningless before `Handshaking` and after `Ended`.
    pub(crate) socket: Socket,
    /// What understands the bytes that come in.
    pub(crate) transport: Transport,
    /// Where its bytes of this turn are in the outbox.
    pub(crate) seat: Seat,
    /// Messages that it has sent.
    pub(crate) sent: u32,
    pub(crate) state: State,
}

const _: () = assert!(
    size_of::<Client>() <= 40,
    "a million clients are to fit into 40 MB"
);

impl Client {
    const fn new() -> Self {
        Self {
            socket: Socket(0),
            transport: Transport::Ended,
            seat: Seat::NONE,
            sent: 0,
            state: State::Waiting,
        }
    }

    /// Whether bytes may be sent to its connection.
    pub(crate) fn can_send(&self) -> bool {
        (State::Handshaking..=State::Leaving).contains(&self.state)
    }
}

/// All clients, and how many of them have come how far.
#[derive(Debug)]
pub(crate) struct Fleet {
    clients: Vec<Client>,
    /// Clients up to here have begun to connect.
    begun: u32,
    /// Clients that have become `Open` since they began.
    opened: u32,
    /// Clients that have begun to connect and are neither open nor over yet.
    opening: u32,
    /// Clients that are over, or on their way there, and have a connection yet.
    parting: u32,
    /// Clients that are `Gone`, or `Ended` before they had a connection.
    gone: u32,
}

impl Fleet {
    pub(crate) fn new(clients: u32) -> Self {
        Self {
            clients: std::iter::repeat_with(Client::new)
                .take(clients as usize)
                .collect(),
            begun: 0,
            opened: 0,
            opening: 0,
            parting: 0,
            gone: 0,
        }
    }

    pub(crate) fn len(&self) -> u32 {
        self.clients.len() as u32
    }

    pub(crate) fn client(&self, index: u32) -> &Client {
        &self.clients[index as usize]
    }

    pub(crate) fn client_mut(&mut self, index: u32) -> &mut Client {
        &mut self.clients[index as usize]
    }

    /// Clients that have begun to connect.
    pub(crate) fn begun(&self) -> u32 {
        self.begun
    }

    /// Clients that have ever been open.
    pub(crate) fn opened(&self) -> u32 {
        self.opened
    }

    /// The first client that can send, if any can.
    pub(crate) fn first_open(&self) -> Option<u32> {
        let mut clients = self.clients.iter();
        let position = clients.position(|client| client.state == State::Open)?;
        Some(position as u32)
    }

    /// Clients that are on their way to be open.
    pub(crate) fn opening(&self) -> u32 {
        self.opening
    }

    /// Clients from `Leaving` to `Ended`.
    pub(crate) fn parting(&self) -> u32 {
        self.parting
    }

    /// Whether every client has begun to connect and has succeeded or failed.
    pub(crate) fn is_settled(&self) -> bool {
        self.begun == self.len() && self.opening == 0
    }

    /// Whether no client has a connection, or will get one.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone == self.begun
    }

    /// Takes the next client that has not begun yet; it is `Connecting` now.
    pub(crate) fn begin_next(&mut self) -> Option<u32> {
        let index = self.begun;
        let client = self.clients.get_mut(index as usize)?;
        client.state = State::Connecting;
        self.begun += 1;
        self.opening += 1;
        Some(index)
    }

    /// A client whose connection is over begins anew; it is `Connecting` now. `was_open` says
    /// whether that connection was `Open` once.
    ///
    /// # Panics
    /// If it is not over.
    pub(crate) fn begin_again(&mut self, index: u32, was_open: bool) {
        let client = &mut self.clients[index as usize];
        assert_eq!(client.state, State::Gone, "a client has one connection");
        client.state = State::Connecting;
        client.seat = Seat::NONE;
        self.gone -= 1;
        self.opened -= u32::from(was_open);
        self.opening += 1;
    }

    /// Nobody begins any more. Returns the first client that now never will.
    pub(crate) fn begin_no_more(&mut self) -> u32 {
        self.clients.truncate(self.begun as usize);
        self.begun
    }

    /// A client goes forward.
    ///
    /// # Panics
    /// If that is not forward.
    pub(crate) fn advance(&mut self, index: u32, state: State) {
        let client = &mut self.clients[index as usize];
        assert!(client.state < state, "a client only goes forward");
        let is_opening = |state| matches!(state, State::Connecting | State::Handshaking);
        let is_parting = |state| (State::Leaving..=State::Ended).contains(&state);
        self.opening -= u32::from(is_opening(client.state) && !is_opening(state));
        self.parting += u32::from(is_parting(state));
        self.parting -= u32::from(is_parting(client.state));
        self.opened += u32::from(state == State::Open);
        self.gone += u32::from(state == State::Gone);
        client.state = state;
        if state >= State::Ended {
            client.transport = Transport::Ended;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_how_far_clients_have_come() {
        let mut fleet = Fleet::new(3);
        assert_eq!((fleet.begin_next(), fleet.begin_next()), (Some(0), Some(1)));
        fleet.advance(0, State::Handshaking);
        assert_eq!((fleet.opening(), fleet.opened()), (2, 0));
        fleet.advance(0, State::Open);
        fleet.advance(1, State::Gone);
        assert_eq!((fleet.opening(), fleet.opened()), (0, 1));
        assert_eq!(fleet.first_open(), Some(0));
        assert_eq!(fleet.parting(), 0);
        assert!(!fleet.is_settled(), "the third has not begun");
        fleet.begin_no_more();
        assert!(fleet.is_settled() && !fleet.is_gone());
        fleet.advance(0, State::Leaving);
        fleet.advance(0, State::Ended);
        assert_eq!(fleet.parting(), 1);
        fleet.advance(0, State::Gone);
        assert_eq!(fleet.parting(), 0);
        fleet.begin_again(0, true);
        assert_eq!((fleet.opening(), fleet.opened()), (1, 0));
        fleet.advance(0, State::Gone);
        assert!(fleet.is_gone() && fleet.first_open().is_none());
        assert_eq!(fleet.begin_next(), None);
    }
}
