//! What encryption costs: no allocation per message, and few bytes of an idle spark.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use allocation_counter::measure;
use allspark_engine::io::{Tls, Wait};
use allspark_engine::sim::single_shard;
use allspark_engine::{Attach, Flow, Handle, Options, Shard, TlsAcceptor};
use allspark_transformers::websockets::WebSockets;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig};

use crate::echo;
use crate::puppet::{HANDSHAKE, Hand, Puppet, frame};

const NAME: &str = "allspark.test";

fn configs() -> (TlsAcceptor, Arc<ClientConfig>) {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let parameters = rcgen::CertificateParams::new([NAME.to_owned()]).unwrap();
    let cert = parameters.self_signed(&key).unwrap();
    let provider = Arc::new(default_provider());
    let secret = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], secret)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.resumption = rustls::client::Resumption::disabled();
    (TlsAcceptor::new(server), Arc::new(client))
}

struct World {
    shard: Shard<Tls<Puppet>, WebSockets>,
    /// The server lives as long as its handle.
    _handle: Handle,
    hand: Rc<RefCell<Hand>>,
}

impl World {
    fn new(acceptor: TlsAcceptor, attach: impl FnOnce(&Attach)) -> Self {
        let (driver, hand) = Puppet::new();
        hand.borrow_mut().sent = Some(Vec::new());
        let driver = Tls::server(driver, vec![Some(acceptor)]);
        let transformer = WebSockets::uncompressed(1 << 20);
        let (shard, handle) = single_shard(driver, Options::default(), transformer, attach);
        Self {
            shard,
            _handle: handle,
            hand,
        }
    }

    /// Turns until nothing is left to do, for the driver neither: it has work of its own for two or
    /// three turns that would not sleep.
    fn settle(&mut self) {
        let mut sleeps = 0;
        while sleeps < 4 {
            let flow = self.shard.turn(Wait::No).unwrap();
            sleeps += usize::from(flow != Flow::Continue(Wait::No));
        }
    }

    /// What a client has to say goes to the shard, and back, until neither says anything.
    fn talk(&mut self, socket: usize, client: &mut ClientConnection) {
        loop {
            let mut bytes = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut bytes).unwrap();
            }
            if bytes.is_empty() {
                return;
            }
            self.hand.borrow_mut().receive(socket, &bytes);
            self.settle();
            let sent = self.hand.borrow_mut().sent.replace(Vec::new()).unwrap();
            let mut sent = &sent[..];
            while !sent.is_empty() {
                client.read_tls(&mut sent).unwrap();
                client.process_new_packets().unwrap();
            }
        }
    }

    /// A client that has a spark.
    fn open(&mut self, socket: usize, config: &Arc<ClientConfig>) -> ClientConnection {
        self.hand.borrow_mut().connect();
        self.settle();
        let name = ServerName::try_from(NAME).unwrap();
        let mut client = ClientConnection::new(Arc::clone(config), name).unwrap();
        self.talk(socket, &mut client);
        client.writer().write_all(HANDSHAKE).unwrap();
        self.talk(socket, &mut client);
        client
    }

    /// The shard gives back what it does not need at rest.
    fn rest(&mut self) {
        for _ in 0..3 {
            let now = self.hand.borrow().now;
            self.hand.borrow_mut().now = now + Duration::from_secs(3);
            self.settle();
        }
    }
}

#[test]
fn an_encrypted_message_costs_no_allocation() {
    const CLIENTS: usize = 20;
    let (acceptor, config) = configs();
    let mut world = World::new(acceptor, |primus| primus.on_data(echo));
    let open = |socket| world.open(socket, &config);
    let mut clients: Vec<_> = (0..CLIENTS).map(open).collect();
    let message = frame("{\"a\":[1,2,3],\"text\":\"hello\"}");
    // Clients have said everything before, so that only the server is measured.
    let mut rounds: Vec<Vec<Vec<u8>>> = (0..60)
        .map(|_| {
            let says = |client: &mut ClientConnection| {
                let mut bytes = Vec::new();
                client.writer().write_all(&message).unwrap();
                client.write_tls(&mut bytes).unwrap();
                bytes
            };
            clients.iter_mut().map(says).collect()
        })
        .collect();
    world.hand.borrow_mut().sent = None;
    let mut play = |rounds: &[Vec<Vec<u8>>]| {
        for round in rounds {
            for (socket, bytes) in round.iter().enumerate() {
                world.hand.borrow_mut().receive(socket, bytes);
            }
            world.settle();
        }
    };
    let rest = rounds.split_off(10);
    play(&rounds);
    assert_eq!(measure(|| play(&rest)).count_total, 0);
    let sent = world.hand.borrow().sends;
    assert!(
        sent >= 60 * CLIENTS as u64,
        "{sent}: the messages were echoed"
    );
}

/// All structures counted, the keys among them; a driver adds its own record of each socket.
#[test]
fn an_idle_encrypted_spark_costs_less_than_its_budget() {
    const BUDGET_BYTES: i64 = 1_200;
    let (acceptor, config) = configs();
    let memory_of = |sparks: usize| {
        let mut kept = None;
        let measured = measure(|| {
            let mut world = World::new(acceptor.clone(), |primus| primus.on_data(echo));
            for socket in 0..sparks {
                drop(world.open(socket, &config));
            }
            world.rest();
            kept = Some(world);
        });
        drop(kept);
        measured.bytes_current
    };
    // Just above a size at which tables of 256 places are all in use.
    let (few, many) = (memory_of(257), memory_of(1_025));
    let per_spark = (many - few).div_euclid(1_025 - 257);
    println!("{per_spark} bytes per idle spark with TLS");
    assert!(per_spark < BUDGET_BYTES, "{per_spark} bytes per idle spark");
}
