//! What of the options can change while a server runs.

use std::fmt;

use allspark_protocol::http::Cors;

use super::{
    AcceptPolicy, Count, CountAtLeastOne, HeadMax, MessageRates, MinRate, Options, PerAddress,
    PerSecond, SendPolicy, TimeoutMs,
};

/// The options that can change while a server runs. Each means what the field of [`Options`] of
/// this name does. Whoever is there stays: of what is new a spark is told nothing, and who holds
/// more than a bound allows is treated as if more had just come.
///
/// ```
/// fn close_the_door(primus: &allspark_engine::Handle) {
///     let mut options = primus.live_options();
///     options.sessions_max = 0_u64.try_into().expect("it may be none");
///     assert_eq!(primus.reconfigure(options), []);
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiveOptions {
    /// [`Options::send_queue_bytes_max`].
    pub send_queue_bytes_max: CountAtLeastOne,
    /// [`Options::send_policy`].
    pub send_policy: SendPolicy,
    /// [`Options::request_timeout_ms`]. Times that run already run on as they were.
    pub request_timeout_ms: TimeoutMs,
    /// [`Options::keep_alive_timeout_ms`]. Times that run already run on as they were.
    pub keep_alive_timeout_ms: TimeoutMs,
    /// [`Options::min_rate_bytes_per_s`].
    pub min_rate_bytes_per_s: MinRate,
    /// [`Options::head_bytes_max`].
    pub head_bytes_max: HeadMax,
    /// [`Options::connections_max`]. More than the server was started with take a restart.
    pub connections_max: CountAtLeastOne,
    /// [`Options::sessions_max`].
    pub sessions_max: Count,
    /// [`Options::memory_bytes_max`]; `None` for what it is by default.
    pub memory_bytes_max: Option<CountAtLeastOne>,
    /// [`per_address`](super::Admission::per_address). Where nobody was counted it takes a restart.
    pub per_address: PerAddress,
    /// [`accepts_per_s`](super::Admission::accepts_per_s).
    pub accepts_per_s: PerSecond,
    /// [`accept_policy`](super::Admission::accept_policy).
    pub accept_policy: AcceptPolicy,
    /// [`accepts_per_s_of_address`](super::Admission::accepts_per_s_of_address).
    pub accepts_per_s_of_address: PerSecond,
    /// [`handshakes_max`](super::Admission::handshakes_max).
    pub handshakes_max: CountAtLeastOne,
    /// [`requests_max`](super::Admission::requests_max).
    pub requests_max: CountAtLeastOne,
    /// [`Options::message_rates`]. Whoever is paused may send again.
    pub message_rates: MessageRates,
    /// [`per_spark_max`](crate::RoomOptions::per_spark_max).
    pub rooms_per_spark_max: usize,
    /// [`name_bytes_max`](crate::RoomOptions::name_bytes_max).
    pub room_name_bytes_max: usize,
    /// [`Options::cors`].
    pub cors: Cors,
}

impl Options {
    /// What of them can change while a server runs.
    pub fn live(&self) -> LiveOptions {
        let (admission, rooms) = (&self.admission, &self.rooms);
        LiveOptions {
            send_queue_bytes_max: self.send_queue_bytes_max,
            send_policy: self.send_policy,
            request_timeout_ms: self.request_timeout_ms,
            keep_alive_timeout_ms: self.keep_alive_timeout_ms,
            min_rate_bytes_per_s: self.min_rate_bytes_per_s,
            head_bytes_max: self.head_bytes_max,
            connections_max: self.connections_max,
            sessions_max: self.sessions_max,
            memory_bytes_max: self.memory_bytes_max,
            per_address: admission.per_address,
            accepts_per_s: admission.accepts_per_s,
            accept_policy: admission.accept_policy,
            accepts_per_s_of_address: admission.accepts_per_s_of_address,
            handshakes_max: admission.handshakes_max,
            requests_max: admission.requests_max,
            message_rates: self.message_rates,
            rooms_per_spark_max: rooms.per_spark_max,
            room_name_bytes_max: rooms.name_bytes_max,
            cors: self.cors.clone(),
        }
    }

    /// The same with these.
    pub(crate) fn with_live(&self, live: LiveOptions) -> Self {
        let mut options = self.clone();
        options.send_queue_bytes_max = live.send_queue_bytes_max;
        options.send_policy = live.send_policy;
        options.request_timeout_ms = live.request_timeout_ms;
        options.keep_alive_timeout_ms = live.keep_alive_timeout_ms;
        options.min_rate_bytes_per_s = live.min_rate_bytes_per_s;
        options.head_bytes_max = live.head_bytes_max;
        options.connections_max = live.connections_max;
        options.sessions_max = live.sessions_max;
        options.memory_bytes_max = live.memory_bytes_max;
        options.admission.per_address = live.per_address;
        options.admission.accepts_per_s = live.accepts_per_s;
        options.admission.accept_policy = live.accept_policy;
        options.admission.accepts_per_s_of_address = live.accepts_per_s_of_address;
        options.admission.handshakes_max = live.handshakes_max;
        options.admission.requests_max = live.requests_max;
        options.message_rates = live.message_rates;
        options.rooms.per_spark_max = live.rooms_per_spark_max;
        options.rooms.name_bytes_max = live.room_name_bytes_max;
        options.cors = live.cors;
        options
    }
}

/// What a server can be told only when it starts, although something else of its kind can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NeedsRestart {
    /// More connections than it was started with: its tables have no room for them.
    ConnectionsMax,
    /// A bound of the connections of an address where there was none: those that are there were
    /// not counted.
    PerAddress,
}

impl NeedsRestart {
    /// What of `wanted` a server that was started with these options can't be told. It is set to
    /// what is `current`.
    pub(crate) fn settle(
        started: &Options,
        current: &Options,
        wanted: &mut LiveOptions,
    ) -> Vec<Self> {
        let mut needed = Vec::new();
        if wanted.connections_max.get() > started.connections_max.get() {
            wanted.connections_max = current.connections_max;
            needed.push(Self::ConnectionsMax);
        }
        if started.admission.per_address.get() == 0 && wanted.per_address.get() > 0 {
            wanted.per_address = current.admission.per_address;
            needed.push(Self::PerAddress);
        }
        needed
    }
}

impl fmt::Display for NeedsRestart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConnectionsMax => "connections-max (more than it was started with)",
            Self::PerAddress => "connections-per-address (nobody was counted so far)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_change_is_taken_over_and_given_back() {
        let mut live = Options::default().live();
        live.sessions_max = 1_u64.try_into().unwrap();
        live.accept_policy = AcceptPolicy::Wait;
        live.rooms_per_spark_max = 3;
        live.memory_bytes_max = Some(5_u64.try_into().unwrap());
        let options = Options::default().with_live(live.clone());
        assert_eq!(options.live(), live);
        assert_eq!(options.rooms.wildcard, Options::default().rooms.wildcard);
    }

    #[test]
    fn what_takes_a_restart_stays_as_it_was() {
        let mut started = Options::default();
        started.admission.per_address = 0_u64.try_into().unwrap();
        let mut wanted = started.live();
        assert_eq!(
            NeedsRestart::settle(&started, &started, &mut wanted.clone()),
            []
        );
        wanted.connections_max = u64::MAX.try_into().unwrap();
        wanted.per_address = 1_u64.try_into().unwrap();
        let needed = NeedsRestart::settle(&started, &started, &mut wanted);
        assert_eq!(
            needed,
            [NeedsRestart::ConnectionsMax, NeedsRestart::PerAddress]
        );
        assert_eq!(wanted, started.live());
    }
}
