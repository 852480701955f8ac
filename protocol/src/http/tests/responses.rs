//! What the reader of responses takes and leaves.

use super::super::{Error, Misuse, Reader, Response, ResponsePart, ResponseReader, write_request};
use super::Seen;
use crate::Input;

/// What became of a stream of responses: for each its status, its body and whether it ended.
type Outcome = (Vec<(u16, Vec<u8>, bool)>, Result<(), Error>, Vec<u8>);

/// Reads responses that arrive in pieces of `step` bytes, then ends the connection. The last part
/// is what was left in the input.
fn read(bytes: &[u8], step: usize, head_only: bool) -> Outcome {
    let mut reader = ResponseReader::default();
    let mut seen: Vec<(u16, Vec<u8>, bool)> = Vec::new();
    let mut rest = Vec::new();
    for part in bytes.chunks(step) {
        let mut part = part.to_vec();
        let mut input = Input::new(&mut part);
        loop {
            match reader.next(&mut input, head_only) {
                Ok(Some(ResponsePart::Head(head))) => seen.push((head.status(), vec![], false)),
                Ok(Some(ResponsePart::Data(data))) => {
                    seen.last_mut().unwrap().1.extend_from_slice(data);
                }
                Ok(Some(ResponsePart::End)) => seen.last_mut().unwrap().2 = true,
                Ok(None) => break,
                Err(error) => return (seen, Err(error), input.peek().to_vec()),
            }
        }
        rest.extend_from_slice(input.peek());
    }
    (seen, reader.close(), rest)
}

#[test]
fn reads_bodies_by_length_in_chunks_and_until_close() {
    let bytes = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n\
        HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc\
        HTTP/1.1 204 No Content\r\n\r\n\
        HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n\
        HTTP/1.0 404 Not Found\r\n\r\nghi\r\n\r\njkl";
    for step in 1..=bytes.len() {
        let (seen, end, rest) = read(bytes, step, false);
        let expected = [
            (200, b"abc".to_vec(), true),
            (204, vec![], true),
            (200, b"def".to_vec(), true),
            (404, b"ghi\r\n\r\njkl".to_vec(), false),
        ];
        assert_eq!(seen, expected, "by {step}");
        assert_eq!((end, rest), (Ok(()), vec![]));
    }
}

#[test]
fn a_response_to_head_has_no_body() {
    let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n";
    let (seen, end, _) = read(bytes, 5, true);
    assert_eq!(seen, [(200, vec![], true), (304, vec![], true)]);
    assert_eq!(end, Ok(()));
}

#[test]
fn an_upgrade_leaves_the_rest_in_the_input() {
    let head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    let bytes = [&head[..], b"HTTP/1.1 frame"].concat();
    for step in 1..=bytes.len() {
        let (seen, end, rest) = read(&bytes, step, false);
        assert_eq!(seen, [(101, vec![], false)]);
        assert_eq!(
            (end, &rest[..]),
            (Ok(()), &b"HTTP/1.1 frame"[..]),
            "by {step}"
        );
    }
}

#[test]
fn notices_an_early_end() {
    for bytes in [
        "H",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n",
    ] {
        let (_, end, _) = read(bytes.as_bytes(), 4, false);
        assert_eq!(end, Err(Error::Truncated), "{bytes:?}");
    }
    assert_eq!(read(b"", 1, false).1, Ok(()));
}

#[test]
fn refuses_what_is_malformed() {
    let cases = [
        ("HTTP/1.1 OK\r\n\r\n", Error::StatusLine),
        ("HTTP/1.1 20 OK\r\n\r\n", Error::StatusLine),
        ("HTTP/1.1 099 Low\r\n\r\n", Error::StatusLine),
        ("HTTP/2.0 200 OK\r\n\r\n", Error::Version),
        ("SSH-2.0-x\r\n\r\n", Error::StatusLine),
        ("\0", Error::StatusLine),
        ("HTTP/1.1 200 OK\n\n", Error::LineEnding),
        ("HTTP/1.1 200 O\rK\r\n\r\n", Error::LineEnding),
        ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", Error::HeaderName),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", Error::LineFolding),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n",
            Error::ContentLength,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            Error::LengthAndTransferEncoding,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx",
            Error::ChunkSize,
        ),
    ];
    for (bytes, error) in cases {
        for step in [1, 3, bytes.len()] {
            let (_, end, _) = read(bytes.as_bytes(), step, false);
            assert_eq!(end, Err(error), "{bytes:?} by {step}");
        }
    }
}

