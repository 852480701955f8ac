//! Spans on their way to a collector that a test plays.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use serde_json::Value as Json;

use super::context::Context;
use super::span::Span;
use super::*;
use crate::metrics::registry::Metrics;

const NEVER: Duration = Duration::from_secs(60);

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// What a collector was sent: the head of each request, and its body.
struct Collector {
    url: String,
    requests: Receiver<(String, Json)>,
}

impl Collector {
    /// Answers each request with the next status; after the last one it answers nobody.
    fn start(statuses: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let (sender, requests) = mpsc::channel();
        let statuses = statuses.to_vec();
        thread::spawn(move || {
            for status in statuses {
                let (mut stream, _) = listener.accept().unwrap();
                let request = read(&mut BufReader::new(&stream));
                let answer = "Content-Length: 0\r\nConnection: close\r\n\r\n";
                write!(stream, "HTTP/1.1 {status} X\r\n{answer}").unwrap();
                sender.send(request).unwrap();
            }
            let _silent = listener.accept();
            thread::sleep(NEVER);
        });
        Self { url, requests }
    }

    fn next(&self) -> (String, Vec<Json>) {
        let (head, body) = self.requests.recv_timeout(NEVER).unwrap();
        let spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"]
            .as_array()
            .unwrap();
        (head, spans.clone())
    }
}

fn read(stream: &mut impl BufRead) -> (String, Json) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(stream.read_line(&mut head).unwrap() > 0);
    }
    let lower = head.to_lowercase();
    let (_, length) = lower.split_once("content-length: ").unwrap();
    let length = length.split_once('\r').unwrap().0.parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (head, serde_json::from_slice(&body).unwrap())
}

struct Rig {
    tracer: Tracer,
    exporter: Exporter,
    metrics: Metrics,
}

impl Rig {
    fn new(url: &str, sample: f64, trusts_parents: bool) -> Self {
        let metrics = Metrics::default();
        let headers = vec![("Authorization".to_owned(), "Bearer x".to_owned())];
        let exporter = Exporter::start(&url.parse().unwrap(), headers, "chat", &metrics).unwrap();
        Self {
            tracer: Tracer::new(exporter.clone(), sample, trusts_parents),
            exporter,
            metrics,
        }
    }

    fn counted(&self, outcome: &str) -> u64 {
        self.metrics.counter(&export::SPANS, &[outcome]).get()
    }
}

#[test]
fn spans_arrive_as_a_collector_reads_them() {
    let collector = Collector::start(&[200]);
    let rig = Rig::new(&collector.url, 1.0, false);
    let parent = Context::parse(PARENT);
    let mut outer = rig.tracer.start("publish", parent);
    outer.set("allspark.rooms", 3_usize);
    outer.set("allspark.event", "a\n\"b");
    let mut inner = rig.tracer.start("hook", outer.context());
    inner.fail("it answered 500");
    let ids = [&inner, &outer].map(|span| span.context().unwrap().traceparent());
    drop((inner, outer));
    rig.exporter.flush(NEVER);
    let (head, spans) = collector.next();
    assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
    let head = head.to_lowercase();
    assert!(
        head.contains("content-type: application/json\r\n"),
        "{head}"
    );
    assert!(head.contains("authorization: bearer x\r\n"), "{head}");
    for (span, id) in spans.iter().zip(ids) {
        let (trace, own) = (&span["traceId"], &span["spanId"]);
        assert_eq!(*trace, "0af7651916cd43dd8448eb211c80319c");
        let id_of = format!(
            "00-{}-{}-01",
            trace.as_str().unwrap(),
            own.as_str().unwrap()
        );
        assert_eq!(id_of, id);
        let at = |name: &str| -> u64 { span[name].as_str().unwrap().parse().unwrap() };
        assert!(at("startTimeUnixNano") <= at("endTimeUnixNano"));
    }
    let (inner, outer) = (&spans[0], &spans[1]);
    assert_eq!(outer["parentSpanId"], "b7ad6b7169203331");
    assert_eq!(inner["parentSpanId"], outer["spanId"]);
    assert_eq!(
        (&inner["name"], &outer["name"]),
        (&"hook".into(), &"publish".into())
    );
    assert_eq!(inner["status"]["message"], "it answered 500");
    let expected = serde_json::json!([
        {"key": "allspark.rooms", "value": {"intValue": "3"}},
        {"key": "allspark.event", "value": {"stringValue": "a\n\"b"}},
    ]);
    assert_eq!(outer["attributes"], expected);
    assert_eq!((rig.counted("sent"), rig.counted("lost")), (2, 0));
}

