//! The session that a client has with an application of express or connect: npm's
//! primus-express-session.
//!
//! The application signs a cookie, which comes with the request that opens the connection. What it
//! names is looked up in the application's store, or is the session itself if there is no store.
//! Nothing goes over the wire. A server without code judges the same cookies by its option
//! `authorization`.

mod cookie;
mod plugin;
mod spark;

pub use cookie::{cookie_in, unsign};
pub use plugin::{ExpressSession, Found, NoSecret, SessionStore};
pub use spark::{SessionError, SessionSpark};
