//! A server in this process, and ways to it that are no plain TCP.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use allspark_engine::io::DriverChoice;
use allspark_engine::{Destroy, EndOptions, Options, Primus, Spark};
use allspark_protocol::options::Bounded;
use allspark_protocol::parser::ParserKind;
use allspark_transformers::{AnyTransformer, CommonOptions, TransformerKind};
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

/// An address of which this process is sure: nobody else gets it, a client that connects to it is
/// refused, and a server may listen there all the same.
pub(crate) struct Reserved(Socket);

impl Reserved {
    pub(crate) fn new() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        // Servers have it, too; who shares an address must.
        socket.set_reuse_address(true).expect("an option");
        let any = "127.0.0.1:0".parse::<SocketAddr>().expect("an address");
        socket.bind(&any.into()).expect("a port");
        Self(socket)
    }

    pub(crate) fn address(&self) -> String {
        let address = self.0.local_addr().expect("it is bound");
        address.as_socket().expect("an address of IP").to_string()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address())
    }
}

/// A server of one shard. It writes back what it gets, but for the messages in [`obey`].
pub(crate) struct Server(allspark_engine::Server);

impl Server {
    /// At any port, with the parser `json`.
    pub(crate) fn start(kind: TransformerKind) -> Self {
        Self::start_at(kind, "127.0.0.1:0", ParserKind::Json)
    }

    pub(crate) fn start_at(kind: TransformerKind, address: &str, parser: ParserKind) -> Self {
        let common = CommonOptions::default();
        let transformer = AnyTransformer::new(kind, &common, &[]).expect("no options");
        let options = Options {
            parser,
            ..Options::default()
        };
        let primus = Primus::new(
            options,
            transformer,
            Some(Bounded::of(1)),
            DriverChoice::Auto,
        );
        primus.on_connection(|spark| {
            spark.on_data(|spark, data| match data.value() {
                Ok(value) if value["do"].as_str().is_some() => obey(spark, value),
                _ => {
                    spark.write(data);
                }
            });
        });
        Self(primus.start(address).expect("the server starts"))
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// How many sparks there are.
    pub(crate) fn sparks(&self) -> u64 {
        let stats = self.0.handle().stats();
        stats.sparks_opened - stats.sparks_forgotten
    }

    /// Ends it, so that its clients come back.
    pub(crate) fn stop(self) {
        self.0.handle().destroy(Destroy {
            reconnect: true,
            ..Destroy::default()
        });
        tokio::task::block_in_place(|| self.0.join().unwrap());
    }
}

/// `{"do":"end"}`, `{"do":"drop"}` to be ended with reconnect, `{"do":"count","to":9,"length":5}`
/// for numbers with so many letters behind each, `{"do":"query"}` for the token in the query.
fn obey(spark: &mut Spark<'_>, command: &allspark_engine::Value) {
    match command["do"].as_str().unwrap_or_default() {
        "end" => {
            spark.end();
        }
        "drop" => {
            spark.end_with(EndOptions { reconnect: true });
        }
        "count" => {
            let length = command["length"].as_u64().unwrap_or(0);
            let letters = "x".repeat(usize::try_from(length).expect("a length"));
            for n in 0..command["to"].as_u64().unwrap_or(0) {
                spark.write(format!("{n}{letters}"));
            }
        }
        "query" => {
            let token = spark.query().get("token").unwrap_or_default().into_owned();
            spark.write(token);
        }
        other => panic!("there is no command {other}"),
    }
}

/// Listens with TLS and passes everything on to the server. Returns its port, and what a client
/// must trust.
pub(crate) async fn tls_to(server: SocketAddr) -> (u16, Arc<ClientConfig>) {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let key = rcgen::generate_simple_self_signed(names).expect("a certificate");
    let certificate = key.cert.der().clone();
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.signing_key.serialize_der()));
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], private)
        .expect("a key that fits");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    pass_on(stream, server).await;
                }
            });
        }
    });

    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("a root");
    let trusting = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    (port, Arc::new(trusting))
}

/// Listens at a path and passes everything on to the server.
pub(crate) fn unix_to(path: &Path, server: SocketAddr) {
    let listener = UnixListener::bind(path).expect("a path");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(pass_on(stream, server));
        }
    });
}

async fn pass_on(mut client: impl AsyncRead + AsyncWrite + Unpin, server: SocketAddr) {
    let mut server = TcpStream::connect(server)
        .await
        .expect("the server accepts");
    // Either may break off.
    let _ = copy_bidirectional(&mut client, &mut server).await;
}
