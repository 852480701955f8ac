//! Requests whose head has come and whose body has not.
//!
//! Where such a request goes is decided by its head. If the answer does not depend on the body, it
//! is given at once: nobody gathers the body of a request that nobody wants. A request for a
//! session goes to the shard where that lives, and its body comes there ([`super::travel`]). The
//! session may want to know that it has begun, and is then told if it is cut off.

use allspark_protocol::http::{Error as HttpError, Reader, RequestHead, Response};
use allspark_protocol::transformer::{Begun, Carrier, Transformer};

use super::core::Core;
use super::effects::Effect;
use crate::guard;
use crate::http::{Pass, Way};
use crate::limits::PENDING_BYTES_MAX;
use crate::memory::Key;
use crate::mesh::{Address, Cargo, Parcel};
use crate::routes::Found;
use crate::session::carrier_of;

/// The key of a connection that was never here.
const NOBODY: Key = Key {
    index: u32::MAX,
    generation: u32::MAX,
};

impl<T: Transformer> Core<T> {
    /// The body of a request is still to come. Returns whether the request was answered without it,
    /// and the connection is being closed, or is taken as it comes.
    pub(super) fn begin_request(&mut self, key: Key, reader: &mut Reader) -> bool {
        let Some(head) = reader.begun() else {
            return false;
        };
        self.note_asked(key, &head);
        if self.is_head_too_long(&head) {
            self.refuse(key, HttpError::HeadTooLarge);
            return true;
        }
        let way = self.judge_head(key, &head);
        self.begin_judged(key, reader, way)
    }

    /// The same for a request of which it is known where it goes. Returns true, too, if it waits
    /// for a layer.
    pub(super) fn begin_judged(&mut self, key: Key, reader: &mut Reader, way: Way) -> bool {
        let Some(head) = reader.begun() else {
            return false;
        };
        let body_bytes_max = match &way {
            Way::Transport(_) => self.transport_body_bytes_max(),
            Way::Later(_) => {
                let reader = std::mem::replace(reader, Reader::new(0));
                self.await_begun(key, reader, way);
                return true;
            }
            Way::Route(taken) => taken.route.body_bytes_max,
            // It will not be long, and then the connection can be used again.
            _ if has_short_body(&head) => {
                self.keep_judged(key, way, None);
                return false;
            }
            Way::Answer(response) | Way::LastAnswer(response) => {
                self.note_layers(key, &head, response);
                self.respond_last(key, &head, response);
                return true;
            }
            Way::Elsewhere => match self.route_of(key, &head) {
                Some(route) => match self.refusal_by_route(&route, &head) {
                    Some(response) => {
                        self.respond_last(key, &head, &response);
                        return true;
                    }
                    None if route.is_streamed(head.method()) => {
                        self.begin_upload(key, reader);
                        return true;
                    }
                    None => route.body_bytes_max(),
                },
                None => {
                    let response = self.fallback(key, &head);
                    self.respond_last(key, &head, &response);
                    return true;
                }
            },
        };
        if let Err(error) = reader.limit_body(body_bytes_max) {
            self.refuse(key, error);
            return true;
        }
        match way {
            Way::Transport(pass) => self.begin_transport(key, reader, pass),
            way => {
                self.keep_judged(key, way, None);
                false
            }
        }
    }

    /// The same for a request that the door has let in to the transport.
    fn begin_transport(&mut self, key: Key, reader: &mut Reader, pass: Pass) -> bool {
        let Some(head) = reader.begun() else {
            return false;
        };
        let name = self.sessions.transformer.addressee(&head);
        let address = name.map(|name| Address::new(name, self.server.name_key));
        if let Some(address) = address {
            let owner = address.shard(self.mesh().shards(), self.server.id_key);
            if owner != self.shard {
                let reader = std::mem::replace(reader, Reader::new(0));
                self.leave_begun(key, reader, pass, address, owner);
                return true;
            }
            if self.announce(key, &head, &pass, address) {
                return true;
            }
        }
        self.keep_judged(key, Way::Transport(pass), address);
        false
    }

    /// What a route says to the head of a request, if it refuses it.
    fn refusal_by_route(&self, route: &Found<'_>, head: &RequestHead<'_>) -> Option<Response> {
        guard::call(|| route.refusal(head))
            .unwrap_or_else(|panicked| Some(self.panicked_elsewhere(&panicked)))
    }

    fn await_begun(&mut self, key: Key, reader: Reader, way: Way) {
        if let Way::Later(walk) = way {
            self.await_layer(key, *walk, reader, None);
        }
    }

    /// Tells the session that lives at an address of this shard that a request for it has begun.
    /// Returns whether it refuses that.
    pub(super) fn announce(
        &mut self,
        key: Key,
        head: &RequestHead<'_>,
        pass: &Pass,
        address: Address,
    ) -> bool {
        let Some(spark) = self.session_at(address) else {
            return false;
        };
        let begun = self.tell_begun(spark, carrier_of(key), head);
        let is_refused = matches!(begun, Begun::Refused(_));
        match begun {
            Begun::Ignored => {}
            Begun::Noted => self.begin_arrival(key, spark),
            Begun::Refused(response) => {
                let response = pass.complete(&self.options.cors, response);
                self.respond_last(key, head, &response);
            }
        }
        if !is_refused {
            self.begin_coming(key, spark);
        }
        self.settle();
        self.woke(spark);
        is_refused
    }

    fn tell_begun(&mut self, spark: Key, carrier: Carrier, head: &RequestHead<'_>) -> Begun {
        let now = self.clock.now;
        let begun = |transformer: &mut T, session: &mut _, context, out: &mut _| {
            transformer.begun(session, context, carrier, head, out)
        };
        let begun = self.sessions.call(spark, now, begun);
        begun.unwrap_or(Begun::Ignored)
    }

    /// A request for the session at an address of this shard has begun, and its connection is gone:
    /// the session is told of both.
    pub(super) fn tell_cut_off(&mut self, parcel: &Parcel) {
        if let Cargo::Begun(reader) = &parcel.cargo
            && let Some(head) = reader.begun()
            && let Some(spark) = self.session_at(parcel.address)
        {
            if let Begun::Noted = self.tell_begun(spark, carrier_of(NOBODY), &head) {
                let lost = Effect::CarrierLost(spark, carrier_of(NOBODY));
                self.effects.push(lost);
            }
            self.woke(spark);
        }
    }

    /// A session knows of a request of this connection that it did not get yet.
    pub(super) fn begin_arrival(&mut self, key: Key, spark: Key) {
        self.arriving.insert(key, spark);
        self.sessions.add_carrier(spark, key);
    }

    /// The request of a connection has come whole, or never will. Returns the session that knows of
    /// it.
    pub(super) fn end_arrival(&mut self, key: Key) -> Option<Key> {
        if self.arriving.is_empty() {
            return None;
        }
        let spark = self.arriving.remove(&key)?;
        self.sessions.remove_carrier(spark, key);
        Some(spark)
    }
}

/// Whether the body is no longer than what may follow a request that is not answered yet.
fn has_short_body(head: &RequestHead<'_>) -> bool {
    let length = head.header("content-length");
    let length = length.and_then(|length| length.parse::<usize>().ok());
    length.is_some_and(|length| length <= PENDING_BYTES_MAX)
}
