//! What is wrong with a connection that should begin with a header.

use std::io;

use allspark_protocol::proxy;

use crate::io::{Completion, Token};

/// Why a connection through a listener with the PROXY protocol is closed. The error of
/// [`Completion::ReceiveEnded`] was made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyFault {
    /// It does not come from a proxy that is trusted.
    #[error("it does not come from a trusted proxy")]
    Stranger,
    /// It begins with something else.
    #[error("it does not begin with a header of the PROXY protocol")]
    Missing,
    /// It begins with a header that is none.
    #[error("{0}")]
    Header(proxy::Error),
}

impl ProxyFault {
    /// The fault that an error was made of, if it was.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    pub(super) fn end(self, token: Token) -> Completion {
        Completion::ReceiveEnded {
            token,
            result: Err(io::Error::new(io::ErrorKind::InvalidData, self)),
        }
    }
}
