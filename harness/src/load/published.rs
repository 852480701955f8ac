//! What a load does whose messages are published over HTTP.

use allspark_engine::io::{Completion, Driver};
use allspark_protocol::Instant;

use super::publish::{Asked, Publishers};
use super::runner::Runner;

/// Requests that are begun in one turn.
const REQUESTS_PER_TURN: usize = 512;

impl<D: Driver> Runner<D> {
    /// Connections that publish are made.
    pub(super) fn connect_publishers(&mut self) {
        if let Some(publishers) = &mut self.publishers {
            publishers.connect(&mut self.driver);
        }
    }

    pub(super) fn close_publishers(&mut self) {
        if let Some(publishers) = &mut self.publishers {
            publishers.close(&mut self.driver);
        }
    }

    /// Publishes what is due: at a rate, or whatever connections have their answers.
    pub(super) fn publish_due(&mut self) {
        let Some(mut publishers) = self.publishers.take() else {
            return;
        };
        for _ in 0..REQUESTS_PER_TURN {
            let Some(due) = self.traffic.take_due(self.now) else {
                break;
            };
            match publishers.take_ready() {
                Some(index) => self.ask(&mut publishers, index, due),
                None if self.traffic.has_pace() => self.traffic.skip(),
                None => break,
            }
        }
        self.publishers = Some(publishers);
    }

    /// Sends one request.
    fn ask(&mut self, publishers: &mut Publishers, index: u32, due: Instant) {
        let asked = Asked {
            due,
            now: self.now,
            begin: self.begin,
            receivers: self.auditor.live_count(),
            message_bytes: self.plan.message_bytes,
        };
        let (auditor, meter) = (&mut self.auditor, &mut self.meter);
        publishers.ask(index, asked, |sequence| {
            auditor.sent(index, sequence);
            meter.sent();
        });
    }

    /// Something happened to a connection that publishes.
    pub(super) fn publisher_completed(&mut self, completion: Completion) {
        if let Some(publishers) = &mut self.publishers {
            let told = publishers.complete(completion, self.now, &mut self.driver);
            if let Err((fault, why)) = told {
                self.auditor.note(fault, || why);
            }
        }
    }
}
