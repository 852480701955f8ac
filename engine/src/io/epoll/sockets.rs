//! The sockets of an epoll driver.

use std::io;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::io::{Socket, Token};
use crate::memory::{Arena, Key};

/// What an event is about.
pub(super) const KIND_SOCKET: u8 = 0;

/// Every open socket. `Socket` is its index, and the generation tells the uses of an index apart.
#[derive(Debug, Default)]
pub(super) struct Sockets(Arena<Open>);

/// An open socket.
#[derive(Debug)]
pub(super) struct Open {
    descriptor: OwnedFd,
    /// Names the connection in completions; before `Receive` it names nothing.
    pub(super) token: Token,
    /// The shard wants to receive.
    pub(super) receiving: bool,
    /// It would receive, but there was no buffer.
    pub(super) starved: bool,
    /// The shard wants to know when it can write.
    pub(super) awaits_writable: bool,
    /// The connection is not established yet.
    pub(super) connecting: bool,
    /// What the kernel was asked to report. Empty means that the socket is not in the epoll set:
    /// one that is would report a hang-up again and again, even if nothing was asked for.
    registered: EventFlags,
}

impl Open {
    fn interest(&self) -> EventFlags {
        let mut interest = EventFlags::empty();
        interest.set(EventFlags::IN, self.receiving && !self.starved);
        interest.set(EventFlags::OUT, self.awaits_writable || self.connecting);
        interest
    }
}

impl AsFd for Open {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Sockets {
    /// Adds a socket, not yet in the epoll set.
    pub(super) fn insert(&mut self, descriptor: OwnedFd) -> Socket {
        let key = self.0.insert(Open {
            descriptor,
            token: Token::from_u64(0),
            receiving: false,
            starved: false,
            awaits_writable: false,
            connecting: false,
            registered: EventFlags::empty(),
        });
        Socket(key.index)
    }

    /// The socket, unless it was closed.
    pub(super) fn get(&mut self, socket: Socket) -> Option<&mut Open> {
        self.0.at_mut(socket.0)
    }

    /// The socket that an event names, unless it was closed since.
    pub(super) fn by_event(&mut self, event: Token) -> Option<(Socket, &mut Open)> {
        let open = self.0.get_mut(Key {
            index: event.index(),
            generation: event.generation(),
        });
        Some((Socket(event.index()), open?))
    }

    /// The name that events of this socket carry.
    pub(super) fn event_token(&self, socket: Socket) -> Token {
        let key = self.0.key_at(socket.0);
        Token::new(KIND_SOCKET, key.map_or(0, |key| key.generation), socket.0)
    }

    /// Closes the socket. Returns whether it was open.
    pub(super) fn close(&mut self, socket: Socket) -> bool {
        // Closing the only descriptor of a socket also takes it out of the epoll set.
        self.take(socket).is_some()
    }

    fn take(&mut self, socket: Socket) -> Option<Open> {
        let key = self.0.key_at(socket.0)?;
        self.0.remove(key)
    }

    /// Takes the socket out, still open. `None` if there is no such socket.
    ///
    /// It leaves the epoll set: its descriptor lives on, so the set would keep it.
    pub(super) fn release(
        &mut self,
        poll: &OwnedFd,
        socket: Socket,
    ) -> Option<io::Result<OwnedFd>> {
        let open = self.take(socket)?;
        if !open.registered.is_empty()
            && let Err(error) = epoll::delete(poll, &open)
        {
            return Some(Err(error.into()));
        }
        Some(Ok(open.descriptor))
    }

    /// Tells the kernel what to report from now on.
    pub(super) fn update_interest(&mut self, poll: &OwnedFd, socket: Socket) -> io::Result<()> {
        let data = EventData::new_u64(self.event_token(socket).as_u64());
        let Some(open) = self.get(socket) else {
            return Ok(());
        };
        let interest = open.interest();
        match (open.registered.is_empty(), interest.is_empty()) {
            _ if open.registered == interest => return Ok(()),
            (true, _) => epoll::add(poll, &*open, data, interest)?,
            (false, false) => epoll::modify(poll, &*open, data, interest)?,
            (false, true) => epoll::delete(poll, &*open)?,
        }
        open.registered = interest;
        Ok(())
    }
}
