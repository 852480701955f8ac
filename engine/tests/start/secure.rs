//! A server whose clients speak TLS.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, mpsc};

use allspark_engine::{Destroy, Options, Place, ProxyProtocol, TlsAcceptor};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned};

use crate::client::{Client, PATIENCE};
use crate::drivers;
use crate::plain::{GOODBYE, server};

/// Both ends; whoever has the second believes the first.
fn configs() -> (ServerConfig, Arc<ClientConfig>) {
    let made = rcgen::generate_simple_self_signed(["allspark.test".to_owned()]).unwrap();
    let (cert, key) = (made.cert.der().clone(), made.signing_key.serialize_der());
    let provider = Arc::new(default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.clone()], PrivateKeyDer::Pkcs8(key.into()))
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (server, Arc::new(client))
}

pub(crate) type Secure = StreamOwned<ClientConnection, TcpStream>;

pub(crate) fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> Secure {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let name = ServerName::try_from("allspark.test").unwrap();
    let client = ClientConnection::new(Arc::clone(config), name).unwrap();
    StreamOwned::new(client, stream)
}

pub(crate) fn head_of(stream: &mut Secure) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    String::from_utf8(head).unwrap()
}

#[test]
fn a_spark_behind_tls_is_served_and_known_to_be() {
    let (config, client) = configs();
    for driver in drivers() {
        let primus = server(Options::default(), 2, driver);
        let (secure, secures) = mpsc::channel();
        primus.on_connection(move |spark| {
            let name = spark.secure().and_then(|secure| secure.server_name.clone());
            secure.send((spark.is_secure(), name)).unwrap();
            spark.on_data(|spark, data| {
                spark.write(data);
            });
        });
        let acceptor = TlsAcceptor::new(config.clone());
        let places = [
            Place::from("127.0.78.1:0").tls(acceptor),
            Place::from("127.0.78.1:0"),
        ];
        let running = primus.start_on(places).unwrap();
        let [first, second] = running.addresses()[..] else {
            panic!("two places");
        };
        let mut stream = connect(first, &client);
        stream
            .write_all(b"GET /primus/open HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        assert!(head_of(&mut stream).starts_with("HTTP/1.1 101 "));
        let name = Some("allspark.test".into());
        assert_eq!(secures.recv_timeout(PATIENCE), Ok((true, name)));
        // Wherever it is cut, each part is a number, and so a message.
        let digit = |number: usize| b"123456789"[number * number % 9];
        let said: Vec<u8> = (0..150_000).map(digit).collect();
        for part in said.chunks(50_000) {
            stream.write_all(part).unwrap();
            let mut answer = vec![0; part.len()];
            stream.read_exact(&mut answer).unwrap();
            assert!(answer == part);
        }
        let _ = Client::open(second);
        assert_eq!(secures.recv_timeout(PATIENCE), Ok((false, None)));
        assert_eq!(Client::new(first).ask("/"), 400, "it speaks no TLS");

        let stats = primus.handle().stats();
        assert_eq!((stats.tls_handshakes, stats.tls_failures), (1, 1));
        primus.handle().destroy(Destroy::default());
        let mut rest = Vec::new();
        while !rest.ends_with(GOODBYE) {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            rest.extend(byte);
        }
        stream.conn.send_close_notify();
        stream.flush().unwrap();
        // The server says, too, that this is the end.
        assert_eq!(stream.read_to_end(&mut rest).unwrap(), 0);
        running.join().unwrap();
    }
}

/// A proxy that passes TLS on says first whom that comes from.
#[test]
fn a_proxy_says_its_word_before_tls_begins() {
    let (config, client) = configs();
    for driver in drivers() {
        let primus = server(Options::default(), 1, driver);
        let (seen, sparks) = mpsc::channel();
        primus.on_connection(move |spark| {
            seen.send((spark.address(), spark.is_secure())).unwrap();
        });
        let proxies = "127.0.0.0/8".parse().unwrap();
        let place = Place::from("127.0.78.2:0").tls(TlsAcceptor::new(config.clone()));
        let place = place.proxy_protocol(ProxyProtocol::Required(proxies));
        let running = primus.start_on([place]).unwrap();
        let mut stream = connect(running.address(), &client);
        for byte in b"PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n" {
            stream.sock.write_all(&[*byte]).unwrap();
        }
        stream
            .write_all(b"GET /primus/open HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        assert!(head_of(&mut stream).starts_with("HTTP/1.1 101 "));
        let peer = SocketAddr::from(([192, 0, 2, 1], 4711));
        assert_eq!(sparks.recv_timeout(PATIENCE), Ok((peer, true)));

        let mut stranger = connect(running.address(), &client);
        let asked = stranger.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(asked.is_err() || stranger.read(&mut [0]).is_err());
        let stats = primus.handle().stats();
        assert_eq!((stats.tls_handshakes, stats.proxies_refused), (1, 1));
        drop((stream, stranger));
        primus.handle().destroy(Destroy::default());
        running.join().unwrap();
    }
}
