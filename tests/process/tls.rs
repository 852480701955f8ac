//! TLS as an operator has it: files that are renewed, wrong ones, sessions that are resumed, and
//! who comes with a certificate.

use std::fs;
use std::io::{BufRead, BufReader, PipeReader, Read, Write, pipe};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustix::process::Signal;
use rustls::client::Resumption;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::TLS12;
use rustls::{
    ALL_VERSIONS, ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion, RootCertStore,
    StreamOwned, SupportedProtocolVersion,
};
use tempfile::TempDir;

use crate::server::{NEVER, Server, allspark};

/// A server with a certificate that lies in a folder, and its log.
struct Rig {
    server: Server,
    log: BufReader<PipeReader>,
    folder: TempDir,
    shown: CertificateDer<'static>,
}

type Stream = StreamOwned<ClientConnection, TcpStream>;

fn keys() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("server/tls/tests/keys")
}

/// Writes a new certificate for 127.0.0.1 and its key.
fn renew(folder: &Path) -> CertificateDer<'static> {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let made = params.self_signed(&key).unwrap();
    fs::write(folder.join("cert.pem"), made.pem()).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    made.der().clone()
}

impl Rig {
    fn start(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shown = renew(folder.path());
        let (reader, writer) = pipe().unwrap();
        let mut command = allspark(args);
        command.args([
            "--tls-cert",
            "cert.pem",
            "--tls-key",
            "key.pem",
            "--tls-root",
        ]);
        command.arg(folder.path()).args(["--shards", "2"]);
        let mut rig = Self {
            server: Server::spawn_silently(&mut command, writer),
            log: BufReader::new(reader),
            folder,
            shown,
        };
        rig.await_line("serving on https://127.");
        rig
    }

    /// Reads the log until a line has these words.
    fn await_line(&mut self, words: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.log.read_line(&mut line).unwrap() > 0, "never: {words}");
            if line.contains(words) {
                return line;
            }
        }
    }

    /// A client that trusts the certificate that was shown last.
    fn client(&self, versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(default_provider().into());
        let builder = builder.with_protocol_versions(versions).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(self.shown.clone()).unwrap();
        let builder = builder.with_root_certificates(roots);
        let ann = fs::read(keys().join("ann.crt")).unwrap();
        let ann = pem::parse(ann).unwrap().into_contents();
        let key = fs::read(keys().join("ed25519.pem")).unwrap();
        let key = pem::parse(key).unwrap().into_contents();
        let key = PrivateKeyDer::try_from(key).unwrap();
        let mut config = builder
            .with_client_auth_cert(vec![ann.into()], key)
            .unwrap();
        config.resumption = Resumption::in_memory_sessions(8);
        Arc::new(config)
    }

    fn connect(&self, config: &Arc<ClientConfig>) -> Stream {
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let client = ClientConnection::new(config.clone(), name).unwrap();
        let socket = TcpStream::connect(self.server.address()).unwrap();
        socket.set_read_timeout(Some(NEVER)).unwrap();
        StreamOwned::new(client, socket)
    }

    /// Asks for something, and reads the head of the answer.
    fn ask(stream: &mut Stream, path: &str) -> String {
        let request = format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        String::from_utf8(head).unwrap()
    }

    /// How a client shakes hands that comes (again).
    fn handshake(&self, config: &Arc<ClientConfig>) -> HandshakeKind {
        let mut stream = self.connect(config);
        assert!(Self::ask(&mut stream, "/stats").starts_with("HTTP/1.1 200 "));
        stream.conn.handshake_kind().unwrap()
    }

    fn end(mut self) -> String {
        self.server.signal(Signal::TERM);
        assert_eq!(self.server.exit_code(), Some(0));
        let mut log = String::new();
        self.log.read_to_string(&mut log).unwrap();
        log
    }
}

#[test]
fn sessions_are_resumed_on_every_shard_and_after_a_reload_and_who_is_there_stays() {
    for versions in [ALL_VERSIONS, &[&TLS12]] {
        let mut rig = Rig::start(&[]);
        let client = rig.client(versions);
        let mut there = rig.connect(&client);
        assert!(Rig::ask(&mut there, "/stats").starts_with("HTTP/1.1 200 "));
        // Ten connections come to both shards.
        let kinds: Vec<_> = (0..10).map(|_| rig.handshake(&client)).collect();
        assert!(
            kinds.iter().all(|kind| *kind == HandshakeKind::Resumed),
            "{kinds:?}"
        );
        rig.server.signal(Signal::HUP);
        rig.await_line("the certificates of TLS were read anew");
        assert_eq!(rig.handshake(&client), HandshakeKind::Resumed);
        assert!(Rig::ask(&mut there, "/stats").starts_with("HTTP/1.1 200 "));
        let expected = match versions.len() {
            1 => ProtocolVersion::TLSv1_2,
            _ => ProtocolVersion::TLSv1_3,
        };
        assert_eq!(there.conn.protocol_version(), Some(expected));
        rig.end();
    }
}

