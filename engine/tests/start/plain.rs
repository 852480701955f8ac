//! The smallest transport: whoever asks for `/primus/open` has a spark from then on, whose bytes
//! are its messages, and whoever asks for `/primus/session` one that no connection belongs to. What
//! is wrong with it is wrong on purpose.

use allspark_engine::io::DriverChoice;
use allspark_engine::{Options, Primus};
use allspark_protocol::Input;
use allspark_protocol::http::{Request, Response};
use allspark_protocol::primus::PingInterval;
use allspark_protocol::transformer::{
    Answer, Carrier, Context, End, Event, Kind, Outputs, Transformer, Wire,
};

/// What a spark is sent before its connection is closed.
pub(crate) const GOODBYE: &[u8] = b"goodbye";

#[derive(Clone)]
pub(crate) struct Plain;

/// Without pings, each of which would come at a moment of its own among what is expected.
pub(crate) fn server(options: Options, shards: usize, driver: DriverChoice) -> Primus<Plain> {
    let options = Options {
        ping_interval: PingInterval::OFF,
        ..options
    };
    Primus::new(options, Plain, Some(shards.try_into().unwrap()), driver)
}

impl Transformer for Plain {
    type Session = ();

    const WIRES: u8 = 1;

    fn name(&self) -> &'static str {
        "plain"
    }

    fn request<'r>(&mut self, request: &'r Request<'_>) -> Answer<'r, ()> {
        match request.head.path() {
            "/primus/open" => Answer::Upgrade {
                response: Response::new(101),
                session: (),
            },
            "/primus/session" => Answer::Open {
                session: (),
                port: None,
            },
            "/primus/panic" => panic!("on purpose"),
            _ => Answer::Respond(Response::text(200, "ok\n")),
        }
    }

    fn wire(&self, _session: &()) -> Wire {
        Wire(0)
    }

    fn frame(&mut self, _wire: Wire, _kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(payload);
    }

    fn receive<'i>(
        &mut self,
        _session: &mut (),
        _context: Context,
        _carrier: Carrier,
        input: &mut Input<'i>,
        _out: &mut Outputs,
    ) -> Option<Event<'i>> {
        let bytes = input.take_all();
        (!bytes.is_empty()).then_some(Event::Message {
            kind: Kind::Text,
            payload: allspark_protocol::Payload::Borrowed(bytes),
        })
    }

    fn exchange(
        &mut self,
        _session: &mut (),
        _context: Context,
        carrier: Carrier,
        _request: &Request<'_>,
        out: &mut Outputs,
    ) {
        out.respond(carrier, Response::text(200, "open\n"));
    }

    fn close(&mut self, _session: &mut (), context: Context, out: &mut Outputs) {
        if let Some(carrier) = context.stream {
            out.write(carrier, |out| out.extend_from_slice(GOODBYE));
        }
        out.ended(End::Goodbye);
    }
}