#[test]
fn a_collector_that_fails_once_is_asked_again() {
    let collector = Collector::start(&[503, 200]);
    let rig = Rig::new(&collector.url, 1.0, false);
    drop(rig.tracer.start("connect", None));
    let (first, again) = (collector.next().1, collector.next().1);
    assert_eq!(first, again);
    rig.exporter.flush(NEVER);
    assert_eq!((rig.counted("sent"), rig.counted("lost")), (1, 0));
}

/// The exporter sits in a request that is never answered: who ends a span must not wait for it.
#[test]
fn a_collector_that_is_stuck_keeps_nobody_waiting_and_what_is_lost_is_counted() {
    let collector = Collector::start(&[]);
    let rig = Rig::new(&collector.url, 1.0, false);
    let made = 3 * 4096;
    for _ in 0..made {
        drop(rig.tracer.start("connect", None));
    }
    let lost = rig.counted("lost");
    // What waits, and the one batch that was taken out meanwhile.
    assert!((made - 4096 - 512..=made - 4096).contains(&lost), "{lost}");
    rig.exporter.flush(Duration::from_millis(1));
}

#[test]
fn who_is_sampled_is_decided_here_unless_parents_are_trusted() {
    let url = "http://127.0.0.1:9/v1/traces";
    let sampled = |rig: &Rig, parent| {
        let is_sampled = |span: Span| span.context().unwrap().is_sampled;
        (0..1000)
            .filter(|_| is_sampled(rig.tracer.start("connect", parent)))
            .count()
    };
    let foreign = Context::parse(PARENT);
    let unsampled = Context::parse(&PARENT.replace("-01", "-00"));
    let nobody = Rig::new(url, 0.0, false);
    assert_eq!((sampled(&nobody, None), sampled(&nobody, foreign)), (0, 0));
    let trusting = Rig::new(url, 0.0, true);
    assert_eq!(
        (sampled(&trusting, foreign), sampled(&trusting, unsampled)),
        (1000, 0)
    );
    let all = Rig::new(url, 1.0, false);
    assert_eq!(
        (sampled(&all, None), sampled(&all, unsampled)),
        (1000, 1000)
    );
    let own = nobody.tracer.start("connect", None).context();
    assert_eq!(sampled(&all, own), 0, "a child is what its parent is");
    let own = all.tracer.start("connect", foreign).context().unwrap();
    assert_eq!(own.trace, foreign.unwrap().trace);
    assert_ne!(own.span, foreign.unwrap().span);
}

#[test]
fn a_part_of_all_is_written_in_two_ways() {
    let read = |text: &str| text.parse::<options::Sample>().map(options::Sample::ratio);
    assert_eq!((read("1%"), read("0.01")), (Ok(0.01), Ok(0.01)));
    assert_eq!(
        (read("0"), read("100 %"), read("1")),
        (Ok(0.0), Ok(1.0), Ok(1.0))
    );
    assert!(
        ["", "2", "-1", "NaN", "inf", "101%"]
            .iter()
            .all(|text| read(text).is_err())
    );
}

#[test]
fn without_a_url_there_is_nothing() {
    let tracer = Tracer::default();
    let mut span = tracer.start("connect", Context::parse(PARENT));
    span.set("a", "b");
    span.fail("c");
    assert!(span.context().is_none());
}
