//! What is said about TLS, by the names that Node's https and Primus's `createServer` have for it.

use std::path::PathBuf;
use std::str::FromStr;

use allspark_protocol::options::{self, Bounded, UnknownChoice};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::hsts::Hsts;
use super::protocols::Protocols;
use super::source::{self, Source, in_root};
use super::suites::{Ciphers, Curves};
use crate::secret::Secret;

/// Seconds for which a session can be resumed: from 0 (never) to a week, the longest that RFC 8446
/// allows.
pub type SessionTimeoutS = Bounded<0, { 7 * 24 * 60 * 60 }>;

/// Seconds for which a session can be resumed unless somebody says otherwise. Node's 300 would be
/// over before a spark comes back, which is when it saves the most.
const SESSION_TIMEOUT_S_DEFAULT: u64 = 6 * 60 * 60;

/// Everything about TLS that is configuration. Without a certificate there is no TLS.
///
/// Serde reads them by the names of the command line without `tls-`.
///
/// ```no_run
/// use allspark::tls::TlsOptions;
///
/// let primus = allspark::Primus::builder()
///     .tls(TlsOptions {
///         cert: Some("/etc/allspark/fullchain.pem".into()),
///         key: Some("/etc/allspark/privkey.pem".into()),
///         ..TlsOptions::default()
///     })
///     .build()?;
/// primus.listen("0.0.0.0:443")?;
/// # Ok::<(), allspark::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TlsOptions {
    /// The folder of files with a relative name. Default: that of the process.
    #[serde(deserialize_with = "source::path")]
    pub root: Option<PathBuf>,
    /// The private key, in PEM format.
    pub key: Option<Source>,
    /// The certificate, in PEM format, behind it those that lead to an authority.
    pub cert: Option<Source>,
    /// Both of them in one file of PKCS #12, instead.
    pub pfx: Option<Source>,
    /// What the key or the PKCS #12 file is encrypted with.
    pub passphrase: Option<Secret>,
    /// A file that holds it: all of it but a line's end.
    #[serde(deserialize_with = "source::path")]
    pub passphrase_file: Option<PathBuf>,
    /// An OCSP response in DER for the certificate, which clients get along with it.
    pub ocsp: Option<Source>,
    /// Further certificates, each for the names that it has. The first one of all is for clients
    /// that ask for a name that no certificate has, or for none.
    pub certificates: Vec<CertificateOptions>,
    /// What happens to a client that asks for a name that no certificate has.
    #[serde(deserialize_with = "options::deserialize")]
    pub unknown_names: UnknownNames,
    /// Authorities of clients' certificates, in PEM format. What is missing between the own
    /// certificate and its authority is taken from them, too.
    #[serde(deserialize_with = "source::list")]
    pub ca: Vec<Source>,
    /// Their lists of revoked certificates, in PEM or DER. If there is one, each authority must
    /// have one that has not expired.
    #[serde(deserialize_with = "source::list")]
    pub crl: Vec<Source>,
    /// Whether clients are asked for a certificate. Default false.
    #[serde(deserialize_with = "options::deserialize_switch")]
    pub request_cert: bool,
    /// Whether a client without a valid one is refused, if clients are asked. Default true.
    #[serde(deserialize_with = "options::deserialize_switch")]
    pub reject_unauthorized: bool,
    /// Cipher suites by the names of OpenSSL or of the RFCs. Default: all that there are.
    pub ciphers: Ciphers,
    /// The oldest version that is spoken. Default [`Version::V1_2`].
    #[serde(deserialize_with = "options::deserialize")]
    pub min_version: Version,
    /// The newest one. Default [`Version::V1_3`].
    #[serde(deserialize_with = "options::deserialize")]
    pub max_version: Version,
    /// Curves of the key exchange, the first is liked best. Default X25519, P-256, P-384.
    pub ecdh_curve: Curves,
    /// Whether the server's order of cipher suites counts and not the client's. Default true.
    #[serde(deserialize_with = "options::deserialize_switch")]
    pub honor_cipher_order: bool,
    /// Protocols for ALPN. Default `http/1.1`.
    pub alpn_protocols: Protocols,
    /// Seconds for which a session can be resumed. Default six hours.
    pub session_timeout: SessionTimeoutS,
    /// Files of secrets that tickets are encrypted with, the newest first: sessions of one machine
    /// can be resumed on another that has the same, and after a restart. Default: secrets of the
    /// process, which change by themselves.
    #[serde(deserialize_with = "source::list")]
    pub ticket_keys: Vec<Source>,
    /// Whether browsers are told to come by https only. Default no.
    pub hsts: Option<Hsts>,
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self {
            root: None,
            key: None,
            cert: None,
            pfx: None,
            passphrase: None,
            passphrase_file: None,
            ocsp: None,
            certificates: Vec::new(),
            unknown_names: UnknownNames::default(),
            ca: Vec::new(),
            crl: Vec::new(),
            request_cert: false,
            reject_unauthorized: true,
            ciphers: Ciphers::default(),
            min_version: Version::V1_2,
            max_version: Version::V1_3,
            ecdh_curve: Curves::default(),
            honor_cipher_order: true,
            alpn_protocols: Protocols::default(),
            session_timeout: Bounded::of(SESSION_TIMEOUT_S_DEFAULT),
            ticket_keys: Vec::new(),
            hsts: None,
        }
    }
}

