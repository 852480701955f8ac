//! The state of a session in its client half, and the requests that follow from it.

use allspark_protocol::limits::BROWSERCHANNEL_CLIENT_CHUNK_UNITS;
use allspark_protocol::transformer::{ClientOutputs, End, Kind};
use allspark_protocol::{Dice, Instant};

use super::super::json;
use super::lane::{Flight, Lane};
use super::options::BrowserChannelClientOptions;
use super::outgoing::Outgoing;
use super::timing;
use crate::agent::{Agent, Part, RequestId};

/// A session as its client sees it.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) options: BrowserChannelClientOptions,
    /// Spreads what clients do over time, and keeps caches from answering. Nothing of it is a
    /// secret: the session's name comes from the server.
    pub(super) dice: Dice,
    pub(super) phase: Phase,
    pub(super) session_id: String,
    /// The number of the next request of the forward channel.
    pub(super) next_request: u64,
    /// The number of the last array that came; -1 for none.
    pub(super) last_array: i64,
    pub(super) outgoing: Outgoing,
    pub(super) forward: Lane,
    pub(super) back: Lane,
    pub(super) goodbye: Option<RequestId>,
    /// When the client stops waiting for arrays that the server has sent.
    arrival_until: Option<Instant>,
    /// When the client stops waiting for the answer to its goodbye.
    goodbye_until: Option<Instant>,
    /// The end that is reported after the goodbye.
    end: Option<End>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The first request is under way.
    Opening,
    Open,
    /// What was written is sent, then the goodbye.
    Closing,
    Over,
}

const REFUSED: &str = "the server refused a request";
const UNREACHABLE: &str = "the server cannot be reached";
const UNKNOWN_SESSION: &str = "the server does not know the session";
const BAD_CHUNK: &str = "the back channel brought what is no chunk of arrays";
const MISSING_ARRAY: &str = "an array of the server is missing";
const TOO_LONG: &str = "a message is too long";

/// Bytes kept of an answer that is no chunk: enough for the package's errors.
const ERROR_BYTES_MAX: usize = 4096;

impl Channel {
    pub(super) fn new(options: BrowserChannelClientOptions) -> Self {
        let mut dice = Dice::new(options.seed);
        Self {
            options,
            // A random beginning, as in the package.
            next_request: dice.below(100_000),
            dice,
            phase: Phase::Opening,
            session_id: String::new(),
            last_array: -1,
            outgoing: Outgoing::default(),
            forward: Lane::default(),
            back: Lane::default(),
            goodbye: None,
            arrival_until: None,
            goodbye_until: None,
            end: None,
        }
    }

    pub(super) fn session_id(&self) -> Option<&str> {
        Some(self.session_id.as_str()).filter(|id| !id.is_empty())
    }

    /// Makes the request that makes the session.
    pub(super) fn start(&mut self, agent: &mut Agent, now: Instant, out: &mut ClientOutputs) {
        self.post(agent, now, out);
        self.go_on(agent, now, out);
    }

    pub(super) fn send(&mut self, kind: Kind, payload: &[u8]) {
        if self.phase == Phase::Open {
            self.outgoing.push(kind, payload);
        }
    }

