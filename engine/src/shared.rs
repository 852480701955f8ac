//! What all shards of a server share.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use allspark_protocol::Dice;

use crate::config::{CountAtLeastOne, LiveOptions, NeedsRestart, Options};
use crate::io::{ProxyProtocol, TlsAcceptor};
use crate::lines::Lines;
use crate::mesh::{Mesh, Weigh};
use crate::net::Addresses;
use crate::place::ListenerOptions;
use crate::purpose::Purpose;
use crate::refusals::Refusals;

/// A server, as its shards and its handles see it. `C` is what a shard can be asked to do, `L` the
/// functions of the application that every spark goes through.
pub(crate) struct Shared<C, L> {
    /// What it was told when it was started. What counts now a shard knows.
    pub(crate) options_at_start: Options,
    memory_default: Option<CountAtLeastOne>,
    /// Every shard has a copy, and is told when they change.
    options: Mutex<Arc<Options>>,
    pub(crate) mesh: Arc<Mesh<C>>,
    /// Makes the owner of a spark unreadable in its id.
    pub(crate) id_key: u64,
    /// Decides on which shard a session lives whose name its client chose.
    pub(crate) name_key: u64,
    /// Who has come from where, and how fast everybody comes.
    pub(crate) addresses: Addresses,
    /// Until when all connections that came are paid for, as nanoseconds ([`crate::net::Pace`]).
    pub(crate) accepts_paid: AtomicU64,
    /// Lines of the log that peers can cause.
    pub(crate) lines: Lines,
    /// Who was refused lately.
    pub(crate) refusals: Refusals,
    /// Every shard has a copy, and is told when they change.
    listeners: Mutex<Arc<L>>,
    /// Whether messages are transformed that are written from any thread.
    pub(crate) transforms: AtomicBool,
    /// Whether the shards run, or did.
    started: AtomicBool,
    /// Where it listens, once it does.
    pub(crate) address: OnceLock<SocketAddr>,
    /// Whether it drains, and how many sparks there were when that began.
    pub(crate) drains: AtomicBool,
    pub(crate) sparks_before: AtomicU64,
    /// What is special about each listener, once shards serve.
    places: OnceLock<Vec<ListenerOptions>>,
    /// Which shards have ended, or their sparks have.
    ended: Box<[AtomicBool]>,
    /// The application was told that all have.
    closed: AtomicBool,
}

/// What nobody outside may know of a server. Ids are not mixed strongly enough to keep a key that
/// protects anything else, so names have one of their own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Secrets {
    ids: u64,
    names: u64,
    addresses: u64,
}

impl Secrets {
    /// Those of a server, from numbers that nobody can foresee.
    pub(crate) fn draw(mut random: impl FnMut() -> u64) -> Self {
        Self {
            ids: random(),
            names: random(),
            addresses: random(),
        }
    }

    /// Those of a server that must be the same each time.
    pub(crate) fn of_seed(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        Self::draw(|| dice.roll())
    }
}

impl<C: Weigh, L: Clone + Default> Shared<C, L> {
    /// `memory_default` is what may be held for peers where nobody says how much.
    pub(crate) fn new(
        mut options: Options,
        memory_default: Option<CountAtLeastOne>,
        shards: usize,
        secrets: Secrets,
    ) -> Arc<Self> {
        options.memory_bytes_max = options.memory_bytes_max.or(memory_default);
        let mesh = Mesh::new(shards);
        Arc::new(Self {
            addresses: Addresses::new(&options, secrets.addresses),
            accepts_paid: AtomicU64::new(0),
            options: Mutex::new(Arc::new(options.clone())),
            options_at_start: options,
            memory_default,
            mesh,
            id_key: secrets.ids,
            name_key: secrets.names,
            lines: Lines::default(),
            refusals: Refusals::default(),
            listeners: Mutex::default(),
            transforms: AtomicBool::new(false),
            started: AtomicBool::new(false),
            address: OnceLock::new(),
            drains: AtomicBool::new(false),
            sparks_before: AtomicU64::new(0),
            places: OnceLock::new(),
            ended: (0..shards).map(|_| AtomicBool::new(false)).collect(),
            closed: AtomicBool::new(false),
        })
    }

    /// The server is being started. Returns whether it was not yet.
    pub(crate) fn begin(&self) -> bool {
        !self.started.swap(true, Ordering::SeqCst)
    }

    /// The server could not be started; unless it has failed, it can be tried again.
    pub(crate) fn withdraw(&self) {
        if !self.mesh.is_failing() {
            self.started.store(false, Ordering::SeqCst);
        }
    }

