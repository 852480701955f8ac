//! A large message that the application is given, as its spark would be sent it.

use allspark_protocol::transformer::{Kind, Wire};

use crate::memory::{Key, Slice};

/// A message that lies in a receive buffer behind the header of the frame in which its spark would
/// be sent it. It is kept for as long as the application is called with it.
#[derive(Debug)]
pub(super) struct Framed {
    pub(super) spark: Key,
    pub(super) wire: Wire,
    pub(super) kind: Kind,
    pub(super) frame: Slice,
    pub(super) header_bytes: usize,
}

impl Framed {
    /// Whether it is what is to be written: the very bytes, to the very spark.
    pub(super) fn is(&self, spark: Key, kind: Kind, payload: &[u8]) -> bool {
        let own = &self.frame[self.header_bytes..];
        std::ptr::eq(own, payload) && (self.spark, self.kind) == (spark, kind)
    }
}
