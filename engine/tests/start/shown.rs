//! Clients that show a certificate: what layers and sparks know of them.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};

use allspark_engine::{
    ClientCertificate, Destroy, Layer, Options, Place, Secure, TlsAcceptor, TlsVersion,
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, HandshakeKind, RootCertStore, ServerConfig, SupportedProtocolVersion};

use crate::client::PATIENCE;
use crate::drivers;
use crate::plain::server;
use crate::secure::{connect, head_of};

struct Authority {
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, both in DER.
struct Issued {
    cert: CertificateDer<'static>,
    key: Vec<u8>,
}

fn named(name: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Authority {
    fn new(name: &str) -> Self {
        let (mut params, key) = (named(name, &[]), KeyPair::generate().unwrap());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let made = params.self_signed(&key).unwrap();
        Self {
            der: made.der().clone(),
            issuer: Issuer::new(params, key),
        }
    }

    fn issue(&self, name: &str) -> Issued {
        let key = KeyPair::generate().unwrap();
        let made = named(name, &[name]).signed_by(&key, &self.issuer).unwrap();
        Issued {
            cert: made.der().clone(),
            key: key.serialize_der(),
        }
    }
}

fn roots(authorities: &[&Authority]) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority.der.clone()).unwrap();
    }
    roots
}

/// Lets those pass who show no certificate, or one of these authorities.
fn verifier(authorities: &[&Authority]) -> Arc<dyn ClientCertVerifier> {
    let provider = Arc::new(default_provider());
    let roots = Arc::new(roots(authorities));
    let builder = WebPkiClientVerifier::builder_with_provider(roots, provider);
    builder.allow_unauthenticated().build().unwrap()
}

fn config(own: &Issued, verifier: Arc<dyn ClientCertVerifier>) -> ServerConfig {
    let key = PrivateKeyDer::Pkcs8(own.key.clone().into());
    ServerConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![own.cert.clone()], key)
        .unwrap()
}

/// A client that believes this authority and has this certificate.
fn client(
    authority: &Authority,
    own: Option<&Issued>,
    version: &'static SupportedProtocolVersion,
) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(default_provider().into());
    let builder = builder.with_protocol_versions(&[version]).unwrap();
    let builder = builder.with_root_certificates(roots(&[authority]));
    Arc::new(match own {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let key = PrivateKeyDer::Pkcs8(own.key.clone().into());
            let chain = vec![own.cert.clone()];
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    })
}

type Known = Receiver<Option<Secure>>;

/// Opens a spark, and returns what its layer and its listener are told, which is the same.
fn told(
    address: SocketAddr,
    client: &Arc<ClientConfig>,
    kind: HandshakeKind,
    known: &Known,
) -> Secure {
    let mut stream = connect(address, client);
    stream
        .write_all(b"GET /primus/open HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    assert!(head_of(&mut stream).starts_with("HTTP/1.1 101 "));
    assert_eq!(stream.conn.handshake_kind(), Some(kind));
    let [layer, spark] = [(); 2].map(|()| known.recv_timeout(PATIENCE).unwrap());
    assert_eq!(layer, spark);
    layer.expect("it is encrypted")
}

#[test]
fn layers_and_sparks_know_the_certificate_of_a_client_and_of_one_that_is_resumed() {
    let [ours, others] = ["ours", "others"].map(Authority::new);
    let own = ours.issue("allspark.test");
    let (ann, eve) = (ours.issue("ann"), others.issue("eve"));
    // Both are let pass, and one of them is found valid.
    let config = config(&own, verifier(&[&ours, &others]));
    for driver in drivers() {
        let primus = server(Options::default(), 2, driver);
        let (tell, known) = mpsc::channel();
        let tell_of_layer = tell.clone();
        primus.layers().add(Layer::new("look", move |request| {
            tell_of_layer.send(request.secure().cloned()).unwrap();
        }));
        primus.on_connection(move |spark| tell.send(spark.secure().cloned()).unwrap());
        let judge = |authority| Some(verifier(&[authority]));
        let acceptor = TlsAcceptor::judging(config.clone(), judge(&ours));
        let place = Place::from("127.0.78.3:0").tls(acceptor.clone());
        let running = primus.start_on([place]).unwrap();
        for (version, name) in [(&TLS12, TlsVersion::V1_2), (&TLS13, TlsVersion::V1_3)] {
            for (shown, is_valid) in [(Some(&ann), true), (Some(&eve), false), (None, false)] {
                let client = client(&ours, shown, version);
                let expected = |is_valid| {
                    shown.map(|shown| ClientCertificate {
                        der: Some(Arc::from(&*shown.cert)),
                        common_name: None,
                        is_valid,
                    })
                };
                for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
                    let secure = told(running.address(), &client, kind, &known);
                    assert_eq!(secure.client, expected(is_valid), "{kind:?}");
                    assert_eq!(secure.version, name);
                    assert_eq!(secure.server_name.as_deref(), Some("allspark.test"));
                }
                // Who is resumed is judged by whoever judges now.
                acceptor.replace_judging(config.clone(), judge(&others));
                let kind = HandshakeKind::Resumed;
                let secure = told(running.address(), &client, kind, &known);
                assert_eq!(secure.client, expected(!is_valid));
                acceptor.replace_judging(config.clone(), judge(&ours));
            }
        }
        primus.handle().destroy(Destroy::default());
        running.join().unwrap();
    }
}