#[test]
fn a_renewed_certificate_is_shown_without_a_signal_and_a_wrong_one_is_not() {
    let mut rig = Rig::start(&[]);
    let old = rig.shown.clone();
    fs::write(rig.folder.path().join("key.pem"), "hush").unwrap();
    let line = rig.await_line("the certificates that were there before stay");
    assert!(line.contains("tls-key") && !line.contains("hush"), "{line}");
    let client = rig.client(ALL_VERSIONS);
    assert_eq!(rig.handshake(&client), HandshakeKind::Full);
    rig.shown = renew(rig.folder.path());
    assert_ne!(rig.shown, old);
    rig.await_line("the certificates of TLS were read anew: 127.0.0.1");
    let client = rig.client(ALL_VERSIONS);
    assert_eq!(rig.handshake(&client), HandshakeKind::Full);
    rig.end();
}

#[test]
fn a_client_shows_its_certificate_or_is_refused() {
    let authority = keys().join("authority.crt");
    let rig = Rig::start(&[
        "--tls-request-cert",
        "--tls-ca",
        authority.to_str().unwrap(),
    ]);
    let client = rig.client(ALL_VERSIONS);
    assert_eq!(rig.handshake(&client), HandshakeKind::Full);
    let mut nobody = (*client).clone();
    nobody.client_auth_cert_resolver = Arc::new(Nothing);
    let mut stream = rig.connect(&Arc::new(nobody));
    let asked = stream.write_all(b"GET /stats HTTP/1.1\r\nHost: a\r\n\r\n");
    let answer = asked.and_then(|()| stream.read(&mut [0; 64]));
    let error = answer.unwrap_err().to_string();
    assert!(error.contains("CertificateRequired"), "{error}");
    rig.end();
}

/// Shows no certificate.
#[derive(Debug)]
struct Nothing;

impl rustls::client::ResolvesClientCert for Nothing {
    fn resolve(
        &self,
        _: &[&[u8]],
        _: &[rustls::SignatureScheme],
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

#[test]
fn what_is_wrong_with_a_file_is_one_line_and_the_server_does_not_start() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), keys());
    renew(folder.path());
    let refused = |args: &[&str]| {
        let mut command: Command = allspark(args);
        let output = command.current_dir(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let key = keys.join("p256-encrypted.pem");
    let key = key.to_str().unwrap();
    for (args, expected) in [
        (
            &["--tls-cert", "cert.pem"][..],
            "allspark: --tls-cert: its key is missing: name its file in tls-key\n",
        ),
        (
            &["--tls-cert", "cert.pem", "--tls-key", "cert.pem"],
            "allspark: --tls-key: cert.pem: it holds no private key, but CERTIFICATE\n",
        ),
        (
            &["--tls-cert", "cert.pem", "--tls-key", key],
            "ALLSPARK_TLS_PASSPHRASE\n",
        ),
        (
            &["--cert", "x"],
            "allspark: --cert: no such option: write tls-cert\n",
        ),
        (&["--tls-passphrase", "hush"], "unexpected argument"),
    ] {
        let said = refused(args);
        assert!(
            said.contains(expected) && said.lines().count() == 1,
            "{said}"
        );
    }
}

/// As Primus's `createServer` does it; on this machine alone nobody needs to be warned.
#[test]
fn plain_http_is_warned_of_where_everybody_can_come() {
    let warned = |args: &[&str]| {
        let (reader, writer) = pipe().unwrap();
        let mut command = allspark(args);
        let mut server = Server::start_everywhere(&mut command, writer);
        server.signal(Signal::TERM);
        assert_eq!(server.exit_code(), Some(0));
        drop(command);
        let mut log = String::new();
        BufReader::new(reader).read_to_string(&mut log).unwrap();
        log.contains("speaks no TLS")
    };
    assert!(warned(&[]));
    assert!(!warned(&["--iknowhttpsisbetter"]));
    assert!(!warned(&["--trusted-proxies", "10.0.0.0/8"]));
}
