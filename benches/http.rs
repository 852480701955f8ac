//! What HTTP costs a polling client's message, and a handshake: reading a request where it lies or
//! in parts, finding what a transport asks of it, and writing an answer, whole or in chunks.
//!
//! Requests carry the headers of a browser. `httparse` alone, on which the reader is built, stands
//! beside it: the difference is what the reader refuses and keeps (see the invariants of
//! `protocol/src/http`). Not measured: what a transport does with a request (see `transformers`).

use std::hint::black_box;

use allspark_protocol::Input;
use allspark_protocol::http::{Reader, RequestHead, Response};
use allspark_protocol::websocket::handshake::Upgrade;
use criterion::{Criterion, criterion_group};

criterion_group! {
    name = benches;
    config = crate::config();
    targets = read, ask, answer, handshake
}

/// A poll as a browser makes it.
const POLL: &str = "GET /primus/?EIO=4&transport=polling&t=x7Gk2a1&sid=AAAAAAAAAAAAAAAAAAAAB \
    HTTP/1.1\r\nHost: spark.example:8080\r\nConnection: keep-alive\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/140.0.0.0 Safari/537.36\r\nAccept: */*\r\nReferer: http://spark.example/\r\n\
    Accept-Encoding: gzip, deflate\r\nAccept-Language: en-US,en;q=0.9\r\n";

/// What makes the poll a handshake.
const UPGRADE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

const BODY_BYTES_MAX: usize = 1 << 20;

fn read(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("http/read");
    let get = format!("{POLL}\r\n").into_bytes();
    let body = "x".repeat(200);
    let post = POLL.replacen("GET", "POST", 1) + "Content-Length: 200\r\n\r\n" + &body;
    let mut chunked = POLL.replacen("GET", "POST", 1) + "Transfer-Encoding: chunked\r\n\r\n";
    (0..4).for_each(|_| chunked += &format!("32\r\n{}\r\n", "x".repeat(50)));
    chunked += "0\r\n\r\n";
    for (name, request) in [
        ("get", get.clone()),
        ("post_200B", post.into_bytes()),
        ("post_200B_in_4_chunks", chunked.into_bytes()),
    ] {
        let mut bytes = request.clone();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                bytes.copy_from_slice(&request);
                assert_eq!(requests(&mut bytes, request.len()), 1);
            });
        });
    }
    let mut bytes = get.clone();
    group.bench_function("get_in_3_parts", |bencher| {
        bencher.iter(|| assert_eq!(requests(&mut bytes, get.len().div_ceil(3)), 1));
    });
    group.bench_function("get/httparse", |bencher| {
        bencher.iter(|| {
            let mut headers = [httparse::EMPTY_HEADER; 64];
            let mut request = httparse::Request::new(&mut headers);
            request.parse(black_box(&get)).is_ok()
        });
    });
    group.finish();
}

/// How many requests there are in bytes that come in parts.
fn requests(bytes: &mut [u8], part_bytes: usize) -> usize {
    let mut reader = Reader::new(BODY_BYTES_MAX);
    let mut count = 0;
    for part in bytes.chunks_mut(part_bytes) {
        let mut input = Input::new(part);
        while let Some(request) = reader.next(&mut input).expect("the request is sound") {
            black_box(&request);
            count += 1;
        }
    }
    count
}

/// What a transport asks of a head.
fn ask(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("http/ask");
    let bytes = format!("{POLL}\r\n");
    let head = RequestHead::parse(bytes.as_bytes()).expect("the request is sound");
    group.bench_function("last_of_the_query", |bencher| {
        bencher.iter(|| black_box(&head).query().get("sid").is_some());
    });
    group.bench_function("header_that_is_not_there", |bencher| {
        bencher.iter(|| black_box(&head).header("content-type").is_some());
    });
    group.finish();
}

fn answer(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("http/answer");
    let body = "x".repeat(200).into_bytes();
    let mut out = Vec::new();
    group.bench_function("whole_200B", |bencher| {
        bencher.iter(|| {
            out.clear();
            let response = Response::new(200).body("text/plain; charset=UTF-8", body.clone());
            response.encode(&mut out, true, false);
            black_box(&out).len()
        });
    });
    let framing = Response::new(200).framing(1, false);
    group.bench_function("chunk_200B", |bencher| {
        bencher.iter(|| {
            out.clear();
            framing.push(&mut out, black_box(&body));
            black_box(&out).len()
        });
    });
    group.finish();
}

/// A WebSocket's handshake: the checks, and the answer with its digest.
fn handshake(criterion: &mut Criterion) {
    let bytes = format!(
        "{}{UPGRADE}\r\n",
        POLL.replace("Connection: keep-alive\r\n", "")
    );
    let mut out = Vec::new();
    criterion.bench_function("http/handshake", |bencher| {
        bencher.iter(|| {
            out.clear();
            let head = RequestHead::parse(black_box(bytes.as_bytes()));
            let head = head.expect("the request is sound");
            let upgrade = Upgrade::check(&head).expect("the handshake is sound");
            upgrade.response().encode(&mut out, true, false);
            black_box(&out).len()
        });
    });
}
