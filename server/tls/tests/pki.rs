//! An authority for tests, what it issues, and connections in memory.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ALL_VERSIONS, ClientConfig, ClientConnection, Error, RootCertStore, ServerConfig,
    ServerConnection, SupportedProtocolVersion,
};

use super::super::options::TlsOptions;
use super::super::source::Source;

/// An authority.
pub(super) struct Authority {
    pub(super) pem: String,
    pub(super) der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate that an authority has issued, and its key.
pub(super) struct Issued {
    pub(super) cert: String,
    pub(super) key: String,
    pub(super) ders: Vec<CertificateDer<'static>>,
    pub(super) serial: SerialNumber,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let (params, key) = (authority(name), KeyPair::generate().unwrap());
        let made = params.self_signed(&key).unwrap();
        Self {
            pem: made.pem(),
            der: made.der().clone(),
            issuer: Issuer::new(params, key),
        }
    }

    /// An authority below this one.
    pub(super) fn below(&self, name: &str) -> Self {
        let (params, key) = (authority(name), KeyPair::generate().unwrap());
        let made = params.signed_by(&key, &self.issuer).unwrap();
        Self {
            pem: made.pem(),
            der: made.der().clone(),
            issuer: Issuer::new(params, key),
        }
    }

    /// A certificate for these names, the first of which is its common name, too.
    pub(super) fn issue(&self, names: &[&str]) -> Issued {
        self.issue_until(names, 4096)
    }

    /// One that expires in this year.
    pub(super) fn issue_until(&self, names: &[&str], year: i32) -> Issued {
        self.issue_for(names, year, KeyPair::generate().unwrap())
    }

    /// One for this key.
    pub(super) fn issue_for(&self, names: &[&str], year: i32, key: KeyPair) -> Issued {
        let texts: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(texts).unwrap();
        params.distinguished_name.push(DnType::CommonName, names[0]);
        params.not_after = date_time_ymd(year, 1, 1);
        let serial = SerialNumber::from(vec![1, names[0].len() as u8, year as u8]);
        params.serial_number = Some(serial.clone());
        let made = params.signed_by(&key, &self.issuer).unwrap();
        Issued {
            cert: made.pem(),
            key: key.serialize_pem(),
            ders: vec![made.der().clone()],
            serial,
        }
    }

    /// The list of what it has revoked.
    pub(super) fn revoke(&self, revoked: &[&Issued], until_year: i32) -> String {
        let revoked = revoked.iter().map(|issued| RevokedCertParams {
            serial_number: issued.serial.clone(),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(until_year, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }

    /// A client that trusts it, knows what is resumed, and shows a certificate if it has one.
    pub(super) fn client(&self, own: Option<&Issued>) -> ClientConfig {
        self.client_of(own, ALL_VERSIONS)
    }

    /// The same, for one that speaks these versions.
    pub(super) fn client_of(
        &self,
        own: Option<&Issued>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ClientConfig {
        self.client_with(own, versions, default_provider())
    }

    /// One that takes no handshake that is signed with another key than one for RSA.
    pub(super) fn client_of_rsa(&self) -> ClientConfig {
        let mut provider = default_provider();
        let algorithms = &mut provider.signature_verification_algorithms;
        let mut mapping = algorithms.mapping.to_vec();
        mapping.retain(|(scheme, _)| scheme.as_str().is_some_and(|name| name.contains("RSA_PSS")));
        algorithms.mapping = mapping.leak();
        self.client_with(None, ALL_VERSIONS, provider)
    }

    fn client_with(
        &self,
        own: Option<&Issued>,
        versions: &[&'static SupportedProtocolVersion],
        provider: CryptoProvider,
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(provider.into());
        let builder = builder.with_protocol_versions(versions).unwrap();
        let builder = builder.with_root_certificates(roots);
        let mut config = match own {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let key = pem::parse(&own.key).unwrap().into_contents();
                let key = PrivateKeyDer::try_from(key).unwrap();
                builder
                    .with_client_auth_cert(own.ders.clone(), key)
                    .unwrap()
            }
        };
        config.resumption = Resumption::in_memory_sessions(8);
        config
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// A source with this text.
pub(super) fn text(text: &str) -> Option<Source> {
    Some(Source::from(text.as_bytes().to_vec()))
}

/// Options with this certificate.
pub(super) fn options(issued: &Issued) -> TlsOptions {
    TlsOptions {
        cert: text(&issued.cert),
        key: text(&issued.key),
        ..TlsOptions::default()
    }
}

/// A client and a server that have shaken hands.
pub(super) struct Pair {
    pub(super) client: ClientConnection,
    pub(super) server: ServerConnection,
}

/// Lets a client that wants `name` shake hands with a server.
///
/// # Errors
/// What the one says that finds it wrong, the server first.
pub(super) fn shake(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
    name: &str,
) -> Result<Pair, Error> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut pair = Pair {
        client: ClientConnection::new(client.clone(), name).unwrap(),
        server: ServerConnection::new(server.clone()).unwrap(),
    };
    // The last flights carry tickets and late refusals.
    for _ in 0..4 {
        let mut bytes = Vec::new();
        while pair.client.wants_write() {
            pair.client.write_tls(&mut bytes).unwrap();
        }
        feed(&bytes, |bytes| pair.server.read_tls(bytes));
        pair.server.process_new_packets()?;
        let mut bytes = Vec::new();
        while pair.server.wants_write() {
            pair.server.write_tls(&mut bytes).unwrap();
        }
        feed(&bytes, |bytes| pair.client.read_tls(bytes));
        pair.client.process_new_packets()?;
    }
    assert!(!pair.client.is_handshaking() && !pair.server.is_handshaking());
    Ok(pair)
}

fn feed(mut bytes: &[u8], mut read: impl FnMut(&mut &[u8]) -> std::io::Result<usize>) {
    while !bytes.is_empty() {
        read(&mut bytes).unwrap();
    }
}
