//! The thread of one shard: opens its driver, waits until all have opened theirs, serves, and says
//! how it ended. If it fails, which is a fault of the engine or of the machine, the whole server
//! ends: a server of which a part is dead answers some of its clients and leaves the others alone.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::thread;
use std::time::Duration;

use allspark_protocol::transformer::Transformer;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use rustix::io::ioctl_fionbio;

use crate::app::host::Server as Shared;
use crate::app::{self, Destroy};
use crate::guard;
use crate::io::{
    Driver, DriverKind, Epoll, EpollOptions, Proxied, SetupError, Tls, Unavailable, Uring,
    UringOptions, explained,
};
use crate::limits::{RING_ATTEMPTS_MAX, RING_RETRY_MS, TURNED_AWAY_MAX};
use crate::machine::fill_random;
use crate::shard::{Core, Shard};

/// What a shard is told. Who is told nothing more ends.
pub(crate) enum Order {
    /// Make a driver, instead of the one before, if there was one.
    Open(DriverKind),
    /// Serve.
    Serve,
}

/// What a shard says.
pub(crate) enum Report {
    /// The answer to [`Order::Open`].
    Opened(Result<(), OpenError>),
    /// The last word, and why it failed, if it did.
    Ended(Result<(), String>),
}

/// Why a driver can't be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("{0}")]
    Uring(Unavailable),
    #[error("epoll can't be set up: {0}")]
    Epoll(io::Error),
    #[error("no thread can be made for it: {0}")]
    Thread(#[from] io::Error),
    #[error("its thread has ended")]
    Ended,
}

/// Where a shard runs and what it listens on.
pub(crate) struct Seat<T: Transformer> {
    pub(crate) number: usize,
    pub(crate) cpu: usize,
    pub(crate) listeners: Vec<OwnedFd>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) transformer: T,
    pub(crate) orders: Receiver<Order>,
    pub(crate) reports: Sender<(usize, Report)>,
}

enum Opened {
    Uring(Box<Uring>),
    Epoll(Box<Epoll>),
}

impl<T: Transformer> Seat<T> {
    pub(crate) fn run(self) {
        let (number, reports) = (self.number, self.reports.clone());
        let shared = Arc::clone(&self.shared);
        // Nobody may be left to hear it: a server need not be joined.
        let ended = match guard::call(|| self.live()) {
            Ok(ended) => ended,
            Err(panicked) => Err(format!("it panicked before it served: {panicked}")),
        };
        if let Err(reason) = &ended {
            tracing::error!(
                shard = number,
                reason,
                "a shard has failed; the server ends, and the clients of its other shards are to \
                 reconnect"
            );
            shared.mesh.leave();
            shared.mesh.fail();
            shared.mesh.end(number as u16);
            if shared.is_last(number as u16) {
                let reconnect = true;
                app::closed(
                    &shared,
                    &Destroy {
                        reconnect,
                        ..Destroy::default()
                    },
                );
            }
        }
        let _ = reports.send((number, Report::Ended(ended)));
    }

    fn live(self) -> Result<(), String> {
        pin(self.cpu);
        let mut opened = None;
        loop {
            match self.orders.recv() {
                Ok(Order::Open(kind)) => {
                    // What the old one holds may be what the new one lacks.
                    drop(opened.take());
                    let result = open(
                        kind,
                        &self.listeners,
                        self.shared.options_at_start.connections_max.size(),
                    )
                    .map(|driver| opened = Some(driver));
                    let _ = self.reports.send((self.number, Report::Opened(result)));
                }
                Ok(Order::Serve) => break,
                Err(_) => return Ok(()),
            }
        }
        let Self {
            number,
            listeners,
            shared,
            transformer,
            ..
        } = self;
        // The driver has its own descriptors, or a port would stay open when those are closed.
        drop(listeners);
        match opened {
            Some(Opened::Uring(driver)) => decorate(*driver, number, shared, transformer),
            Some(Opened::Epoll(driver)) => decorate(*driver, number, shared, transformer),
            None => Err("it was to serve without a driver".to_owned()),
        }
    }
}

/// Serves on a driver with what the listeners need; where they need nothing, on the driver alone.
fn decorate<D: Driver, T: Transformer>(
    driver: D,
    number: usize,
    shared: Arc<Shared>,
    transformer: T,
) -> Result<(), String> {
    let (proxies, acceptors) = (shared.proxies(), shared.acceptors());
    if proxies.is_empty() && acceptors.is_empty() {
        return serve(driver, number, shared, transformer);
    }
    // A proxy says its word before TLS begins.
    let driver = Tls::server(Proxied::new(driver, proxies), acceptors);
    serve(driver, number, shared, transformer)
}

