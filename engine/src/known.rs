//! What is known of a connection beside its peer, of those few servers that learn something.

use std::net::SocketAddr;

use crate::io::{Introduction, Secure};

/// What is known of a connection beside its peer. Most connections of a server are alike in this
/// (one version, one cipher, one name), so they share it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// How it is encrypted, if it is.
    pub(crate) secure: Option<Secure>,
    /// The name that the client has asked a proxy for.
    pub(crate) authority: Option<Box<str>>,
    /// What the client has connected to, as a proxy says.
    pub(crate) local: Option<SocketAddr>,
}

impl Known {
    /// The same with what was learnt since. What was said later is about what is nearer.
    pub(crate) fn and(&self, about: Introduction) -> Self {
        Self {
            secure: about.secure.or_else(|| self.secure.clone()),
            authority: about.authority.or_else(|| self.authority.clone()),
            local: about.local.or(self.local),
        }
    }
}
