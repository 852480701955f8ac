//! A whole server in virtual time, for tests and the harness: the real shards on the simulator's
//! driver, turned by hand.

use std::sync::Arc;

use allspark_protocol::Instant;
use allspark_protocol::transformer::Transformer;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::app::host::Server as Shared;

use crate::app::{self, Attach, Handle};
use crate::config::Options;
use crate::io::sim::{SimDriver, SimNet};
use crate::io::{Driver, Proxied, Tls, TlsAcceptor, Wait};
use crate::place::{ListenerOptions, Place};
use crate::shard::{Core, Flow, Shard};
use crate::shared::Secrets;

/// What the shards of a server share that is being started.
fn begun(options: Options, shards: usize, seed: u64, attach: impl FnOnce(&Attach)) -> Arc<Shared> {
    let shared = Shared::new(options, None, shards, Secrets::of_seed(seed));
    attach(&Attach::new(&shared));
    assert!(shared.begin(), "nobody has started it before");
    shared
}

/// A single shard on any driver, turned by hand, and the handle of its server. For benches and
/// tests that look at the shard alone.
pub fn single_shard<D: Driver, T: Transformer>(
    driver: D,
    options: Options,
    transformer: T,
    attach: impl FnOnce(&Attach),
) -> (Shard<D, T>, Handle) {
    let shared = begun(options, 1, 0, attach);
    let handle = Handle::new(&shared);
    let rng = ChaCha12Rng::seed_from_u64(0);
    let shard = Shard::new(driver, |driver| {
        Core::new(shared, transformer, 0, driver.now(), rng)
    });
    app::initialised(handle.server());
    (shard, handle)
}

/// The shards of one simulated server. Clients reach shard `n` as driver `n` of the network.
pub struct SimServer<T: Transformer> {
    shared: Arc<Shared>,
    seats: Vec<Seat<T>>,
}

struct Seat<T: Transformer> {
    /// Until it has ended. Whom it has not accepted by then is reset, as the kernel does it when a
    /// listener is closed.
    shard: Option<Shard<Tls<Proxied<SimDriver>>, T>>,
    wait: Wait,
}

impl<T: Transformer> SimServer<T> {
    /// A server of `shards` shards; `attach` attaches its listeners. The same seed and the same
    /// clients give the same history.
    pub fn new(
        net: &SimNet,
        options: Options,
        transformer: &T,
        shards: u16,
        seed: u64,
        attach: impl FnOnce(&Attach),
    ) -> Self {
        let shared = begun(options, usize::from(shards), seed, attach);
        let seat = |number| {
            let rng = ChaCha12Rng::seed_from_u64(seed ^ (u64::from(number) << 32));
            let (shared, transformer) = (Arc::clone(&shared), transformer.clone());
            let driver = Tls::server(Proxied::new(SimDriver::new(net), Vec::new()), Vec::new());
            let shard = Shard::new(driver, |_| {
                Core::new(shared, transformer, number, net.now(), rng)
            });
            Seat {
                shard: Some(shard),
                wait: Wait::No,
            }
        };
        let seats = (0..shards).map(seat).collect();
        app::initialised(&shared);
        Self { seats, shared }
    }

    /// What is special about each of the server's listeners, by their numbers
    /// ([`SimNet::connect_to`]); where a place is counts for nothing. Call it before anybody
    /// connects.
    #[must_use]
    pub fn with_listeners(mut self, places: impl IntoIterator<Item = Place>) -> Self {
        let options = places.into_iter().map(Place::into_options);
        self.shared.serve_through(options.collect());
        for shard in self.seats.iter_mut().filter_map(|seat| seat.shard.as_mut()) {
            shard.set_listeners(self.shared.proxies());
            shard.set_acceptors(self.shared.acceptors());
        }
        self
    }

    /// The same server, whose first listener only says that connections begin with a handshake of
    /// TLS: nobody finishes one.
    #[must_use]
    pub fn with_handshakes(self) -> Self {
        let place = ListenerOptions {
            shakes_hands: true,
            ..ListenerOptions::default()
        };
        self.shared.serve_through(vec![place]);
        self
    }

    /// Who encrypts the connections of each listener, by its number. Call it before anybody
    /// connects. What is random in TLS is not part of the history, see [`SimNet::hide_bytes`].
    #[must_use]
    pub fn with_tls(mut self, acceptors: &[Option<TlsAcceptor>]) -> Self {
        for shard in self.seats.iter_mut().filter_map(|seat| seat.shard.as_mut()) {
            shard.set_acceptors(acceptors.to_vec());
        }
        let places = acceptors.iter().map(|acceptor| ListenerOptions {
            shakes_hands: acceptor.is_some(),
            ..ListenerOptions::default()
        });
        // Purposes that were said before stay.
        self.shared.serve_through(places.collect());
        self
    }

    /// Turns every shard until none has anything left to do at this moment of virtual time.
    pub fn settle(&mut self) {
        loop {
            let steps = self.seats.iter_mut().map(Seat::step);
            if steps.filter(|did_something| *did_something).count() == 0 {
                return;
            }
        }
    }

    /// When a shard wants its next turn even if nothing happens.
    pub fn next_deadline(&self) -> Option<Instant> {
        let deadline = |seat: &Seat<T>| match seat.wait {
            Wait::Until(deadline) => Some(deadline),
            Wait::No | Wait::Forever => None,
        };
        self.seats.iter().filter_map(deadline).min()
    }

    /// Connections of all shards, closing ones included.
    pub fn connections(&self) -> usize {
        let shards = self.seats.iter().filter_map(|seat| seat.shard.as_ref());
        shards.map(Shard::connections).sum()
    }

    /// Reaches the server.
    pub fn handle(&self) -> Handle {
        Handle::new(&self.shared)
    }
}

impl<T: Transformer> std::fmt::Debug for SimServer<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimServer")
            .field("shards", &self.seats.len())
            .finish_non_exhaustive()
    }
}

impl<T: Transformer> Seat<T> {
    /// Turns once if there is a reason to. Returns whether there was.
    fn step(&mut self) -> bool {
        let Some(shard) = &mut self.shard else {
            return false;
        };
        let is_due = match self.wait {
            Wait::No => true,
            Wait::Until(deadline) => deadline <= shard.now(),
            Wait::Forever => false,
        };
        if !is_due && !shard.has_input() {
            return false;
        }
        let flow = shard.turn(Wait::No);
        match flow.expect("the simulator's driver does not fail") {
            Flow::Continue(wait) => self.wait = wait,
            Flow::Ended => (self.shard, self.wait) = (None, Wait::Forever),
        }
        true
    }
}
