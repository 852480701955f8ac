//! What is learnt about a connection after it was accepted: by a handshake, or from a proxy.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// What a decorator of a driver has learnt about a connection. What it does not know is `None`, and
/// stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Introduction {
    /// Where the peer comes from, as a proxy says.
    pub peer: Option<SocketAddr>,
    /// What the peer has connected to, as a proxy says.
    pub local: Option<SocketAddr>,
    /// The connection is encrypted, up to here or up to the proxy.
    pub secure: Option<Secure>,
    /// The name that the peer has asked for, as a proxy says.
    pub authority: Option<Box<str>>,
}

/// How a connection is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secure {
    /// The version of TLS.
    pub version: TlsVersion,
    /// The cipher suite, by the name that it has in the RFCs; empty if a proxy does not say.
    pub cipher: Cow<'static, str>,
    /// The name of the server that the peer has asked for (SNI).
    pub server_name: Option<Box<str>>,
    /// The certificate of the peer, if it has shown one.
    pub client: Option<ClientCertificate>,
}

/// A version of TLS. Only a proxy takes those before 1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// SSL 3.0 or a version that nobody knows.
    Other,
    /// TLS 1.0
    V1_0,
    /// TLS 1.1
    V1_1,
    /// TLS 1.2
    V1_2,
    /// TLS 1.3
    V1_3,
}

impl TlsVersion {
    /// The name that OpenSSL, Node and the PROXY protocol have for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Other => "unknown",
            Self::V1_0 => "TLSv1",
            Self::V1_1 => "TLSv1.1",
            Self::V1_2 => "TLSv1.2",
            Self::V1_3 => "TLSv1.3",
        }
    }

    /// The version of this name.
    pub fn of_name(name: &str) -> Self {
        let versions = [Self::V1_0, Self::V1_1, Self::V1_2, Self::V1_3];
        let found = versions.into_iter().find(|version| version.name() == name);
        found.unwrap_or(Self::Other)
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The certificate of a peer. Of one that a proxy has seen only the name is known.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate itself, in DER.
    pub der: Option<Arc<[u8]>>,
    /// The common name of its subject, if a proxy says it.
    pub common_name: Option<Box<str>>,
    /// Whoever ended the encryption has found it to be valid.
    pub is_valid: bool,
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate")
            .field("der_bytes", &self.der.as_ref().map(|der| der.len()))
            .field("common_name", &self.common_name)
            .field("is_valid", &self.is_valid)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_its_name() {
        for version in [TlsVersion::V1_0, TlsVersion::V1_2, TlsVersion::V1_3] {
            assert_eq!(TlsVersion::of_name(version.name()), version);
        }
        assert_eq!(TlsVersion::of_name("SSLv3"), TlsVersion::Other);
        assert!(TlsVersion::V1_2 < TlsVersion::V1_3);
    }
}
