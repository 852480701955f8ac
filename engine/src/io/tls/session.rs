//! What is kept of one connection.

use std::fmt;

use ring::aead::LessSafeKey;

use super::acceptor::TlsAcceptor;
use super::channel::{Channel, HEADER_BYTES, RECORD_BYTES_MAX, kind, record_len};
use super::fault::{TlsFault, alert};
use super::handshake::{Handshake, Tickets};
use crate::io::{Socket, Token};
use crate::limits::{TLS_EMPTY_RECORDS_MAX, TLS_KEY_UPDATES_MAX};

/// A connection of the driver. Its number is the socket that the shard knows.
pub(super) struct Connection {
    /// As the inner driver names it.
    pub(super) socket: Socket,
    /// The name that the shard has for it.
    pub(super) token: Token,
    /// Where the last word about it goes.
    pub(super) answer: Token,
    /// The shard has given it away or closed it.
    pub(super) is_leaving: bool,
    /// `None` for a plain connection.
    pub(super) session: Option<Box<Session>>,
}

/// How far a connection with TLS is.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are open, and a box would cost each of them more"
)]
pub(super) enum Stage {
    /// Nothing has come yet. Who accepts it; a client begins by itself.
    Fresh(Option<TlsAcceptor>),
    Shaking(Box<Handshake>),
    Open(Channel),
    /// The peer was told why, or could not be.
    Failed,
}

/// The state of a connection with TLS. It has no memory of its own while the connection is idle.
pub(super) struct Session {
    pub(super) stage: Stage,
    /// The beginning of a record of which the rest has not come.
    pub(super) partial: Vec<u8>,
    /// Encrypted already, to be sent before anything else.
    pub(super) out: Vec<u8>,
    /// Takes tickets, for a client.
    pub(super) tickets: Option<Box<Tickets>>,
    /// The turn in which it was last sent to.
    pub(super) sent_turn: u32,
    /// What the shard was told last about what is held for it.
    pub(super) held: u32,
    /// Its part in the sends of this turn.
    pub(super) flight: u32,
    /// Records that the next send takes at most.
    pub(super) window: u8,
    /// Records without content in a row.
    empties: u8,
    /// Updates of keys without data between them.
    updates: u8,
    pub(super) flags: Flags,
}

/// Facts about a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flags(u16);

impl Flags {
    /// The inner driver was asked to say when there is room.
    pub(super) const POLLING: Self = Self(1);
    /// The shard wants to know when there is room.
    pub(super) const AWAITS: Self = Self(2);
    /// The shard has sent its last.
    pub(super) const SHUT: Self = Self(4);
    /// The last alert is among what is to be sent, or was sent.
    pub(super) const NOTIFIED: Self = Self(8);
    /// The inner driver was told to end the stream.
    pub(super) const FIN: Self = Self(16);
    /// The peer sends nothing more, and the shard knows it.
    pub(super) const INPUT_OVER: Self = Self(32);
    /// The peer wants us to change our keys.
    pub(super) const UPDATE_ASKED: Self = Self(64);
    /// It is in the list of those that have something to be sent.
    pub(super) const QUEUED: Self = Self(128);
    /// It is in the list of those whose handshake goes on in a later turn.
    pub(super) const SHAKE_QUEUED: Self = Self(256);
    /// What came for it waits until there is room for what is in it.
    pub(super) const STUCK: Self = Self(512);
    /// The stream of the peer ended while its handshake waits for its turn.
    pub(super) const ENDED_EARLY: Self = Self(1024);
    /// It has connected to the peer, not the other way round.
    pub(super) const CLIENT: Self = Self(2048);

    /// Those that say what a driver has been asked or has in its lists.
    const OF_DRIVER: Self = Self::POLLING
        .or(Self::AWAITS)
        .or(Self::QUEUED)
        .or(Self::SHAKE_QUEUED)
        .or(Self::STUCK);

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether one of these is the case.
    pub(super) fn has(self, flag: Self) -> bool {
        self.0 & flag.0 != 0
    }

    pub(super) fn set(&mut self, flag: Self) {
        self.0 |= flag.0;
    }

    /// Clears it, and says whether it was set.
    pub(super) fn take(&mut self, flag: Self) -> bool {
        let was_set = self.has(flag);
        self.0 &= !flag.0;
        was_set
    }
}

/// What was found in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// So many bytes for the shard.
    Data(usize),
    /// Nothing for the shard.
    Nothing,
    /// The peer uses other keys from now on.
    NewKeys,
    /// The peer sends nothing more.
    End,
}

const UNEXPECTED: &str = "a message comes that may not come here";

impl Session {
    pub(super) fn new(stage: Stage, flags: Flags) -> Box<Self> {
        Box::new(Self {
            stage,
            partial: Vec::new(),
            out: Vec::new(),
            tickets: None,
            sent_turn: 0,
            held: 0,
            flight: 0,
            window: 1,
            empties: 0,
            updates: 0,
            flags,
        })
    }

    /// It is of another driver now, which has it in none of its lists, was asked nothing of the
    /// socket, and has told nobody anything.
    pub(super) fn arrive(&mut self, turn: u32) {
        self.flags.take(Flags::OF_DRIVER);
        self.sent_turn = turn.wrapping_sub(1);
        self.held = 0;
    }

