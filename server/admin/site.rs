//! The server of the dashboards: a second Primus of one shard in this process, so that broadcasts,
//! counts and rooms of the application never see them.

use std::sync::Arc;

use allspark::{DriverChoice, Place, Primus, Server};

use super::bounds::{CONNECTIONS_MAX, QUESTION_BYTES_MAX};
use super::door::Door;
use super::inbox::{Event, Inbox};
use super::sessions::Session;

/// Where its clients connect.
const PATHNAME: &str = "/admin/primus";

/// Builds it. `is_proxied` says that it is reached through the server that it shows alone.
///
/// # Errors
/// It can't be built, in one line.
pub(super) fn build(
    door: &Arc<Door>,
    inbox: &Arc<Inbox>,
    is_proxied: bool,
) -> Result<Primus, String> {
    let judge = Arc::clone(door);
    let mut builder = Primus::builder()
        .transformer("websockets")
        .pathname(PATHNAME)
        // A ring would take memory that this server does not need.
        .driver(DriverChoice::Epoll)
        .shards(1)
        .connections_max(CONNECTIONS_MAX)
        .max_length(QUESTION_BYTES_MAX)
        .compression(true)
        .routes(door.routes())
        .authorization(move |request| judge.authorize(request));
    if is_proxied {
        builder = builder.trusted_proxies("unix");
    }
    let primus = builder.build().map_err(|error| error.to_string())?;
    let opened = Arc::clone(inbox);
    primus.on_connection(move |spark| {
        let session = spark.attached::<Session>().cloned();
        let is_heard = session.is_some_and(|session| {
            let handle = spark.handle();
            opened.send(Event::Opened(handle, session))
        });
        if !is_heard {
            spark.end();
        }
    });
    let closed = Arc::clone(inbox);
    primus.on_disconnection(move |spark| {
        closed.send(Event::Closed(spark.id()));
    });
    let asked = Arc::clone(inbox);
    primus.on_data(move |spark, data| {
        if let Ok(question) = serde_json::from_slice(data.encoded()) {
            asked.send(Event::Asked(spark.id(), question));
        }
    });
    Ok(primus)
}

/// Starts it.
///
/// # Errors
/// It can't listen there, in one line.
pub(super) fn start(primus: &Primus, place: Place) -> Result<Server, String> {
    let server = primus.start_on([place]);
    server.map_err(|error| format!("admin: {error}"))
}
