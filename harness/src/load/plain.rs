//! What happens to a client that is one plain WebSocket: it connects, shakes hands, hears, and is
//! closed.

use std::io;

use allspark_engine::io::{Driver, Op, Socket};
use allspark_engine::memory::LentBuffer;
use allspark_protocol::Input;

use super::client::State;
use super::handshake::Handshake;
use super::runner::{Runner, token};
use super::transport::{Fatal, Incoming, Transport};
use crate::auditor::Fault;

impl<D: Driver> Runner<D> {
    pub(super) fn connected(&mut self, index: u32, result: io::Result<Socket>) {
        let is_late = self.fleet.client(index).state != State::Connecting;
        match result {
            // Nobody waits for this connection any more.
            Ok(socket) if is_late => self.driver.push(Op::Close {
                socket,
                token: token(index),
            }),
            Ok(socket) => self.shake_hands(index, socket),
            Err(_) if is_late => {}
            Err(error) => {
                let address = self.plan.target.address_of(index);
                let why = format!("{address}: {error}");
                self.auditor.broke(index, Fault::Refused, &why);
                self.stays_away(index);
                self.fleet.advance(index, State::Gone);
            }
        }
    }

    fn shake_hands(&mut self, index: u32, socket: Socket) {
        self.fleet.advance(index, State::Handshaking);
        self.driver.push(Op::Receive {
            socket,
            token: token(index),
        });
        let target = &self.plan.target;
        let nonce = self.traffic.handshake_nonce();
        let client = self.fleet.client_mut(index);
        client.socket = socket;
        let mut begun = None;
        self.outbox
            .say(index, &mut client.seat, |out| {
                begun = Some(Handshake::begin(out, target, index, nonce));
            })
            .expect("nothing waits for a new connection");
        match begun.expect("the outbox lets everybody speak") {
            Ok(handshake) => client.transport = Transport::Handshake(Box::new(handshake)),
            Err(misuse) => self.lose(index, Fault::Refused, &misuse),
        }
    }

    pub(super) fn received(&mut self, index: u32, mut buffer: LentBuffer) {
        let mut input = Input::new(&mut buffer);
        let message_bytes_max = self.message_bytes_max();
        loop {
            if self.fleet.client(index).transport.is_between_messages() {
                self.recognize(index, &mut input);
            }
            let transport = &mut self.fleet.client_mut(index).transport;
            match transport.next(&mut input, message_bytes_max) {
                Ok(Some(incoming)) => self.incoming(index, incoming),
                Ok(None) => return,
                Err(Fatal::Refused(refusal)) => {
                    return self.lose(index, Fault::Refused, &refusal);
                }
                Err(Fatal::Violated(violation)) => {
                    return self.lose(index, Fault::Violated, &violation);
                }
            }
        }
    }

    fn incoming(&mut self, index: u32, incoming: Incoming<'_>) {
        match incoming {
            Incoming::Opened => self.opened(index),
            Incoming::Message(kind, payload) => self.message(index, kind, &payload),
            Incoming::Ping(payload) => self.pong(index, &payload),
            Incoming::Goodbye(code) if self.fleet.client(index).state < State::Leaving => {
                let code = code.map_or("no code".to_owned(), |code| format!("{code:?}"));
                self.lose(
                    index,
                    Fault::Ended,
                    &format!("the server said goodbye ({code})"),
                );
            }
            // The answer to our own goodbye: the server is to close the connection now.
            Incoming::Goodbye(_) => self.fleet.advance(index, State::Answered),
        }
    }

    pub(super) fn receive_ended(&mut self, index: u32, result: io::Result<()>) {
        match (self.fleet.client(index).state, result) {
            (State::Answered, Ok(())) => {
                self.left(index);
                self.close(index);
            }
            (State::Leaving, Ok(())) => {
                self.lose(
                    index,
                    Fault::Unanswered,
                    &"the server closed without a goodbye",
                );
            }
            (State::Ended | State::Gone, _) => {}
            (_, Ok(())) => self.lose(index, Fault::Ended, &"the server closed the connection"),
            (_, Err(error)) => self.lose(index, Fault::Ended, &error),
        }
    }
}
