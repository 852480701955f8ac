//! The loop on epoll: one system call per receive and per send.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;

use crate::broadcast::Log;
use crate::connection::{App, Broken, Connection};

/// Events fetched per turn.
const EVENTS_PER_TURN: usize = 1024;

/// Bytes received at once. All that a client has under way fits in, and a second receive would
/// only be told that there is nothing more.
const RECEIVE_BYTES: usize = 64 * 1024;

/// Names the listener in events; descriptors are not that high.
const LISTENER: u64 = u64::MAX;

/// Serves until something fails that concerns all.
pub(crate) fn serve(listener: TcpListener, app: App) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(
        &poll,
        &listener,
        EventData::new_u64(LISTENER),
        EventFlags::IN,
    )?;
    let mut server = Server {
        poll,
        listener,
        app,
        links: Vec::new(),
        buffer: vec![0; RECEIVE_BYTES],
    };
    let mut events = Vec::with_capacity(EVENTS_PER_TURN);
    loop {
        server.turn(&mut events)?;
    }
}

struct Server {
    poll: OwnedFd,
    listener: TcpListener,
    app: App,
    /// By descriptor.
    links: Vec<Option<Link>>,
    buffer: Vec<u8>,
}

/// A connection and its socket, which closes when this is dropped.
struct Link {
    socket: TcpStream,
    connection: Connection,
}

impl Server {
    fn turn(&mut self, events: &mut Vec<Event>) -> io::Result<()> {
        let is_walking = self.app.is_walking(self.links.len());
        let at_once = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        events.clear();
        let wait = is_walking.then_some(&at_once);
        match epoll::wait(&self.poll, rustix::buffer::spare_capacity(events), wait) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in events.iter() {
            match event.data.u64() {
                LISTENER => self.accept()?,
                descriptor => self.ready(descriptor as usize, event.flags),
            }
        }
        self.walk();
        Ok(())
    }

    /// Takes every connection that waits. Having no descriptor left is the end.
    fn accept(&mut self) -> io::Result<()> {
        loop {
            let socket = match self.listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            socket.set_nonblocking(true)?;
            let descriptor = socket.as_raw_fd() as usize;
            let data = EventData::new_u64(descriptor as u64);
            epoll::add(&self.poll, &socket, data, EventFlags::IN)?;
            if self.links.len() <= descriptor {
                self.links.resize_with(descriptor + 1, || None);
            }
            self.links[descriptor] = Some(Link {
                socket,
                connection: Connection::default(),
            });
        }
    }

    fn ready(&mut self, descriptor: usize, flags: EventFlags) {
        let Some(link) = self.links.get_mut(descriptor).and_then(Option::as_mut) else {
            return;
        };
        let mut result = Ok(());
        if flags.contains(EventFlags::OUT) {
            result = link.resume(&self.poll);
        }
        if result.is_ok() && flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
            result = link.receive(&self.poll, &mut self.buffer, &mut self.app);
        }
        if result.is_err() || link.connection.is_over() {
            self.links[descriptor] = None;
        }
    }

    /// Sends the next ones what they have not seen.
    fn walk(&mut self) {
        let (links, poll) = (&mut self.links, &self.poll);
        let App::Broadcast(broadcast) = &mut self.app else {
            return;
        };
        let seats = links.len();
        broadcast.walk(seats, |index, log| {
            let Some(link) = links[index].as_mut() else {
                return false;
            };
            if !log.is_news_for(&link.connection) {
                return false;
            }
            if link.send_log(poll, log).is_err() {
                links[index] = None;
            }
            true
        });
        broadcast.tidy(seats);
    }
}

impl Link {
    /// Receives once: what is left is an event again.
    fn receive(&mut self, poll: &OwnedFd, buffer: &mut [u8], app: &mut App) -> Result<(), Broken> {
        let count = match self.socket.read(buffer) {
            Ok(0) => return Err(Broken),
            Ok(count) => count,
            Err(error) if is_nothing(&error) => return Ok(()),
            Err(_) => return Err(Broken),
        };
        let at_once = self.connection.receive(&mut buffer[..count], app)?;
        self.send(poll, &buffer[..at_once])?;
        self.send_waiting(poll)
    }

    fn send_log(&mut self, poll: &OwnedFd, log: &Log) -> Result<(), Broken> {
        if self.connection.stalled {
            return self.connection.catch_up(log);
        }
        let seen = std::mem::replace(&mut self.connection.seen, log.head());
        self.send(poll, log.since(seen))
    }

    /// There is room again.
    fn resume(&mut self, poll: &OwnedFd) -> Result<(), Broken> {
        self.connection.stalled = false;
        self.watch(poll, EventFlags::IN)?;
        self.send_waiting(poll)
    }

    fn send_waiting(&mut self, poll: &OwnedFd) -> Result<(), Broken> {
        if self.connection.stalled {
            return Ok(());
        }
        let waiting = std::mem::take(&mut self.connection.waiting);
        self.send(poll, &waiting)
    }

    /// Sends what the kernel takes; the rest waits for room.
    fn send(&mut self, poll: &OwnedFd, bytes: &[u8]) -> Result<(), Broken> {
        if bytes.is_empty() {
            return Ok(());
        }
        let taken = match self.socket.write(bytes) {
            Ok(taken) => taken,
            Err(error) if is_nothing(&error) => 0,
            Err(_) => return Err(Broken),
        };
        if taken < bytes.len() {
            self.connection.wait_for(&bytes[taken..])?;
            self.connection.stalled = true;
            self.watch(poll, EventFlags::IN | EventFlags::OUT)?;
        }
        Ok(())
    }

    fn watch(&self, poll: &OwnedFd, flags: EventFlags) -> Result<(), Broken> {
        let data = EventData::new_u64(self.socket.as_raw_fd() as u64);
        epoll::modify(poll, &self.socket, data, flags).map_err(|_| Broken)
    }
}

fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
