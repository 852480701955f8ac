//! The target of a request (RFC 9112, 3.2).

use super::error::Error;
use super::fields::{is_host, is_target_byte};
use super::query::Query;
use crate::limits::HTTP_TARGET_BYTES_MAX;

/// A request target, reduced to what the server needs of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'b> {
    /// The host of an absolute target.
    pub(super) authority: Option<&'b str>,
    /// Empty only if an absolute target ends with its authority.
    pub(super) path_and_query: &'b str,
    pub(super) path_len: usize,
}

impl<'b> Target<'b> {
    /// Accepts the origin form, the absolute form and `OPTIONS *` (RFC 9112, 3.2).
    pub(super) fn parse(method: &str, target: &'b str) -> Result<Self, Error> {
        if target.len() > HTTP_TARGET_BYTES_MAX {
            return Err(Error::TargetTooLong);
        }
        // CONNECT has the authority form and no other, and nothing else has that form.
        if method == "CONNECT" || !target.bytes().all(is_target_byte) {
            return Err(Error::Target);
        }
        let (authority, path_and_query) = match target.as_bytes() {
            [b'/', ..] => (None, target),
            b"*" if method == "OPTIONS" => (None, target),
            _ => split_absolute(target).ok_or(Error::Target)?,
        };
        let path_len = path_and_query.find('?').unwrap_or(path_and_query.len());
        Ok(Self {
            authority,
            path_and_query,
            path_len,
        })
    }

    /// What precedes the `?`.
    pub(super) fn path(&self) -> &'b str {
        match &self.path_and_query[..self.path_len] {
            "" => "/",
            path => path,
        }
    }

    /// What follows the `?`.
    pub(super) fn query(&self) -> Query<'b> {
        let raw = &self.path_and_query[self.path_len..];
        Query::new(raw.strip_prefix('?').unwrap_or(raw))
    }
}

/// Splits `http://host/path` into authority and the rest.
fn split_absolute(target: &str) -> Option<(Option<&str>, &str)> {
    let (scheme, rest) = target.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path_and_query) = rest.split_at(end);
    let is_valid = !authority.is_empty() && is_host(authority.as_bytes());
    is_valid.then_some((Some(authority), path_and_query))
}
