//! What the clients send in one turn: written into a few shared blocks, one piece per client.
//!
//! A driver takes one send per connection and turn, so everything that a client says in a turn
//! must lie in one piece. Nearly always a client says everything in a row; when another client
//! has spoken in between, the earlier words are copied behind the latest ones.
//!
//! # Invariants
//! - What is said for a client leaves in the order in which it was said.
//! - What a connection could not take yet goes out before anything that is said later.

use std::collections::HashMap;
use std::rc::Rc;

use allspark_engine::memory::{Block, BlockPool, Slice};

/// Bytes after which a new block is begun. Blocks up to 64 KiB are kept for the next turn.
const BLOCK_BYTES: usize = 32 * 1024;

/// Bytes that may wait for one connection. Only a server that sends but never reads gets there.
const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Where the words of a client are in the outbox of this turn. Each client keeps its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seat(u32);

impl Seat {
    /// The client has said nothing in this turn.
    pub(crate) const NONE: Self = Self(u32::MAX);
    /// The connection of the client takes nothing for now.
    const STALLED: Self = Self(u32::MAX - 1);

    /// Whether the connection of the client takes nothing for now.
    pub(crate) fn is_stalled(self) -> bool {
        self == Self::STALLED
    }
}

/// More bytes wait for one connection than are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WaitingTooLong;

#[derive(Clone, Copy, Debug)]
struct Entry {
    client: u32,
    block: u32,
    start: u32,
    end: u32,
}

/// The outbox of all clients.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pool: BlockPool,
    /// The blocks of this turn; the last one is written to.
    blocks: Vec<Rc<Block>>,
    entries: Vec<Entry>,
    /// What waits for connections that take nothing for now, by client.
    waiting: HashMap<u32, Vec<u8>>,
}

impl Outbox {
    /// Lets a client say something; `write` appends to what it is given.
    pub(crate) fn say(
        &mut self,
        client: u32,
        seat: &mut Seat,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), WaitingTooLong> {
        if seat.is_stalled() {
            let waiting = self.waiting.entry(client).or_default();
            write(waiting);
            return if waiting.len() <= WAITING_BYTES_MAX {
                Ok(())
            } else {
                Err(WaitingTooLong)
            };
        }
        self.make_last(client, seat);
        let bytes = writer(&mut self.blocks);
        write(bytes);
        self.entries[seat.0 as usize].end = position(bytes);
        Ok(())
    }

    /// A connection did not take `rest`; it waits, and so does what the client has said since.
    pub(crate) fn stall(&mut self, client: u32, seat: &mut Seat, rest: &[u8]) {
        let waiting = self.waiting.entry(client).or_default();
        waiting.extend_from_slice(rest);
        if let Some(entry) = self.entries.get_mut(seat.0 as usize) {
            let block = self.blocks[entry.block as usize].bytes();
            waiting.extend_from_slice(&block[entry.start as usize..entry.end as usize]);
            entry.end = entry.start;
        }
        *seat = Seat::STALLED;
    }

    /// A connection takes bytes again: what waited is said once more.
    pub(crate) fn resume(&mut self, client: u32, seat: &mut Seat) {
        *seat = Seat::NONE;
        // Whoever has nothing to say gets no seat: it would keep it into the next turn.
        if let Some(waiting) = self.waiting.remove(&client)
            && !waiting.is_empty()
        {
            self.say(client, seat, |bytes| bytes.extend_from_slice(&waiting))
                .expect("a client with a seat does not wait");
        }
    }

    /// A client is over: nothing waits for it any more.
    pub(crate) fn forget(&mut self, client: u32) {
        self.waiting.remove(&client);
    }

    /// Hands out everything that was said in this turn, one piece per client. The seats of these
    /// clients must be set to [`Seat::NONE`].
    pub(crate) fn flush(&mut self, mut send: impl FnMut(u32, Slice)) {
        for entry in self.entries.drain(..) {
            let range = entry.start as usize..entry.end as usize;
            if !range.is_empty() {
                let block = &self.blocks[entry.block as usize];
                send(entry.client, Slice::new(block, range));
            }
        }
        for block in self.blocks.drain(..) {
            self.pool.give_back(block);
        }
    }

    /// Takes blocks back that the driver is done with. Call it after each turn of the driver.
    pub(crate) fn reclaim(&mut self) {
        self.pool.reclaim();
    }

