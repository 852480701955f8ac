//! A message that is written and whose transforms take their time: what is written in its place
//! until it is known.

use std::sync::{Arc, OnceLock};

use allspark_protocol::transformer::Kind;

/// What became of it.
#[derive(Clone, Debug)]
pub(crate) enum Settled {
    /// It is written, as the parser encoded it.
    Message(Kind, Arc<[u8]>),
    /// A transform has dropped it.
    Nothing,
    /// A transform has refused it, for this reason.
    Refused(Arc<str>),
}

/// One such message. All shards that it goes to share it.
#[derive(Debug)]
pub(crate) struct Awaited {
    settled: OnceLock<Settled>,
    /// The bytes of the message when it was first put off.
    pub(crate) bytes: usize,
}

impl Awaited {
    pub(crate) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            settled: OnceLock::new(),
            bytes,
        })
    }

    /// What became of it, once that is known.
    pub(crate) fn get(&self) -> Option<&Settled> {
        self.settled.get()
    }

    /// It is known now. Only one ticket for a message is out at a time, so it is known once.
    pub(crate) fn settle(&self, settled: Settled) {
        let was_open = self.settled.set(settled).is_ok();
        assert!(was_open, "a message is settled once");
    }
}
