//! Every shape that is refused, with the fault it is refused for.

use super::super::Error;
use super::read;
use crate::limits::{HTTP_HEAD_BYTES_MAX, HTTP_HEADERS_IN_PLACE, HTTP_TARGET_BYTES_MAX};

const BODY_BYTES_MAX: usize = 10;

/// The fault is the same in whatever pieces the bytes arrive.
fn assert_refused(bytes: &[u8], error: Error) {
    for step in [bytes.len(), 1, 2, 7] {
        let (_, fault) = read(bytes.chunks(step), BODY_BYTES_MAX);
        assert_eq!(fault, Some(error), "{} by {step}", bytes.escape_ascii());
    }
}

/// A request with a Host header and these lines, followed by these bytes.
fn post(lines: &str, behind: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: h\r\n{lines}\r\n\r\n{behind}").into()
}

#[test]
fn refuses_doubtful_bodies() {
    let cases = [
        (
            "Content-Length: 1\r\nTransfer-Encoding: chunked",
            Error::LengthAndTransferEncoding,
        ),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 1",
            Error::LengthAndTransferEncoding,
        ),
        (
            "Content-Length: 1\r\nContent-Length: 2",
            Error::ContentLengthRepeated,
        ),
        (
            "Content-Length: 1\r\ncontent-length: 1",
            Error::ContentLengthRepeated,
        ),
        ("Content-Length:", Error::ContentLength),
        ("Content-Length: 1, 1", Error::ContentLength),
        ("Content-Length: +1", Error::ContentLength),
        ("Content-Length: -1", Error::ContentLength),
        ("Content-Length: 0x1", Error::ContentLength),
        ("Content-Length: 18446744073709551616", Error::ContentLength),
        ("Content-Length: 11", Error::BodyTooLarge),
        (
            "Transfer-Encoding: chunked, identity",
            Error::TransferEncoding,
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            Error::TransferEncoding,
        ),
        ("Transfer-Encoding:", Error::TransferEncoding),
        ("Transfer-Encoding: gzip", Error::TransferCodingUnknown),
        ("Transfer-Encoding: xchunked", Error::TransferCodingUnknown),
        ("Transfer-Encoding: \u{b}chunked", Error::HeaderValue),
        ("Expect: 200-ok", Error::Expectation),
    ];
    for (lines, error) in cases {
        assert_refused(&post(lines, ""), error);
    }
    let old = b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_refused(old, Error::TransferEncodingVersion);
}

#[test]
fn refuses_broken_chunks() {
    let cases = [
        ("z\r\n", Error::ChunkSize),
        ("\r\n", Error::ChunkSize),
        ("1\n", Error::ChunkSize),
        ("fffffffffffffffff\r\n", Error::ChunkSize),
        ("ffffffffffffffff\r\n01234567890", Error::BodyTooLarge),
        ("1\r\nab\r\n", Error::ChunkEnd),
        ("b\r\n01234567890\r\n", Error::BodyTooLarge),
        ("6\r\n012345\r\n5\r\n67890", Error::BodyTooLarge),
        ("0\r\n folded\r\n\r\n", Error::Trailer),
        ("1 \r\na\r\n0\r\n\r\n", Error::ChunkSize),
        ("1\r\na\r\n0 \r\n\r\n", Error::ChunkSize),
        ("1;a\nb\r\na\r\n0\r\n\r\n", Error::ChunkExtension),
        ("0\r\nno colon\r\n\r\n", Error::Trailer),
        ("0\r\na : b\r\n\r\n", Error::Trailer),
        ("0\r\na: b\n\r\n", Error::Trailer),
    ];
    for (behind, error) in cases {
        assert_refused(&post("Transfer-Encoding: chunked", behind), error);
    }
    // What exceeds a length is the next request, and has to look like one.
    assert_refused(&post("Content-Length: 1", "xx\r\n\r\n"), Error::RequestLine);
}

#[test]
fn refuses_broken_header_lines() {
    let cases = [
        ("Transfer-Encoding : chunked", Error::HeaderName),
        ("Transfer-Encoding\t: chunked", Error::HeaderName),
        ("A", Error::HeaderName),
        (": b", Error::HeaderName),
        ("A\u{e9}: b", Error::HeaderName),
        ("A\0: b", Error::HeaderName),
        ("A: b\0", Error::HeaderValue),
        ("A: b\u{7f}", Error::HeaderValue),
        ("A: b\r\n c", Error::LineFolding),
        ("A: b\r\n\tc: d", Error::LineFolding),
        ("A: b\nC: d", Error::LineEnding),
        ("A: b\rC: d", Error::LineEnding),
        ("A: b\r", Error::LineEnding),
        ("A: b\n", Error::LineEnding),
        ("\rA: b", Error::LineEnding),
    ];
    for (lines, error) in cases {
        assert_refused(&post(lines, ""), error);
    }
    assert_refused(b"GET / HTTP/1.0\r\n A: b\r\n\r\n", Error::LineFolding);
}

