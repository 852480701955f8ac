//! The loop on `io_uring`: direct descriptors, multishot receives into buffers that all share, and
//! sends that never wait and are reported only if they were not taken as a whole.
//!
//! # Invariants
//! - A connection has at most one send in a submission.
//! - What a send points to, a receive buffer, what waits or the log, is not touched between the
//!   moment when it is pushed and the one when everything is submitted.
//! - A slot is closed when no operation of it is under way, so no answer is about an earlier use.

mod buffers;
mod ring;

use std::io;
use std::net::TcpListener;

use crate::broadcast::Log;
use crate::connection::{App, Broken, Connection};
use ring::{Answer, Kind, Ring};

/// Serves until something fails that concerns all.
pub(crate) fn serve(listener: TcpListener, app: App) -> io::Result<()> {
    let mut server = Server {
        ring: Ring::new()?,
        listener,
        app,
        links: Vec::new(),
        ready: Vec::new(),
        sends: Vec::new(),
        starved: Vec::new(),
    };
    server.ring.accept(&server.listener)?;
    loop {
        server.turn()?;
    }
}

struct Server {
    ring: Ring,
    listener: TcpListener,
    app: App,
    /// By the slot of the socket.
    links: Vec<Option<Link>>,
    /// Slots of those that have something to send.
    ready: Vec<u32>,
    /// What this submission sends.
    sends: Vec<Sending>,
    /// Slots of those that found no buffer to receive into.
    starved: Vec<u32>,
}

/// A connection and what the kernel does for it.
#[derive(Debug, Default)]
struct Link {
    connection: Connection,
    /// What is to be sent of a receive buffer, if nothing else waits: the buffer, and how much.
    piece: Option<(u16, usize)>,
    is_listed: bool,
    is_sending: bool,
    is_receiving: bool,
    is_ending: bool,
    /// Operations that the kernel has not finished; sends never are among them.
    operations: u32,
}

/// A send of this submission.
#[derive(Clone, Copy, Debug)]
struct Sending {
    slot: u32,
    source: Source,
    bytes: usize,
    /// How much the kernel took, or why it took nothing.
    result: Result<usize, Failed>,
}

/// The connection is of no use any more.
#[derive(Clone, Copy, Debug)]
struct Failed;

/// Where the bytes of a send lie.
#[derive(Clone, Copy, Debug)]
enum Source {
    Buffer(u16),
    Waiting,
    /// In the log, from this position on.
    Log(u64),
}

impl Server {
    fn turn(&mut self) -> io::Result<()> {
        self.walk()?;
        let somebody_leaves = self.send_ready()?;
        let has_more = self.app.is_walking(self.links.len()) || !self.starved.is_empty();
        self.ring.submit(!has_more && !somebody_leaves)?;
        self.settle_sends()?;
        if let App::Broadcast(broadcast) = &mut self.app {
            broadcast.tidy(self.links.len());
        }
        for slot in std::mem::take(&mut self.starved) {
            self.receive(slot)?;
        }
        while let Some(answer) = self.ring.next_answer() {
            self.handle(answer)?;
        }
        Ok(())
    }

    /// Sends the next ones what they have not seen; for who has something else to send first, it
    /// waits behind that.
    fn walk(&mut self) -> io::Result<()> {
        let (ring, links, sends) = (&mut self.ring, &mut self.links, &mut self.sends);
        let App::Broadcast(broadcast) = &mut self.app else {
            return Ok(());
        };
        let (mut result, mut lost) = (Ok(()), Vec::new());
        broadcast.walk(links.len(), |index, log| {
            let Some(link) = links[index].as_mut() else {
                return false;
            };
            if !log.is_news_for(&link.connection) || link.is_ending {
                return false;
            }
            let slot = index as u32;
            if link.is_listed || link.connection.stalled {
                if link.connection.catch_up(log).is_err() {
                    lost.push(slot);
                }
            } else if let Err(error) = link.send_log(slot, log, ring, sends) {
                result = Err(error);
            }
            true
        });
        for slot in lost {
            self.end(slot)?;
        }
        result
    }

    /// Returns whether a connection is to be closed as soon as these sends are over.
    fn send_ready(&mut self) -> io::Result<bool> {
        let mut somebody_leaves = false;
        for slot in std::mem::take(&mut self.ready) {
            let Some(link) = self.links[slot as usize].as_mut() else {
                continue;
            };
            link.is_listed = false;
            if !link.is_sending && !link.is_ending && !link.connection.stalled {
                link.send_own(slot, &mut self.ring, &mut self.sends)?;
                somebody_leaves |= link.connection.is_leaving();
            }
        }
        Ok(somebody_leaves)
    }

