//! The driver of the simulator: the same operations and completions as the kernel's, on an
//! in-memory network ([`SimNet`]) in virtual time. A turn never sleeps; whoever runs the
//! simulation moves the time on when nothing is left to do.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use allspark_protocol::Instant;

use super::rests::report_rests;
use super::{Completion, Detached, Driver, DriverKind, Op, Socket, Token, Wait, Waker};
use crate::memory::{BufferPool, GiveBack, Slice, kept};

mod net;

use net::Accept;
pub(super) use net::Stray;
pub use net::{EndpointId, Notice, SimNet};

/// Completions per turn, as on the kernel's drivers.
const COMPLETIONS_MAX: usize = 512;

/// Connections per turn that waited to be accepted, as on the kernel's drivers.
const ACCEPTS_PER_TURN: usize = 64;

const BUFFERS: u16 = 1024;
const BUFFER_BYTES: usize = 4096;

/// How long bytes take between two drivers.
const LATENCY: Duration = Duration::from_millis(1);

/// What the driver knows of a connection.
#[derive(Debug)]
struct Record {
    token: Token,
    receiving: bool,
    awaits_writable: bool,
}

/// One shard's view of a simulated network.
#[derive(Debug)]
pub struct SimDriver {
    net: SimNet,
    number: usize,
    ops: Vec<Op>,
    buffers: Rc<BufferPool>,
    records: HashMap<EndpointId, Record>,
    /// Connections that had something to read when no buffer was left.
    starved: Vec<EndpointId>,
    /// Connections that come before this wait, in this order.
    rests_until: Instant,
    backlog: VecDeque<EndpointId>,
    completions_max: usize,
    /// When this turn began, and the one before: in a turn no time passes.
    turned_at: Instant,
    rested_from: Instant,
    waker: Waker,
}

impl SimDriver {
    /// A driver whose clients connect with [`SimNet::connect`] to its number, counted from 0.
    pub fn new(net: &SimNet) -> Self {
        Self {
            net: net.clone(),
            number: net.add_driver(),
            ops: Vec::new(),
            buffers: BufferPool::new(BUFFERS, BUFFER_BYTES),
            records: HashMap::new(),
            starved: Vec::new(),
            rests_until: Instant::ZERO,
            backlog: VecDeque::new(),
            completions_max: COMPLETIONS_MAX,
            turned_at: Instant::ZERO,
            rested_from: Instant::ZERO,
            waker: Waker::idle(),
        }
    }

    /// The same driver, which reports in smaller portions: about `completions_max` per turn.
    #[must_use]
    pub fn in_portions_of(mut self, completions_max: usize) -> Self {
        self.completions_max = completions_max;
        self
    }

    fn submit(&mut self, op: Op, completions: &mut Vec<Completion>) {
        match op {
            Op::Accept => self.net.listen(self.number),
            Op::StopAccept => self.net.stop_listening(self.number),
            Op::RestAccept { until } => self.rests_until = self.rests_until.max(until),
            Op::Receive { socket, token } => self.start_receive(socket, token, completions),
            Op::StopReceive { socket } => {
                if let Some(record) = self.records.get_mut(&EndpointId(socket.0)) {
                    record.receiving = false;
                }
            }
            Op::Send { socket, bytes } => self.send(EndpointId(socket.0), &[bytes], completions),
            Op::SendMany { socket, slices } => {
                self.send(EndpointId(socket.0), &slices, completions);
            }
            Op::AskUnsent { socket } => {
                let id = EndpointId(socket.0);
                if let Some(record) = self.records.get(&id) {
                    let (token, bytes) = (record.token, Some(self.net.unread(id)));
                    completions.push(Completion::Unsent { token, bytes });
                }
            }
            Op::AwaitWritable { socket } => {
                let id = EndpointId(socket.0);
                if let Some(record) = self.records.get_mut(&id) {
                    record.awaits_writable = true;
                    self.net.await_room(id);
                }
            }
            Op::Shutdown { socket } => {
                if self.owns(socket) {
                    self.net.shutdown(EndpointId(socket.0));
                }
            }
            Op::Release { socket, token } => self.release(socket, token, completions),
            Op::Adopt { socket, token } => self.adopt(socket, token, completions),
            Op::Close { socket, token } => self.close(socket, token, completions),
            Op::Connect { address, token } => self.connect(address, token, completions),
        }
    }

    /// Whether the socket is still this driver's, neither closed nor released.
    fn owns(&self, socket: Socket) -> bool {
        self.net.is_owned_by(EndpointId(socket.0), self.number)
    }

    /// The port is the number of the driver that somebody connects to; nobody has an address.
    fn connect(&self, address: SocketAddr, token: Token, completions: &mut Vec<Completion>) {
        let to = usize::from(address.port());
        let end = self.net.connect_drivers(self.number, to, LATENCY);
        let result = match end {
            Some(id) => Ok(Socket(id.0)),
            None => Err(io::ErrorKind::ConnectionRefused.into()),
        };
        completions.push(Completion::Connected { token, result });
    }

    fn start_receive(&mut self, socket: Socket, token: Token, completions: &mut Vec<Completion>) {
        if !self.owns(socket) {
            return;
        }
        let id = EndpointId(socket.0);
        let record = self.records.entry(id).or_insert(Record {
            token,
            receiving: true,
            awaits_writable: false,
        });
        (record.token, record.receiving) = (token, true);
        self.receive(id, completions);
    }

