//! What a request wants to know.

use allspark_protocol::http::RequestHead;

use super::conditions::Conditions;
use super::encoding::{Coding, acceptable};
use super::name::{Name, name};
use super::options::StaticOptions;

/// A request for a file.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) name: Name,
    /// Where a folder is whose path lacks its slash.
    pub(super) with_slash: String,
    /// The last part of the path has a dot: it is no path within an application of one page.
    pub(super) has_dot: bool,
    pub(super) is_head: bool,
    pub(super) conditions: Conditions,
    /// What the client can read, the best one first.
    pub(super) codings: Vec<Coding>,
}

impl Asked {
    pub(super) fn new(head: &RequestHead<'_>, options: &StaticOptions) -> Self {
        let header = |name: &str| head.header(name).map(str::to_owned);
        let path = head.path();
        let query = &head.target()[path.len().min(head.target().len())..];
        Self {
            name: name(path, &options.prefix, options.hidden),
            with_slash: format!("{path}/{query}"),
            has_dot: path
                .rsplit('/')
                .next()
                .is_some_and(|last| last.contains('.')),
            is_head: head.method() == "HEAD",
            conditions: Conditions {
                if_match: header("if-match"),
                if_none_match: header("if-none-match"),
                if_modified_since: header("if-modified-since"),
                if_unmodified_since: header("if-unmodified-since"),
                if_range: header("if-range"),
                range: header("range"),
            },
            codings: match options.precompressed {
                true => head
                    .header("accept-encoding")
                    .map_or(Vec::new(), acceptable),
                false => Vec::new(),
            },
        }
    }
}
