//! What the reader of requests takes, holds and leaves.

use super::super::{Error, Reader};
use super::read;
use crate::limits::{HTTP_EMPTY_LINES_MAX, HTTP_HEAD_BYTES_MAX};
use crate::{Input, Payload};

const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n";
const AWAITED: &[u8] =
    b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";

#[test]
fn a_request_in_one_piece_is_not_copied() {
    let text = b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody";
    let mut bytes = text.to_vec();
    let range = bytes.as_ptr_range();
    let mut input = Input::new(&mut bytes);
    let mut reader = Reader::new(10);
    let request = reader.next(&mut input).unwrap().unwrap();
    assert!(range.contains(&request.head.target().as_ptr()));
    assert!(matches!(request.body, Payload::Borrowed(body) if range.contains(&body.as_ptr())));
    assert_eq!(reader.held_bytes(), 0);
}

#[test]
fn bytes_behind_an_upgrade_stay_in_the_input() {
    for cut in 0..=UPGRADE.len() {
        let (first, second) = UPGRADE.split_at(cut);
        let mut first = first.to_vec();
        let mut second = [second, b"\x81\x85frame\r\n\r\n"].concat();
        let mut reader = Reader::new(10);
        let mut input = Input::new(&mut first);
        let is_complete = reader.next(&mut input).unwrap().is_some();
        assert_eq!(is_complete, cut == UPGRADE.len());
        let mut input = Input::new(&mut second);
        if !is_complete {
            let request = reader.next(&mut input).unwrap().unwrap();
            assert_eq!(request.head.header("upgrade"), Some("websocket"));
        }
        assert_eq!(input.peek(), b"\x81\x85frame\r\n\r\n", "cut at {cut}");
    }
}

#[test]
fn pipelined_requests_come_out_one_per_call() {
    let mut bytes = [GET, GET].concat();
    let mut input = Input::new(&mut bytes);
    let mut reader = Reader::new(0);
    assert!(reader.next(&mut input).unwrap().is_some());
    assert_eq!(input.peek(), GET);
    assert!(reader.next(&mut input).unwrap().is_some());
    assert!(reader.next(&mut input).unwrap().is_none());
}

#[test]
fn holds_nothing_between_requests() {
    let mut reader = Reader::new(10);
    let (first, second) = GET.split_at(9);
    let mut feed = |part: &[u8]| {
        let mut part = part.to_vec();
        let mut input = Input::new(&mut part);
        while reader.next(&mut input).unwrap().is_some() {}
        (reader.is_idle(), reader.held_bytes() == 0)
    };
    assert_eq!(feed(b""), (true, true));
    assert_eq!(feed(first), (false, false));
    assert_eq!(feed(second), (true, true));
    assert_eq!(
        feed(b"\r\n\r\n"),
        (true, true),
        "empty lines before a request"
    );
    assert_eq!(feed(b"\r"), (true, false), "half of an empty line");
    assert_eq!(feed(b"\n"), (true, true));
}

#[test]
fn is_idle_once_the_request_is_out() {
    let mut reader = Reader::new(10);
    for part in [&GET[..9], &GET[9..]] {
        let mut part = part.to_vec();
        reader.next(&mut Input::new(&mut part)).unwrap();
    }
    assert!(reader.is_idle());
}

#[test]
fn a_head_that_never_ends_is_bounded() {
    let mut reader = Reader::new(10);
    let mut fault = None;
    for part in std::iter::once(&b"GET / HTTP/1.1\r\n"[..]).chain([&b"A: aaaaaaaaaa\r\n"[..]; 2000])
    {
        let mut part = part.to_vec();
        match reader.next(&mut Input::new(&mut part)) {
            Ok(_) => {
                assert!(reader.held_bytes() < 2 * HTTP_HEAD_BYTES_MAX + 1024);
            }
            Err(error) => fault = fault.or(Some(error)),
        }
    }
    assert_eq!(fault, Some(Error::HeadTooLarge));
}

