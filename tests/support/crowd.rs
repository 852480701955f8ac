//! A shard with open sparks on the driver that does nothing, for benches and for tests of what
//! memory costs.

use std::cell::RefCell;
use std::rc::Rc;

use allspark_engine::io::Wait;
use allspark_engine::sim::single_shard;
use allspark_engine::{Attach, Flow, Handle, Options, Shard};
use allspark_transformers::websockets::WebSockets;

use crate::puppet::{HANDSHAKE, Hand, Puppet};

/// The shard, the handle of its server, and what the driver is told by.
pub(crate) type World = (Shard<Puppet, WebSockets>, Handle, Rc<RefCell<Hand>>);

/// Clients that connect at once, so that there are buffers for all of them.
const GROUP: usize = 512;

/// A shard with so many open sparks. Nothing counts as sent yet.
pub(crate) fn world(options: Options, sparks: usize, attach: impl FnOnce(&Attach)) -> World {
    let (driver, hand) = Puppet::new();
    let transformer = WebSockets::uncompressed(1 << 20);
    let (mut shard, handle) = single_shard(driver, options, transformer, attach);
    for first in (0..sparks).step_by(GROUP) {
        let group = first..sparks.min(first + GROUP);
        group.clone().for_each(|_| hand.borrow_mut().connect());
        settle(&mut shard);
        group.for_each(|socket| hand.borrow_mut().receive(socket, HANDSHAKE));
        settle(&mut shard);
    }
    // What was sent so far are the answers to the handshakes.
    hand.borrow_mut().sends = 0;
    (shard, handle, hand)
}

/// Turns until nothing is left to do.
pub(crate) fn settle(shard: &mut Shard<Puppet, WebSockets>) {
    loop {
        let flow = shard.turn(Wait::No).expect("the puppet does not fail");
        if flow != Flow::Continue(Wait::No) {
            return;
        }
    }
}
