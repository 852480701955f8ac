//! OCSP responses, as they reach a client beside the certificate.

use std::fs;
use std::sync::{Arc, Mutex};

use allspark_protocol::options::Bounded;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{
    DigitallySignedStruct, Error, RootCertStore, SignatureScheme, SupportedProtocolVersion,
};

use super::super::Tls;
use super::super::options::{CertificateOptions, TlsOptions};
use super::pki::{Authority, Issued, shake, text};

/// A response that the certificate is good: SEQUENCE { ENUMERATED successful, [0] { INTEGER the
/// number of the certificate, INTEGER `version` } }. `version` tells it from others.
fn staple(of: &Issued, version: u8) -> Vec<u8> {
    let element = |tag: u8, content: &[u8]| [&[tag, content.len() as u8], content].concat();
    let body = [element(2, of.serial.as_ref()), element(2, &[version])].concat();
    element(0x30, &[vec![0x0a, 1, 0], element(0xa0, &body)].concat())
}

/// A client's judgement, which keeps the response that the server has sent last.
#[derive(Debug)]
struct Keeping {
    judge: Arc<WebPkiServerVerifier>,
    staple: Mutex<Vec<u8>>,
}

impl Keeping {
    fn new(authority: &Authority) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(authority.der.clone()).unwrap();
        let provider = Arc::new(default_provider());
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        Self {
            judge: builder.build().unwrap(),
            staple: Mutex::default(),
        }
    }
}

impl ServerCertVerifier for Keeping {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        staple: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.staple.lock().unwrap() = staple.to_vec();
        // The staples here are signed by nobody, and rustls's judge looks at none.
        let judge = &self.judge;
        judge.verify_server_cert(leaf, between, name, staple, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.judge.verify_tls12_signature(message, leaf, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.judge.verify_tls13_signature(message, leaf, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}

/// What a client of this version gets beside the certificate of this name.
fn shown(
    tls: &Tls,
    authority: &Authority,
    version: &'static SupportedProtocolVersion,
    name: &str,
) -> Vec<u8> {
    let keeping = Arc::new(Keeping::new(authority));
    let mut client = authority.client_of(None, &[version]);
    client.resumption = Resumption::disabled();
    client.dangerous().set_certificate_verifier(keeping.clone());
    let pair = shake(&Arc::new(client), &tls.acceptor().config(), name).unwrap();
    assert_eq!(pair.client.protocol_version(), Some(version.version));
    std::mem::take(&mut *keeping.staple.lock().unwrap())
}

#[test]
fn each_certificate_is_shown_with_its_staple_and_with_another_one_after_a_reload() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("authority");
    let [first, further, without] =
        [&["a.org"], &["bb.org"], &["ccc.org"]].map(|names| authority.issue(names));
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("first.der", &staple(&first, 1));
    write("further.der", &staple(&further, 2));
    let tls = Tls::start(TlsOptions {
        root: Some(folder.path().to_owned()),
        cert: text(&first.cert),
        key: text(&first.key),
        ocsp: Some("first.der".into()),
        certificates: vec![
            CertificateOptions {
                cert: text(&further.cert),
                key: text(&further.key),
                ocsp: Some("further.der".into()),
                ..CertificateOptions::default()
            },
            CertificateOptions {
                cert: text(&without.cert),
                key: text(&without.key),
                ..CertificateOptions::default()
            },
        ],
        session_timeout: Bounded::of(0),
        ..TlsOptions::default()
    });
    let tls = tls.unwrap();
    let assert_shown = |first_staple: &[u8], further_staple: &[u8]| {
        for version in [&TLS12, &TLS13] {
            for (name, expected) in [
                ("a.org", first_staple),
                ("bb.org", further_staple),
                ("ccc.org", &[]),
            ] {
                let shown = shown(&tls, &authority, version, name);
                assert_eq!(shown, expected, "{name}, {:?}", version.version);
            }
        }
    };
    assert_shown(&staple(&first, 1), &staple(&further, 2));
    write("first.der", &staple(&first, 3));
    tls.reload().unwrap();
    assert_shown(&staple(&first, 3), &staple(&further, 2));
    // One that is for another certificate changes nothing.
    write("first.der", &staple(&first, 4));
    write("further.der", &staple(&first, 5));
    let error = tls.reload().unwrap_err().to_string();
    assert!(error.contains("not about this certificate"), "{error}");
    assert_shown(&staple(&first, 3), &staple(&further, 2));
}
