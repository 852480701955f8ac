//! What is asked, and which questions are the same.

use std::net::SocketAddr;

use allspark_protocol::http::{Field, RequestHead};
use ring::digest;

use super::super::url::HeaderNames;

/// A question about one request.
#[derive(Clone, Debug)]
pub(in crate::auth) struct Question {
    pub(super) mark: Mark,
    /// The names and values of headers, those that say what it is about first.
    pub(super) headers: Vec<(String, Vec<u8>)>,
}

/// What questions have in common that get the same answer: everything that the URL is told. So an
/// answer that is kept is never given to a question that might have got another one. A hash, so
/// that no credential is kept.
pub(super) type Mark = [u8; digest::SHA256_OUTPUT_LEN];

/// Parameters that transports add, many of them with another value in each request. The URL is not
/// told of them: it would be asked about each poll.
const OF_TRANSPORTS: &[&str] = &[
    "_primuscb",
    "EIO",
    "transport",
    "sid",
    "t",
    "b64",
    "j",
    "VER",
    "CVER",
    "RID",
    "SID",
    "CI",
    "AID",
    "TYPE",
    "MODE",
    "OSID",
    "OAID",
    "DOMAIN",
    "zx",
    "c",
];

impl Question {
    /// Asks about this request, which came from `address` for Primus at `pathname`, and passes on
    /// the headers of these names.
    pub(in crate::auth) fn about(
        head: &RequestHead<'_>,
        address: SocketAddr,
        pathname: &str,
        passed_on: &HeaderNames,
    ) -> Self {
        let named = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        let mut headers = vec![
            named("X-Forwarded-Method", head.method()),
            named("X-Forwarded-Uri", &uri(head, pathname)),
            named("X-Forwarded-For", &address.ip().to_string()),
        ];
        headers.extend(head.host().map(|host| named("X-Forwarded-Host", host)));
        let passed_on = head.headers().filter(|(name, _)| passed_on.has(name));
        headers.extend(passed_on.map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec())));
        Self {
            mark: mark(&headers),
            headers,
        }
    }
}

/// The pathname, as what follows it is the transport's, and the query string as far as it is the
/// client's.
fn uri(head: &RequestHead<'_>, pathname: &str) -> String {
    let is_own = |field: &Field<'_>| !OF_TRANSPORTS.iter().any(|name| field.is(name));
    let mut uri = pathname.to_owned();
    let mut before = '?';
    for Field { name, value } in head.query().fields().filter(is_own) {
        uri.extend([before]);
        uri.extend([name, "=", value]);
        before = '&';
    }
    uri
}

fn mark(headers: &[(String, Vec<u8>)]) -> Mark {
    let mut hash = digest::Context::new(&digest::SHA256);
    for (name, value) in headers {
        // With lengths, so that no two lists are the same bytes.
        for part in [name.as_bytes(), value] {
            hash.update(&part.len().to_le_bytes());
            hash.update(part);
        }
    }
    let hash = hash.finish();
    hash.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(target: &str, lines: &str) -> Question {
        from("192.0.2.1:9", target, lines)
    }

    fn from(address: &str, target: &str, lines: &str) -> Question {
        let head = format!("GET {target} HTTP/1.1\r\nHost: a.example\r\n{lines}\r\n");
        let head = RequestHead::parse(head.as_bytes()).unwrap();
        let address = address.parse().unwrap();
        Question::about(&head, address, "/primus", &HeaderNames::default())
    }

    #[test]
    fn a_question_says_what_it_is_about() {
        let question = about(
            "/primus/0/s/xhr?token=x&t=1&room",
            "Cookie: a=b\r\nAccept: x\r\n",
        );
        let has = |name: &str| {
            let mut headers = question.headers.iter();
            let found = headers.find(|(other, _)| other == name);
            found.map(|(_, value)| String::from_utf8(value.clone()).unwrap())
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(has("X-Forwarded-Method"), some("GET"));
        assert_eq!(has("X-Forwarded-Uri"), some("/primus?token=x&room="));
        assert_eq!(has("X-Forwarded-For"), some("192.0.2.1"));
        assert_eq!(has("X-Forwarded-Host"), some("a.example"));
        assert_eq!(has("cookie"), some("a=b"));
        assert_eq!(has("accept"), None);
    }

    #[test]
    fn polls_of_one_client_are_one_question_and_those_of_others_are_not() {
        let cookie = "Cookie: a=b\r\n";
        let first = about(
            "/primus/?token=x&EIO=4&transport=polling&t=1&_primuscb=2",
            cookie,
        );
        let next = about("/primus/abc/d/xhr?token=x&sid=7&t=2", cookie);
        assert_eq!(first.mark, next.mark);
        for (target, lines) in [
            ("/primus/?token=y", cookie),
            ("/primus/?token=x&room=1", cookie),
            ("/primus/?token=x&token=x", cookie),
            ("/primus/", cookie),
            ("/primus/?token=x", "Cookie: a=c\r\n"),
            ("/primus/?token=x", "Cookie: a=b\r\nAuthorization: b\r\n"),
            ("/primus/?token=x", ""),
        ] {
            assert_ne!(about(target, lines).mark, first.mark, "{target} {lines}");
        }
        let elsewhere = from("192.0.2.2:9", "/primus/?token=x", cookie);
        assert_ne!(elsewhere.mark, first.mark);
        let port = from("192.0.2.1:10", "/primus/?token=x", cookie);
        assert_eq!(port.mark, first.mark);
    }
}