impl TlsOptions {
    /// Whether there is a certificate, so that TLS can be spoken.
    pub fn is_on(&self) -> bool {
        self.first().is_some() || !self.certificates.is_empty()
    }

    /// The certificate that these options themselves name.
    fn first(&self) -> Option<CertificateOptions> {
        let first = CertificateOptions {
            key: self.key.clone(),
            cert: self.cert.clone(),
            pfx: self.pfx.clone(),
            passphrase: self.passphrase.clone(),
            passphrase_file: self.passphrase_file.clone(),
            ocsp: self.ocsp.clone(),
        };
        let is_there = first.key.is_some() || first.cert.is_some() || first.pfx.is_some();
        is_there.then_some(first)
    }

    /// All certificates, the first one first, with the option that each stands in.
    pub(super) fn all(&self) -> impl Iterator<Item = (Whose, CertificateOptions)> {
        let first = self.first().map(|first| (Whose::First, first));
        let further = self.certificates.iter().cloned();
        first
            .into_iter()
            .chain(further.map(|one| (Whose::Further, one)))
    }

    /// The files that are read.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let root = self.root.as_deref();
        let mut files = Vec::new();
        for (_, one) in self.all() {
            let sources = [&one.key, &one.cert, &one.pfx, &one.ocsp];
            let sources = sources.into_iter().flatten();
            files.extend(sources.filter_map(|source| source.path(root)));
            files.extend(one.passphrase_file.iter().map(|path| in_root(root, path)));
        }
        let sources = self.ca.iter().chain(&self.crl).chain(&self.ticket_keys);
        files.extend(sources.filter_map(|source| source.path(root)));
        files
    }
}

/// Which certificate is meant, to name its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    First,
    Further,
}

impl Whose {
    /// The name of an option of its: of the first one its own, of others the table's.
    pub(super) fn option(self, own: &'static str) -> &'static str {
        match self {
            Self::First => own,
            Self::Further => "tls-certificates",
        }
    }
}

/// A certificate and its key. Serde reads it from a table, or from a text such as
/// `cert=chain.pem,key=key.pem`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateOptions {
    /// The private key, in PEM format.
    pub key: Option<Source>,
    /// The certificate, in PEM format, behind it those that lead to an authority.
    pub cert: Option<Source>,
    /// Both of them in one file of PKCS #12, instead.
    pub pfx: Option<Source>,
    /// What the key or the PKCS #12 file is encrypted with.
    pub passphrase: Option<Secret>,
    /// A file that holds it.
    pub passphrase_file: Option<PathBuf>,
    /// An OCSP response in DER for the certificate.
    pub ocsp: Option<Source>,
}

/// What a file may say of one. The passphrase itself is not among it.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[derive(Default)]
struct Table {
    key: Option<Source>,
    cert: Option<Source>,
    pfx: Option<Source>,
    #[serde(deserialize_with = "source::path")]
    passphrase_file: Option<PathBuf>,
    ocsp: Option<Source>,
}

impl From<Table> for CertificateOptions {
    fn from(table: Table) -> Self {
        Self {
            key: table.key,
            cert: table.cert,
            pfx: table.pfx,
            passphrase: None,
            passphrase_file: table.passphrase_file,
            ocsp: table.ocsp,
        }
    }
}