    fn close(&mut self, socket: Socket, token: Token, completions: &mut Vec<Completion>) {
        if self.owns(socket) {
            self.records.remove(&EndpointId(socket.0));
            self.net.close(EndpointId(socket.0));
            completions.push(Completion::Closed { token });
        }
    }

    fn release(&mut self, socket: Socket, token: Token, completions: &mut Vec<Completion>) {
        let id = EndpointId(socket.0);
        if let Some(stray) = self.net.release(id, self.number) {
            self.records.remove(&id);
            let result = Ok(Detached::of_stray(stray));
            completions.push(Completion::Released { token, result });
        }
    }

    fn adopt(&mut self, socket: Detached, token: Token, completions: &mut Vec<Completion>) {
        let adopted = socket
            .into_stray()
            .and_then(|stray| self.net.adopt(stray, self.number));
        let result = adopted.map(|id| Socket(id.0));
        completions.push(Completion::Adopted { token, result });
    }

    fn send(&mut self, id: EndpointId, slices: &[Slice], completions: &mut Vec<Completion>) {
        let Some(record) = self.records.get(&id) else {
            return;
        };
        let token = record.token;
        let mut taken = 0;
        for bytes in slices {
            let Some(count) = self.net.send(id, bytes) else {
                let error = io::ErrorKind::BrokenPipe.into();
                return completions.push(Completion::SendFailed { token, error });
            };
            taken += count;
            if count < bytes.len() {
                break;
            }
        }
        report_rests(token, slices, taken, completions);
    }

    fn notice(&mut self, id: EndpointId, notice: Notice, completions: &mut Vec<Completion>) {
        match notice {
            Notice::Incoming if self.rests() => self.backlog.push_back(id),
            Notice::Incoming => self.accept(id, completions),
            Notice::Readable => self.receive(id, completions),
            Notice::Writable => {
                if let Some(record) = self.records.get_mut(&id)
                    && std::mem::take(&mut record.awaits_writable)
                {
                    completions.push(Completion::Writable {
                        token: record.token,
                    });
                }
            }
        }
    }

    /// Whether nobody is accepted for now.
    fn rests(&self) -> bool {
        self.rests_until > self.net.now()
    }

    fn accept(&self, id: EndpointId, completions: &mut Vec<Completion>) {
        match self.net.accept(id, self.number) {
            Some(Accept::Done(listener)) => completions.push(Completion::Accepted {
                socket: Socket(id.0),
                peer: self.net.peer_address(id),
                listener,
            }),
            Some(Accept::Failed) => {
                // What the kernel says when the process has no descriptor left.
                let error = io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error());
                completions.push(Completion::AcceptFailed { error });
            }
            // The client is gone, or the listener was closed.
            None => {}
        }
    }

    fn receive(&mut self, id: EndpointId, completions: &mut Vec<Completion>) {
        while let Some(record) = self.records.get_mut(&id)
            && record.receiving
            && self.net.is_readable(id)
        {
            let token = record.token;
            if self.buffers.free_count() == 0 {
                self.starved.push(id);
                return;
            }
            let Some(bytes) = self.net.receive(id, BUFFER_BYTES) else {
                record.receiving = false;
                let result = self.net.end_of_stream(id);
                completions.push(Completion::ReceiveEnded { token, result });
                return;
            };
            let buffer = self
                .buffers
                .lend_copy(&bytes)
                .expect("there is one, and it is as large");
            completions.push(Completion::Received { token, buffer });
        }
    }
}

/// A server that is gone takes its connections with it.
impl Drop for SimDriver {
    fn drop(&mut self) {
        self.net.crash(self.number);
    }
}

impl Driver for SimDriver {
    fn kind(&self) -> DriverKind {
        DriverKind::Sim
    }

    fn now(&self) -> Instant {
        self.net.now()
    }

    fn unix_ms(&self) -> u64 {
        self.net.unix_ms()
    }

    fn push(&mut self, op: Op) {
        self.ops.push(op);
    }

    fn turn(&mut self, _wait: Wait, completions: &mut Vec<Completion>) -> io::Result<()> {
        self.rested_from = std::mem::replace(&mut self.turned_at, self.net.now());
        for op in std::mem::take(&mut self.ops) {
            self.submit(op, completions);
        }
        for id in std::mem::take(&mut self.starved) {
            self.receive(id, completions);
        }
        for _ in 0..ACCEPTS_PER_TURN {
            if !self.rests()
                && let Some(id) = self.backlog.pop_front()
            {
                self.accept(id, completions);
            }
        }
        while completions.len() < self.completions_max
            && let Some((id, notice)) = self.net.next_driver_notice(self.number)
        {
            self.notice(id, notice, completions);
        }
        Ok(())
    }

    fn rested_from(&self) -> Option<Instant> {
        Some(self.rested_from)
    }

    fn has_more(&self) -> bool {
        !self.starved.is_empty() || self.net.has_driver_notice(self.number)
    }

    fn give_back(&mut self) {
        self.ops.give_back();
        self.starved.give_back();
        if let Some(kept) = kept(self.records.len(), self.records.capacity()) {
            self.records.shrink_to(kept);
        }
    }

    fn waker(&self) -> Waker {
        self.waker.clone()
    }
}

impl SimDriver {
    /// Whether the next turn has something to do or to report.
    pub fn has_work(&self) -> bool {
        let accepts = !self.backlog.is_empty() && !self.rests();
        let has_notice = self.net.has_driver_notice(self.number);
        accepts || !self.ops.is_empty() || !self.starved.is_empty() || has_notice
    }
}

#[cfg(test)]
mod tests;