    /// Everything is submitted, so every send is decided.
    fn settle_sends(&mut self) -> io::Result<()> {
        for answer in self.ring.short_sends() {
            self.sends[answer.index as usize].result = match answer.result {
                taken @ 0.. => Ok(taken as usize),
                error if error == -libc::EAGAIN => Ok(0),
                _ => Err(Failed),
            };
        }
        let mut sends = std::mem::take(&mut self.sends);
        for sending in sends.drain(..) {
            self.settle(sending)?;
        }
        self.sends = sends;
        Ok(())
    }

    fn settle(&mut self, sending: Sending) -> io::Result<()> {
        let Sending {
            slot,
            source,
            bytes,
            result,
        } = sending;
        let link = self.links[slot as usize].as_mut();
        let link = link.expect("a connection that sends is there");
        link.is_sending = false;
        let connection = &mut link.connection;
        let taken = result.unwrap_or(0);
        let kept = match source {
            Source::Buffer(id) => {
                let kept = connection.wait_for(&self.ring.buffers.bytes(id, bytes)[taken..]);
                self.ring.buffers.give_back(id);
                kept
            }
            Source::Waiting => {
                connection.waiting.drain(..taken);
                Ok(())
            }
            Source::Log(from) => match &self.app {
                App::Broadcast(broadcast) => {
                    let sent = &broadcast.log.since(from)[..bytes];
                    connection.wait_for(&sent[taken..])
                }
                App::Echo => unreachable!("an echo has no log"),
            },
        };
        if result.is_err() || kept.is_err() || connection.is_over() {
            return self.end(slot);
        }
        if taken < bytes {
            connection.stalled = true;
            link.operations += 1;
            self.ring.await_writable(slot)?;
        }
        Ok(())
    }

    fn handle(&mut self, answer: Answer) -> io::Result<()> {
        let slot = answer.index;
        match answer.kind {
            Kind::Accept => return self.accepted(answer),
            Kind::Receive => self.received(answer)?,
            Kind::Writable => {
                let link = self.link(slot);
                link.operations -= 1;
                link.connection.stalled = false;
                self.list(slot);
            }
            Kind::Shutdown => self.link(slot).operations -= 1,
            Kind::Send | Kind::Close => return Ok(()),
        }
        self.close_if_done(slot)
    }

    /// The kernel ends an accept that failed. Having no slot left is the end.
    fn accepted(&mut self, answer: Answer) -> io::Result<()> {
        match -answer.result {
            ..=0 => {
                let slot = answer.result as u32;
                if self.links.len() <= slot as usize {
                    self.links.resize_with(slot as usize + 1, || None);
                }
                self.links[slot as usize] = Some(Link::default());
                self.receive(slot)?;
            }
            error @ (libc::ENFILE | libc::EMFILE) => {
                return Err(io::Error::from_raw_os_error(error));
            }
            _ => {}
        }
        if answer.goes_on {
            return Ok(());
        }
        self.ring.accept(&self.listener)
    }

    fn receive(&mut self, slot: u32) -> io::Result<()> {
        if let Some(link) = self.links[slot as usize].as_mut()
            && !link.is_receiving
            && !link.is_ending
        {
            link.is_receiving = true;
            link.operations += 1;
            self.ring.receive(slot)?;
        }
        Ok(())
    }

    fn received(&mut self, answer: Answer) -> io::Result<()> {
        let slot = answer.index;
        let link = self.links[slot as usize].as_mut();
        let link = link.expect("a connection that receives is there");
        if !answer.goes_on {
            link.is_receiving = false;
            link.operations -= 1;
        }
        if let Some(id) = answer.buffer {
            let count = answer.result.max(0) as usize;
            let taken = link.take(id, count, &mut self.ring, &mut self.app);
            if link.has_something() {
                self.list(slot);
            }
            if taken.is_err() {
                return self.end(slot);
            }
        }
        match -answer.result {
            ..0 if answer.goes_on => Ok(()),
            ..0 => self.receive(slot),
            libc::ENOBUFS => {
                self.starved.push(slot);
                Ok(())
            }
            _ => self.end(slot),
        }
    }