    pub(super) fn close(&mut self, now: Instant) {
        if self.end.is_none() {
            self.say_goodbye(End::Goodbye, now);
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        if self.phase == Phase::Over {
            return None;
        }
        let lanes = [&self.forward, &self.back].map(Lane::deadline);
        let others = [self.arrival_until, self.goodbye_until];
        lanes.into_iter().chain(others).flatten().min()
    }

    /// Aborts the requests that take too long.
    pub(super) fn expired(&mut self, agent: &mut Agent, now: Instant, out: &mut ClientOutputs) {
        if self.goodbye_until.is_some_and(|at| at <= now) {
            self.phase = Phase::Over;
            return;
        }
        if let Some(flight) = self.forward.take_late(now) {
            agent.abort(flight.id, out);
            self.forward_failed(now);
        }
        let late = match self.arrival_until.take_if(|at| *at <= now) {
            Some(_) => self.back.flight.take(),
            None => self.back.take_late(now),
        };
        if let Some(flight) = late {
            agent.abort(flight.id, out);
            self.back_failed(now);
        }
    }

    /// A part of an answer has come.
    pub(super) fn part(
        &mut self,
        id: RequestId,
        part: Part<'_>,
        now: Instant,
        out: &mut ClientOutputs,
    ) {
        let ends = matches!(part, Part::End | Part::Failed(_));
        if self.goodbye == Some(id) {
            if ends {
                self.phase = Phase::Over;
            }
            return;
        }
        let is_back = self.back.is(id);
        let lane = if is_back {
            &mut self.back
        } else {
            &mut self.forward
        };
        let Some(flight) = lane.flight.as_mut().filter(|flight| flight.id == id) else {
            return;
        };
        match part {
            Part::Head(head) => flight.status = head.status(),
            Part::Data(data) => {
                flight.body.push(data);
                if is_back {
                    flight.until = now + timing::SILENCE;
                    self.arrival_until = None;
                }
                self.read(is_back, now, out);
            }
            Part::End => self.ended(is_back, now),
            Part::Failed(_) => {
                lane.flight = None;
                self.failed(is_back, now);
            }
        }
    }

    /// Makes the requests that can be made now, or ends.
    pub(super) fn go_on(&mut self, agent: &mut Agent, now: Instant, out: &mut ClientOutputs) {
        let is_closing = self.phase == Phase::Closing;
        if is_closing && let Some(flight) = self.back.flight.take() {
            agent.abort(flight.id, out);
        }
        if matches!(self.phase, Phase::Open | Phase::Closing) && self.forward.is_ready(now) {
            if !self.outgoing.is_empty() && !self.session_id.is_empty() {
                self.post(agent, now, out);
            } else if is_closing && self.goodbye.is_none() {
                self.terminate(agent, out);
            }
        }
        if self.phase == Phase::Open && self.back.is_ready(now) {
            self.open_back_channel(agent, now, out);
        }
        if self.phase == Phase::Over
            && let Some(end) = self.end.take()
        {
            let flights = [self.forward.flight.take(), self.back.flight.take()];
            let ids = flights.into_iter().flatten().map(|flight| flight.id);
            ids.chain(self.goodbye).for_each(|id| agent.abort(id, out));
            agent.close(out);
            out.ended(end);
        }
    }

    /// Reads the chunks that have arrived completely.
    fn read(&mut self, is_back: bool, now: Instant, out: &mut ClientOutputs) {
        let has_arrays = is_back || self.session_id.is_empty();
        loop {
            let lane = if is_back {
                &mut self.back
            } else {
                &mut self.forward
            };
            let Some(flight) = &mut lane.flight else {
                return;
            };
            if flight.status != 200 || !has_arrays {
                // It is looked at when it is complete.
                if flight.body.len() > ERROR_BYTES_MAX {
                    self.fail(REFUSED);
                }
                return;
            }
            let units_max = self.options.message_bytes_max;
            let units_max = units_max.saturating_mul(6) + BROWSERCHANNEL_CLIENT_CHUNK_UNITS;
            let result = match flight.body.next(units_max) {
                Ok(None) => return,
                Ok(Some(chunk)) => {
                    flight.is_of_use = true;
                    self.read_arrays(&chunk, now, out)
                }
                Err(_) => Err(BAD_CHUNK),
            };
            if let Err(reason) = result {
                return self.fail(reason);
            }
        }
    }

    fn read_arrays(
        &mut self,
        chunk: &[u8],
        now: Instant,
        out: &mut ClientOutputs,
    ) -> Result<(), &'static str> {
        let is_valid = str::from_utf8(chunk).is_ok() && json::is_valid(chunk);
        let arrays = json::elements(chunk)
            .filter(|_| is_valid)
            .ok_or(BAD_CHUNK)?;
        for array in arrays {
            let mut parts = json::elements(array).ok_or(BAD_CHUNK)?;
            let (Some(number), Some(data), None) = (parts.next(), parts.next(), parts.next())
            else {
                return Err(BAD_CHUNK);
            };
            let number = str::from_utf8(number)
                .ok()
                .and_then(|n| n.parse::<i64>().ok());
            let number = number.ok_or(BAD_CHUNK)?;
            if number <= self.last_array {
                // The array has come before, and the server did not know that.
                continue;
            }
            if number != self.last_array + 1 {
                return Err(MISSING_ARRAY);
            }
            self.last_array = number;
            self.back.failures = 0;
            self.array(data, now, out)?;
        }
        Ok(())
    }

