//! When clients come back: `clients schedules [--count N] [--seed S] [--min MS] [--max MS]
//! [--retries N] [--factor F]` has so many clients lose their server for good, and prints the
//! delays in milliseconds before each of their attempts, as a list of lists.
//!
//! tests/behaviours/schedules.test.js judges them.

use std::sync::Arc;
use std::time::Duration;

use allspark_client::core::{Client, ClientOptions, Event, Output, Outputs};
use allspark_protocol::Instant;
use allspark_protocol::primus::BackoffOptions;
use allspark_protocol::transformer::Link;

/// Prints the delays that the arguments ask for.
pub(crate) fn print(args: impl Iterator<Item = String>) {
    let request = Request::parse(args);
    let schedules: Vec<Vec<u64>> = (0..request.count)
        .map(|index| Procedure::new(&request.options, request.seed + index).run())
        .collect();
    println!("{}", serde_json::json!(schedules));
}

/// What is asked for.
struct Request {
    count: u64,
    seed: u64,
    options: Arc<ClientOptions>,
}

impl Request {
    fn parse(mut args: impl Iterator<Item = String>) -> Self {
        let (mut count, mut seed) = (10_000, 1);
        let mut reconnect = BackoffOptions::default();
        while let Some(name) = args.next() {
            let value = args.next().expect("a value for each option");
            let number = || value.parse().expect("a number");
            let millis = || Duration::from_millis(number());
            match name.as_str() {
                "--count" => count = number(),
                "--seed" => seed = number(),
                "--min" => reconnect.min = millis(),
                "--max" => reconnect.max = millis(),
                "--retries" => reconnect.retries = value.parse().expect("a number"),
                "--factor" => reconnect.factor = value.parse().expect("a number"),
                _ => panic!("unknown option {name}"),
            }
        }
        let options = ClientOptions {
            reconnect,
            ..ClientOptions::default()
        };
        Self {
            count,
            seed,
            options: Arc::new(options),
        }
    }
}

/// One client whose connections are refused, in virtual time.
struct Procedure {
    client: Client,
    now: Instant,
    out: Outputs,
    /// Milliseconds that were told before each attempt.
    delays_ms: Vec<u64>,
    /// The connection that the client waits for.
    link: Option<Link>,
}

impl Procedure {
    fn new(options: &Arc<ClientOptions>, seed: u64) -> Self {
        Self {
            client: Client::new(Arc::clone(options), seed),
            now: Instant::ZERO,
            out: Outputs::default(),
            delays_ms: Vec::new(),
            link: None,
        }
    }

    fn run(mut self) -> Vec<u64> {
        self.client.open(self.now, &mut self.out);
        self.take();
        while let Some(link) = self.link.take() {
            self.client.lost(self.now, link, &mut self.out);
            self.take();
            if self.client.is_reconnecting() {
                self.wait();
            }
        }
        assert!(self.client.is_idle(), "{:?}", self.client);
        self.delays_ms
    }

    /// Waits for the next attempt, which must come when it was told.
    fn wait(&mut self) {
        let deadline = self.client.deadline().expect("an attempt to come");
        let told = self.delays_ms.last().copied().map(Duration::from_millis);
        assert_eq!(Some(deadline - self.now), told);
        self.now = deadline;
        self.client.expired(self.now, &mut self.out);
        self.take();
    }

    fn take(&mut self) {
        for output in self.out.list() {
            match output {
                Output::Connect(link) => self.link = Some(*link),
                Output::Event(Event::ReconnectScheduled(attempt)) => {
                    let delay_ms = attempt.scheduled.as_millis();
                    self.delays_ms
                        .push(u64::try_from(delay_ms).expect("a time that comes"));
                }
                _ => {}
            }
        }
        self.out.clear();
    }
}
