//! One connection until its header has come.

use std::borrow::Cow;

use allspark_protocol::limits::PROXY_HEADER_BYTES_MAX;
use allspark_protocol::proxy::{self, Header, Progress};

use super::fault::ProxyFault;
use crate::io::{ClientCertificate, Completion, Introduction, Secure, TlsVersion, Token};
use crate::limits::HELD_BYTES_MIN;
use crate::memory::{BufferPool, LentBuffer};

/// How far a connection is.
#[derive(Debug)]
pub(super) enum Reading {
    /// Its header may come, or must. What has come of it is kept.
    Header(bool, Vec<u8>),
    /// It is not listened to, because nobody trusts its peer.
    Stranger,
    /// It has brought something else than a header.
    Failed,
}

/// Whether there is more to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    Part,
    /// All that comes from now on is for the shard.
    Whole,
}

impl Reading {
    pub(super) fn has_failed(&self) -> bool {
        !matches!(self, Self::Header(..))
    }

    /// Looks at bytes that came in.
    pub(super) fn read(
        &mut self,
        token: Token,
        buffer: LentBuffer,
        completions: &mut Vec<Completion>,
    ) -> Read {
        let Self::Header(is_required, kept) = self else {
            return Read::Part;
        };
        let before = kept.len();
        let progress = if before == 0 {
            proxy::parse(&buffer)
        } else {
            let count = buffer.len().min(PROXY_HEADER_BYTES_MAX - before);
            kept.extend_from_slice(&buffer[..count]);
            proxy::parse(kept)
        };
        let fault = match progress {
            Ok(Progress::Incomplete) => {
                if before == 0 {
                    kept.extend_from_slice(&buffer);
                }
                hold(token, before, kept.len(), completions);
                return Read::Part;
            }
            Ok(Progress::Complete(header, length)) => {
                hold(token, before, 0, completions);
                introduce(token, *header, completions);
                pass_on(token, buffer, length - before, completions);
                return Read::Whole;
            }
            Ok(Progress::Absent) if !*is_required => {
                hold(token, before, 0, completions);
                if before > 0 {
                    // Seldom: it began as a header does.
                    let pool = BufferPool::new(1, before);
                    let buffer = pool.lend_copy(&kept[..before]).expect("as many as fit");
                    completions.push(Completion::Received { token, buffer });
                }
                pass_on(token, buffer, 0, completions);
                return Read::Whole;
            }
            Ok(Progress::Absent) => ProxyFault::Missing,
            Err(error) => ProxyFault::Header(error),
        };
        hold(token, before, 0, completions);
        *self = Self::Failed;
        completions.push(fault.end(token));
        Read::Part
    }
}

/// Says what is kept of a header, if that is or was worth a note.
fn hold(token: Token, before: usize, now: usize, completions: &mut Vec<Completion>) {
    if before.max(now) >= HELD_BYTES_MIN {
        let bytes = now as u32;
        completions.push(Completion::Held { token, bytes });
    }
}

/// What stands behind the header.
fn pass_on(token: Token, buffer: LentBuffer, skipped: usize, completions: &mut Vec<Completion>) {
    if skipped < buffer.len() {
        let behind = skipped..buffer.len();
        let buffer = buffer.narrow(behind);
        completions.push(Completion::Received { token, buffer });
    }
}

/// Tells what a proxy says, if it says something.
fn introduce(token: Token, header: Header, completions: &mut Vec<Completion>) {
    let Header { addresses, extras } = header;
    let secure = extras.tls.map(|tls| Secure {
        version: TlsVersion::of_name(&tls.version),
        cipher: Cow::Owned(tls.cipher.into()),
        server_name: extras.authority.clone(),
        client: tls.has_certificate.then_some(ClientCertificate {
            der: None,
            common_name: tls.common_name,
            is_valid: tls.is_valid,
        }),
    });
    let about = Introduction {
        peer: addresses.map(|addresses| addresses.source),
        local: addresses.map(|addresses| addresses.destination),
        secure,
        authority: extras.authority,
    };
    if about != Introduction::default() {
        let about = Box::new(about);
        completions.push(Completion::Introduced { token, about });
    }
}
