//! The upstreams: which of them is asked next, and connections that are kept.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use allspark_engine::Throttle;
use hyper::client::conn::http1::SendRequest;

use super::body::Outgoing;
use super::upstream::Upstream;

/// All upstreams of a proxy.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) members: Vec<Arc<Member>>,
    /// Of equals they take turns.
    next: AtomicUsize,
}

/// One upstream.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) upstream: Upstream,
    /// Requests of which it is asked the answer.
    under_way: AtomicUsize,
    /// Health checks say that it is not well.
    is_ill: AtomicBool,
    /// It is asked last until then.
    failed_until: Mutex<Option<Instant>>,
    /// What the log is told of that: a client may know what makes it fail.
    told_failed: Throttle,
    told_back: Throttle,
    /// Connections that wait for the next request, the oldest first.
    idle: Mutex<VecDeque<Idle>>,
}

#[derive(Debug)]
struct Idle {
    sender: SendRequest<Outgoing>,
    since: Instant,
}

/// An upstream that is being asked.
#[derive(Debug)]
pub(super) struct Asked(pub(super) Arc<Member>);

impl Pool {
    pub(super) fn new(upstreams: &[Upstream]) -> Self {
        let members = upstreams.iter().map(|upstream| {
            Arc::new(Member {
                upstream: upstream.clone(),
                under_way: AtomicUsize::new(0),
                is_ill: AtomicBool::new(false),
                failed_until: Mutex::new(None),
                told_failed: Throttle::new(),
                told_back: Throttle::new(),
                idle: Mutex::default(),
            })
        });
        Self {
            members: members.collect(),
            next: AtomicUsize::new(0),
        }
    }

    /// The one that is asked next, of those that were not tried: one that is well, if there is one,
    /// with the fewest requests under way.
    pub(super) fn choose(&self, tried: &[Arc<Member>]) -> Option<Asked> {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let (now, count) = (Instant::now(), self.members.len());
        let members = (0..count).map(|n| &self.members[(start + n) % count]);
        let untried =
            members.filter(|member| !tried.iter().any(|other| Arc::ptr_eq(member, other)));
        let best = untried.min_by_key(|member| {
            let under_way = member.under_way.load(Ordering::Relaxed);
            (!member.is_well(now), under_way)
        })?;
        Some(Asked::begin(best))
    }

    /// The upstreams, each with whether it is asked first.
    pub(super) fn states(&self) -> Vec<(String, bool)> {
        let now = Instant::now();
        let members = self.members.iter();
        members
            .map(|member| (member.upstream.to_string(), member.is_well(now)))
            .collect()
    }
}

impl Member {
    fn is_well(&self, now: Instant) -> bool {
        !self.is_ill.load(Ordering::Relaxed)
            && lock(&self.failed_until).is_none_or(|until| until <= now)
    }

    /// Health checks have found out how it is. Returns whether that is new.
    pub(super) fn set_ill(&self, is_ill: bool) -> bool {
        self.is_ill.swap(is_ill, Ordering::Relaxed) != is_ill
    }

    /// It could not be reached, or did not answer.
    pub(super) fn failed(&self, lasting: Duration) {
        let now = Instant::now();
        let until = lock(&self.failed_until).replace(now + lasting);
        if until.is_none_or(|until| until <= now)
            && let Some(line) = self.told_failed.admit()
        {
            tracing::warn!(
                upstream = %self.upstream, unlogged = line.unlogged,
                "an upstream fails; others are asked first"
            );
        }
        lock(&self.idle).clear();
    }

    /// It has answered.
    pub(super) fn succeeded(&self) {
        if lock(&self.failed_until).take().is_some()
            && let Some(line) = self.told_back.admit()
        {
            tracing::info!(
                upstream = %self.upstream, unlogged = line.unlogged,
                "an upstream answers again"
            );
        }
    }

    /// A connection that is kept, if there is one that can be used.
    pub(super) fn take_idle(&self, keep: Duration) -> Option<SendRequest<Outgoing>> {
        let mut idle = lock(&self.idle);
        let now = Instant::now();
        while idle.front().is_some_and(|idle| now - idle.since > keep) {
            idle.pop_front();
        }
        while let Some(Idle { sender, .. }) = idle.pop_back() {
            if sender.is_ready() {
                return Some(sender);
            }
        }
        None
    }

    /// Keeps a connection for the next request.
    pub(super) fn put_idle(&self, sender: SendRequest<Outgoing>, count_max: usize) {
        let mut idle = lock(&self.idle);
        let since = Instant::now();
        idle.push_back(Idle { sender, since });
        if idle.len() > count_max {
            idle.pop_front();
        }
    }
}

impl Asked {
    fn begin(member: &Arc<Member>) -> Self {
        member.under_way.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(member))
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whatever panicked while it held this left it whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_well_and_has_least_to_do_is_asked_first() {
        let upstreams = ["a:1", "b:1", "c:1"].map(|text| text.parse().unwrap());
        let pool = Pool::new(&upstreams);
        let one = pool.choose(&[]).unwrap();
        let two = pool.choose(&[]).unwrap();
        let three = pool.choose(&[]).unwrap();
        let hosts = [&one, &two, &three].map(|asked| asked.0.upstream.to_string());
        assert_eq!(
            hosts.iter().collect::<std::collections::HashSet<_>>().len(),
            3
        );
        let tried = Arc::clone(&two.0);
        drop(two);
        let again = pool.choose(&[]).unwrap();
        assert!(Arc::ptr_eq(&again.0, &tried), "it has least to do");
        drop(again);
        tried.failed(Duration::from_secs(1000));
        assert!(!Arc::ptr_eq(&pool.choose(&[]).unwrap().0, &tried));
        for member in &pool.members {
            member.set_ill(true);
        }
        assert!(pool.choose(&[]).is_some(), "better than nobody");
        assert!(pool.choose(&pool.members).is_none());
        tried.succeeded();
        tried.set_ill(false);
        assert!(Arc::ptr_eq(&pool.choose(&[]).unwrap().0, &tried));
    }
}
