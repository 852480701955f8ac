//! What a spark remembers of the request that opened it.

use allspark_protocol::http::RequestHead;

use crate::config::KeepHeaders;

/// The query string and the headers that are kept, in one piece of text; if it is empty it owns no
/// memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeptRequest {
    /// The query, then lines of `name: value`, each ended by a line feed, names in lower case.
    text: Box<str>,
    query_bytes: u32,
}

impl KeptRequest {
    pub(crate) fn new(head: &RequestHead<'_>, keep: &KeepHeaders) -> Self {
        let mut text = head.query().as_str().to_owned();
        // A head is far shorter than 4 GiB.
        let query_bytes = text.len() as u32;
        for (name, value) in readable(head) {
            let kept = match keep {
                KeepHeaders::None => false,
                KeepHeaders::Named(names) => names.iter().any(|n| n.eq_ignore_ascii_case(name)),
                KeepHeaders::All => true,
            };
            if kept {
                text.push_str(&name.to_ascii_lowercase());
                text.push_str(": ");
                text.push_str(value);
                text.push('\n');
            }
        }
        Self {
            text: text.into(),
            query_bytes,
        }
    }

    pub(crate) fn query(&self) -> &str {
        &self.text[..self.query_bytes as usize]
    }

    pub(crate) fn bytes(&self) -> usize {
        self.text.len()
    }

    fn header_lines(&self) -> std::str::Lines<'_> {
        self.text[self.query_bytes as usize..].lines()
    }
}

/// The headers of a request whose values are UTF-8; of others nobody knows what they say.
fn readable<'a>(head: &RequestHead<'a>) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
    head.headers()
        .filter_map(|(name, value)| Some((name, str::from_utf8(value).ok()?)))
}

/// The headers of the request that opened a spark.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a>(Source<'a>);

#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    Live(&'a RequestHead<'a>),
    Kept(&'a KeptRequest),
}

impl<'a> Headers<'a> {
    pub(crate) fn live(head: &'a RequestHead<'a>) -> Self {
        Self(Source::Live(head))
    }

    pub(crate) fn kept(request: &'a KeptRequest) -> Self {
        Self(Source::Kept(request))
    }

    /// The first header of this name, in any case.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// All headers, in the order of the request.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let (live, kept) = match self.0 {
            Source::Live(head) => (Some(readable(head)), None),
            Source::Kept(request) => (None, Some(request.header_lines())),
        };
        let kept = kept
            .into_iter()
            .flatten()
            .filter_map(|line| line.split_once(": "));
        live.into_iter().flatten().chain(kept)
    }
}
