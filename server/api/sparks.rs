//! `/sparks`: lists sparks, looks one up, ends it, has it join and leave rooms.

use std::sync::Arc;

use allspark::auth::Authorized;
use allspark::{
    EndOptions, ListCursor, Reply, Response, RoomError, RouteRequest, Spark, SparkHandle, SparkId,
};
use serde::Serialize;
use serde_json::Value;

use super::answer;
use super::gather::{Gather, Wanted};
use super::keys::Key;
use super::service::{Service, param, reply};
use crate::hooks::data_of;

/// A spark, as a list has it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    id: String,
    address: String,
    /// Who it is, as authorization says.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    secure: bool,
    /// How long it took to answer its last ping.
    latency_ms: Option<f64>,
    /// Bytes that wait to be sent to it.
    waiting_bytes: usize,
    /// In how many rooms it is.
    rooms: usize,
}

/// One spark, as a look-up has it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    #[serde(flatten)]
    entry: Entry,
    room_names: Vec<String>,
    /// What the application keeps with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

#[derive(Serialize)]
struct Page {
    sparks: Vec<Entry>,
    /// Absent at the end of the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Entry {
    pub(super) fn of(spark: &Spark<'_>) -> Self {
        Self {
            id: spark.id().to_string(),
            address: spark.address().to_string(),
            subject: spark
                .auth()
                .and_then(|auth| auth.subject().map(str::to_owned)),
            secure: spark.is_secure(),
            latency_ms: spark.latency().map(|latency| latency.as_secs_f64() * 1e3),
            waiting_bytes: spark.send_queue_bytes(),
            rooms: spark.rooms_len(),
        }
    }
}

/// A cursor, as an answer has it.
pub(super) fn text_of(next: Option<ListCursor>) -> Option<String> {
    next.map(|next| next.to_string())
}

/// `GET /sparks`
pub(super) fn list(service: &Arc<Service>, request: &RouteRequest<'_>, _: &Arc<Key>) -> Reply {
    reply((|| {
        let wanted = Wanted::read(request.head())?;
        let (primus, ticket) = (service.primus()?.clone(), request.later());
        Gather::begin(
            wanted,
            move |from, max, told| primus.list_sparks(from, max, |spark| Entry::of(spark), told),
            move |sparks, next| {
                let next = text_of(next);
                ticket.respond(answer::json(200, &Page { sparks, next }));
            },
        );
        Ok(Reply::Later)
    })())
}

/// `GET /sparks/{id}`
pub(super) fn find(service: &Arc<Service>, request: &RouteRequest<'_>, _: &Arc<Key>) -> Reply {
    with_spark(service, request, |spark| {
        let found = Found {
            entry: Entry::of(spark),
            room_names: spark.rooms(),
            data: data_of(spark).cloned(),
        };
        answer::json(200, &found)
    })
}

/// `DELETE /sparks/{id}?reconnect=true`
pub(super) fn end(service: &Arc<Service>, request: &RouteRequest<'_>, _: &Arc<Key>) -> Reply {
    let reconnect = match request.head().query().get("reconnect").as_deref() {
        None | Some("false") => false,
        Some("true" | "") => true,
        Some(_) => return answer::error(400, "invalid", "reconnect: true or false").into(),
    };
    with_spark(service, request, move |spark| {
        spark.end_with(EndOptions { reconnect });
        answer::ok()
    })
}

/// `PUT /sparks/{id}/rooms/{room}`
pub(super) fn join(service: &Arc<Service>, request: &RouteRequest<'_>, _: &Arc<Key>) -> Reply {
    let room = match room(request) {
        Ok(room) => room,
        Err(refusal) => return refusal.into(),
    };
    with_spark(service, request, move |spark| match spark.join(&room) {
        Ok(()) => answer::ok(),
        Err(RoomError::Ended) => no_spark(),
        Err(error) => answer::error(422, "refused", &error.to_string()),
    })
}

/// `DELETE /sparks/{id}/rooms/{room}`
pub(super) fn leave(service: &Arc<Service>, request: &RouteRequest<'_>, _: &Arc<Key>) -> Reply {
    let room = match room(request) {
        Ok(room) => room,
        Err(refusal) => return refusal.into(),
    };
    with_spark(service, request, move |spark| {
        spark.leave(&room);
        answer::ok()
    })
}

/// The room that a path names.
pub(super) fn room(request: &RouteRequest<'_>) -> Result<String, Response> {
    let room = param(request, "room");
    match room.contains(' ') {
        true => Err(answer::error(
            400,
            "invalid",
            "the name of a room has no space",
        )),
        false => Ok(room),
    }
}

/// Answers with what `visit` says of the spark that a path names, once its shard has found it.
fn with_spark(
    service: &Service,
    request: &RouteRequest<'_>,
    visit: impl FnOnce(&mut Spark<'_>) -> Response + Send + 'static,
) -> Reply {
    reply((|| {
        let id: Result<SparkId, _> = param(request, "id").parse();
        let id = id.map_err(|error| answer::error(400, "invalid", &error.to_string()))?;
        let spark: Option<SparkHandle> = service.primus()?.spark(id);
        let spark = spark.ok_or_else(no_spark)?;
        let ticket = request.later();
        spark.find(move |spark| ticket.respond(spark.map_or_else(no_spark, visit)));
        Ok(Reply::Later)
    })())
}

fn no_spark() -> Response {
    answer::error(
        404,
        "not_found",
        "there is no spark of this id, or it has ended",
    )
}
