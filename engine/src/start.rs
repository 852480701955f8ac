//! Starts a server: chooses the driver, binds the listeners, pins one shard to each CPU.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use allspark_protocol::transformer::Transformer;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::config::Options;
use crate::io::{
    self as driver, Chosen, Driver, DriverChoice, DriverKind, Epoll, EpollOptions, Unavailable,
    Uring, UringOptions,
};
use crate::primus::{self, Handle, Shared};
use crate::shard::{Core, Shard};
use crate::spark::Spark;

/// A server that was not started yet, or a means to start it several times over.
pub struct Primus<T: Transformer> {
    shared: Arc<Shared>,
    transformer: T,
    shards: usize,
    driver: DriverChoice,
}

/// Why a server can't start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address can't be listened on.
    #[error("can't listen on {address}: {source}")]
    Listen {
        /// The address that was asked for.
        address: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The driver that was asked for can't be used here.
    #[error("{0}")]
    Driver(Unavailable),
    /// A shard can't be set up.
    #[error("shard {shard} can't start: {reason}")]
    Shard {
        /// Which one.
        shard: usize,
        /// What its driver said.
        reason: String,
    },
}

impl<T: Transformer + Sync> Primus<T> {
    /// A server with `shards` shards; 0 means one per CPU that the process may use.
    pub fn new(options: Options, transformer: T, shards: usize, driver: DriverChoice) -> Self {
        let shards = if shards == 0 {
            allowed_cpus().len()
        } else {
            shards
        };
        let shared = Shared::new(options, shards, random());
        Self {
            shared,
            transformer,
            shards,
            driver,
        }
    }

    /// Calls `listener` with every new spark. Attach it before the server starts.
    pub fn on_connection(&self, listener: impl Fn(&mut Spark<'_>) + Send + Sync + 'static) {
        primus::on_connection(&self.shared, Box::new(listener));
    }

    /// Calls `listener` with every spark that has ended. Attach it before the server starts.
    pub fn on_disconnection(&self, listener: impl Fn(&mut Spark<'_>) + Send + Sync + 'static) {
        primus::on_disconnection(&self.shared, Box::new(listener));
    }

    /// Reaches the server from other threads.
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.shared))
    }

    /// Starts the server and returns when it was destroyed.
    pub fn listen(&self, address: impl ToSocketAddrs + ToString) -> Result<(), StartError> {
        self.start(address)?.join();
        Ok(())
    }

    /// Starts the server and returns once it accepts connections.
    pub fn start(&self, address: impl ToSocketAddrs + ToString) -> Result<Server, StartError> {
        let hands_over = self.shards > 1 && self.transformer.finds_sessions();
        let chosen = match hands_over {
            true => self.driver.resolve_releasing(),
            false => self.driver.resolve(),
        };
        let Chosen { kind, fallback } = chosen.map_err(StartError::Driver)?;
        let listeners = bind(&address, self.shards)?;
        let address = listeners[0]
            .local_addr()
            .expect("a bound listener has an address");
        let cpus = allowed_cpus();
        let (report, reports) = mpsc::channel();
        let mut threads = Vec::with_capacity(self.shards);
        for (number, listener) in listeners.into_iter().enumerate() {
            let seat = Seat {
                number,
                cpu: cpus[number % cpus.len()],
                listener,
            };
            let (shared, transformer, report) = (
                Arc::clone(&self.shared),
                self.transformer.clone(),
                report.clone(),
            );
            let run = move || match kind {
                DriverKind::Epoll => seat.run(shared, transformer, &report, open_epoll),
                _ => seat.run(shared, transformer, &report, open_uring),
            };
            let thread = std::thread::Builder::new()
                .name(format!("shard-{number}"))
                .spawn(run);
            let thread = thread.map_err(|error| StartError::Shard {
                shard: number,
                reason: error.to_string(),
            })?;
            threads.push(thread);
        }
        let server = Server {
            handle: self.handle(),
            address,
            driver: kind,
            fallback,
            threads,
        };
        for _ in 0..self.shards {
            let (shard, result) = reports.recv().expect("each shard reports once");
            if let Err(reason) = result {
                server.handle.destroy(crate::Destroy::default());
                server.join();
                return Err(StartError::Shard { shard, reason });
            }
        }
        Ok(server)
    }
}

impl<T: Transformer> std::fmt::Debug for Primus<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Primus")
            .field("shards", &self.shards)
            .finish_non_exhaustive()
    }
}

