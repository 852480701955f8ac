//! What is served to whoever comes in through a listener.

/// What is served to whoever comes in through a listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// Primus, and the application's [`Options::routes`](crate::Options::routes). The default.
    #[default]
    Public,
    /// Only [`Options::internal_routes`](crate::Options::internal_routes), which no other listener
    /// serves: what operators need and nobody else may see. Anything else gets 404.
    Internal,
    /// Every request is answered with the same address at `https`: 301 for GET and HEAD, 308, which
    /// keeps method and body, for others. Who does not say which host it wants gets 400.
    Redirect {
        /// The port of `https`; 443 is left out of addresses.
        port: u16,
    },
}