#[test]
fn refuses_doubtful_hosts() {
    for host in ["a, b", "a b", "a/b", "u@h", "h?", "h\u{e9}", "\"h\"", "<h>"] {
        let text = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_refused(text.as_bytes(), Error::Host);
    }
    assert_refused(&post("Host: h", ""), Error::HostRepeated);
    assert_refused(b"GET / HTTP/1.1\r\n\r\n", Error::HostMissing);
    assert_refused(b"GET http://h/ HTTP/1.1\r\n\r\n", Error::HostMissing);
    assert_refused(b"GET http://h/ HTTP/1.1\r\nHost: u@h\r\n\r\n", Error::Host);
}

#[test]
fn refuses_broken_request_lines() {
    let cases = [
        ("GET / HTTP/2.0", Error::Version),
        ("PRI * HTTP/2.0", Error::Version),
        ("GET / HTTP/1.2", Error::Version),
        ("GET / HTTP/0.9", Error::Version),
        ("GET / HTTP/11", Error::RequestLine),
        ("GET / HTTP/1.10", Error::RequestLine),
        ("GET / HTP/1.1", Error::RequestLine),
        ("GET / http/1.1", Error::RequestLine),
        ("GET /", Error::RequestLine),
        ("GET", Error::RequestLine),
        ("GET / HTTP/1.1 ", Error::RequestLine),
        ("GET  / HTTP/1.1", Error::RequestLine),
        ("GET /  HTTP/1.1", Error::RequestLine),
        ("GET / a HTTP/2.0", Error::RequestLine),
        ("GET / a HTTP/1.1", Error::RequestLine),
        ("GET\t/ HTTP/1.1", Error::RequestLine),
        ("GET /\0 HTTP/1.1", Error::RequestLine),
        ("G(T / HTTP/1.1", Error::RequestLine),
        (" GET / HTTP/1.1", Error::RequestLine),
        ("\u{16}\u{3}\u{1}", Error::RequestLine),
        ("GET / HTTP/1.1\nHost: h", Error::LineEnding),
        ("\nGET / HTTP/1.1", Error::LineEnding),
        ("\r\n\nGET / HTTP/1.1", Error::LineEnding),
        ("\rGET / HTTP/1.1", Error::LineEnding),
        ("GET * HTTP/1.1", Error::Target),
        ("CONNECT h:80 HTTP/1.1", Error::Target),
    ];
    for (line, error) in cases {
        assert_refused(format!("{line}\r\nHost: h\r\n\r\n").as_bytes(), error);
    }
}

#[test]
fn refuses_what_is_beyond_a_limit_and_nothing_before() {
    let accepted = |bytes: &[u8]| {
        for step in [bytes.len(), 1000] {
            let (seen, fault) = read(bytes.chunks(step), BODY_BYTES_MAX);
            assert_eq!((seen.len(), fault), (1, None));
        }
    };
    let padded = |bytes: usize| post(&format!("A: {}", "a".repeat(bytes)), "");
    let room = HTTP_HEAD_BYTES_MAX - padded(0).len();
    accepted(&padded(room));
    assert_refused(&padded(room + 1), Error::HeadTooLarge);

    let target = |bytes: usize| {
        let path = "a".repeat(bytes - 1);
        format!("GET /{path} HTTP/1.1\r\nHost: h\r\n\r\n")
    };
    accepted(target(HTTP_TARGET_BYTES_MAX).as_bytes());
    assert_refused(
        target(HTTP_TARGET_BYTES_MAX + 1).as_bytes(),
        Error::TargetTooLong,
    );
    assert_refused(target(HTTP_HEAD_BYTES_MAX).as_bytes(), Error::TargetTooLong);

    // Lines are bounded by their bytes alone.
    let headers = |count: usize| post("A:\r\n".repeat(count).trim_end(), "");
    let room = 1 + (HTTP_HEAD_BYTES_MAX - headers(1).len()) / "A:\r\n".len();
    for count in [HTTP_HEADERS_IN_PLACE - 1, HTTP_HEADERS_IN_PLACE, room] {
        accepted(&headers(count));
    }
    assert_refused(&headers(room + 1), Error::HeadTooLarge);
    let broken = String::from_utf8(headers(HTTP_HEADERS_IN_PLACE)).unwrap();
    let broken = broken.replace("A:\r\n\r\n", "A :\r\n\r\n");
    assert_refused(broken.as_bytes(), Error::HeaderName);

    accepted(&post("Content-Length: 10", "0123456789"));
    accepted(&post(
        "Transfer-Encoding: chunked",
        "a\r\n0123456789\r\n0\r\n\r\n",
    ));
}

#[test]
fn maps_faults_to_statuses() {
    let cases = [
        (Error::HostMissing, 400),
        (Error::TransferEncoding, 400),
        (Error::BodyTooLarge, 413),
        (Error::TargetTooLong, 414),
        (Error::Expectation, 417),
        (Error::HeadTooLarge, 431),
        (Error::TransferCodingUnknown, 501),
        (Error::Version, 505),
    ];
    for (error, status) in cases {
        assert_eq!(error.status(), status, "{error}");
    }
}