/// A running server. Dropping it leaves the server running; see [`Handle::destroy`].
#[derive(Debug)]
pub struct Server {
    handle: Handle,
    address: SocketAddr,
    driver: DriverKind,
    fallback: Option<Unavailable>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    /// Reaches the server from other threads.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The driver of its shards.
    pub fn driver(&self) -> DriverKind {
        self.driver
    }

    /// Why it is not `io_uring`, if that was left to the server.
    pub fn fallback_reason(&self) -> Option<&Unavailable> {
        self.fallback.as_ref()
    }

    /// How many shards it has.
    pub fn shards(&self) -> usize {
        self.threads.len()
    }

    /// Waits until it was destroyed.
    pub fn join(self) {
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a shard panicked");
            }
        }
    }
}

type Report = mpsc::Sender<(usize, Result<(), String>)>;

/// Where a shard runs and what it listens on.
struct Seat {
    number: usize,
    cpu: usize,
    listener: TcpListener,
}

impl Seat {
    fn run<T: Transformer, D: Driver>(
        self,
        shared: Arc<Shared>,
        transformer: T,
        report: &Report,
        open: impl FnOnce(TcpListener) -> Result<D, String>,
    ) {
        let Self {
            number,
            cpu,
            listener,
        } = self;
        pin(cpu);
        let driver = match open(listener) {
            Ok(driver) => driver,
            Err(reason) => {
                shared.mesh.end(number as u16);
                let _ = report.send((number, Err(reason)));
                return;
            }
        };
        let mut seed = <ChaCha12Rng as SeedableRng>::Seed::default();
        fill_random(&mut seed);
        let rng = ChaCha12Rng::from_seed(seed);
        let make_core =
            |driver: &D| Core::new(shared, transformer, number as u16, driver.now(), rng);
        let mut shard = Shard::new(driver, make_core);
        let _ = report.send((number, Ok(())));
        if let Err(error) = shard.run() {
            tracing::error!(shard = number, %error, "the driver failed; the shard ends");
        }
    }
}

fn open_uring(listener: TcpListener) -> Result<Uring, String> {
    let options = UringOptions {
        listener: Some(listener),
        ..UringOptions::default()
    };
    Uring::new(options).map_err(|error| error.to_string())
}

fn open_epoll(listener: TcpListener) -> Result<Epoll, String> {
    let options = EpollOptions {
        listener: Some(listener),
        ..EpollOptions::default()
    };
    Epoll::new(options).map_err(|error| error.to_string())
}

fn bind(
    address: &(impl ToSocketAddrs + ToString),
    shards: usize,
) -> Result<Vec<TcpListener>, StartError> {
    let fail = |source| StartError::Listen {
        address: address.to_string(),
        source,
    };
    let mut last = io::ErrorKind::AddrNotAvailable.into();
    for candidate in address.to_socket_addrs().map_err(fail)? {
        match driver::bind(candidate, shards) {
            Ok(listeners) => return Ok(listeners),
            Err(error) => last = error,
        }
    }
    Err(fail(last))
}

/// The CPUs that this process may use, at least one.
pub fn allowed_cpus() -> Vec<usize> {
    let Ok(set) = rustix::thread::sched_getaffinity(None) else {
        return vec![0];
    };
    let cpus: Vec<usize> = (0..rustix::thread::CpuSet::MAX_CPU)
        .filter(|cpu| set.is_set(*cpu))
        .collect();
    if cpus.is_empty() { vec![0] } else { cpus }
}

fn pin(cpu: usize) {
    let mut set = rustix::thread::CpuSet::new();
    set.set(cpu);
    if let Err(error) = rustix::thread::sched_setaffinity(None, &set) {
        tracing::warn!(cpu, %error, "a shard can't be pinned to its CPU");
    }
}

/// A number that nobody can foresee.
pub fn random() -> u64 {
    let mut bytes = [0; 8];
    fill_random(&mut bytes);
    u64::from_ne_bytes(bytes)
}

fn fill_random(bytes: &mut [u8]) {
    let filled = rustix::rand::getrandom(&mut *bytes, rustix::rand::GetRandomFlags::empty());
    // The kernel serves requests of up to 256 bytes whole once its pool is set up.
    assert_eq!(filled, Ok(bytes.len()), "the kernel gives no random bytes");
}
