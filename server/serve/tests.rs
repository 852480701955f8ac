//! What becomes of the process when a shard fails. Nobody outside can make one fail, so one here
//! has a transport that panics; all else is what the binary does.

use std::io::{Read, Write};
use std::net::TcpStream;

use allspark::{Destroy, Server};
use allspark_engine::io::DriverChoice;
use allspark_engine::{Options, Primus};
use allspark_protocol::Input;
use allspark_protocol::http::Request;
use allspark_protocol::options::Bounded;
use allspark_protocol::transformer::{
    Answer, Carrier, Context, Event, Kind, Outputs, Transformer, Wire,
};

use super::wait;
use crate::ending;

/// Panics when it is asked for anything of Primus.
#[derive(Clone)]
struct Bomb;

impl Transformer for Bomb {
    type Session = ();

    const WIRES: u8 = 1;

    fn name(&self) -> &'static str {
        "bomb"
    }

    fn request<'r>(&mut self, _request: &'r Request<'_>) -> Answer<'r, ()> {
        panic!("on purpose")
    }

    fn wire(&self, _session: &()) -> Wire {
        Wire(0)
    }

    fn frame(&mut self, _wire: Wire, _kind: Kind, _payload: &[u8], _out: &mut Vec<u8>) {}

    fn receive<'i>(
        &mut self,
        _session: &mut (),
        _context: Context,
        _carrier: Carrier,
        _input: &mut Input<'i>,
        _out: &mut Outputs,
    ) -> Option<Event<'i>> {
        None
    }

    fn close(&mut self, _session: &mut (), _context: Context, _out: &mut Outputs) {}
}

fn started() -> Server {
    let primus = Primus::new(
        Options::default(),
        Bomb,
        Some(Bounded::of(1)),
        DriverChoice::Auto,
    );
    primus.start("127.0.0.1:0").unwrap()
}

#[test]
fn a_shard_that_fails_is_exit_code_70_and_a_line_that_says_which() {
    let server = started();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let asked = stream.write_all(b"GET /primus/ HTTP/1.1\r\nHost: a\r\n\r\n");
    asked.unwrap();
    let (line, code) = ending(wait(server));
    let expected = "allspark: shard 0 has failed: it panicked: on purpose";
    assert_eq!((line.as_deref(), code), (Some(expected), 70));
    // Its connections are gone with it.
    assert!(matches!(stream.read(&mut [0; 100]), Ok(0) | Err(_)));
}

#[test]
fn an_intended_end_is_exit_code_0() {
    let server = started();
    server.handle().destroy(Destroy::default());
    assert_eq!(ending(wait(server)), (None, 0));
}
