//! Calls functions of the application. Only the phases of a turn come here, never a handler: what a
//! handler causes is an effect, which is carried out once it has returned.

use std::sync::Arc;

use allspark_protocol::http::RequestHead;

use super::data::Data;
use super::ends::{Destroy, ReadyState};
use super::error::SparkError;
use super::headers::KeptRequest;
use super::host::{
    Command, Extras, Handler, Host, Later, Listeners, Opening, Server, StepVisitor, Transforms,
    Visitor,
};
use super::later::run_later;
use super::packet::{Fate, Inner, Packet, Transformed};
use super::target::RoomEvent;
use super::timers::Due;
use super::transform::answer_to;
use crate::config::KeepHeaders;
use crate::guard;
use crate::memory::Key;

const IS_OPEN: &str = "the application meets a spark that has not ended";

/// `initialised`: the server serves.
pub(crate) fn initialised(server: &Arc<Server>) {
    for listener in &server.listeners().initialised {
        let called = guard::call(|| listener(server));
        tell_panic(called, "a listener of initialised panicked");
    }
}

/// `close`: the server has ended, or all sparks have, if that was asked for.
pub(crate) fn closed(server: &Server, options: &Destroy) {
    for listener in &server.listeners().close {
        let called = guard::call(|| listener(options));
        tell_panic(called, "a listener of close panicked");
    }
}

fn tell_panic(called: Result<(), String>, what: &'static str) {
    if let Err(panicked) = called {
        tracing::error!(panicked, "{what}");
    }
}

/// `connection`: the first that the application hears of a spark.
pub(crate) fn connection<H: Host>(host: &mut H, key: Key, head: &RequestHead<'_>) {
    for_each_listener(host, |host, listeners| {
        let next = call_connection(host, key, listeners, 0, Some(head));
        if let Some((next, later)) = next {
            // Later listeners see all headers, too.
            let all = KeptRequest::new(head, &KeepHeaders::All);
            let kept = std::mem::replace(&mut host.spark_mut(key).request, all);
            let listeners = Arc::clone(listeners);
            let opening = Opening {
                listeners,
                next,
                kept,
            };
            host.begin_opening(key, opening);
            run_later(host, key, later);
        }
    });
}

/// The other `connection` listeners, after one that was waited for.
pub(crate) fn go_on_opening<H: Host>(host: &mut H, key: Key) {
    let Some(opening) = host.opening(key) else {
        return;
    };
    let (listeners, first) = (Arc::clone(&opening.listeners), opening.next);
    assert!(is_open(host, key), "{IS_OPEN}");
    let own = host.take_listeners();
    let next = call_connection(host, key, &listeners, first, None);
    host.put_listeners(own);
    if let Some((next, later)) = next {
        if let Some(opening) = host.opening(key) {
            opening.next = next;
        }
        return run_later(host, key, later);
    }
    if let Some(opening) = host.opening(key) {
        let kept = std::mem::take(&mut opening.kept);
        host.spark_mut(key).request = kept;
    }
    host.opened(key);
}

/// Calls `connection` listeners from this one on, up to the first that is to be waited for. Returns
/// that, and the number of the one behind it.
fn call_connection<H: Host>(
    host: &mut H,
    key: Key,
    listeners: &Listeners,
    first: usize,
    head: Option<&RequestHead<'_>>,
) -> Option<(usize, Later)> {
    for (number, listener) in listeners.connection.iter().enumerate().skip(first) {
        let later = guarded(host, key, |host| listener(host, key, head));
        if let Some(later) = later.flatten() {
            return Some((number + 1, later));
        }
    }
    None
}

/// What came of a message that goes through the transforms.
pub(crate) enum Incoming {
    /// The application is to get it.
    Data,
    /// It does not.
    Nothing,
    /// A transform takes its time; this one is next.
    Waits(usize),
}

/// A message goes through the transforms, from this one on. If one of them takes its time, the
/// shard is told with this number what came of it.
pub(crate) fn incoming<H: Host>(
    host: &mut H,
    key: Key,
    packet: &mut Packet<'_>,
    transforms: &Transforms,
    first: usize,
    number: u64,
) -> Incoming {
    let mut next = first;
    while let Some(transform) = transforms.incoming.get(next) {
        next += 1;
        let transformed = guarded(host, key, |host| transform(host, key, packet));
        let outcome = transformed.map(|transformed| match transformed {
            Transformed::Inner(inner) => {
                next = 0;
                packet.begin_inner(inner).map(|()| Fate::Next)
            }
            other => packet.outcome(other, |_| {
                answer_to(host, key, move |answer| Command::Transformed {
                    spark: key,
                    number,
                    answer,
                })
            }),
        });
        match outcome {
            Some(Ok(Fate::Next)) if is_open(host, key) => {}
            Some(Ok(Fate::Later)) => return Incoming::Waits(next),
            Some(Err(error)) => {
                host.report(key, error);
                return Incoming::Nothing;
            }
            _ => return Incoming::Nothing,
        }
    }
    Incoming::Data
}

