//! The first message of a handshake of TLS, whole or in part.

use std::sync::{Arc, OnceLock};

use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

/// Bytes of it that a slow handshake begins with: the header of the record, that of the message,
/// the version and a part of the random bytes.
const BEGIN_BYTES: usize = 32;

/// Where the random bytes are: behind the headers of record (5) and message (4) and the version.
const RANDOM: std::ops::Range<usize> = 11..19;

/// The first bytes.
pub(super) fn begin(out: &mut Vec<u8>) {
    out.extend_from_slice(&template()[..BEGIN_BYTES]);
}

/// All of it, with random bytes that nobody else has.
pub(super) fn whole(name: u64, out: &mut Vec<u8>) {
    let begin = out.len();
    out.extend_from_slice(template());
    out[begin..][RANDOM].copy_from_slice(&name.to_be_bytes());
}

/// Made once: what it costs is the server's affair.
fn template() -> &'static [u8] {
    static TEMPLATE: OnceLock<Vec<u8>> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has the suites of both versions")
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("it is a name");
        let mut connection =
            ClientConnection::new(Arc::new(config), name).expect("the configuration is whole");
        let mut bytes = Vec::new();
        connection
            .write_tls(&mut bytes)
            .expect("a vector takes everything");
        bytes
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_record_with_one_message() {
        let mut hello = Vec::new();
        whole(7, &mut hello);
        let record_bytes = usize::from(u16::from_be_bytes([hello[3], hello[4]]));
        assert_eq!((hello[0], hello[5]), (22, 1), "a handshake, a ClientHello");
        assert_eq!(hello.len(), 5 + record_bytes);
        let mut part = Vec::new();
        begin(&mut part);
        assert_eq!(part[..RANDOM.start], hello[..RANDOM.start]);
    }
}
