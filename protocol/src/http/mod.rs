//! HTTP/1.1 messages (RFC 9112, RFC 9110): what the server side needs, and the little that a
//! client needs.
//!
//! Reads from [`Input`](crate::Input) and writes to a `Vec`. It never interprets a path, and it has
//! no time-outs: those are the affair of the owner of the connection. What Primus does to requests
//! and answers for the sake of browsers is here too: [`Cors`], [`no_cache`], [`no_xss_filter`].
//!
//! # Invariants
//! - A head that lies whole in the input is parsed where it lies; only an incomplete one is copied.
//! - Whatever two readers could disagree about is refused: every line ends with CR LF, and exactly
//!   one statement says where a body ends.
//! - What is held of a message that is not complete stays within [`limits`](crate::limits) and the
//!   bound on bodies that the reader was made with.
//! - Bytes behind a message stay in the input.
//! - Nothing that is written can contain a line break that this module did not put there.

mod body;
mod browsers;
mod client;
mod cors;
mod date;
mod error;
mod fields;
mod forwarded;
mod framing;
mod gather;
mod gzip;
mod head;
mod owned_head;
mod query;
mod reader;
mod response;
mod static_body;
mod streamed;
mod target;
#[cfg(test)]
mod tests;

pub use browsers::{is_explorer, no_cache, no_xss_filter};
pub use client::{ResponseHead, ResponsePart, ResponseReader, write_request};
pub use cors::{Cors, CorsError, CorsGrant, CorsOptions, CorsVerdict, max_age_s};
pub use date::HttpDate;
pub use error::{Error, Misuse};
pub(crate) use fields::is_host;
pub use fields::{Headers, is_token};
pub use forwarded::{ForwardedHeader, NetworkError, TrustedProxies, UNIX_PEER};
pub use gzip::{accepts_gzip, gzip};
pub use head::RequestHead;
pub use owned_head::OwnedHead;
pub use query::{Field, Query, decode, decode_into};
pub use reader::{BodyPiece, Reader, Request};
pub use response::{DatedResponse, Response};
pub use static_body::StaticBody;
pub use streamed::BodyFraming;