/// A message within a message goes where it belongs.
pub(crate) fn deliver_inner<H: Host>(host: &mut H, key: Key, inner: &Inner, data: Data<'_>) {
    guarded(host, key, |host| inner.listener()(host, key, data));
}

/// `data`.
pub(crate) fn data<H: Host>(host: &mut H, key: Key, data: Data<'_>) {
    // For each message it counts what it costs to find out that there are none.
    if host.has_data_listeners() {
        for_each_listener(host, |host, listeners| {
            for listener in &listeners.data {
                if is_open(host, key) {
                    guarded(host, key, |host| listener(host, key, data));
                }
            }
        });
    }
    each_handler(host, key, Whose::Open, |host, handler| {
        if let Handler::Data(handler) = handler {
            handler(host, key, data);
        }
    });
}

/// `heartbeat`.
pub(crate) fn heartbeat<H: Host>(host: &mut H, key: Key) {
    for_each_listener(host, |host, listeners| {
        for listener in &listeners.heartbeat {
            if is_open(host, key) {
                guarded(host, key, |host| listener(host, key));
            }
        }
    });
    each_handler(host, key, Whose::Open, |host, handler| {
        if let Handler::Heartbeat(handler) = handler {
            handler(host, key);
        }
    });
}

/// `outgoing::ping`: the spark is about to be pinged.
pub(crate) fn outgoing_ping<H: Host>(host: &mut H, key: Key, unix_ms: u64) {
    for_each_listener(host, |host, listeners| {
        for listener in &listeners.outgoing_ping {
            if is_open(host, key) {
                guarded(host, key, |host| listener(host, key, unix_ms));
            }
        }
    });
    each_handler(host, key, Whose::Open, |host, handler| {
        if let Handler::OutgoingPing(handler) = handler {
            handler(host, key, unix_ms);
        }
    });
}

/// `incoming::pong`, with the time that it brought, if it did.
pub(crate) fn incoming_pong<H: Host>(host: &mut H, key: Key, unix_ms: Option<u64>) {
    for_each_listener(host, |host, listeners| {
        for listener in &listeners.incoming_pong {
            if is_open(host, key) {
                guarded(host, key, |host| listener(host, key, unix_ms));
            }
        }
    });
    each_handler(host, key, Whose::Open, |host, handler| {
        if let Handler::IncomingPong(handler) = handler {
            handler(host, key, unix_ms);
        }
    });
}

/// The client has sent a new credential.
pub(crate) fn authorization<H: Host>(host: &mut H, key: Key, credential: &str) {
    for_each_listener(host, |host, listeners| {
        for listener in &listeners.authorization {
            if is_open(host, key) {
                guarded(host, key, |host| listener(host, key, credential));
            }
        }
    });
}

/// `error`.
pub(crate) fn error<H: Host>(host: &mut H, key: Key, error: &SparkError) {
    for_each_listener(host, |host, listeners| {
        for listener in &listeners.error {
            guarded(host, key, |host| listener(host, key, error));
        }
    });
    each_handler(host, key, Whose::Any, |host, handler| {
        if let Handler::Error(handler) = handler {
            handler(host, key, error);
        }
    });
}

/// `joinroom`, `leaveroom`, `leaveallrooms` and `roomserror`.
pub(crate) fn room_event<H: Host>(host: &mut H, key: Key, event: &RoomEvent) {
    for_each_listener(host, |host, listeners| {
        for listener in &listeners.room {
            guarded(host, key, |host| listener(host, key, event));
        }
    });
    each_handler(host, key, Whose::Any, |host, handler| {
        if let Handler::Room(handler) = handler {
            handler(host, key, event);
        }
    });
}

/// `readyStateChange`, `end`, then `disconnection`: the last that the application hears of a spark.
pub(crate) fn disconnection<H: Host>(host: &mut H, key: Key) {
    assert!(!is_open(host, key), "who hears of the end has ended");
    for_each_listener(host, |host, listeners| {
        for listener in &listeners.ready_state_change {
            guarded(host, key, |host| listener(host, key));
        }
    });
    each_handler(host, key, Whose::Any, |host, handler| {
        if let Handler::ReadyStateChange(handler) = handler {
            handler(host, key);
        }
    });
    each_handler(host, key, Whose::Any, |host, handler| {
        if let Handler::End(handler) = handler {
            handler(host, key);
        }
    });
    for_each_listener(host, |host, listeners| {
        for listener in &listeners.disconnection {
            guarded(host, key, |host| listener(host, key));
        }
    });
    let extras = host.spark_mut(key).extras.take();
    if extras.as_ref().is_some_and(|extras| extras.kept > 0) {
        host.kept(key);
    }
    drop_extras(host, extras);
    if let Some(life) = host.take_life(key) {
        life.end();
    }
}

