//! The two ends of a connection.

/// Which end of the connection we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// We accepted the connection: what we receive is masked, what we send is not.
    Server,
    /// We opened the connection: what we send is masked, what we receive is not.
    Client,
}