fn serve<D: Driver, T: Transformer>(
    driver: D,
    number: usize,
    shared: Arc<Shared>,
    transformer: T,
) -> Result<(), String> {
    let mut seed = <ChaCha12Rng as SeedableRng>::Seed::default();
    fill_random(&mut seed);
    let rng = ChaCha12Rng::from_seed(seed);
    let thread = rustix::thread::gettid().as_raw_nonzero().get();
    shared.mesh.set_thread(number as u16, thread.unsigned_abs());
    let make_core = |driver: &D| Core::new(shared, transformer, number as u16, driver.now(), rng);
    let mut shard = Shard::new(driver, make_core);
    let ended = match guard::call(|| shard.run()) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(format!("its driver failed: {error}")),
        Err(panicked) => Err(format!("it panicked: {panicked}")),
    };
    // Not while it unwinds: whatever state it is in, this must not end the process.
    guard::drop_value(shard);
    ended
}

/// Sockets that one shard may need if all connections come to it, with those that are refused, and
/// those that are accepted in a turn before it can say so.
fn sockets_max(connections_max: usize) -> u32 {
    let sockets = connections_max.saturating_add(TURNED_AWAY_MAX + 1024);
    u32::try_from(sockets).unwrap_or(u32::MAX)
}

fn open(
    kind: DriverKind,
    listeners: &[OwnedFd],
    connections_max: usize,
) -> Result<Opened, OpenError> {
    match kind {
        DriverKind::Epoll => open_epoll(listeners)
            .map(|driver| Opened::Epoll(Box::new(driver)))
            .map_err(OpenError::Epoll),
        _ => open_uring(listeners, sockets_max(connections_max))
            .map(|driver| Opened::Uring(Box::new(driver)))
            .map_err(|error| OpenError::Uring(explained(error))),
    }
}

fn open_uring(listeners: &[OwnedFd], sockets_max: u32) -> Result<Uring, SetupError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let options = UringOptions {
            listeners: cloned(listeners).map_err(SetupError::Descriptor)?,
            sockets_max,
            ..UringOptions::default()
        };
        match Uring::new(options) {
            Err(error) if error.lacks_memory() && attempts < RING_ATTEMPTS_MAX => {
                thread::sleep(Duration::from_millis(RING_RETRY_MS));
            }
            result => return result,
        }
    }
}

fn open_epoll(listeners: &[OwnedFd]) -> io::Result<Epoll> {
    // A ring that was tried before wanted it otherwise, and they share the sockets.
    for listener in listeners {
        ioctl_fionbio(listener, true)?;
    }
    Epoll::new(EpollOptions {
        listeners: cloned(listeners)?,
        ..EpollOptions::default()
    })
}

fn cloned(listeners: &[OwnedFd]) -> io::Result<Vec<OwnedFd>> {
    listeners.iter().map(OwnedFd::try_clone).collect()
}

fn pin(cpu: usize) {
    let mut set = rustix::thread::CpuSet::new();
    set.set(cpu);
    if let Err(error) = rustix::thread::sched_setaffinity(None, &set) {
        tracing::warn!(cpu, %error, "a shard can't be pinned to its CPU");
    }
}

#[cfg(test)]
mod tests {
    use allspark_protocol::http::{Request, Response};
    use allspark_protocol::transformer::{
        Answer, Carrier, Context, Event, Kind, Outputs, Transformer, Wire,
    };
    use allspark_protocol::{Input, Instant};

    use super::*;
    use crate::Options;
    use crate::io::{Completion, Op, Wait, Waker};
    use crate::shared::Secrets;

    /// A driver that the machine has left.
    struct Broken;

    impl Driver for Broken {
        fn kind(&self) -> DriverKind {
            DriverKind::Sim
        }

        fn now(&self) -> Instant {
            Instant::ZERO
        }

        fn unix_ms(&self) -> u64 {
            0
        }

        fn push(&mut self, _op: Op) {}

        fn turn(&mut self, _wait: Wait, _completions: &mut Vec<Completion>) -> io::Result<()> {
            Err(io::Error::other("on purpose"))
        }

        fn waker(&self) -> Waker {
            Waker::idle()
        }
    }

    #[derive(Clone)]
    struct Mute;

    impl Transformer for Mute {
        type Session = ();

        const WIRES: u8 = 1;

        fn name(&self) -> &'static str {
            "mute"
        }

        fn request<'r>(&mut self, _request: &'r Request<'_>) -> Answer<'r, ()> {
            Answer::Respond(Response::new(204))
        }

        fn wire(&self, _session: &()) -> Wire {
            Wire(0)
        }

        fn frame(&mut self, _wire: Wire, _kind: Kind, _payload: &[u8], _out: &mut Vec<u8>) {}

        fn receive<'i>(
            &mut self,
            _session: &mut (),
            _context: Context,
            _carrier: Carrier,
            _input: &mut Input<'i>,
            _out: &mut Outputs,
        ) -> Option<Event<'i>> {
            None
        }

        fn close(&mut self, _session: &mut (), _context: Context, _out: &mut Outputs) {}
    }

    #[test]
    fn a_driver_that_fails_ends_the_shard_with_the_reason() {
        let shared = Shared::new(Options::default(), None, 1, Secrets::of_seed(0));
        let ended = serve(Broken, 0, shared, Mute);
        assert_eq!(ended, Err("its driver failed: on purpose".to_owned()));
    }
}
