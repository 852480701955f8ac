//! What the driver knows about each socket: 24 bytes.

use crate::io::Token;

/// The sockets of one ring. A slot is the index of a direct descriptor in the ring's table; the
/// driver chooses it, so it is used again only after everything about its last use is done.
#[derive(Debug)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    free: Vec<u32>,
    capacity: u32,
}

/// One socket.
#[derive(Debug)]
pub(super) struct Slot {
    /// Names the connection in completions.
    pub(super) token: Token,
    /// Which use of the slot; every operation of the ring carries it.
    pub(super) generation: u32,
    pub(super) state: State,
    pub(super) receive: Receive,
    /// The shard wants to receive.
    pub(super) wanted: bool,
    /// It is in the list of those that wait for a buffer.
    pub(super) starved: bool,
    /// The kernel waits for room to write.
    pub(super) polling: bool,
    /// The kernel was asked to shut the sending side down, and has not said that it did.
    pub(super) shutting: bool,
    /// The shard does not know this socket, so its end is not reported.
    pub(super) silent: bool,
}

const _: () = assert!(size_of::<Slot>() == 24);

/// What a socket is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing: the slot may be reserved.
    Free,
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
            // Memory that is not touched costs nothing, and growing would leave holes behind.
            slots: Vec::with_capacity(capacity as usize),
            free: Vec::new(),
            capacity,
        }
    }

    /// Whether [`Slots::reserve`] would find a slot.
    pub(super) fn has_room(&self) -> bool {
        !self.free.is_empty() || self.slots.len() < self.capacity as usize
    }

    /// Takes a free slot, if there is one.
    pub(super) fn reserve(&mut self, state: State, token: Token) -> Option<u32> {
        let index = match self.free.pop() {
            Some(index) => index,
            None if self.slots.len() < self.capacity as usize => {
                self.slots.push(Slot::new(0));
                (self.slots.len() - 1) as u32
            }
            None => return None,
        };
        let slot = &mut self.slots[index as usize];
        slot.state = state;
        slot.token = token;
        Some(index)
    }

    /// The socket is gone and nothing of it is pending.
    pub(super) fn release(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        assert!(slot.state != State::Free && slot.is_idle());
        *slot = Slot::new((slot.generation + 1) % Token::GENERATIONS);
        self.free.push(index);
    }

    /// The socket, if the shard may use it.
    pub(super) fn open(&mut self, index: u32) -> Option<&mut Slot> {
        self.slots
            .get_mut(index as usize)
            .filter(|slot| slot.state == State::Open)
    }

    /// The socket that an operation was for, if this is still the same use of the slot.
    pub(super) fn named(&mut self, name: Token) -> Option<&mut Slot> {
        self.slots
            .get_mut(name.index() as usize)
            .filter(|slot| slot.state != State::Free && slot.generation == name.generation())
    }

    /// The name of an operation of this socket.
    pub(super) fn name(&self, kind: u8, index: u32) -> Token {
        Token::new(kind, self.slots[index as usize].generation, index)
    }
}

impl Slot {
    /// Whether the kernel has no operation on the socket. Sends are over in the turn that submits
    /// them.
    pub(super) fn is_idle(&self) -> bool {
        self.receive == Receive::Idle && !self.polling && !self.shutting
    }

    fn new(generation: u32) -> Self {
        Self {
            token: Token::from_u64(0),
            generation,
            state: State::Free,
            receive: Receive::Idle,
            wanted: false,
            starved: false,
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
