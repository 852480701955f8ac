//! `/rooms`: which rooms there are, how many sparks are in each, and who.

use std::sync::Arc;

use allspark::{Reply, RoomSize, RouteRequest};
use serde::Serialize;

use super::answer;
use super::gather::{Gather, Wanted};
use super::keys::Key;
use super::service::{Service, reply};
use super::sparks::{Entry, room, text_of};

#[derive(Serialize)]
struct Page {
    rooms: Vec<Size>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize)]
struct Size {
    room: String,
    /// How many are in it.
    sparks: usize,
}

/// Who is in a room.
#[derive(Serialize)]
struct Presence {
    #[serde(flatten)]
    size: Size,
    members: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl From<RoomSize> for Size {
    fn from(size: RoomSize) -> Self {
        Self {
            room: size.name,
            sparks: size.sparks,
        }
    }
}

/// `GET /rooms`
pub(super) fn list(service: &Arc<Service>, request: &RouteRequest<'_>, _: &Arc<Key>) -> Reply {
    reply((|| {
        let wanted = Wanted::read(request.head())?;
        let (primus, ticket) = (service.primus()?.clone(), request.later());
        Gather::begin(
            wanted,
            move |from, max, told| primus.list_rooms(from, max, told),
            move |rooms, next| {
                let rooms = rooms.into_iter().map(Size::from).collect();
                let next = text_of(next);
                ticket.respond(answer::json(200, &Page { rooms, next }));
            },
        );
        Ok(Reply::Later)
    })())
}

/// `GET /rooms/{room}`
pub(super) fn presence(service: &Arc<Service>, request: &RouteRequest<'_>, _: &Arc<Key>) -> Reply {
    reply((|| {
        let (wanted, room) = (Wanted::read(request.head())?, room(request)?);
        let (primus, ticket) = (service.primus()?.clone(), request.later());
        let name: Box<str> = room.as_str().into();
        service.primus()?.count_rooms([name], move |mut sizes| {
            let size = Size {
                sparks: sizes.pop().map_or(0, |size| size.sparks),
                room: room.clone(),
            };
            Gather::begin(
                wanted,
                move |from, max, told| {
                    primus.list_members(&room, from, max, |spark| Entry::of(spark), told);
                },
                move |members, next| {
                    let next = text_of(next);
                    ticket.respond(answer::json(
                        200,
                        &Presence {
                            size,
                            members,
                            next,
                        },
                    ));
                },
            );
        });
        Ok(Reply::Later)
    })())
}
