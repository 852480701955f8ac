//! Tests of the readers as a whole: what they refuse, what they hold, and that it never matters
//! how the network cut the bytes.

mod properties;
mod refusals;
mod requests;
mod responses;

use super::{Error, Reader, Request};
use crate::Input;

/// A request, copied out.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl From<Request<'_>> for Seen {
    fn from(request: Request<'_>) -> Self {
        let headers = request.head.headers();
        Self {
            method: request.head.method().into(),
            target: request.head.target().into(),
            headers: headers.map(|(n, v)| (n.into(), v.into())).collect(),
            body: request.body.to_vec(),
        }
    }
}

/// What a reader makes of a stream that arrives in these parts: requests, then perhaps a fault.
fn read<'p>(
    parts: impl IntoIterator<Item = &'p [u8]>,
    body_bytes_max: usize,
) -> (Vec<Seen>, Option<Error>) {
    let mut reader = Reader::new(body_bytes_max);
    let mut seen = Vec::new();
    for part in parts {
        let mut part = part.to_vec();
        let mut input = Input::new(&mut part);
        loop {
            match reader.next(&mut input) {
                Ok(Some(request)) => seen.push(request.into()),
                Ok(None) => break,
                Err(error) => return (seen, Some(error)),
            }
        }
        assert!(
            input.is_empty(),
            "what does not complete a request is taken"
        );
    }
    (seen, None)
}
