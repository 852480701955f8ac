//! One client, whatever carries its bytes.

use crate::broadcast::{Broadcast, Log};
use crate::frames::{Unfit, Unmasked, unmask};
use crate::opening::{self, Opened};

/// Bytes that may wait for one client. Only one that does not read gets there.
const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What is done with messages.
#[derive(Debug)]
pub(crate) enum App {
    /// Each goes back to its sender.
    Echo,
    /// Each goes to everyone.
    Broadcast(Broadcast),
}

impl App {
    /// Whether a turn has more to send, to so many connections, whatever comes in.
    pub(crate) fn is_walking(&self, seats: usize) -> bool {
        matches!(self, Self::Broadcast(broadcast) if broadcast.is_walking(seats))
    }
}

/// A client as the loop sees it.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    stage: Stage,
    /// The beginning of a request, or of a frame.
    partial: Vec<u8>,
    /// What has to be sent before anything else.
    pub(crate) waiting: Vec<u8>,
    /// Up to where it has seen the log of broadcasts.
    pub(crate) seen: u64,
    /// The kernel takes nothing for now.
    pub(crate) stalled: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// A request is awaited.
    #[default]
    Opening,
    /// It is a WebSocket.
    Open,
    /// What waits is sent, then it is over.
    Leaving,
}

/// The connection has to be closed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

impl From<Unfit> for Broken {
    fn from(Unfit: Unfit) -> Self {
        Self
    }
}

impl Connection {
    /// Takes what came in. Returns how many bytes at the front of `bytes` are now to be sent, from
    /// where they lie; they are 0 if something waits.
    pub(crate) fn receive(&mut self, bytes: &mut [u8], app: &mut App) -> Result<usize, Broken> {
        if self.stage == Stage::Leaving {
            return Ok(0);
        }
        if self.stage == Stage::Open && self.partial.is_empty() {
            let found = unmask(bytes)?;
            self.partial.extend_from_slice(&bytes[found.consumed..]);
            return self.deliver(bytes, found, app);
        }
        let mut whole = std::mem::take(&mut self.partial);
        whole.extend_from_slice(bytes);
        if self.stage == Stage::Opening && !self.open(&mut whole, app) {
            return Ok(0);
        }
        let found = unmask(&mut whole)?;
        let at_once = self.deliver(&whole, found, app)?;
        self.wait_for(&whole[..at_once])?;
        whole.drain(..found.consumed);
        self.partial = whole;
        Ok(0)
    }

    /// Whether it is a WebSocket.
    pub(crate) fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// Whether it is over as soon as everything is said.
    pub(crate) fn is_leaving(&self) -> bool {
        self.stage == Stage::Leaving
    }

    /// Whether everything was said.
    pub(crate) fn is_over(&self) -> bool {
        self.is_leaving() && self.waiting.is_empty()
    }

    /// Keeps what can't be sent at this moment.
    pub(crate) fn wait_for(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() > WAITING_BYTES_MAX {
            return Err(Broken);
        }
        Ok(())
    }

    /// Keeps what it has not seen of the log.
    pub(crate) fn catch_up(&mut self, log: &Log) -> Result<(), Broken> {
        let seen = std::mem::replace(&mut self.seen, log.head());
        self.wait_for(log.since(seen))
    }

    /// Answers the request. Returns whether it is a WebSocket now, whose bytes are left in `whole`.
    fn open(&mut self, whole: &mut Vec<u8>, app: &App) -> bool {
        match opening::answer(whole, &mut self.waiting) {
            Opened::Incomplete => self.partial = std::mem::take(whole),
            Opened::Answered => self.stage = Stage::Leaving,
            Opened::WebSocket(request_bytes) => {
                whole.drain(..request_bytes);
                self.stage = Stage::Open;
                if let App::Broadcast(broadcast) = app {
                    self.seen = broadcast.log.head();
                }
            }
        }
        self.stage == Stage::Open
    }

    fn deliver(&mut self, bytes: &[u8], found: Unmasked, app: &mut App) -> Result<usize, Broken> {
        let (messages, goodbye) = bytes.split_at(found.messages);
        let goodbye = &goodbye[..found.goodbye];
        if !goodbye.is_empty() {
            self.stage = Stage::Leaving;
        }
        match app {
            App::Echo if self.waiting.is_empty() => return Ok(messages.len() + goodbye.len()),
            App::Echo => self.wait_for(messages)?,
            App::Broadcast(broadcast) => {
                broadcast.publish(messages);
                if !goodbye.is_empty() {
                    self.catch_up(&broadcast.log)?;
                }
            }
        }
        self.wait_for(goodbye)?;
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use allspark_protocol::transformer::Kind;
    use allspark_protocol::websocket::encode;

    use super::*;

    const REQUEST: &[u8] = b"GET /primus/ HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

    fn message(text: &str, key: Option<[u8; 4]>) -> Vec<u8> {
        let mut out = Vec::new();
        encode::message(Kind::Text, text.as_bytes(), key, &mut out);
        out
    }

    fn opened(app: &mut App) -> Connection {
        let mut connection = Connection::default();
        let (first, second) = REQUEST.split_at(50);
        assert_eq!(connection.receive(&mut first.to_vec(), app), Ok(0));
        assert!(connection.waiting.is_empty());
        assert_eq!(connection.receive(&mut second.to_vec(), app), Ok(0));
        assert!(connection.waiting.starts_with(b"HTTP/1.1 101 "));
        assert!(connection.is_open());
        connection.waiting.clear();
        connection
    }

    #[test]
    fn an_echo_is_sent_from_where_it_lies_unless_something_waits() {
        let mut app = App::Echo;
        let mut connection = opened(&mut app);
        let mut bytes = message("one", Some([1; 4]));
        let count = connection.receive(&mut bytes, &mut app).unwrap();
        assert_eq!(bytes[..count], message("one", None));
        connection.waiting.extend_from_slice(b"before");
        let mut bytes = message("two", Some([2; 4]));
        assert_eq!(connection.receive(&mut bytes, &mut app), Ok(0));
        assert_eq!(
            connection.waiting,
            [b"before", &*message("two", None)].concat()
        );
    }

    #[test]
    fn a_frame_in_pieces_is_gathered() {
        let mut app = App::Echo;
        let mut connection = opened(&mut app);
        for byte in message("slowly", Some([3; 4])) {
            assert_eq!(connection.receive(&mut [byte], &mut app), Ok(0));
        }
        assert_eq!(connection.waiting, message("slowly", None));
    }

    #[test]
    fn a_goodbye_comes_back_after_what_was_broadcast() {
        let mut app = App::Broadcast(Broadcast::default());
        let mut connection = opened(&mut app);
        let mut bytes = message("last", Some([4; 4]));
        encode::close(None, "", Some([5; 4]), &mut bytes);
        assert_eq!(connection.receive(&mut bytes, &mut app), Ok(0));
        let expected = [&*message("last", None), b"\x88\x00"].concat();
        assert_eq!(connection.waiting, expected);
        assert!(!connection.is_over());
        connection.waiting.clear();
        assert!(connection.is_over());
    }

    #[test]
    fn who_speaks_no_websocket_is_cut_off() {
        let mut app = App::Echo;
        let mut connection = opened(&mut app);
        let unmasked = message("bare", None);
        assert_eq!(
            connection.receive(&mut unmasked.clone(), &mut app),
            Err(Broken)
        );
    }
}
