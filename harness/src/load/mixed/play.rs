//! Does what clients of a mixed load are to do.

use allspark_engine::io::Driver;
use allspark_protocol::Instant;

use super::whereabouts::Whereabouts;
use super::{Mixed, MixedReport, Role};
use crate::load::client::State;
use crate::load::runner::Runner;
use crate::workload::pace::Pace;

/// Messages that are sent in one turn.
const MESSAGES_PER_TURN: u32 = 512;

/// Clients that do something to their connections in one turn.
const DISTURBANCES_PER_TURN: u32 = 512;

/// Until a client is looked at again that has to wait for something.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(10);

impl Mixed {
    /// The next client whose message is due, and since when.
    fn take_sender(&mut self, now: Instant) -> Option<(u32, Instant)> {
        let senders = self.cast.senders();
        let client = *senders.get(self.next_sender)?;
        let due = self
            .pace
            .as_mut()
            .and_then(|pace: &mut Pace| pace.take_due(now))?;
        self.next_sender = (self.next_sender + 1) % senders.len();
        Some((client, due))
    }

    /// The next client that is to do something to its connection.
    fn take_disturber(&mut self, now: Instant) -> Option<u32> {
        self.alarms.take_one(now)
    }

    /// A client has a connection.
    pub(in crate::load) fn opened(&mut self, client: u32, now: Instant) {
        if self.whereabouts[client as usize] == Whereabouts::Returning {
            self.whereabouts[client as usize] = Whereabouts::Here;
            self.away -= 1;
            self.report.returned += 1;
            self.disturb_later(client, now);
        }
    }

    /// A client could not connect, or its connection broke: it stays away.
    pub(in crate::load) fn broke(&mut self, client: u32) {
        let whereabouts = &mut self.whereabouts[client as usize];
        match std::mem::replace(whereabouts, Whereabouts::Here) {
            Whereabouts::Leaving | Whereabouts::Away | Whereabouts::Returning => self.away -= 1,
            Whereabouts::Here | Whereabouts::Parting => {}
        }
        self.unread.0.remove(&client);
    }

    /// A client's goodbye was answered.
    pub(in crate::load) fn left(&mut self, client: u32, now: Instant) {
        if self.whereabouts[client as usize] == Whereabouts::Leaving {
            self.come_back_later(client, now);
        }
    }

    fn come_back_later(&mut self, client: u32, now: Instant) {
        self.whereabouts[client as usize] = Whereabouts::Away;
        let delay = self.around(client, self.plan.away);
        self.alarms.set(now + delay, client);
    }

    /// The number of a client as a sender, and whether its messages are for everyone.
    pub(in crate::load) fn sender_of(&self, client: u32) -> (u32, bool) {
        let is_for_all = self.role(client) == Role::Publish;
        (self.cast.sender_of(client), is_for_all)
    }
}

impl<D: Driver> Runner<D> {
    /// Traffic begins.
    pub(in crate::load) fn begin_mixed(&mut self) {
        let Some(mixed) = &mut self.mixed else { return };
        mixed.begin(self.now);
        for client in 0..self.plan.clients {
            if mixed.role(client) == Role::Stall {
                self.auditor.exempt_from_heartbeats(client);
            }
        }
    }

    /// Sends the messages that are due.
    pub(in crate::load) fn send_mixed(&mut self) {
        for _ in 0..MESSAGES_PER_TURN {
            let now = self.now;
            let Some((client, due)) = self.mixed.as_mut().and_then(|mixed| mixed.take_sender(now))
            else {
                return;
            };
            let is_open = self.fleet.client(client).state == State::Open;
            if !is_open || self.whereabouts(client) != Some(Whereabouts::Here) {
                continue;
            }
            if self.is_stalled(client) {
                self.traffic.skip();
            } else {
                let sender = self
                    .mixed
                    .as_ref()
                    .map_or(0, |mixed| mixed.sender_of(client).0);
                self.send_from(client, sender, due);
            }
        }
    }

