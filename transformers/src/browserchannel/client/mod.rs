//! The client half: it speaks to our server half and to the npm package alike.
//!
//! It begins with the request that makes the session. The package's client first tests whether a
//! proxy holds bytes back; here the caller says so ([`BrowserChannelClientOptions::streaming`]).
//!
//! At most one request of the forward channel is under way, with everything that was written
//! meanwhile in the next one; beside it the back channel is open. Requests that fail are made
//! again, as the client of the package does it, with its numbers: see [`timing`].
//!
//! When the session ends, whichever side ended it, the client sends one more request, so that the
//! server forgets the session. Then it reports the end.

mod channel;
mod chunks;
mod lane;
mod options;
mod outgoing;
mod requests;
mod timing;

use allspark_protocol::transformer::{ClientOutputs, ClientTransport, Kind, Link};
use allspark_protocol::{Input, Instant};

use crate::agent::Agent;
use channel::Channel;

pub use options::BrowserChannelClientOptions;

/// The client half of one session.
#[derive(Debug)]
pub struct BrowserChannelClient {
    agent: Agent,
    channel: Channel,
}

impl BrowserChannelClient {
    /// A client half that has not connected yet. A host or target that cannot be requested ends it
    /// when it starts.
    pub fn new(options: BrowserChannelClientOptions) -> Self {
        Self {
            agent: Agent::new(&options.host),
            channel: Channel::new(options),
        }
    }

    /// The id of the session, which Primus uses as that of the spark, once it is open.
    pub fn session_id(&self) -> Option<&str> {
        self.channel.session_id()
    }
}

impl ClientTransport for BrowserChannelClient {
    fn start(&mut self, now: Instant, out: &mut ClientOutputs) {
        self.channel.start(&mut self.agent, now, out);
    }

    fn receive(
        &mut self,
        now: Instant,
        link: Link,
        input: &mut Input<'_>,
        out: &mut ClientOutputs,
    ) {
        while let Some((id, part)) = self.agent.receive(link, input, out) {
            self.channel.part(id, part, now, out);
            self.channel.go_on(&mut self.agent, now, out);
        }
    }

    fn lost(&mut self, now: Instant, link: Link, out: &mut ClientOutputs) {
        if let Some((id, part)) = self.agent.lost(link, out) {
            self.channel.part(id, part, now, out);
        }
        self.channel.go_on(&mut self.agent, now, out);
    }

    fn send(&mut self, now: Instant, kind: Kind, payload: &[u8], out: &mut ClientOutputs) {
        self.channel.send(kind, payload);
        self.channel.go_on(&mut self.agent, now, out);
    }

    fn close(&mut self, now: Instant, out: &mut ClientOutputs) {
        self.channel.close(now);
        self.channel.go_on(&mut self.agent, now, out);
    }

    fn deadline(&self) -> Option<Instant> {
        self.channel.deadline()
    }

    fn expired(&mut self, now: Instant, out: &mut ClientOutputs) {
        self.channel.expired(&mut self.agent, now, out);
        self.channel.go_on(&mut self.agent, now, out);
    }
}

#[cfg(test)]
mod tests;
