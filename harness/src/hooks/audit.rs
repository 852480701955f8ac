//! Judges what the application was told: every message of every client, in order, once or again
//! with the same id, between one connect and one disconnect.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::auditor::{Fault, Findings};

/// A request, as far as it matters.
#[derive(Deserialize)]
struct Request<'r> {
    #[serde(borrow)]
    events: Vec<Event<'r>>,
}

#[derive(Deserialize)]
struct Event<'r> {
    id: &'r str,
    event: &'r str,
    spark: &'r str,
    query: Option<&'r str>,
    data: Option<Said>,
}

/// What a client says.
#[derive(Deserialize)]
struct Said {
    client: u32,
    number: u64,
    at_us: u64,
}

/// Judges while it goes on.
pub(super) struct Audit {
    clock: Instant,
    state: Mutex<State>,
}

struct State {
    /// The last number of each lane.
    lanes: HashMap<String, u64>,
    clients: Vec<Client>,
    summary: Summary,
    /// While nothing happens to the application.
    steady: Option<Measured>,
    findings: Findings,
}

struct Measured {
    begun: Instant,
    messages: u64,
    requests: u64,
    latency_us: Histogram<u64>,
}

#[derive(Clone, Default)]
struct Client {
    spark: Option<String>,
    told: u64,
    has_ended: bool,
}

/// What the application was told in all.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Summary {
    pub(crate) messages: u64,
    pub(crate) connects: u64,
    pub(crate) disconnects: u64,
    pub(crate) requests: u64,
    /// Events that were told again, because a request or its answer was lost.
    pub(crate) again: u64,
}

/// What was measured while nothing happened to it.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Steady {
    pub(crate) per_s: f64,
    pub(crate) requests_per_s: f64,
    /// From the moment when a client wrote a message to the one when the application had it.
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p999_ms: f64,
    pub(crate) most_ms: f64,
}

impl Audit {
    pub(super) fn new(clients: u32) -> Self {
        Self {
            clock: Instant::now(),
            state: Mutex::new(State {
                lanes: HashMap::new(),
                clients: vec![Client::default(); clients as usize],
                summary: Summary::default(),
                steady: None,
                findings: Findings::default(),
            }),
        }
    }

    /// What the moments in messages count from.
    pub(super) fn clock(&self) -> Instant {
        self.clock
    }

    pub(super) fn connected(&self) -> u64 {
        self.summary().connects
    }

    pub(super) fn ended(&self) -> u64 {
        self.summary().disconnects
    }

    pub(super) fn told(&self) -> u64 {
        self.summary().messages
    }

    pub(super) fn summary(&self) -> Summary {
        self.lock().summary
    }

    pub(super) fn begin_steady(&self) {
        let latency_us = Histogram::new(3).expect("three digits are few");
        self.lock().steady = Some(Measured {
            begun: Instant::now(),
            messages: 0,
            requests: 0,
            latency_us,
        });
    }

    pub(super) fn end_steady(&self) -> Steady {
        let Some(measured) = self.lock().steady.take() else {
            return Steady::default();
        };
        let seconds = measured.begun.elapsed().as_secs_f64();
        let at = |quantile| measured.latency_us.value_at_quantile(quantile) as f64 / 1_000.0;
        Steady {
            per_s: measured.messages as f64 / seconds,
            requests_per_s: measured.requests as f64 / seconds,
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            most_ms: at(1.0),
        }
    }

    /// The application has got a request.
    pub(super) fn request(&self, body: &[u8]) {
        let now_us = self.clock.elapsed().as_micros() as u64;
        let request: Result<Request<'_>, _> = serde_json::from_slice(body);
        let mut state = self.lock();
        state.summary.requests += 1;
        match request {
            Ok(request) => {
                if let Some(steady) = &mut state.steady {
                    steady.requests += 1;
                }
                for event in &request.events {
                    state.event(event, now_us);
                }
            }
            Err(error) => state.findings.note(Fault::Corrupted, || error.to_string()),
        }
    }