    /// Lets clients do what is due to their connections. When traffic is over they only come back.
    pub(in crate::load) fn disturb(&mut self) {
        for _ in 0..DISTURBANCES_PER_TURN {
            let now = self.now;
            let due = self
                .mixed
                .as_mut()
                .and_then(|mixed| mixed.take_disturber(now));
            let Some(client) = due else { return };
            self.disturb_one(client);
        }
    }

    /// Traffic is over: everybody reads again, and who is about to leave stays.
    pub(in crate::load) fn calm_down(&mut self) {
        let Some(mixed) = &mut self.mixed else { return };
        for whereabouts in &mut mixed.whereabouts {
            if *whereabouts == Whereabouts::Parting {
                *whereabouts = Whereabouts::Here;
            }
        }
        let unread: Vec<u32> = mixed.unread.0.keys().copied().collect();
        for client in unread {
            self.read_again(client);
        }
    }

    fn whereabouts(&self, client: u32) -> Option<Whereabouts> {
        let mixed = self.mixed.as_ref();
        mixed.map(|mixed| mixed.whereabouts[client as usize])
    }

    fn disturb_one(&mut self, client: u32) {
        let Some(mixed) = &mut self.mixed else { return };
        let is_open = self.fleet.client(client).state == State::Open;
        match mixed.whereabouts[client as usize] {
            Whereabouts::Away => self.come_back(client),
            Whereabouts::Leaving | Whereabouts::Returning => {}
            Whereabouts::Here | Whereabouts::Parting if !is_open => {}
            _ if mixed.unread.0.contains_key(&client) => {
                mixed.disturb_later(client, self.now);
                self.read_again(client);
            }
            _ if !self.phase.has_traffic() => {}
            Whereabouts::Parting => self.part(client),
            Whereabouts::Here => match mixed.role(client) {
                Role::Stall => self.stop_reading(client),
                Role::Vanish => self.vanish(client),
                Role::Reconnect => self.part(client),
                Role::Publish | Role::Echo | Role::Idle => {}
            },
        }
    }

    /// A client drops its connection without a word.
    fn vanish(&mut self, client: u32) {
        let Some(mixed) = &mut self.mixed else { return };
        mixed.report.vanished += 1;
        mixed.away += 1;
        mixed.come_back_later(client, self.now);
        self.auditor.excused(client);
        self.close(client);
    }

    /// A client says goodbye as soon as it has got everything of its own.
    fn part(&mut self, client: u32) {
        let Some(mixed) = &mut self.mixed else { return };
        if !self.auditor.has_own(client) {
            mixed.whereabouts[client as usize] = Whereabouts::Parting;
            return mixed.alarms.set(self.now + LOOK_AGAIN, client);
        }
        mixed.whereabouts[client as usize] = Whereabouts::Leaving;
        mixed.report.left += 1;
        mixed.away += 1;
        self.auditor.parted(client, self.now);
        self.say_goodbye(client);
    }

    fn come_back(&mut self, client: u32) {
        let Some(mixed) = &mut self.mixed else { return };
        if self.fleet.client(client).state != State::Gone {
            // The driver is not done with the last connection.
            return mixed.alarms.set(self.now + LOOK_AGAIN, client);
        }
        mixed.whereabouts[client as usize] = Whereabouts::Returning;
        self.fleet.begin_again(client, true);
        self.connect(client);
    }

    /// A client does not read for a while.
    fn stop_reading(&mut self, client: u32) {
        let cables = self.stop_receiving(client);
        let Some(mixed) = &mut self.mixed else { return };
        mixed.report.stalls += 1;
        mixed.unread.0.insert(client, cables);
        let delay = mixed.around(client, mixed.plan.stall);
        mixed.alarms.set(self.now + delay, client);
    }

    /// A client reads again, if it still has its connection.
    fn read_again(&mut self, client: u32) {
        let mixed = self.mixed.as_mut();
        if let Some(cables) = mixed.and_then(|mixed| mixed.unread.0.remove(&client)) {
            self.receive_again(client, &cables);
        }
    }

    /// What a mixed load has shown.
    pub(in crate::load) fn mixed_report(&self) -> Option<MixedReport> {
        self.mixed.as_ref().map(Mixed::report)
    }
}
