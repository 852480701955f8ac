//! Where clients of a mixed load are.

/// Where a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// It has a connection, or never got one, or lost it by a fault.
    Here,
    /// It wants to leave, and waits for its last messages.
    Parting,
    /// It has said goodbye.
    Leaving,
    /// Its connection ended as it was to, and it comes back at its alarm.
    Away,
    /// It connects again.
    Returning,
}
