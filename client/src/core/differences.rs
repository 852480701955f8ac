//! Where this machine differs from the client of npm primus 8.0.9, on purpose.
//!
//! - **`end()` during an attempt to reconnect.** npm's does not stop the procedure: the time-out of
//!   the attempt still comes, and the client reconnects although it was ended. Here it stops, as
//!   the README says.
//! - **A connection that ran out of time** (`timeout`, `reconnect timeout`, ping time-out). npm
//!   keeps it until the next attempt replaces it; until then it may open, or bring data. Here it is
//!   left at once: there is no `open` and no `data` of a connection that was given up.
//! - **The last attempt runs out of time.** npm's `readyState` stays `OPENING`. Here it becomes
//!   `CLOSED`, with its event, as if the attempt had failed in any other way.
//! - **The network goes and comes back after `end()`**, or after the server ended the connection on
//!   purpose. npm's client comes back, too. Here it stays ended until it is opened.
//! - **`open()` while an attempt is waited for.** npm drops the connection again when the attempt
//!   begins. Here the reconnect has succeeded (`reconnected`) once it is open.
//! - **The network comes back during an attempt.** npm schedules one more beside it, and if the
//!   first fails, none ever comes. Here the attempt goes on.
//! - **`open()` twice before there is a connection.** npm may emit `timeout` twice. Here once.
//! - **`open()` while a connection is open.** npm does not stop the ping time-out of the old one,
//!   which may end the new one before it is open. Here it stops.
//! - **`queueSize: 0`.** npm queues without limit. Here nothing is queued.
//! - **`primus::server::close`, then `end()`.** npm remembers the first, so that the loss of the
//!   next connection is not followed by a reconnect. Here it counts for its own connection.
//! - **`primus::` messages that are not understood.** npm emits them as `data`. Here they are
//!   ignored, as its README demands.
//! - **A delay of more than 2^31 ms.** Timers of JavaScript overflow and fire at once. Here it is
//!   waited for.
//! - **A host or path that can't be requested.** npm emits `error` and stays `OPENING` for ever.
//!   Here the connection has failed like any other.
