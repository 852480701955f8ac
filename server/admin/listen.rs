//! What the server that is shown tells the dashboard: functions that all sparks go through.

use std::sync::Arc;

use allspark::{Primus, Spark};

use super::chronicle::{What, shortened};
use super::clock::now_ms;
use super::inbox::Inbox;

/// Attaches them. They cost nothing per spark.
pub(super) fn attach(primus: &Primus, inbox: &Arc<Inbox>) {
    let on = || Arc::clone(inbox);
    let inbox = on();
    primus.on_connection(move |spark| note(&inbox, spark, What::Connected(spark.address())));
    let inbox = on();
    primus.on_disconnection(move |spark| note(&inbox, spark, ended(spark)));
    let inbox = on();
    primus.on_error(move |spark, error| {
        let error = shortened(&error.to_string());
        note(&inbox, spark, What::Failed(error));
    });
    let inbox = on();
    primus.on_heartbeat(move |spark| {
        if let Some(latency) = spark.latency() {
            inbox.trips.add(latency);
        }
    });
    let inbox = on();
    primus.on_join_room(move |spark, room| note(&inbox, spark, What::Joined(shortened(room))));
    let inbox = on();
    primus.on_leave_room(move |spark, room| note(&inbox, spark, What::Left(shortened(room))));
    let inbox = on();
    primus.on_leave_all_rooms(move |spark, rooms| {
        note(&inbox, spark, What::LeftAll(rooms.len()));
    });
}

fn ended(spark: &Spark<'_>) -> What {
    let reason = spark.end_reason().map(|reason| reason.to_string());
    What::Ended(reason.unwrap_or_default().into())
}

fn note(inbox: &Inbox, spark: &Spark<'_>, what: What) {
    inbox.note(spark.id(), now_ms(), what);
}