    /// Has what a connection has to say sent in the next submission.
    fn list(&mut self, slot: u32) {
        let link = self.link(slot);
        if !std::mem::replace(&mut link.is_listed, true) {
            self.ready.push(slot);
        }
    }

    fn link(&mut self, slot: u32) -> &mut Link {
        let link = self.links[slot as usize].as_mut();
        link.expect("a connection stays as long as it has operations")
    }

    /// Begins to close a connection: first whatever is under way must end.
    fn end(&mut self, slot: u32) -> io::Result<()> {
        let link = self.links[slot as usize].as_mut();
        let link = link.expect("a connection ends once");
        if !std::mem::replace(&mut link.is_ending, true) {
            if let Some((id, _)) = link.piece.take() {
                self.ring.buffers.give_back(id);
            }
            if link.operations > 0 {
                link.operations += 1;
                self.ring.shutdown(slot)?;
            }
        }
        self.close_if_done(slot)
    }

    fn close_if_done(&mut self, slot: u32) -> io::Result<()> {
        let link = &mut self.links[slot as usize];
        let is_done = |link: &mut Link| link.is_ending && link.operations == 0 && !link.is_sending;
        if link.as_mut().is_some_and(is_done) {
            *link = None;
            self.ring.close(slot)?;
        }
        Ok(())
    }
}

impl Link {
    /// Takes the bytes in a buffer. The buffer goes back unless it is sent from.
    fn take(
        &mut self,
        id: u16,
        count: usize,
        ring: &mut Ring,
        app: &mut App,
    ) -> Result<(), Broken> {
        let buffers = &mut ring.buffers;
        let mut result = Ok(0);
        if let Some((earlier, bytes)) = self.piece.take() {
            let kept = self.connection.wait_for(buffers.bytes(earlier, bytes));
            buffers.give_back(earlier);
            result = kept.map(|()| 0);
        }
        if result.is_ok() && !self.is_ending {
            result = self.connection.receive(buffers.bytes(id, count), app);
        }
        match result {
            Ok(at_once @ 1..) => self.piece = Some((id, at_once)),
            Ok(0) | Err(_) => buffers.give_back(id),
        }
        result.map(drop)
    }

    fn has_something(&self) -> bool {
        self.piece.is_some() || (!self.connection.waiting.is_empty() && !self.connection.stalled)
    }

    /// Sends what waits, or what came in and is to go back.
    #[expect(unsafe_code, reason = "the kernel reads the bytes later")]
    fn send_own(&mut self, slot: u32, ring: &mut Ring, sends: &mut Vec<Sending>) -> io::Result<()> {
        let number = sends.len() as u32;
        let (source, bytes) = match self.piece.take() {
            Some((id, bytes)) => {
                let piece: *const [u8] = ring.buffers.bytes(id, bytes);
                // SAFETY: the buffer is not the kernel's before it is given back, which is when
                // everything is submitted; until then nobody writes to it.
                unsafe { ring.send(slot, number, &*piece)? };
                (Source::Buffer(id), bytes)
            }
            None if self.connection.waiting.is_empty() => return Ok(()),
            None => {
                // SAFETY: nothing is received, and no walk made, before everything is submitted.
                unsafe { ring.send(slot, number, &self.connection.waiting)? };
                (Source::Waiting, self.connection.waiting.len())
            }
        };
        self.sent(slot, source, bytes, sends);
        Ok(())
    }

    /// Sends what it has not seen of the log.
    #[expect(unsafe_code, reason = "the kernel reads the bytes later")]
    fn send_log(
        &mut self,
        slot: u32,
        log: &Log,
        ring: &mut Ring,
        sends: &mut Vec<Sending>,
    ) -> io::Result<()> {
        let seen = std::mem::replace(&mut self.connection.seen, log.head());
        let bytes = log.since(seen);
        // SAFETY: nothing is published, and nothing forgotten, before everything is submitted.
        unsafe { ring.send(slot, sends.len() as u32, bytes)? };
        self.sent(slot, Source::Log(seen), bytes.len(), sends);
        Ok(())
    }

    fn sent(&mut self, slot: u32, source: Source, bytes: usize, sends: &mut Vec<Sending>) {
        self.is_sending = true;
        sends.push(Sending {
            slot,
            source,
            bytes,
            result: Ok(bytes),
        });
    }
}
