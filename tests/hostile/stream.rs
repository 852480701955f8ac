//! Connections of attackers: plain ones, and encrypted ones as rustls makes them.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, LazyLock};

use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const NAME: &str = "allspark.test";

/// What a server shows to encrypt, and what those trust who come to it. Nothing that an attack
/// could change, so one is enough.
pub(crate) static IDENTITY: LazyLock<Identity> = LazyLock::new(Identity::new);

pub(crate) struct Identity {
    /// A certificate and its key, as files have them.
    pub(crate) certificate: String,
    pub(crate) key: String,
    client: Arc<ClientConfig>,
}

impl Identity {
    fn new() -> Self {
        let key = KeyPair::generate().expect("ring makes keys");
        let params = CertificateParams::new([NAME.to_owned()]).expect("it is a name");
        let made = params.self_signed(&key).expect("the key signs");
        Self {
            certificate: made.pem(),
            key: key.serialize_pem(),
            client: Arc::new(config(made.der().clone())),
        }
    }
}

fn config(trusted: CertificateDer<'static>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(trusted).expect("it is a certificate");
    ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring speaks them")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// The end of a client.
pub(crate) enum Stream {
    Plain(TcpStream),
    Secure(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    /// Shakes hands over a connection. The server may have closed it, which whoever uses it finds.
    pub(crate) fn secure(socket: TcpStream) -> Self {
        let name = ServerName::try_from(NAME).expect("it is a name");
        let client = ClientConnection::new(Arc::clone(&IDENTITY.client), name);
        let mut stream = StreamOwned::new(client.expect("the configuration is right"), socket);
        while stream.conn.is_handshaking() && stream.conn.complete_io(&mut stream.sock).is_ok() {}
        Self::Secure(Box::new(stream))
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Secure(stream) => &stream.sock,
        }
    }

    /// Says that nothing more comes.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        if let Self::Secure(stream) = self {
            stream.conn.send_close_notify();
            send(stream)?;
        }
        self.socket().shutdown(Shutdown::Write)
    }
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(bytes),
            Self::Secure(stream) => stream.read(bytes),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Secure(stream) if stream.conn.is_handshaking() => {
                Err(io::ErrorKind::NotConnected.into())
            }
            Self::Secure(stream) => {
                send(stream)?;
                let count = stream.conn.writer().write(bytes)?;
                // It is taken, whatever becomes of it.
                let _ = send(stream);
                Ok(count)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Secure(stream) => send(stream),
        }
    }
}

/// Sends what is encrypted. Unlike rustls's own way to write it never reads: another thread may.
fn send(stream: &mut StreamOwned<ClientConnection, TcpStream>) -> io::Result<()> {
    while stream.conn.wants_write() {
        if stream.conn.write_tls(&mut stream.sock)? == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
    }
    Ok(())
}