    /// Bytes that it holds beside itself.
    pub(super) fn held_bytes(&self) -> usize {
        let stage = match &self.stage {
            Stage::Shaking(handshake) => handshake.held_bytes(),
            Stage::Fresh(_) | Stage::Open(_) | Stage::Failed => 0,
        };
        stage + self.partial.capacity() + self.out.capacity()
    }

    /// Opens the record that begins at `at` and is the rest of `bytes`; what is for the shard then
    /// lies at the beginning of `bytes`.
    pub(super) fn open(
        &mut self,
        key: &LessSafeKey,
        bytes: &mut [u8],
        at: usize,
    ) -> Result<Found, TlsFault> {
        let Stage::Open(channel) = &mut self.stage else {
            return Ok(Found::Nothing);
        };
        let opened = channel.open(key, bytes, at)?;
        let content = &bytes[..opened.len];
        if content.is_empty() {
            return self.count_empty(opened.kind);
        }
        self.empties = 0;
        match opened.kind {
            kind::DATA => {
                self.updates = 0;
                Ok(Found::Data(content.len()))
            }
            kind::ALERT => understand_alert(content),
            kind::HANDSHAKE if channel.is_tls13() => self.understand_messages(content),
            kind::HANDSHAKE => {
                let what = "the peer wants to negotiate again";
                Err(TlsFault::new(alert::NO_RENEGOTIATION, what))
            }
            _ => Err(TlsFault::new(alert::UNEXPECTED_MESSAGE, UNEXPECTED)),
        }
    }

    fn count_empty(&mut self, kind: u8) -> Result<Found, TlsFault> {
        self.empties += 1;
        if kind != kind::DATA || self.empties > TLS_EMPTY_RECORDS_MAX {
            let what = "records come with nothing in them";
            return Err(TlsFault::new(alert::UNEXPECTED_MESSAGE, what));
        }
        Ok(Found::Nothing)
    }

    /// What may come after the handshake: other keys, and, for a client, tickets. A message lies in
    /// one record; nobody has a reason to cut one of a few bytes.
    fn understand_messages(&mut self, mut content: &[u8]) -> Result<Found, TlsFault> {
        const NEW_SESSION_TICKET: u8 = 4;
        const KEY_UPDATE: u8 = 24;
        let unexpected = || TlsFault::new(alert::UNEXPECTED_MESSAGE, UNEXPECTED);
        while let [kind, a, b, c, rest @ ..] = content {
            let len = u32::from_be_bytes([0, *a, *b, *c]) as usize;
            let Some((message, rest)) = rest.split_at_checked(len) else {
                return Err(unexpected());
            };
            content = rest;
            match (*kind, message) {
                // Keys change at the end of a record.
                (KEY_UPDATE, [asked @ (0 | 1)]) if content.is_empty() => {
                    return self.update_keys(*asked == 1);
                }
                (NEW_SESSION_TICKET, ticket) if self.flags.has(Flags::CLIENT) => {
                    if let Some(mut tickets) = self.tickets.take() {
                        let taken = tickets.handle_new_session_ticket(ticket);
                        taken.map_err(|error| TlsFault::silent(error.to_string()))?;
                    }
                }
                _ => return Err(unexpected()),
            }
        }
        match content {
            [] => Ok(Found::Nothing),
            _ => Err(unexpected()),
        }
    }

    fn update_keys(&mut self, is_asked: bool) -> Result<Found, TlsFault> {
        self.updates += 1;
        if self.updates > TLS_KEY_UPDATES_MAX {
            let what = "the peer changes its keys again and again";
            return Err(TlsFault::new(alert::UNEXPECTED_MESSAGE, what));
        }
        if let Stage::Open(channel) = &mut self.stage {
            channel.update_opening();
        }
        if is_asked {
            // One answer serves all that were asked for before it leaves.
            self.flags.set(Flags::UPDATE_ASKED);
        }
        Ok(Found::NewKeys)
    }

    /// Takes from `bytes` what the record lacks that has come in part. Returns how many bytes.
    pub(super) fn complete_partial(&mut self, bytes: &[u8]) -> Result<usize, TlsFault> {
        let mut taken = 0;
        loop {
            let wanted = record_len(&self.partial)?.unwrap_or(HEADER_BYTES);
            let missing = wanted.saturating_sub(self.partial.len());
            let count = missing.min(bytes.len() - taken);
            if count == 0 {
                return Ok(taken);
            }
            self.partial.extend_from_slice(&bytes[taken..taken + count]);
            taken += count;
        }
    }

    /// How long the record is that has come whole, at the beginning of what was kept.
    pub(super) fn whole_partial(&self) -> Result<Option<usize>, TlsFault> {
        let len = record_len(&self.partial)?;
        debug_assert!(len.is_none_or(|len| len <= RECORD_BYTES_MAX));
        Ok(len.filter(|len| *len <= self.partial.len()))
    }
}

fn understand_alert(content: &[u8]) -> Result<Found, TlsFault> {
    match content {
        [_, alert::CLOSE_NOTIFY] => Ok(Found::End),
        // The end follows.
        [_, alert::USER_CANCELED] => Ok(Found::Nothing),
        [_, number] => Err(TlsFault::silent(format!("the peer says alert {number}"))),
        _ => Err(TlsFault::new(alert::DECODE_ERROR, UNEXPECTED)),
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("flags", &self.flags)
            .finish_non_exhaustive()
    }
}
