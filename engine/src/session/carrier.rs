//! A carrier is a connection as a session knows it.

use allspark_protocol::transformer::Carrier;

use crate::memory::Key;

/// The carrier that a connection is to a session.
pub(crate) fn carrier_of(key: Key) -> Carrier {
    Carrier(u64::from(key.generation) << 32 | u64::from(key.index))
}

/// The connection that a carrier is.
pub(crate) fn connection_of(carrier: Carrier) -> Key {
    Key {
        index: carrier.0 as u32,
        generation: (carrier.0 >> 32) as u32,
    }
}