#[test]
fn data_can_be_taken_before_the_response_is_complete() {
    let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc".to_vec();
    let mut input = Input::new(&mut bytes);
    let mut reader = ResponseReader::default();
    let head = reader.next(&mut input, false);
    assert!(matches!(head, Ok(Some(ResponsePart::Head(head))) if head.keep_alive()));
    let data = reader.next(&mut input, false);
    assert!(matches!(data, Ok(Some(ResponsePart::Data(data))) if data == b"abc"));
    assert!(matches!(reader.next(&mut input, false), Ok(None)));
}

#[test]
fn what_the_server_encodes_the_client_reads() {
    let mut out = Vec::new();
    Response::new(100).encode(&mut out, true, false);
    Response::text(200, "hello").encode(&mut out, true, false);
    Response::new(304).encode(&mut out, true, false);
    Response::json(404, "{}".into()).encode(&mut out, false, false);
    let (seen, end, _) = read(&out, 11, false);
    let expected = [
        (200, b"hello".to_vec(), true),
        (304, vec![], true),
        (404, b"{}".to_vec(), true),
    ];
    assert_eq!((&seen[..], end), (&expected[..], Ok(())));
}

#[test]
fn what_the_client_writes_the_server_reads() {
    let mut out = Vec::new();
    let headers = [("X", "caf\u{e9}"), ("Connection", "Upgrade")];
    write_request(&mut out, "POST", "/a?b", "h:80", &headers, Some(b"body")).unwrap();
    let mut input = Input::new(&mut out);
    let mut reader = Reader::new(4);
    let seen = Seen::from(reader.next(&mut input).unwrap().unwrap());
    assert_eq!((&*seen.method, &*seen.target), ("POST", "/a?b"));
    assert_eq!(seen.body, b"body");
    let expected: [(String, Vec<u8>); 4] = [
        ("Host".into(), b"h:80".to_vec()),
        ("X".into(), "caf\u{e9}".into()),
        ("Connection".into(), b"Upgrade".to_vec()),
        ("Content-Length".into(), b"4".to_vec()),
    ];
    assert_eq!(seen.headers, expected);
}

#[test]
fn writes_nothing_that_would_change_the_structure_of_a_request() {
    let mut out = b"before".to_vec();
    let mut write = |method, target, host, header| {
        write_request(&mut out, method, target, host, &[header], None)
    };
    let fine = ("A", "b");
    assert_eq!(write("GE T", "/", "h", fine), Err(Misuse::Method));
    assert_eq!(write("", "/", "h", fine), Err(Misuse::Method));
    assert_eq!(write("GET", "/a b", "h", fine), Err(Misuse::Target));
    assert_eq!(write("GET", "", "h", fine), Err(Misuse::Target));
    assert_eq!(write("GET", "/\r\nX: y", "h", fine), Err(Misuse::Target));
    assert_eq!(write("GET", "/", "h\r\nX: y", fine), Err(Misuse::Host));
    assert_eq!(write("GET", "/", "", fine), Err(Misuse::Host));
    assert_eq!(
        write("GET", "/", "h", ("A", "b\r\nX: y")),
        Err(Misuse::HeaderValue)
    );
    assert_eq!(
        write("GET", "/", "h", ("A b", "c")),
        Err(Misuse::HeaderName)
    );
    assert_eq!(
        write("GET", "/", "h", ("Host", "c")),
        Err(Misuse::HeaderReserved)
    );
    assert_eq!(out, b"before");
}
