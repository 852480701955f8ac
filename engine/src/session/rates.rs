//! How much the clients of sparks send: a column of moments by the slots of sparks, 16 bytes each,
//! which only a server has that bounds it. Who may not send now is **paused** until a moment.

use allspark_protocol::Instant;

use crate::config::{MessageRates, RatePolicy, given};
use crate::memory::kept;
use crate::net::Pace;
use crate::wheel::Wheel;

/// What all clients of a shard send.
pub(crate) struct Rates {
    messages: Option<Pace>,
    bytes: Option<Pace>,
    policy: RatePolicy,
    column: Vec<Paid>,
    /// When those who are paused may send again.
    paused: Wheel,
}

/// Until when everything is paid that a client has sent.
#[derive(Clone, Copy, Debug, Default)]
struct Paid {
    messages: Instant,
    bytes: Instant,
}

const _: () = assert!(size_of::<Paid>() == 16, "there is one for each spark");

/// What is to become of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It is taken.
    Taken,
    /// It is taken, and from now on nothing is until the moment that was set.
    Paused,
    /// It is too much, and not looked at.
    Dropped,
    /// It is too much, and its spark ends.
    Ended,
}

impl Rates {
    /// Nothing, if nothing is bounded.
    pub(crate) fn new(options: &MessageRates, now: Instant) -> Option<Box<Self>> {
        let burst_ms = options.burst_ms.get();
        let pace = |number| given(number).map(|per_s| Pace::new(per_s, burst_ms));
        options.is_on().then(|| {
            Box::new(Self {
                messages: pace(options.messages_per_s),
                bytes: pace(options.bytes_per_s),
                policy: options.policy,
                column: Vec::new(),
                paused: Wheel::new(now),
            })
        })
    }

    /// Has these options count from now on. Those who are paused go on in the next turn, and
    /// everybody begins anew.
    pub(crate) fn reconfigure(rates: &mut Option<Box<Self>>, options: &MessageRates, now: Instant) {
        let Some(old) = rates else {
            *rates = Self::new(options, now);
            return;
        };
        for index in 0..old.column.len() as u32 {
            if old.paused.is_set(index) {
                old.paused.set(index, now);
            }
        }
        old.column.clear();
        let pace = |number| given(number).map(|per_s| Pace::new(per_s, options.burst_ms.get()));
        old.messages = pace(options.messages_per_s);
        old.bytes = pace(options.bytes_per_s);
        old.policy = options.policy;
    }