impl<'de> Deserialize<'de> for CertificateOptions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let table = match value {
            serde_json::Value::String(text) if text.starts_with('{') => {
                serde_json::from_str(&text).map_err(D::Error::custom)?
            }
            serde_json::Value::String(text) => pairs(&text).map_err(D::Error::custom)?,
            value => value,
        };
        let table: Table = serde_json::from_value(table).map_err(D::Error::custom)?;
        Ok(table.into())
    }
}

/// Names and values as the command line has them.
fn pairs(text: &str) -> Result<serde_json::Value, &'static str> {
    let pairs = text.split(',').map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((name.trim().to_owned(), value.trim().into()))
    });
    let pairs: Option<serde_json::Map<_, _>> = pairs.collect();
    let pairs = pairs.ok_or("write cert=FILE,key=FILE, or pfx=FILE")?;
    Ok(serde_json::Value::Object(pairs))
}

/// What happens to a client that asks for a name that no certificate has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownNames {
    /// It gets the first certificate, as from Node.
    #[default]
    First,
    /// Its handshake fails.
    Refuse,
}

const UNKNOWN_NAMES: &[(&str, UnknownNames)] = &[
    ("first", UnknownNames::First),
    ("refuse", UnknownNames::Refuse),
];

impl FromStr for UnknownNames {
    type Err = UnknownChoice;

    fn from_str(text: &str) -> Result<Self, UnknownChoice> {
        options::choose(text, UNKNOWN_NAMES)
    }
}

/// A version of TLS that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Version {
    /// TLS 1.2
    V1_2,
    /// TLS 1.3
    V1_3,
}

const VERSIONS: &[(&str, Version)] = &[("TLSv1.2", Version::V1_2), ("TLSv1.3", Version::V1_3)];

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let old = ["SSLv3", "TLSv1", "TLSv1.0", "TLSv1.1"];
        match old.iter().any(|old| old.eq_ignore_ascii_case(text)) {
            true => Err(format!(
                "{text:?} is not spoken: it was given up by RFC 8996; write TLSv1.2 or TLSv1.3"
            )),
            false => options::choose(text, VERSIONS).map_err(|error| error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn json(text: &str) -> Result<TlsOptions, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn names_are_those_of_node_in_kebab_case() {
        let options = json(
            r#"{ "cert": "a.pem", "key": "a.key", "root": "/tls", "ca": ["x", "y"],
                 "min-version": "tlsv1.3", "request-cert": true, "session-timeout": 300,
                 "certificates": [{ "pfx": "b.pfx", "passphrase-file": "b.txt" },
                                  "cert=c.pem, key=c.key"],
                 "alpn-protocols": "http/1.1" }"#,
        );
        let options = options.unwrap();
        assert!(options.is_on() && options.request_cert && options.reject_unauthorized);
        assert_eq!(options.min_version, Version::V1_3);
        assert_eq!(options.all().count(), 3);
        let files: Vec<_> = options.files();
        let names = [
            "a.key", "a.pem", "b.pfx", "b.txt", "c.key", "c.pem", "x", "y",
        ];
        let expected = names.map(|name| Path::new("/tls").join(name));
        assert_eq!(files, expected);
        assert!(!TlsOptions::default().is_on());
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for (text, expected) in [
            (r#"{ "min-version": "TLSv1" }"#, "RFC 8996"),
            (
                r#"{ "min-version": "2" }"#,
                "the choices are: TLSv1.2, TLSv1.3",
            ),
            (r#"{ "session-timeout": 604801 }"#, "from 0 to 604800"),
            (r#"{ "certificates": ["x"] }"#, "write cert=FILE"),
            (r#"{ "certificates": ["x=y"] }"#, "unknown field `x`"),
            (
                r#"{ "certificates": [{ "passphrase": "x" }] }"#,
                "unknown field",
            ),
            (r#"{ "unknown-names": "x" }"#, "first, refuse"),
        ] {
            let error = json(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let options = TlsOptions {
            key: Some(Source::from(b"hush".to_vec())),
            passphrase: Some(Secret::from("hush".to_owned())),
            ..TlsOptions::default()
        };
        assert!(!format!("{options:?}").contains("hush"));
    }
}