/// Drops what the application gave to a spark that has ended. Each value has a guard of its own,
/// because two panics at once end the process.
pub(crate) fn drop_extras<H: Host>(host: &mut H, extras: Option<Box<Extras>>) {
    let Some(extras) = extras else {
        return;
    };
    let Extras {
        handlers,
        given_id: _,
        notes,
        values,
        timers,
        hears_rooms: _,
        kept: _,
        seen_per_spark: _,
    } = *extras;
    for timer in timers {
        host.cancel_timer(timer);
    }
    handlers.into_iter().for_each(guard::drop_value);
    values.drop_guarded();
    // Each of its values has a guard of its own.
    drop(notes);
}

/// A visitor comes to a spark. Returns whether it goes on.
pub(crate) fn visit<H: Host>(host: &mut H, key: Key, visitor: &Visitor) -> bool {
    assert!(is_open(host, key), "{IS_OPEN}");
    guarded(host, key, |host| visitor(host, key)).unwrap_or(true)
}

/// A visitor comes to a spark, and its walk waits.
pub(crate) fn step<H: Host>(host: &mut H, key: Key, visitor: &StepVisitor, walk: Key) {
    assert!(is_open(host, key), "{IS_OPEN}");
    guarded(host, key, |host| visitor(host, key, walk));
}

/// Calls a function with a spark.
pub(crate) fn find<H: Host>(host: &mut H, key: Key, call: impl FnOnce(&mut dyn Host, Key)) {
    assert!(is_open(host, key), "{IS_OPEN}");
    guarded(host, key, |host| call(host, key));
}

/// Calls the function of a timer.
pub(crate) fn spark_timer<H: Host>(host: &mut H, due: &mut Due) {
    let spark = due.spark;
    assert!(is_open(host, spark), "{IS_OPEN}");
    if due.is_last {
        host.spark_mut(spark).forget_timer(due.timer);
    }
    guarded(host, spark, |host| (due.call)(host, spark));
    if due.is_last {
        // Not before, as it may set the next one.
        host.spark_mut(spark).tidy_extras();
    }
}

fn is_open(host: &dyn Host, key: Key) -> bool {
    host.spark(key).ready == ReadyState::Open
}

/// Calls with the functions that every spark goes through, which are taken out meanwhile.
fn for_each_listener<H: Host>(host: &mut H, call: impl FnOnce(&mut H, &Arc<Listeners>)) {
    let listeners = host.take_listeners();
    if let Some(listeners) = &listeners {
        call(host, listeners);
    }
    host.put_listeners(listeners);
}

/// Which sparks have handlers called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// Of one that has not ended, not even in a handler before.
    Open,
    Any,
}

/// Calls with each handler of a spark, which is taken out of it meanwhile. What they attach is for
/// later events.
fn each_handler<H: Host>(
    host: &mut H,
    key: Key,
    whose: Whose,
    mut call: impl FnMut(&mut dyn Host, &mut Handler),
) {
    let (mut place, mut count) = (0, usize::MAX);
    while place < count {
        let spark = host.spark_mut(key);
        if whose == Whose::Open && spark.ready != ReadyState::Open {
            return;
        }
        let Some(handlers) = spark.handlers_mut() else {
            return;
        };
        count = count.min(handlers.len());
        let Some(handler) = handlers.get_mut(place) else {
            return;
        };
        let mut handler = std::mem::replace(handler, Handler::Running);
        assert!(!handler.runs(), "no handler runs inside another one");
        let called = guarded(host, key, |host| call(host, &mut handler));
        if let Some(handlers) = host.spark_mut(key).handlers_mut() {
            let left = std::mem::replace(&mut handlers[place], handler);
            assert!(left.runs(), "a handler keeps its place while it runs");
            // To drop it would be a call, for nothing.
            std::mem::forget(left);
        }
        if called.is_none() {
            return;
        }
        place += 1;
    }
}

/// Calls a function of the application. If it panics, its spark ends, with reconnect.
///
/// The engine's own state is consistent whenever a handler runs, so it may be used after a handler
/// was unwound; what the handler captured is dropped with its spark.
fn guarded<H: Host, R>(host: &mut H, key: Key, call: impl FnOnce(&mut dyn Host) -> R) -> Option<R> {
    match guard::call(|| call(host)) {
        Ok(result) => Some(result),
        Err(panicked) => {
            host.panicked(key, &panicked);
            None
        }
    }
}
