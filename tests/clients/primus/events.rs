//! Events as the npm client emits them: their arguments, as JSON.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use allspark_client::{Attempt, Event};
use allspark_protocol::Instant;
use serde_json::{Value, json};

/// When the clock of a client began, in ms since the Unix epoch.
pub(super) struct Clock(f64);

impl Clock {
    pub(super) fn now() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self(ms(now.expect("it is after 1970")))
    }

    fn epoch_ms(&self, moment: Instant) -> f64 {
        self.0 + ms(moment - Instant::ZERO)
    }
}

/// The arguments of an event; `None` if it is not one of the public events.
pub(super) fn args(event: &Event, clock: &Clock) -> Option<Vec<Value>> {
    let error = |message: &str| json!({ "message": message });
    Some(match event {
        Event::ReadyState(state) => vec![json!(state.name())],
        Event::Data(data) => {
            let value = data.parse::<Value>().expect("the client has checked it");
            vec![value, json!(data.text())]
        }
        Event::Error(reason) => vec![error(&reason.to_string())],
        Event::ReconnectScheduled(of) | Event::Reconnect(of) | Event::Reconnected(of) => {
            vec![attempt(of, clock)]
        }
        Event::ReconnectTimeout(of) => {
            let message = "Failed to reconnect in a timely manner";
            vec![error(message), attempt(of, clock)]
        }
        Event::ReconnectFailed(of) => vec![error("Unable to recover"), attempt(of, clock)],
        Event::Open
        | Event::Close
        | Event::End
        | Event::Timeout
        | Event::Offline
        | Event::Online
        | Event::Destroy => Vec::new(),
        _ => return None,
    })
}

/// As the module `recovery` has it. What is without limit is null.
fn attempt(attempt: &Attempt, clock: &Clock) -> Value {
    let limit = |duration: Duration| (duration < Duration::MAX).then(|| ms(duration));
    json!({
        "attempt": attempt.attempt,
        "retries": attempt.retries,
        "scheduled": ms(attempt.scheduled),
        "min": ms(attempt.min),
        "max": limit(attempt.max),
        "factor": attempt.factor,
        "start": clock.epoch_ms(attempt.start),
        "duration": ms(attempt.duration),
        "reconnect timeout": limit(attempt.reconnect_timeout),
    })
}

fn ms(duration: Duration) -> f64 {
    // One division of whole numbers: whole milliseconds stay whole.
    duration.as_nanos() as f64 / 1e6
}