    /// From now on connections come through these listeners.
    pub(crate) fn serve_through(&self, places: Vec<ListenerOptions>) {
        // A server serves once.
        let _ = self.places.set(places);
    }

    /// Whether connections of each listener begin with a header of the PROXY protocol; nothing if
    /// none do.
    pub(crate) fn proxies(&self) -> Vec<ProxyProtocol> {
        let places = self.places.get().map_or(&[][..], Vec::as_slice);
        let has_some = places.iter().any(|place| place.proxy != ProxyProtocol::Off);
        let wanted = places.iter().filter(|_| has_some);
        wanted.map(|place| place.proxy.clone()).collect()
    }

    /// What is served to whoever has come through a listener.
    pub(crate) fn purpose(&self, listener: u8) -> Purpose {
        let places = self.places.get();
        let place = places.and_then(|places| places.get(usize::from(listener)));
        place.map_or(Purpose::Public, |place| place.purpose)
    }

    /// Whether connections through this listener begin with a handshake of TLS.
    pub(crate) fn shakes_hands(&self, listener: u8) -> bool {
        let places = self.places.get();
        let place = places.and_then(|places| places.get(usize::from(listener)));
        place.is_some_and(|place| place.shakes_hands || place.tls().is_some())
    }

    /// Who encrypts the connections of each listener; nothing if nobody does.
    pub(crate) fn acceptors(&self) -> Vec<Option<TlsAcceptor>> {
        let places = self.places.get().map_or(&[][..], Vec::as_slice);
        let has_some = places.iter().any(|place| place.tls().is_some());
        let wanted = places.iter().filter(|_| has_some);
        wanted.map(|place| place.tls().cloned()).collect()
    }

    /// A shard has ended, or its sparks have. Returns true once: when all have.
    pub(crate) fn is_last(&self, shard: u16) -> bool {
        self.ended[usize::from(shard)].store(true, Ordering::SeqCst);
        let all_have = self.ended.iter().all(|ended| ended.load(Ordering::SeqCst));
        all_have && !self.closed.swap(true, Ordering::SeqCst)
    }

    /// What it is told now.
    pub(crate) fn options(&self) -> Arc<Options> {
        Arc::clone(
            &self
                .options
                .lock()
                .expect("nothing panics while it holds the lock"),
        )
    }

    /// Changes what can change, and tells every shard that runs, with what `tell` makes. Returns
    /// what can't.
    pub(crate) fn reconfigure(
        &self,
        mut wanted: LiveOptions,
        tell: impl Fn() -> C,
    ) -> Vec<NeedsRestart> {
        let mut options = self
            .options
            .lock()
            .expect("nothing panics while it holds the lock");
        let needs = NeedsRestart::settle(&self.options_at_start, &options, &mut wanted);
        if wanted.memory_bytes_max.is_none() {
            wanted.memory_bytes_max = self.memory_default;
        }
        if wanted == options.live() {
            return needs;
        }
        if wanted.accepts_per_s != options.admission.accepts_per_s {
            // What was paid at the old rate says nothing about the new one.
            self.accepts_paid.store(0, Ordering::Relaxed);
        }
        self.addresses.reconfigure(&wanted);
        *options = Arc::new(options.with_live(wanted));
        drop(options);
        self.tell_all(tell);
        needs
    }

    /// The listeners that are attached now.
    pub(crate) fn listeners(&self) -> Arc<L> {
        Arc::clone(
            &self
                .listeners
                .lock()
                .expect("nothing panics while it holds the lock"),
        )
    }

    /// Changes the listeners, and tells every shard that runs, with what `tell` makes.
    pub(crate) fn attach(&self, change: impl FnOnce(&mut L), tell: impl Fn() -> C) {
        let mut listeners = self
            .listeners
            .lock()
            .expect("nothing panics while it holds the lock");
        let mut changed = L::clone(&listeners);
        change(&mut changed);
        *listeners = Arc::new(changed);
        drop(listeners);
        self.tell_all(tell);
    }

    /// Tells every shard that runs. Shards that start after this look for themselves.
    fn tell_all(&self, tell: impl Fn() -> C) {
        if self.started.load(Ordering::SeqCst) {
            for shard in 0..self.mesh.shards() {
                self.mesh.send(shard, tell());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_knows_one_key_knows_no_other() {
        let mut numbers = [7, 8, 9].into_iter();
        let drawn = Secrets::draw(|| numbers.next().expect("three are drawn"));
        assert_eq!((drawn.ids, drawn.names, drawn.addresses), (7, 8, 9));
        let (one, other) = (Secrets::of_seed(1), Secrets::of_seed(2));
        assert!(one.ids != one.names && one.ids != other.ids && one.names != other.names);
    }
}