    /// Whether nothing is bounded any more and nobody waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.messages.is_none() && self.bytes.is_none() && self.next_deadline().is_none()
    }

    /// A spark has this slot from now on.
    pub(crate) fn opened(&mut self, index: u32) {
        if let Some(paid) = self.column.get_mut(index as usize) {
            *paid = Paid::default();
        }
    }

    /// The spark of this slot is gone.
    pub(crate) fn closed(&mut self, index: u32) {
        self.paused.cancel(index);
    }

    /// A client sends a message of so many bytes. Where nobody may be judged, nothing is refused,
    /// but whoever has sent too much is paused.
    pub(crate) fn sends(
        &mut self,
        index: u32,
        now: Instant,
        bytes: usize,
        may_judge: bool,
    ) -> Sent {
        let (messages, byte_pace) = (self.messages, self.bytes);
        let place = index as usize;
        if self.column.len() <= place {
            self.column.resize(place + 1, Paid::default());
        }
        let paid = &mut self.column[place];
        let bytes = bytes as u64;
        let refuses = self.policy != RatePolicy::Pause && may_judge;
        let admits = |pace: Option<Pace>, paid, amount| {
            pace.is_none_or(|pace: Pace| pace.admits(paid, now, amount))
        };
        let is_admitted =
            admits(messages, paid.messages, 1) && admits(byte_pace, paid.bytes, bytes);
        if refuses && !is_admitted {
            return match self.policy {
                RatePolicy::End => Sent::Ended,
                RatePolicy::Pause | RatePolicy::Drop => Sent::Dropped,
            };
        }
        let pay = |pace: Option<Pace>, paid: &mut Instant, amount| {
            let pace = pace?;
            *paid = pace.pay(*paid, now, amount);
            pace.next(*paid, now)
        };
        let next = pay(messages, &mut paid.messages, 1);
        let next = next.max(pay(byte_pace, &mut paid.bytes, bytes));
        match next {
            // What is longer than a burst was let in whole.
            Some(next) if !refuses => {
                self.paused.set(index, next);
                Sent::Paused
            }
            _ => Sent::Taken,
        }
    }

    /// Whether the spark of this slot is paused.
    pub(crate) fn is_paused(&self, index: u32) -> bool {
        self.paused.is_set(index)
    }

    /// Fills `due` with slots whose sparks may send again, `count_max` at most. Returns whether
    /// these are all.
    pub(crate) fn expire(&mut self, now: Instant, count_max: usize, due: &mut Vec<u32>) -> bool {
        self.paused.expire(now, count_max, due)
    }

    /// When the next of them may.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.paused.next_deadline()
    }

    /// Gives back what a peak has left behind: who has sent nothing lately needs no entry.
    pub(crate) fn give_back(&mut self, now: Instant) {
        let is_settled = |paid: &Paid| paid.messages <= now && paid.bytes <= now;
        while self.column.pop_if(|paid| is_settled(paid)).is_some() {}
        if let Some(kept) = kept(self.column.len(), self.column.capacity()) {
            self.column.shrink_to(kept);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(messages: u64, bytes: u64, policy: RatePolicy) -> Box<Rates> {
        let options = MessageRates {
            messages_per_s: messages.try_into().unwrap(),
            bytes_per_s: bytes.try_into().unwrap(),
            burst_ms: 1_000_u64.try_into().unwrap(),
            policy,
        };
        Rates::new(&options, ms(0)).unwrap()
    }

    fn ms(ms: u64) -> Instant {
        Instant::from_ms(ms)
    }

    #[test]
    fn who_bounds_nothing_has_nothing() {
        assert!(Rates::new(&MessageRates::default(), ms(0)).is_none());
    }

    #[test]
    fn a_client_is_paused_until_it_has_paid() {
        let mut rates = rates(10, 0, RatePolicy::Pause);
        let mut due = Vec::new();
        for _ in 0..10 {
            assert_eq!(rates.sends(3, ms(0), 0, true), Sent::Taken);
        }
        assert_eq!(rates.sends(3, ms(0), 0, true), Sent::Paused);
        assert!(rates.is_paused(3) && !rates.is_paused(2));
        assert!(rates.expire(ms(99), 9, &mut due) && due.is_empty());
        assert!(rates.expire(ms(100), 9, &mut due) && due == [3]);
        assert!(!rates.is_paused(3));
        assert_eq!(rates.sends(2, ms(100), 0, true), Sent::Taken, "another one");
    }

    #[test]
    fn either_of_messages_and_bytes_may_be_too_much() {
        let mut rates = rates(10, 1_000, RatePolicy::Drop);
        let refused = Sent::Dropped;
        assert_eq!(rates.sends(0, ms(0), 900, true), Sent::Taken);
        assert_eq!(rates.sends(0, ms(0), 101, true), refused);
        assert_eq!(rates.sends(0, ms(0), 100, true), Sent::Taken);
        assert_eq!(rates.sends(0, ms(0), 5_000, true), refused);
        assert_eq!(rates.sends(0, ms(999), 5_000, true), refused);
        assert_eq!(rates.sends(0, ms(1_000), 5_000, true), Sent::Taken, "alone");
        assert_eq!(rates.sends(0, ms(5_999), 1_000, true), refused);
        for _ in 0..10 {
            assert_eq!(rates.sends(1, ms(0), 0, true), Sent::Taken);
        }
        assert_eq!(rates.sends(1, ms(0), 0, true), refused);
    }

    #[test]
    fn nobody_is_refused_where_nobody_may_be_judged() {
        let mut rates = rates(1, 0, RatePolicy::End);
        assert_eq!(rates.sends(0, ms(0), 0, true), Sent::Taken);
        assert_eq!(rates.sends(0, ms(0), 0, false), Sent::Paused);
        assert_eq!(rates.sends(0, ms(0), 0, true), Sent::Ended);
    }

    #[test]
    fn a_new_spark_in_a_slot_owes_nothing_and_a_peak_is_given_back() {
        let mut rates = rates(1, 0, RatePolicy::Pause);
        rates.sends(100_000, ms(0), 0, true);
        rates.sends(100_000, ms(0), 0, true);
        rates.closed(100_000);
        assert!(!rates.is_paused(100_000) && rates.next_deadline().is_none());
        rates.opened(100_000);
        assert_eq!(rates.sends(100_000, ms(0), 0, true), Sent::Taken);
        rates.give_back(ms(10_000));
        assert!(
            rates.column.capacity() < 10_000,
            "{}",
            rates.column.capacity()
        );
    }
}
