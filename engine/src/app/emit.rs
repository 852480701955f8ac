//! Calls functions of the application. Only the phases of a turn come here, never a handler: what a
//! handler causes is an effect, which is carried out once it has returned.

use std::sync::Arc;

use allspark_protocol::http::RequestHead;
use allspark_protocol::transformer::Kind;

use super::data::Data;
use super::ends::{Destroy, ReadyState};
use super::error::SparkError;
use super::host::{Extras, Handler, Host, Listeners, Server, StepVisitor, Visitor};
use super::target::RoomEvent;
use super::timers::Due;
use crate::guard;
use crate::memory::Key;

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
        for listener in &listeners.connection {
            guarded(host, key, |host| listener(host, key, head));
        }
    });
}

/// `data`.
pub(crate) fn data<H: Host>(host: &mut H, key: Key, kind: Kind, bytes: &[u8]) {
    let data = Data::new(host.parser(), kind, bytes);
    for_each_listener(host, |host, listeners| {
        for listener in &listeners.data {
            if is_open(host, key) {
                guarded(host, key, |host| listener(host, key, data));
            }
        }
    });
    each_handler(host, key, |host, handler| {
        if let Handler::Data(handler) = handler
            && is_open(host, key)
        {
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
    each_handler(host, key, |host, handler| {
        if let Handler::Heartbeat(handler) = handler
            && is_open(host, key)
        {
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
    each_handler(host, key, |host, handler| {
        if let Handler::OutgoingPing(handler) = handler
            && is_open(host, key)
        {
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
    each_handler(host, key, |host, handler| {
        if let Handler::IncomingPong(handler) = handler
            && is_open(host, key)
        {
            handler(host, key, unix_ms);
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
    each_handler(host, key, |host, handler| {
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
    each_handler(host, key, |host, handler| {
        if let Handler::Room(handler) = handler {
            handler(host, key, event);
        }
    });
}

/// `readyStateChange`, `end`, then `disconnection`: the last that the application hears of a spark.
pub(crate) fn disconnection<H: Host>(host: &mut H, key: Key) {
    for_each_listener(host, |host, listeners| {
        for listener in &listeners.ready_state_change {
            guarded(host, key, |host| listener(host, key));
        }
    });
    each_handler(host, key, |host, handler| {
        if let Handler::ReadyStateChange(handler) = handler {
            handler(host, key);
        }
    });
    each_handler(host, key, |host, handler| {
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
    drop_extras(host, extras);
}

/// Drops what the application gave to a spark that has ended. Each value has a guard of its own,
/// because two panics at once end the process.
pub(crate) fn drop_extras<H: Host>(host: &mut H, extras: Option<Box<Extras>>) {
    let Some(extras) = extras else {
        return;
    };
    let Extras {
        handlers,
        notes,
        state,
        timers,
        hears_rooms: _,
    } = *extras;
    for timer in timers {
        host.cancel_timer(timer);
    }
    handlers.into_iter().for_each(guard::drop_value);
    guard::drop_value(state);
    // Each of its values has a guard of its own.
    drop(notes);
}

/// A visitor comes to a spark. Returns whether it goes on.
pub(crate) fn visit<H: Host>(host: &mut H, key: Key, visitor: &Visitor) -> bool {
    guarded(host, key, |host| visitor(host, key)).unwrap_or(true)
}

/// A visitor comes to a spark, and its walk waits.
pub(crate) fn step<H: Host>(host: &mut H, key: Key, visitor: &StepVisitor, walk: Key) {
    guarded(host, key, |host| visitor(host, key, walk));
}

/// Calls a function with a spark.
pub(crate) fn find<H: Host>(host: &mut H, key: Key, call: impl FnOnce(&mut dyn Host, Key)) {
    guarded(host, key, |host| call(host, key));
}

/// Calls the function of a timer.
pub(crate) fn spark_timer<H: Host>(host: &mut H, due: &mut Due) {
    let spark = due.spark;
    if due.is_last
        && let Some(extras) = &mut host.spark_mut(spark).extras
    {
        extras.timers.retain(|timer| *timer != due.timer);
    }
    guarded(host, spark, |host| (due.call)(host, spark));
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

/// Calls with each handler of a spark, all of which are taken out of it meanwhile.
fn each_handler<H: Host>(
    host: &mut H,
    key: Key,
    mut call: impl FnMut(&mut dyn Host, &mut Handler),
) {
    let Some(extras) = &mut host.spark_mut(key).extras else {
        return;
    };
    if extras.handlers.is_empty() {
        return;
    }
    let mut handlers = std::mem::take(&mut extras.handlers);
    guarded(host, key, |host| {
        handlers.iter_mut().for_each(|handler| call(host, handler));
    });
    let extras = host.spark_mut(key).extras.get_or_insert_default();
    // Behind those that were there come those that they attached.
    handlers.append(&mut extras.handlers);
    extras.handlers = handlers;
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
