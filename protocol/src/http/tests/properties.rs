//! Properties over generated streams.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::super::{BodyFraming, Error, Response, ResponsePart, ResponseReader};
use super::{Seen, read};
use crate::Input;

const BODY_BYTES_MAX: usize = 300;

/// A request, and one way to write it down.
#[derive(Clone, Debug)]
struct Written {
    seen: Seen,
    bytes: Vec<u8>,
}

fn headers() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    vec(
        ("x-[a-zA-Z0-9!#]{1,8}", "([!-~]([ -~]{0,12}[!-~])?)?"),
        0..5,
    )
    .prop_map(|headers| {
        let into = |(name, value): (String, String)| (name, value.into_bytes());
        headers.into_iter().map(into).collect()
    })
}

/// The body as chunks of these sizes, with an extension or a trailer here and there.
fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (index, chunk) in body.chunks(size).enumerate() {
        let extension = ["", ";a=b", "; \"c\""][index % 3];
        bytes.extend(format!("{:x}{extension}\r\n", chunk.len()).bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n");
    bytes.extend(["", "X: y\r\n"][size % 2].bytes());
    bytes.extend(b"\r\n");
    bytes
}

fn request() -> impl Strategy<Value = Written> {
    let body = prop_oneof![Just(vec![]), vec(any::<u8>(), 0..BODY_BYTES_MAX)];
    let coding = prop_oneof![Just(None), (1usize..80).prop_map(Some)];
    let parts = (
        "[A-Z]{3,6}",
        "/[!-\"$-~]{0,20}",
        headers(),
        body,
        coding,
        0usize..2,
    );
    parts.prop_map(
        |(method, target, mut headers, body, chunk_size, empty_lines)| {
            headers.insert(0, ("Host".into(), b"example.org".to_vec()));
            let (name, value, coded) = match chunk_size {
                None => ("Content-Length", body.len().to_string(), body.clone()),
                Some(size) => ("transfer-encoding", "chunked".into(), chunked(&body, size)),
            };
            headers.push((name.into(), value.into_bytes()));
            let mut bytes = b"\r\n".repeat(empty_lines);
            bytes.extend(format!("{method} {target} HTTP/1.1\r\n").bytes());
            for (name, value) in &headers {
                bytes.extend([name.as_bytes(), b": ", value, b" \r\n"].concat());
            }
            bytes.extend(b"\r\n");
            bytes.extend(coded);
            let seen = Seen {
                method,
                target,
                headers,
                body,
            };
            Written { seen, bytes }
        },
    )
}

fn stream() -> impl Strategy<Value = (Vec<Seen>, Vec<u8>)> {
    vec(request(), 1..4).prop_map(|requests| {
        let bytes = requests.iter().flat_map(|r| r.bytes.clone()).collect();
        (requests.into_iter().map(|r| r.seen).collect(), bytes)
    })
}

/// Bytes that mean something in HTTP, so that a mutation hits a rule more often.
fn meaningful_byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        proptest::sample::select(b"\r\n\0 \t:;,?*/0a9Ghc".as_slice()),
        any::<u8>(),
    ]
}

#[derive(Clone, Debug)]
enum Mutation {
    Replace(u8),
    Insert(u8),
    Remove,
    Truncate,
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        4 => meaningful_byte().prop_map(Mutation::Replace),
        4 => meaningful_byte().prop_map(Mutation::Insert),
        4 => Just(Mutation::Remove),
        1 => Just(Mutation::Truncate),
    ]
}

fn mutate(bytes: &mut Vec<u8>, at: usize, mutation: &Mutation) {
    if bytes.is_empty() {
        return;
    }
    let at = at % bytes.len();
    match mutation {
        Mutation::Replace(byte) => bytes[at] = *byte,
        Mutation::Insert(byte) => bytes.insert(at, *byte),
        Mutation::Remove => {
            bytes.remove(at);
        }
        Mutation::Truncate => bytes.truncate(at),
    }
}

/// However the bytes are cut, the outcome is the same.
fn assert_cuts_do_not_matter(
    bytes: &[u8],
    cuts: &[usize],
) -> Result<(Vec<Seen>, Option<Error>), TestCaseError> {
    let whole = read([bytes], BODY_BYTES_MAX);
    prop_assert_eq!(&read(bytes.chunks(1), BODY_BYTES_MAX), &whole);
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.sort_unstable();
    let mut parts = Vec::new();
    let mut start = 0;
    for end in cuts.into_iter().chain([bytes.len()]) {
        parts.push(&bytes[start..end]);
        start = end;
    }
    prop_assert_eq!(&read(parts, BODY_BYTES_MAX), &whole);
    Ok(whole)
}

/// Runs are the same everywhere and every time, unless `PROPTEST_RNG_SEED` and `PROPTEST_CASES`
/// ask for others.
fn seeded(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(0x0a11_5ba2),
        ..ProptestConfig::default()
    }
}

proptest! {
    // Each case reads the stream as often as it has bytes.
    #![proptest_config(seeded(32))]

    #[test]
    fn a_stream_reads_the_same_split_at_every_position((expected, bytes) in stream()) {
        for cut in 0..=bytes.len() {
            let (first, second) = bytes.split_at(cut);
            let (seen, fault) = read([first, second], BODY_BYTES_MAX);
            prop_assert_eq!((&seen, fault), (&expected, None));
        }
    }
}

