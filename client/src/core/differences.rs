//! Where this machine differs from the client of npm primus 8.0.9, on purpose.
//!
//! | npm | here | why |
//! |---|---|---|
//! | `end()` during an attempt to reconnect does not stop the procedure: its time-out still comes, and the client reconnects although it was ended | the procedure stops | `end()` means the end, as its README says |
//! | a connection that ran out of time (`timeout`, `reconnect timeout`, ping time-out) stays until the next attempt replaces it; it may open, or bring data, in between | it is left at once | no `data` and no `open` of a connection that was given up |
//! | if the last attempt runs out of time, `readyState` stays `OPENING` | it becomes `CLOSED`, with its event, as if the attempt had failed | an ended client is closed |
//! | `open()` while an attempt is waited for: once open, the connection is dropped for the attempt | the reconnect has succeeded (`reconnected`) | one connection is enough |
//! | the network comes back during an attempt: one more is scheduled beside it, and if the first fails, none ever comes | the attempt goes on | it would be stuck |
//! | `open()` twice before the connection is there: `timeout` comes twice | once | it happened once |
//! | `open()` while a connection is open does not stop the ping time-out of the old one | it does | it may end the new one before it is open |
//! | `queueSize: 0` queues without limit | queues nothing | it is the limit |
//! | `primus::server::close` before `end()` is remembered, and the next connection's loss is not followed by a reconnect | it counts for its connection | |
//! | `primus::` messages that are not understood are `data` | they are ignored | README: they never reach the application |
//! | a delay of more than 2^31 ms is none | it is what it says | a timer of JavaScript overflows |
//! | URL that nothing can be connected to: `error`, and `OPENING` for ever | the connection has failed, as any other | it would hang |
