//! What the driver knows about each socket: 20 bytes, while it has the socket.

use crate::io::Token;
use crate::memory::{Arena, Key};

/// The sockets of one ring. A slot is the index of a direct descriptor in the ring's table; the
/// driver chooses it, so it is used again only after everything about its last use is done.
#[derive(Debug)]
pub(super) struct Slots {
    /// The lowest free index is used first, so all of them stay below `capacity`. The generation of
    /// a slot is carried by every operation of the ring.
    slots: Arena<Slot>,
    capacity: usize,
}

/// One socket.
#[derive(Debug)]
pub(super) struct Slot {
    /// Names the connection in completions.
    pub(super) token: Token,
    pub(super) state: State,
    pub(super) receive: Receive,
    /// The shard wants to receive.
    pub(super) wanted: bool,
    /// It is in the list of those that wait for a buffer.
    pub(super) starved: bool,
    /// Its receive operation has brought something.
    pub(super) fed: bool,
    /// The kernel waits for room to write.
    pub(super) polling: bool,
    /// The kernel was asked to shut the sending side down, and has not said that it did.
    pub(super) shutting: bool,
    /// The shard does not know this socket, so its end is not reported.
    pub(super) silent: bool,
}

const _: () = assert!(size_of::<Option<Slot>>() == 16);

/// What a socket is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Waiting for a connection to come in. The token is the number of the address's place.
    Accepting,
    /// Waiting for a connection to be established.
    Connecting,
    /// The socket could not be made; its connect will fail.
    Failed,
    /// In use.
    Open,
    /// To be closed when nothing is pending any more.
    Closing,
    /// To be given away when nothing is pending any more.
    Releasing,
    /// Being closed.
    Closed,
}

/// What the receive operation of a socket is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Receive {
    /// There is none.
    Idle,
    /// The kernel has it.
    Armed,
    /// The kernel has it and was asked to cancel it.
    Stopping,
}

impl Slots {
    pub(super) fn new(capacity: u32) -> Self {
        Self {
            slots: Arena::default(),
            capacity: capacity as usize,
        }
    }

    /// Whether no slot is in use.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Whether [`Slots::reserve`] would find a slot.
    pub(super) fn has_room(&self) -> bool {
        self.slots.len() < self.capacity
    }

    /// Takes a free slot, if there is one.
    pub(super) fn reserve(&mut self, state: State, token: Token) -> Option<u32> {
        let slot = Slot::new(state, token);
        self.has_room().then(|| self.slots.insert(slot).index)
    }

    /// The socket is gone and nothing of it is pending.
    pub(super) fn release(&mut self, index: u32) {
        let key = self.slots.key_at(index);
        let slot = key.and_then(|key| self.slots.remove(key));
        assert!(slot.is_some_and(|slot| slot.is_idle()));
    }

    /// The socket, if the shard may use it.
    pub(super) fn open(&mut self, index: u32) -> Option<&mut Slot> {
        let slot = self.slots.at_mut(index);
        slot.filter(|slot| slot.state == State::Open)
    }

    /// The socket that an operation was for, if this is still the same use of the slot.
    pub(super) fn named(&mut self, name: Token) -> Option<&mut Slot> {
        self.slots.get_mut(Key {
            index: name.index(),
            generation: name.generation(),
        })
    }

    /// The name of an operation of this socket, which names nothing if there is none.
    pub(super) fn name(&self, kind: u8, index: u32) -> Token {
        let key = self.slots.key_at(index);
        Token::new(kind, key.map_or(0, |key| key.generation), index)
    }
}

impl Slot {
    /// Whether the kernel has no operation on the socket. Sends are over in the turn that submits
    /// them.
    pub(super) fn is_idle(&self) -> bool {
        self.receive == Receive::Idle && !self.polling && !self.shutting
    }

    fn new(state: State, token: Token) -> Self {
        Self {
            token,
            state,
            receive: Receive::Idle,
            wanted: false,
            starved: false,
            fed: false,
            polling: false,
            shutting: false,
            silent: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_an_earlier_use_names_nothing() {
        let mut slots = Slots::new(1);
        let token = Token::from_u64(5);
        let index = slots.reserve(State::Open, token).unwrap();
        let name = slots.name(1, index);
        assert_eq!(slots.named(name).unwrap().token, token);
        assert_eq!(slots.reserve(State::Open, token), None);
        slots.release(index);
        assert!(slots.named(name).is_none());
        assert!(slots.open(index).is_none());
        assert!(slots.has_room());
        assert_eq!(slots.reserve(State::Accepting, token), Some(index));
        assert!(slots.named(name).is_none());
        assert!(slots.open(index).is_none(), "it is not the shard's yet");
    }
}