proptest! {
    #![proptest_config(seeded(2000))]

    #[test]
    fn a_damaged_stream_reads_the_same_in_many_pieces(
        (_, mut bytes) in stream(),
        mutations in vec((any::<usize>(), mutation()), 1..4),
        cuts in vec(any::<usize>(), 0..8),
    ) {
        for (at, mutation) in &mutations {
            mutate(&mut bytes, *at, mutation);
        }
        let (seen, _) = assert_cuts_do_not_matter(&bytes, &cuts)?;
        for request in seen {
            prop_assert!(request.body.len() <= BODY_BYTES_MAX);
        }
    }

    #[test]
    fn any_bytes_are_survived(
        bytes in vec(meaningful_byte(), 0..400),
        cuts in vec(any::<usize>(), 0..4),
    ) {
        assert_cuts_do_not_matter(&bytes, &cuts)?;
        let head = b"POST / HTTP/1.1\r\nHost:\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_cuts_do_not_matter(&[head, &bytes[..]].concat(), &cuts)?;
    }

    #[test]
    fn any_response_bytes_are_survived(
        bytes in vec(meaningful_byte(), 0..400),
        has_head in any::<bool>(),
    ) {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".as_bytes();
        let head = if has_head { head } else { b"" };
        let mut bytes = [head, &bytes].concat();
        let mut input = Input::new(&mut bytes);
        let mut reader = ResponseReader::default();
        while let Ok(Some(_)) = reader.next(&mut input, false) {}
    }
}

proptest! {
    #![proptest_config(seeded(256))]

    #[test]
    fn a_stream_reads_the_same_in_many_pieces(
        (expected, bytes) in stream(),
        cuts in vec(any::<usize>(), 0..20),
    ) {
        prop_assert_eq!(assert_cuts_do_not_matter(&bytes, &cuts)?, (expected, None));
    }

    #[test]
    fn a_response_reads_as_it_was_encoded(
        status in 200u16..1000,
        headers in headers(),
        body in vec(any::<u8>(), 0..100),
        keep_alive in any::<bool>(),
        head_only in any::<bool>(),
    ) {
        let mut response = Response::new(status).body("application/octet-stream", body.clone());
        for (name, value) in &headers {
            response = response.header(name, std::str::from_utf8(value).unwrap());
        }
        prop_assert_eq!(response.misuse(), None);
        let mut out = Vec::new();
        response.encode(&mut out, keep_alive, head_only);
        let mut input = Input::new(&mut out);
        let mut reader = ResponseReader::default();
        match reader.next(&mut input, head_only) {
            Ok(Some(ResponsePart::Head(head))) => {
                prop_assert_eq!((head.status(), head.keep_alive()), (status, keep_alive));
                prop_assert!(head.headers().zip(response.headers()).all(|(a, b)| a == b));
            }
            other => prop_assert!(false, "{:?}", other),
        }
        let is_bodiless = head_only || matches!(status, 204 | 304) || body.is_empty();
        if !is_bodiless {
            let data = reader.next(&mut input, head_only);
            prop_assert!(matches!(data, Ok(Some(ResponsePart::Data(data))) if *data == body));
        }
        prop_assert!(matches!(reader.next(&mut input, head_only), Ok(Some(ResponsePart::End))));
        prop_assert!(input.is_empty());
    }

    #[test]
    fn a_body_in_parts_reads_as_all_of_them(
        parts in vec(vec(any::<u8>(), 0..40), 0..6),
        framing in prop_oneof![Just(BodyFraming::Chunked), Just(BodyFraming::UntilClose)],
        step in 1usize..50,
    ) {
        let mut bytes = Vec::new();
        Response::new(200).encode_begin(&mut bytes, framing, true);
        for part in &parts {
            framing.push(&mut bytes, part);
        }
        framing.end(&mut bytes);
        let mut reader = ResponseReader::default();
        let (mut body, mut ends) = (Vec::new(), 0);
        for piece in bytes.chunks_mut(step) {
            let mut input = Input::new(piece);
            while let Some(part) = reader.next(&mut input, false).unwrap() {
                match part {
                    ResponsePart::Head(head) => {
                        prop_assert_eq!(head.keep_alive(), framing == BodyFraming::Chunked);
                    }
                    ResponsePart::Data(data) => body.extend_from_slice(data),
                    ResponsePart::End => ends += 1,
                }
            }
        }
        prop_assert_eq!(body, parts.concat());
        prop_assert_eq!(ends, usize::from(framing == BodyFraming::Chunked));
        prop_assert_eq!(reader.close(), Ok(()));
    }

    #[test]
    fn nothing_can_be_injected_into_a_response(name in any::<String>(), value in any::<String>()) {
        let mut out = Vec::new();
        Response::new(200).header(&name, &value).encode(&mut out, true, false);
        let mut reader = ResponseReader::default();
        match reader.next(&mut Input::new(&mut out), false) {
            Ok(Some(ResponsePart::Head(head))) => prop_assert!(head.headers().count() <= 3),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