    fn array(
        &mut self,
        data: &[u8],
        now: Instant,
        out: &mut ClientOutputs,
    ) -> Result<(), &'static str> {
        let mut elements = json::elements(data).into_iter().flatten();
        let word = elements.next().and_then(json::text);
        match word.as_deref() {
            Some(b"c") if self.session_id.is_empty() => {
                let id = elements.next().and_then(json::text).ok_or(BAD_CHUNK)?;
                self.session_id = String::from_utf8_lossy(&id).into_owned();
                if self.phase == Phase::Opening {
                    self.phase = Phase::Open;
                    out.open();
                }
            }
            Some(b"stop") => {
                self.outgoing.clear();
                self.say_goodbye(End::Goodbye, now);
            }
            Some(b"noop") => {}
            _ if self.phase == Phase::Open => {
                let (kind, message) = json::message(data);
                if message.len() > self.options.message_bytes_max {
                    return Err(TOO_LONG);
                }
                out.message(kind, &message);
            }
            _ => {}
        }
        Ok(())
    }

    /// The answer to a request is complete.
    fn ended(&mut self, is_back: bool, now: Instant) {
        let lane = if is_back {
            &mut self.back
        } else {
            &mut self.forward
        };
        let Some(flight) = lane.flight.take() else {
            return;
        };
        if flight.status != 200 {
            let is_unknown = flight.status == 400 && flight.body.contains("Unknown SID");
            return self.fail(if is_unknown { UNKNOWN_SESSION } else { REFUSED });
        }
        if is_back && flight.is_of_use && !flight.body.is_partial() {
            lane.failures = 0;
        } else if is_back {
            self.back_failed(now);
        } else if flight.is_of_use && !self.session_id.is_empty() {
            // It was the first request. Messages that `send` took since then were not in it.
            self.forward.failures = 0;
        } else if self.session_id.is_empty() {
            self.fail(BAD_CHUNK);
        } else {
            self.forward_ended(flight, now);
        }
    }

    /// A request of the forward channel was answered with what the server knows of the back
    /// channel.
    fn forward_ended(&mut self, mut flight: Flight, now: Instant) {
        let status = flight.body.next(ERROR_BYTES_MAX).ok().flatten();
        let Some([has_back_channel, last, bytes]) = status.and_then(|status| numbers(&status))
        else {
            return self.fail(REFUSED);
        };
        self.forward.failures = 0;
        self.outgoing.confirm();
        let has_outstanding = last > self.last_array && (bytes as u64) < timing::ARRIVAL_BYTES;
        if has_back_channel == 0 {
            let is_older = |back: &Flight| back.started + timing::MISSING < flight.started;
            if self.back.flight.as_ref().is_some_and(is_older) {
                // The connection is dead, and nobody has told us.
                self.arrival_until = Some(now);
            }
        } else if has_outstanding && self.options.streaming && self.arrival_until.is_none() {
            self.arrival_until = Some(now + timing::ARRIVAL);
        }
    }

    fn failed(&mut self, is_back: bool, now: Instant) {
        match is_back {
            true => self.back_failed(now),
            false => self.forward_failed(now),
        }
    }

    fn forward_failed(&mut self, now: Instant) {
        if self.session_id.is_empty() || self.forward.failures >= timing::FORWARD_RETRIES {
            return self.fail(UNREACHABLE);
        }
        // The same number again: the server may have had it.
        self.next_request -= 1;
        self.forward.fail(&mut self.dice, now);
    }

    fn back_failed(&mut self, now: Instant) {
        self.arrival_until = None;
        if self.back.failures >= timing::BACK_RETRIES {
            return self.fail(UNREACHABLE);
        }
        self.back.fail(&mut self.dice, now);
    }

    /// Ends at once.
    pub(super) fn fail(&mut self, reason: &'static str) {
        if self.phase != Phase::Over {
            self.end.get_or_insert(End::Violation(reason));
            self.phase = Phase::Over;
        }
    }

    fn say_goodbye(&mut self, end: End, now: Instant) {
        if self.phase != Phase::Over {
            self.phase = Phase::Closing;
            self.end = Some(end);
            self.goodbye_until.get_or_insert(now + timing::GOODBYE);
        }
    }
}

/// Reads `[1,2,3]`.
fn numbers(status: &[u8]) -> Option<[i64; 3]> {
    let mut elements = json::elements(status).filter(|_| json::is_valid(status))?;
    let mut number = || str::from_utf8(elements.next()?).ok()?.parse().ok();
    let numbers = [number()?, number()?, number()?];
    elements.next().is_none().then_some(numbers)
}
