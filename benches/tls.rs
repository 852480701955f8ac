//! What TLS costs a shard in memory: the decorator of drivers over a driver that does nothing.
//!
//! `seal` sends plaintext, `open` receives what a client has sealed, in pieces of 4 KiB as the
//! kernel may bring them; each is one record of so many bytes, and the time is that of pushing and
//! of a turn of the driver. `rustls` does the same with rustls's own buffers, which is what the
//! decorator is there to avoid. `handshake` is the server's part alone, from the first byte to the
//! keys, with a certificate of P-256: `full` signs, `resumed` begins with a ticket.
//!
//! The suite is the one that both prefer, AES-256-GCM over TLS 1.3. Not measured: the kernel, and
//! the client.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use allspark_engine::io::{Completion, Driver, Op, Socket, Tls, TlsAcceptor, Token, Wait};
use allspark_engine::memory::{BlockPool, Slice};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

use crate::puppet::{Hand, Puppet};

criterion_group! {
    name = benches;
    config = crate::config();
    targets = seal, open, handshake
}

/// Bytes of what is sent; the last is the longest record.
const SIZES: [usize; 5] = [20, 256, 1024, 4096, 16_384];

/// Bytes that come in at a time.
const PIECE_BYTES: usize = 4096;

/// Records that are sealed before they are opened, so that the clock is read seldom.
const RECORDS_AT_ONCE: u64 = 16;

fn seal(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tls/seal");
    for bytes in SIZES {
        group.throughput(Throughput::Bytes(bytes as u64));
        seal_by_driver(&mut group, bytes);
        seal_by_rustls(&mut group, bytes);
    }
    group.finish();
}

fn seal_by_driver(group: &mut BenchmarkGroup<'_, WallTime>, bytes: usize) {
    let mut pair = Pair::new(&Configs::new(true));
    let plaintext = slice_of(bytes);
    group.bench_function(BenchmarkId::new("driver", bytes), |bencher| {
        bencher.iter(|| {
            pair.server.push(Op::Send {
                socket: pair.socket,
                bytes: plaintext.clone(),
            });
            pair.turn();
        });
    });
}

fn seal_by_rustls(group: &mut BenchmarkGroup<'_, WallTime>, bytes: usize) {
    let configs = Configs::new(true);
    let mut server = ServerConnection::new(Arc::clone(&configs.server)).expect("it is whole");
    let mut client = configs.client();
    shake_hands(&mut client, &mut server);
    let (plaintext, mut out) = (vec![b'x'; bytes], Vec::new());
    group.bench_function(BenchmarkId::new("rustls", bytes), |bencher| {
        bencher.iter(|| {
            out.clear();
            server.writer().write_all(&plaintext).expect("it has room");
            while server.wants_write() {
                server.write_tls(&mut out).expect("a vector has room");
            }
        });
    });
}

fn open(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tls/open");
    for bytes in SIZES {
        group.throughput(Throughput::Bytes(bytes as u64));
        let mut pair = Pair::new(&Configs::new(true));
        let plaintext = vec![b'x'; bytes];
        group.bench_function(BenchmarkId::new("driver", bytes), |bencher| {
            bencher.iter_custom(|count| pair.open(&plaintext, count));
        });
        let configs = Configs::new(true);
        let mut server = ServerConnection::new(Arc::clone(&configs.server)).expect("it is whole");
        let mut client = configs.client();
        shake_hands(&mut client, &mut server);
        group.bench_function(BenchmarkId::new("rustls", bytes), |bencher| {
            bencher
                .iter_custom(|count| open_by_rustls(&mut client, &mut server, &plaintext, count));
        });
    }
    group.finish();
}

fn open_by_rustls(
    client: &mut ClientConnection,
    server: &mut ServerConnection,
    plaintext: &[u8],
    count: u64,
) -> Duration {
    let (mut took, mut opened) = (Duration::ZERO, vec![0; plaintext.len()]);
    for _ in 0..count {
        let sealed = sealed_by(client, plaintext);
        let begin = Instant::now();
        for mut piece in sealed.chunks(PIECE_BYTES) {
            server.read_tls(&mut piece).expect("a slice can be read");
            server.process_new_packets().expect("it is right");
        }
        server
            .reader()
            .read_exact(&mut opened)
            .expect("all is there");
        took += begin.elapsed();
    }
    took
}

fn handshake(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tls/handshake");
    for (name, resumes) in [("full", false), ("resumed", true)] {
        let configs = Configs::new(resumes);
        let mut pair = Pair::new(&configs);
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|count| {
                pair.took = Duration::ZERO;
                for _ in 0..count {
                    pair.begin_again(configs.client());
                }
                pair.took
            });
        });
    }
    group.finish();
}

