//! Who may ask, for what, and how fast.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use allspark::{RequestHead, Response};
use allspark_protocol::Dice;
use arc_swap::ArcSwap;

use super::answer;
use super::keys::{Key, Keys};
use super::metrics::Counts;
use super::options::ApiOptions;
use super::pace::{Pace, now_ns};
use super::scope::Scope;

/// Wrong keys per second, and as many at once, of one address that get 401; further ones get 429.
const GUESSES_PER_S: u64 = 10;

/// Places for addresses. Some share one.
const ADDRESSES: usize = 1024;

/// How often the log is told of wrong keys.
const LINE_EVERY_NS: u64 = 10_000_000_000;

/// Bytes of a header `Authorization` that is looked at: a longer one is no key.
const HEADER_BYTES_MAX: usize = 1024;

/// Lets requests in.
pub(super) struct Gate {
    options: ApiOptions,
    pub(super) counts: Counts,
    keys: ArcSwap<Keys>,
    /// How fast wrong keys come, by address.
    guesses: Box<[Pace]>,
    seed: u64,
    wrong: AtomicU64,
    told_ns: AtomicU64,
}

impl Gate {
    /// # Errors
    /// The keys can't be read: the option, and why.
    pub(super) fn new(options: &ApiOptions, counts: Counts) -> Result<Self, String> {
        let keys = options.read_keys(None);
        let keys = keys.map_err(|(option, reason)| format!("{option}: {reason}"))?;
        Ok(Self {
            options: options.clone(),
            counts,
            keys: ArcSwap::from_pointee(keys),
            guesses: (0..ADDRESSES).map(|_| Pace::default()).collect(),
            seed: allspark_engine::random(),
            wrong: AtomicU64::new(0),
            told_ns: AtomicU64::new(0),
        })
    }

    /// Reads the keys anew.
    ///
    /// # Errors
    /// They can't be read, in one line. Then all stays as it is.
    pub(super) fn reload(&self) -> Result<bool, String> {
        let before = self.keys.load();
        let keys = self.options.read_keys(Some(&before));
        let keys = keys.map_err(|(option, reason)| format!("{option}: {reason}"))?;
        self.keys.store(Arc::new(keys));
        Ok(true)
    }

    /// How many keys there are.
    pub(super) fn keys(&self) -> usize {
        self.keys.load().len()
    }

    /// The key of a request.
    ///
    /// # Errors
    /// It has none that is one: what is answered.
    pub(super) fn enter(
        &self,
        head: &RequestHead<'_>,
        from: SocketAddr,
    ) -> Result<Arc<Key>, Response> {
        let key = bearer(head).and_then(|key| self.keys.load().find(key).cloned());
        let key = key.ok_or_else(|| self.refuse(from))?;
        self.counts.requests.inc();
        Ok(key)
    }

    /// What is answered to a request before its body has come: whoever has no key sends none.
    pub(super) fn refuse_by_head(&self, head: &RequestHead<'_>) -> Option<Response> {
        let is_known = bearer(head).is_some_and(|key| self.keys.load().find(key).is_some());
        (!is_known).then(|| {
            self.counts.without_key.inc();
            unauthorized()
        })
    }

    /// Whether a key may be used for something.
    ///
    /// # Errors
    /// It may not: what is answered.
    pub(super) fn allow(&self, key: &Key, scope: Scope) -> Result<(), Response> {
        if key.scopes.has(scope) {
            return Ok(());
        }
        self.counts.without_scope.inc();
        tracing::debug!(key = %key.name, scope = scope.name(), "a key lacks a scope");
        let message = format!("this key lacks the scope {}", scope.name());
        Err(answer::error(403, "forbidden", &message))
    }

    /// Whether so many commands may come now.
    ///
    /// # Errors
    /// They may not: what is answered.
    pub(super) fn pay(&self, key: &Key, commands: u64) -> Result<(), Response> {
        let rate = self.options.rate.get();
        let paid = key.state.pace.admit(rate, now_ns(), commands);
        paid.map_err(|wait_ns| {
            self.counts.too_fast.inc();
            tracing::debug!(key = %key.name, commands, "a key asks for too much");
            let message = format!("this key may ask for {rate} commands per second");
            answer::later(429, "too_fast", &message, wait_ns)
        })
    }

    /// A request without a key that is one. Who guesses gets slower answers than that.
    fn refuse(&self, from: SocketAddr) -> Response {
        let now = now_ns();
        self.counts.without_key.inc();
        self.wrong.fetch_add(1, Ordering::Relaxed);
        let told = self.told_ns.load(Ordering::Relaxed);
        let is_due = told == 0 || now.saturating_sub(told) > LINE_EVERY_NS;
        let swap = |told| {
            let order = Ordering::Relaxed;
            self.told_ns.compare_exchange(told, now, order, order)
        };
        if is_due && swap(told).is_ok() {
            let wrong = self.wrong.swap(0, Ordering::Relaxed);
            tracing::warn!(%from, requests = wrong, "requests to the API without a right key");
        }
        match self.guesses[self.place(from.ip())].admit(GUESSES_PER_S, now, 1) {
            Ok(()) => unauthorized(),
            Err(wait_ns) => {
                let message = "too many requests of this address without a right key";
                answer::later(429, "too_many_guesses", message, wait_ns)
            }
        }
    }

    /// Where an address is counted; an IPv6 /64 is one.
    fn place(&self, address: IpAddr) -> usize {
        let number = match address.to_canonical() {
            IpAddr::V4(address) => u64::from(address.to_bits()),
            IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
        };
        // Nobody knows the seed, so nobody can choose with whom a place is shared.
        Dice::new(number ^ self.seed).index(ADDRESSES)
    }
}

fn unauthorized() -> Response {
    let message = "a request needs a key: Authorization: Bearer KEY";
    answer::error(401, "unauthorized", message).header("WWW-Authenticate", "Bearer")
}

/// What a request shows (RFC 6750, 2.1).
fn bearer<'h>(head: &RequestHead<'h>) -> Option<&'h str> {
    let header = head.header("authorization")?;
    let (scheme, key) = header.split_once(' ')?;
    let is_short = header.len() <= HEADER_BYTES_MAX;
    (is_short && scheme.eq_ignore_ascii_case("bearer")).then(|| key.trim())
}