    /// Makes the client's piece the last one in the last block, so that it can grow.
    fn make_last(&mut self, client: u32, seat: &mut Seat) {
        if self
            .blocks
            .last()
            .is_none_or(|block| block.len() >= BLOCK_BYTES)
        {
            self.blocks.push(self.pool.take());
        }
        let last = self.blocks.len() - 1;
        let begin = position(writer(&mut self.blocks));
        let fresh = Entry {
            client,
            block: last as u32,
            start: begin,
            end: begin,
        };
        let Some(&entry) = self.entries.get(seat.0 as usize) else {
            *seat = Seat(self.entries.len() as u32);
            self.entries.push(fresh);
            return;
        };
        if entry.block == fresh.block && entry.end == begin {
            return;
        }
        let earlier = self.blocks[entry.block as usize].bytes();
        let earlier = earlier[entry.start as usize..entry.end as usize].to_vec();
        writer(&mut self.blocks).extend_from_slice(&earlier);
        self.entries[seat.0 as usize] = fresh;
    }
}

fn writer(blocks: &mut [Rc<Block>]) -> &mut Vec<u8> {
    let last = blocks.last_mut().expect("a block was begun");
    Rc::get_mut(last)
        .expect("a block of this turn is not shared yet")
        .writer()
}

fn position(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("a block stays far below 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(outbox: &mut Outbox, client: u32, seat: &mut Seat, words: &str) {
        outbox
            .say(client, seat, |bytes| {
                bytes.extend_from_slice(words.as_bytes());
            })
            .unwrap();
    }

    fn flushed(outbox: &mut Outbox) -> Vec<(u32, String)> {
        let mut sent = Vec::new();
        outbox.flush(|client, slice| {
            sent.push((client, String::from_utf8(slice.to_vec()).unwrap()));
        });
        sent
    }

    fn sent(pieces: &[(u32, &str)]) -> Vec<(u32, String)> {
        pieces
            .iter()
            .map(|&(client, words)| (client, words.to_owned()))
            .collect()
    }

    #[test]
    fn each_client_sends_one_piece_in_order() {
        let mut outbox = Outbox::default();
        let mut seats = [Seat::NONE; 2];
        say(&mut outbox, 0, &mut seats[0], "a");
        say(&mut outbox, 0, &mut seats[0], "b");
        say(&mut outbox, 1, &mut seats[1], "x");
        say(&mut outbox, 0, &mut seats[0], "c");
        say(&mut outbox, 1, &mut seats[1], "y");
        assert_eq!(flushed(&mut outbox), sent(&[(0, "abc"), (1, "xy")]));
        assert_eq!(flushed(&mut outbox), []);
    }

    #[test]
    fn a_piece_follows_into_the_next_block() {
        let mut outbox = Outbox::default();
        let mut seats = [Seat::NONE; 2];
        let long = "l".repeat(BLOCK_BYTES);
        say(&mut outbox, 0, &mut seats[0], "a");
        say(&mut outbox, 1, &mut seats[1], &long);
        say(&mut outbox, 0, &mut seats[0], "b");
        assert_eq!(flushed(&mut outbox), sent(&[(0, "ab"), (1, &long)]));
    }

    #[test]
    fn what_a_connection_did_not_take_goes_first() {
        let mut outbox = Outbox::default();
        let mut seat = Seat::NONE;
        say(&mut outbox, 7, &mut seat, "c");
        outbox.stall(7, &mut seat, b"ab");
        assert!(seat.is_stalled());
        say(&mut outbox, 7, &mut seat, "d");
        assert_eq!(flushed(&mut outbox), [], "it takes nothing");
        outbox.resume(7, &mut seat);
        seat = {
            say(&mut outbox, 7, &mut seat, "e");
            seat
        };
        assert!(!seat.is_stalled());
        assert_eq!(flushed(&mut outbox), sent(&[(7, "abcde")]));
    }

    #[test]
    fn who_waits_with_nothing_to_say_takes_no_seat() {
        let mut outbox = Outbox::default();
        let mut seats = [Seat::NONE; 2];
        outbox.stall(0, &mut seats[0], b"");
        outbox.resume(0, &mut seats[0]);
        assert_eq!(seats[0], Seat::NONE);
        assert_eq!(flushed(&mut outbox), []);
        say(&mut outbox, 1, &mut seats[1], "x");
        say(&mut outbox, 0, &mut seats[0], "a");
        assert_eq!(flushed(&mut outbox), sent(&[(1, "x"), (0, "a")]));
    }
}
