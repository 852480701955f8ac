//! Messages over HTTP, against this repository's own engine and against servers that break a rule.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use allspark_engine::io::DriverChoice;
use allspark_engine::{Handle, Json, Options, Primus, Response, Routes, Server};
use allspark_protocol::options::Bounded;
use allspark_transformers::{AnyTransformer, CommonOptions, TransformerKind};
use serde_json::Value;

use crate::{Run, found, lively, load_at};

/// Something is done to one of so many messages.
const MISTAKE_EVERY: u32 = 5;

/// How the server publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conduct {
    Right,
    Twice,
    Forgets,
    /// It says that it is busy.
    Refuses,
}

/// As much of `/api/v1` as a load needs.
struct Api {
    conduct: Conduct,
    primus: OnceLock<Handle>,
    published: AtomicU32,
}

impl Api {
    fn carry_out(&self, body: &[u8]) -> Response {
        let mut body: Value = serde_json::from_slice(body).unwrap();
        let commands = match body["commands"].take() {
            Value::Array(commands) => commands,
            _ => vec![body],
        };
        for command in commands {
            assert_eq!(command["to"]["all"], true);
            let data = Json(&command["data"]);
            let primus = self.primus.get().unwrap();
            let count = self.published.fetch_add(1, Ordering::Relaxed);
            match self.conduct {
                _ if count % MISTAKE_EVERY != 1 => primus.write(data).unwrap(),
                Conduct::Right => primus.write(data).unwrap(),
                Conduct::Twice => {
                    primus.write(data).unwrap();
                    primus.write(data).unwrap();
                }
                Conduct::Forgets => {}
                Conduct::Refuses => {
                    primus.write(data).unwrap();
                    return Response::text(503, "busy");
                }
            }
        }
        Response::json(200, "{\"ok\":true}".to_owned())
    }
}

fn start(conduct: Conduct) -> Server {
    let api: &'static Api = Box::leak(Box::new(Api {
        conduct,
        primus: OnceLock::new(),
        published: AtomicU32::new(0),
    }));
    let mut routes = Routes::new();
    for path in ["/api/v1/publish", "/api/v1/batch"] {
        let answer = move |request: &allspark_engine::RouteRequest<'_>| {
            let key = request.head().header("authorization");
            assert_eq!(key, Some("Bearer the-key"));
            api.carry_out(request.body()).into()
        };
        routes
            .add_with_body("POST", path, 1 << 20, answer)
            .expect("they differ");
    }
    let options = Options {
        routes: routes.into(),
        ..Options::default()
    };
    let any = AnyTransformer::new(TransformerKind::Any, &CommonOptions::default(), &[]).unwrap();
    let primus = Primus::new(options, any, Some(Bounded::of(2)), DriverChoice::Auto);
    assert!(api.primus.set(primus.handle()).is_ok());
    primus.start("127.0.0.1:0").unwrap()
}

fn publish(server: &Server, options: &[&str]) -> Run {
    let url = format!("http://{}", server.address());
    let scenario = ["--scenario", "publish", "--api-key", "the-key"];
    load_at(&url, &[&scenario, options].concat())
}

#[test]
fn what_is_published_over_http_reaches_everybody() {
    let server = start(Conduct::Right);
    for (publishers, batch, rate, transformer) in [
        ("1", "1", None, "websockets"),
        ("20", "1", None, "websockets"),
        ("2", "50", Some("40"), "websockets"),
        ("1", "1", Some("100"), "engine.io"),
    ] {
        let mut options = vec!["--clients=20", "--publishers", publishers, "--batch", batch];
        options.extend(["--transformer", transformer]);
        options.extend(rate.into_iter().flat_map(|rate| ["--rate", rate]));
        let is_enough = |run: &Run| {
            let report = &run.report["publish"];
            report["requests"].as_u64() > Some(0) && report["last_us"]["max"].as_f64() > Some(0.0)
        };
        let run = lively(is_enough, || publish(&server, &options));
        assert!(run.output.contains("has it in p50"), "{}", run.output);
    }
}

#[test]
fn each_mistake_with_what_is_published_is_found() {
    for (conduct, fault) in [
        (Conduct::Twice, "duplicated"),
        (Conduct::Forgets, "lost"),
        (Conduct::Refuses, "refused"),
    ] {
        let server = start(conduct);
        let run = found(fault, || {
            publish(&server, &["--clients=5", "--drain", "300ms"])
        });
        assert_eq!(run.code, 1, "{conduct:?} {}", run.complaints);
    }
}

#[test]
fn what_can_not_be_published_is_said_at_once() {
    let server = start(Conduct::Right);
    for (options, reason) in [
        (&["--publishers=0"][..], "at least 1"),
        (&["--clients=5", "--publishers=6"], "as many as"),
        (&["--batch=1001"], "1 to 1000"),
        (&["--parser=raw"], "JSON"),
        (&["--api-key=\n"], "header"),
    ] {
        let url = format!("http://{}", server.address());
        let scenario = ["--scenario", "publish"];
        let key: &[&str] = match options[0].starts_with("--api-key") {
            true => &[],
            false => &["--api-key", "the-key"],
        };
        let run = load_at(&url, &[&scenario, key, options].concat());
        assert!(
            run.code != 0 && run.complaints.contains(reason),
            "{}",
            run.complaints
        );
    }
}
