//! The publishing API: what applications in any language ask of the server over HTTP.

#![cfg_attr(
    not(test),
    expect(dead_code, reason = "the routes, hooks and the dashboard come next")
)]

pub(crate) mod command;
pub(crate) mod error;
mod message;
pub(crate) mod scope;