#[test]
fn a_fault_is_final() {
    let mut reader = Reader::new(10);
    let mut bytes = *b"GET / HTTP/1.1\r\n\r\n";
    let mut input = Input::new(&mut bytes);
    assert_eq!(reader.next(&mut input).map(|_| ()), Err(Error::HostMissing));
    let mut bytes = GET.to_vec();
    let mut input = Input::new(&mut bytes);
    assert_eq!(reader.next(&mut input).map(|_| ()), Err(Error::HostMissing));
    assert_eq!(input.peek(), GET);
    assert!(!reader.is_idle());
}

#[test]
fn says_once_that_the_peer_waits_to_be_told_to_continue() {
    for cut in [AWAITED.len(), 10] {
        let mut reader = Reader::new(10);
        for part in [&AWAITED[..cut], &AWAITED[cut..]] {
            assert!(!reader.take_continue());
            let mut part = part.to_vec();
            assert!(reader.next(&mut Input::new(&mut part)).unwrap().is_none());
            if cut == AWAITED.len() {
                break;
            }
        }
        assert!(reader.take_continue());
        assert!(!reader.take_continue());
        let mut body = *b"abc";
        let mut input = Input::new(&mut body);
        let request = reader.next(&mut input).unwrap().unwrap();
        assert!(request.head.expects_continue());
        assert_eq!(&*request.body, b"abc");
    }
}

#[test]
fn a_peer_that_does_not_wait_is_not_told_to_continue() {
    for body in [&b"a"[..], b"abc"] {
        let mut reader = Reader::new(10);
        let mut bytes = [AWAITED, body].concat();
        reader.next(&mut Input::new(&mut bytes)).unwrap();
        assert!(!reader.take_continue());
    }
    // A body that is refused is not asked for.
    let (_, fault) = read([AWAITED], 2);
    assert_eq!(fault, Some(Error::BodyTooLarge));
}

/// Who sends nothing but empty lines asks for nothing, however slowly they come.
#[test]
fn only_a_few_empty_lines_may_precede_a_request() {
    let empty = |lines: usize| b"\r\n".repeat(lines);
    let most = usize::from(HTTP_EMPTY_LINES_MAX);
    for step in [1, 2, 3, 64] {
        let fits = [empty(most), GET.to_vec(), empty(most), GET.to_vec()].concat();
        let (seen, fault) = read(fits.chunks(step), 0);
        assert_eq!((seen.len(), fault), (2, None), "by {step}");

        let (seen, fault) = read(empty(most + 1).chunks(step), 0);
        assert_eq!((seen.len(), fault), (0, Some(Error::EmptyLines)));
        let behind = [GET.to_vec(), empty(most + 1)].concat();
        let (seen, fault) = read(behind.chunks(step), 0);
        assert_eq!((seen.len(), fault), (1, Some(Error::EmptyLines)));
    }
}

/// What is asked for is the body alone: neither its frame nor a head is progress.
#[test]
fn tells_how_much_of_a_body_came_meanwhile() {
    let mut reader = Reader::new(100);
    let mut feed = |part: &[u8]| {
        let mut part = part.to_vec();
        let mut input = Input::new(&mut part);
        let complete = reader.next(&mut input).unwrap().is_some();
        (complete, reader.take_progress())
    };
    assert_eq!(feed(b"POST / HTTP/1.1\r\nHost: h\r\n"), (false, None));
    assert_eq!(
        feed(b"Transfer-Encoding: chunked\r\n\r\n5;x"),
        (false, Some(0))
    );
    assert_eq!(feed(b"\r\nab"), (false, Some(2)));
    assert_eq!(feed(b"cde\r\n1\r\nf"), (false, Some(4)));
    assert_eq!(feed(b"\r\n0\r\na: trailer\r\n"), (false, Some(0)));
    assert_eq!(feed(b"\r\n"), (true, None));
}

/// A peer that says how much will come is given no memory for it before it comes.
#[test]
fn a_claimed_length_costs_nothing() {
    let mut reader = Reader::new(1 << 30);
    let mut bytes = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999\r\n\r\nab".to_vec();
    assert!(reader.next(&mut Input::new(&mut bytes)).unwrap().is_none());
    assert!(reader.held_bytes() < 1024, "{}", reader.held_bytes());
}
