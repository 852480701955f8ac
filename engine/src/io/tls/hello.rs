//! What a client's hello lacks, where the RFCs have another alert for that than rustls.

use super::channel::kind;
use super::fault::{TlsFault, alert};

/// Why a hello is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Its client speaks nothing newer than TLS 1.1 (RFC 5246, E.1).
    IsOld,
    /// It offers TLS 1.3 without what belongs to that (RFC 8446, 9.2).
    IsIncomplete,
}

impl Flaw {
    /// That of the hello which begins these records, if it is one and has one. Of a hello in
    /// several records only the beginning is looked at: no client has one so long.
    pub(super) fn of(records: &[u8]) -> Option<Self> {
        const CLIENT_HELLO: u8 = 1;
        // Of a record with a message: its kind, that of the message, and the message's version.
        let places = (records.first(), records.get(5), records.get(9..11));
        let is_old = match places {
            (Some(&kind::HANDSHAKE), Some(&CLIENT_HELLO), Some(version)) => version < &[3, 3][..],
            _ => return None,
        };
        match Extensions::of(records) {
            Some(extensions) if extensions.offers_tls13 => {
                extensions.is_incomplete().then_some(Self::IsIncomplete)
            }
            // What it offers there counts, not the version that everybody can read.
            Some(extensions) if extensions.offers_versions => None,
            _ => is_old.then_some(Self::IsOld),
        }
    }

    pub(super) fn fault(self) -> TlsFault {
        match self {
            Self::IsOld => {
                TlsFault::new(alert::PROTOCOL_VERSION, "the peer does not speak TLS 1.2")
            }
            Self::IsIncomplete => TlsFault::new(
                alert::MISSING_EXTENSION,
                "an extension of TLS 1.3 is missing in the hello",
            ),
        }
    }
}

/// Which extensions a hello has.
#[derive(Default)]
struct Extensions {
    offers_versions: bool,
    offers_tls13: bool,
    signatures: bool,
    groups: bool,
    key_shares: bool,
    shared_key: bool,
}

impl Extensions {
    fn of(records: &[u8]) -> Option<Self> {
        let mut record = Reader(records.get(3..)?);
        let mut message = Reader(record.vector(2)?.get(1..)?);
        let mut hello = Reader(message.vector(3)?);
        // Its version and its random bytes, its session, suites and compressions.
        hello.take(2 + 32)?;
        for len_bytes in [1, 2, 1] {
            hello.vector(len_bytes)?;
        }
        let mut list = Reader(hello.vector(2)?);
        let mut found = Self::default();
        while !list.0.is_empty() {
            let number = list.take(2)?;
            found.note([number[0], number[1]], list.vector(2)?);
        }
        Some(found)
    }

    fn note(&mut self, number: [u8; 2], content: &[u8]) {
        match u16::from_be_bytes(number) {
            10 => self.groups = true,
            13 => self.signatures = true,
            41 => self.shared_key = true,
            43 => {
                let versions = Reader(content).vector(1).unwrap_or_default();
                self.offers_versions = true;
                self.offers_tls13 = versions.chunks(2).any(|version| version == [3, 4]);
            }
            51 => self.key_shares = true,
            _ => {}
        }
    }

    /// Whether something is missing for a handshake of TLS 1.3 in which the server shows a
    /// certificate.
    fn is_incomplete(&self) -> bool {
        !self.signatures || self.groups != self.key_shares || !(self.groups || self.shared_key)
    }
}

/// What is left of some bytes.
struct Reader<'h>(&'h [u8]);

impl<'h> Reader<'h> {
    fn take(&mut self, count: usize) -> Option<&'h [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// Bytes behind their number, which has so many bytes itself.
    fn vector(&mut self, len_bytes: usize) -> Option<&'h [u8]> {
        let len = self.take(len_bytes)?;
        let len = len
            .iter()
            .fold(0, |len, byte| len << 8 | usize::from(*byte));
        self.take(len)
    }
}
