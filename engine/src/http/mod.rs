//! The front door: what is asked over HTTP, and what is said to it, before anybody knows what the
//! request is for. It knows neither sockets nor sparks: requests go in, ways and answers come out.
//!
//! | file | what it is |
//! |---|---|
//! | [`door`] | [`Door`]: where a request goes, through which layers |
//! | [`pass`] | what the layers decided about a request that goes on |
//! | [`asked`] | what an answer has to know of its request |
//! | [`proxies`] | what the operator should know of a proxy |
//! | [`parked`] | a request that waits for its answer, with what comes behind it |
//! | [`redirect`] | a request that came over plain HTTP and is to come over `https` |
//! | [`layered`] | a request that waits for a layer, with what comes behind it |
//! | [`paced`] | an answer that comes in parts with pauses |
//! | [`streamed`] | an answer whose body comes as it is pulled |
//! | [`upload`] | a body that is handed on as it comes |
//!
//! # Invariants
//! - The application's layers are asked once about a request. What was decided about it travels
//!   with it ([`Pass`]).
//! - No transport, and nothing of the application but its layers and its fallback, sees a request
//!   that was refused.

mod asked;
mod door;
mod layered;
mod paced;
mod parked;
mod pass;
mod proxies;
mod redirect;
mod streamed;
mod upload;

pub(crate) use asked::Asked;
pub(crate) use door::{Case, Door, Taken, Walk, Way};
pub(crate) use layered::{Layered, Whole};
pub(crate) use paced::{Paced, Part};
pub(crate) use parked::{Next, Parked, append};
pub(crate) use pass::Pass;
pub(crate) use proxies::look_at_proxy;
pub(crate) use redirect::redirect_to_https;
pub(crate) use streamed::Streamed;
pub(crate) use upload::{Full, Upload};