/// What both sides go by.
struct Configs {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

impl Configs {
    fn new(resumes: bool) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).expect("it is a name");
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("it is a key");
        let provider = Arc::new(ring::default_provider());
        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("the provider has both")
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .expect("they belong together");
        server.ticketer = ring::Ticketer::new().expect("there is chance");
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).expect("it is a certificate");
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has both")
            .with_root_certificates(roots)
            .with_no_client_auth();
        if !resumes {
            client.resumption = Resumption::disabled();
        }
        Self {
            server: Arc::new(server),
            client: Arc::new(client),
        }
    }

    fn client(&self) -> ClientConnection {
        let name = ServerName::try_from("localhost").expect("it is a name");
        ClientConnection::new(Arc::clone(&self.client), name).expect("it is whole")
    }
}

/// A server's driver and a client.
struct Pair {
    server: Tls<Puppet>,
    hand: Rc<RefCell<Hand>>,
    client: ClientConnection,
    socket: Socket,
    connections: u32,
    completions: Vec<Completion>,
    /// Time that the server's driver took.
    took: Duration,
}

impl Pair {
    /// The two have shaken hands.
    fn new(configs: &Configs) -> Self {
        let (puppet, hand) = Puppet::new();
        let acceptor = TlsAcceptor::new((*configs.server).clone());
        let mut pair = Self {
            server: Tls::server(puppet, vec![Some(acceptor)]),
            hand,
            client: configs.client(),
            socket: Socket(0),
            connections: 0,
            completions: Vec::new(),
            took: Duration::ZERO,
        };
        pair.connect();
        pair
    }

    /// Closes the connection, and shakes hands with another client.
    fn begin_again(&mut self, client: ClientConnection) {
        let socket = self.socket;
        let token = Token::new(0, 0, self.connections);
        self.server.push(Op::Close { socket, token });
        self.turn();
        self.client = client;
        self.connect();
    }

    fn connect(&mut self) {
        self.hand.borrow_mut().sent = Some(Vec::new());
        self.hand.borrow_mut().connect();
        let number = self.connections as usize;
        self.connections += 1;
        self.turn_keeping();
        let accepted = self
            .completions
            .drain(..)
            .find_map(|completion| match completion {
                Completion::Accepted { socket, .. } => Some(socket),
                _ => None,
            });
        self.socket = accepted.expect("it was put into its hand");
        let token = Token::new(0, 0, self.connections);
        let socket = self.socket;
        self.server.push(Op::Receive { socket, token });
        loop {
            let mut said = Vec::new();
            while self.client.wants_write() {
                self.client.write_tls(&mut said).expect("a vector has room");
            }
            if said.is_empty() && !self.client.is_handshaking() {
                break;
            }
            self.receive(number, &said);
            self.turn();
            let sent = self.hand.borrow_mut().sent.replace(Vec::new());
            let sent = sent.expect("it is kept");
            read_all(&mut self.client, &sent);
        }
        self.hand.borrow_mut().sent = None;
    }

    fn receive(&self, number: usize, bytes: &[u8]) {
        for piece in bytes.chunks(PIECE_BYTES) {
            self.hand.borrow_mut().receive(number, piece);
        }
    }

    /// Has the server's driver do what there is to do.
    fn turn(&mut self) {
        self.turn_keeping();
        self.completions.clear();
    }

    fn turn_keeping(&mut self) {
        let begin = Instant::now();
        loop {
            let turned = self.server.turn(Wait::No, &mut self.completions);
            turned.expect("nothing can fail");
            if !self.server.has_more() {
                break;
            }
        }
        self.took += begin.elapsed();
    }

    /// How long it takes to open so many records.
    fn open(&mut self, plaintext: &[u8], count: u64) -> Duration {
        self.took = Duration::ZERO;
        let number = self.connections as usize - 1;
        let mut left = count;
        while left > 0 {
            let at_once = left.min(RECORDS_AT_ONCE);
            for _ in 0..at_once {
                let sealed = sealed_by(&mut self.client, plaintext);
                self.receive(number, &sealed);
            }
            self.turn();
            left -= at_once;
        }
        self.took
    }
}

/// A plaintext of so many bytes, as a shard has it.
fn slice_of(bytes: usize) -> Slice {
    let mut block = BlockPool::default().take();
    let writer = Rc::get_mut(&mut block).expect("it is new").writer();
    writer.resize(bytes, b'x');
    Slice::new(&block, 0..bytes)
}

fn sealed_by(client: &mut ClientConnection, plaintext: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(plaintext.len() + 64);
    client.writer().write_all(plaintext).expect("it has room");
    while client.wants_write() {
        client.write_tls(&mut sealed).expect("a vector has room");
    }
    sealed
}

fn read_all(client: &mut ClientConnection, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        client.read_tls(&mut bytes).expect("a slice can be read");
        client.process_new_packets().expect("it is right");
    }
}

fn shake_hands(client: &mut ClientConnection, server: &mut ServerConnection) {
    while client.is_handshaking() || server.is_handshaking() || server.wants_write() {
        let mut said = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut said).expect("a vector has room");
        }
        let mut rest = &said[..];
        while !rest.is_empty() {
            server.read_tls(&mut rest).expect("a slice can be read");
            server.process_new_packets().expect("it is right");
        }
        let mut said = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut said).expect("a vector has room");
        }
        read_all(client, &said);
    }
}
