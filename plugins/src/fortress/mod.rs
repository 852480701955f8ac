//! fortress-maximus: nothing that a client sends reaches the application unless it was validated.
//!
//! ```
//! use allspark_plugins::fortress::Fortress;
//!
//! let fortress = Fortress::new();
//! // The event, how many arguments it has, and what they have to be.
//! fortress.validate("chat", 2, |_, args| match args.parse::<(String, u32)>() {
//!     Ok((text, _)) if text.is_empty() => Err("nothing was said".to_owned()),
//!     Ok(_) => Ok(()),
//!     Err(misfit) => Err(misfit.to_string()),
//! });
//! // A message that is no event has one argument.
//! fortress.validate("data", 1, |_, args| args[0].as_str().is_some());
//! fortress.on_invalid(|spark, invalid, _| eprintln!("{}: {invalid}", spark.id()));
//! ```
//!
//! A message is dropped, and `invalid` is told, if it is an event whose name is reserved, if nobody
//! listens to it or nobody validates it, if it has more or fewer arguments, or if its validator
//! refuses it. Add it before the plugins whose events it is to guard ([`Emit`](crate::emit::Emit)),
//! as in Primus. Messages of primus-emitter are `data` to it, as they are for the npm plugin.
//! Nothing goes over the wire.

mod judge;
mod plugin;
mod shape;
mod validator;

pub use plugin::{Fortress, FortressOptions, Home};
pub use shape::Shape;
pub use validator::{Invalid, Valid, ValidationTicket};