    /// Judges what can be judged at the end only: whether everything was told that was sent.
    pub(super) fn judge(&self, sent: &[u64]) -> Findings {
        let mut state = self.lock();
        let mut findings = std::mem::take(&mut state.findings);
        for (number, (client, sent)) in state.clients.iter().zip(sent).enumerate() {
            let lost = sent.saturating_sub(client.told);
            if lost > 0 {
                findings.note_many(Fault::Lost, lost, || {
                    format!("client {number} sent {sent}, {} were told", client.told)
                });
            }
            if client.told > *sent {
                let example = || format!("client {number} sent {sent}");
                findings.note(Fault::Invented, example);
            }
            if client.spark.is_none() || !client.has_ended {
                let example = || format!("client {number} has no connect or no disconnect");
                findings.note(Fault::Miscounted, example);
            }
        }
        findings
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn event(&mut self, event: &Event<'_>, now_us: u64) {
        if self.is_told_again(event.id) {
            self.summary.again += 1;
            return;
        }
        match event.event {
            "connect" => self.connect(event),
            "message" => self.message(event, now_us),
            "disconnect" => self.disconnect(event),
            other => {
                let example = || format!("the event {other}");
                self.findings.note(Fault::Invented, example);
            }
        }
    }

    /// The events of a lane have ids that count.
    fn is_told_again(&mut self, id: &str) -> bool {
        let parts = id.rsplit_once('-');
        let Some((lane, number)) = parts.and_then(|(lane, n)| Some((lane, n.parse().ok()?))) else {
            let example = || format!("the id {id}");
            self.findings.note(Fault::Corrupted, example);
            return false;
        };
        let last = match self.lanes.get_mut(lane) {
            Some(last) => last,
            None => self.lanes.entry(lane.to_owned()).or_default(),
        };
        if number <= *last {
            return true;
        }
        if number != *last + 1 {
            let (last, missing) = (*last, number - *last - 1);
            self.findings
                .note_many(Fault::Lost, missing, || format!("{id} came behind {last}"));
        }
        *last = number;
        false
    }

    fn connect(&mut self, event: &Event<'_>) {
        self.summary.connects += 1;
        let query = event.query.unwrap_or_default();
        let number = query
            .strip_prefix("client=")
            .and_then(|text| text.parse::<usize>().ok());
        let client = number.and_then(|number| self.clients.get_mut(number));
        match client {
            Some(client) if client.spark.is_none() => client.spark = Some(event.spark.to_owned()),
            _ => {
                let example = || format!("a connect of {query}");
                self.findings.note(Fault::Miscounted, example);
            }
        }
    }

    fn message(&mut self, event: &Event<'_>, now_us: u64) {
        self.summary.messages += 1;
        let said = event.data.as_ref();
        let client = said.and_then(|said| self.clients.get_mut(said.client as usize));
        let (Some(said), Some(client)) = (said, client) else {
            let example = || format!("the message {}", event.id);
            return self.findings.note(Fault::Corrupted, example);
        };
        if client.spark.as_deref() != Some(event.spark) || client.has_ended {
            let example = || format!("a message of client {}, who is not there", said.client);
            self.findings.note(Fault::Misdelivered, example);
        }
        let expected = client.told + 1;
        if said.number != expected {
            let fault = match said.number > expected {
                true => Fault::Lost,
                false => Fault::Reordered,
            };
            let (client, number) = (said.client, said.number);
            let example = || format!("{number} instead of {expected} of client {client}");
            self.findings.note(fault, example);
        }
        client.told = client.told.max(said.number);
        if let Some(steady) = &mut self.steady {
            steady.messages += 1;
            steady
                .latency_us
                .saturating_record(now_us.saturating_sub(said.at_us));
        }
    }

    fn disconnect(&mut self, event: &Event<'_>) {
        self.summary.disconnects += 1;
        let mut clients = self.clients.iter_mut();
        let client = clients.find(|client| client.spark.as_deref() == Some(event.spark));
        match client {
            Some(client) if !client.has_ended => client.has_ended = true,
            _ => {
                let example = || format!("a disconnect of {}", event.spark);
                self.findings.note(Fault::Miscounted, example);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONNECT: &str = r#"{"id":"b-0-1","event":"connect","spark":"s","query":"client=0"}"#;
    const END: &str = r#"{"id":"b-0-4","event":"disconnect","spark":"s","reason":"gone"}"#;

    fn message(id: u64, number: u64) -> String {
        format!(
            r#"{{"id":"b-0-{id}","event":"message","spark":"s",
                "data":{{"client":0,"number":{number},"at_us":0,"pad":"xx"}}}}"#
        )
    }

    fn judged(events: &[&str], sent: u64) -> Vec<(Fault, u64)> {
        let audit = Audit::new(1);
        audit.request(format!(r#"{{"events":[{}]}}"#, events.join(",")).as_bytes());
        let found = audit.judge(&[sent]);
        found.found().collect()
    }

    #[test]
    fn what_is_right_is_right_and_may_be_told_again() {
        let (one, two) = (message(2, 1), message(3, 2));
        let all = [CONNECT, &one, &two, &one, &two, END, END];
        assert_eq!(judged(&all, 2), []);
    }

    #[test]
    fn what_is_wrong_is_found() {
        let (one, two) = (message(2, 1), message(3, 2));
        let skipped = message(3, 3);
        assert_eq!(
            judged(&[CONNECT, &one, END], 1),
            [(Fault::Lost, 1)],
            "a gap in ids"
        );
        assert_eq!(judged(&[CONNECT, &one, &two, END], 3), [(Fault::Lost, 1)]);
        assert_eq!(
            judged(&[CONNECT, &one, &skipped, END], 3),
            [(Fault::Lost, 1)]
        );
        let late = [CONNECT, &message(2, 2), &message(3, 1), END];
        assert_eq!(judged(&late, 2), [(Fault::Lost, 1), (Fault::Reordered, 1)]);
        assert_eq!(judged(&[CONNECT, &one, &two], 2), [(Fault::Miscounted, 1)]);
        assert_eq!(
            judged(&[CONNECT, &one, &two, END], 1),
            [(Fault::Invented, 1)]
        );
        assert_eq!(judged(&["7"], 0)[0].0, Fault::Corrupted);
    }
}
