//! Rooms as a client asks for them: `{"call":"join","rooms":..}` and its like, each of which is a
//! call of the application. `rooms` of tests/interop/plugins/plugged.js is the same on Node.js.

use std::sync::{Arc, Mutex};

use allspark::plugins::emitter::SendTo;
use allspark::plugins::events::List;
use allspark::plugins::rooms::Rooms;
use allspark::{Error, Json, Primus, RoomNames, Spark, SparkHandle, SparkId};
use serde_json::{Value, json};

/// What happened to a spark in rooms.
type Events = Arc<Mutex<Vec<Value>>>;

/// Names of rooms in all the forms that primus-rooms takes.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Names {
    Text(String),
    Number(i64),
    List(Vec<Self>),
    None(()),
}

impl RoomNames for Names {
    fn each_name(&self, call: &mut dyn FnMut(&str)) {
        match self {
            Self::Text(text) => text.each_name(call),
            Self::Number(number) => number.each_name(call),
            Self::List(list) => list.each_name(call),
            Self::None(()) => {}
        }
    }
}

#[derive(serde::Deserialize)]
#[serde(tag = "call", rename_all = "camelCase")]
enum Call {
    Join {
        rooms: Names,
    },
    Leave {
        rooms: Names,
    },
    LeaveAll,
    Rooms,
    Write {
        rooms: Names,
        except: Vec<String>,
        value: Value,
    },
    Send {
        rooms: Names,
        args: Vec<Value>,
    },
    Clients {
        rooms: Names,
    },
    IsRoomEmpty {
        rooms: Names,
    },
    Empty {
        rooms: Names,
    },
    Events,
}

/// Adds the plugin, and has clients call.
pub(crate) fn rooms(primus: &Primus) -> Result<&Primus, Error> {
    primus.plugin(Rooms::new())?;
    primus.on_connection(|spark| {
        let events = Events::default();
        note(spark, &events);
        spark.on_data(move |spark, data| {
            if let Ok(call) = data.parse() {
                obey(spark, call, &events);
            }
        });
    });
    Ok(primus)
}

fn note(spark: &mut Spark<'_>, events: &Events) {
    let noter = |event: &'static str| {
        let events = Arc::clone(events);
        move |what: Value| events.lock().unwrap().push(json!([event, what]))
    };
    let (joined, left) = (noter("joinroom"), noter("leaveroom"));
    let (left_all, failed) = (noter("leaveallrooms"), noter("roomserror"));
    spark.on_join_room(move |_, room| joined(room.into()));
    spark.on_leave_room(move |_, room| left(room.into()));
    spark.on_leave_all_rooms(move |_, rooms| left_all(sorted(rooms.iter())));
    spark.on_rooms_error(move |_, error| failed(error.to_string().into()));
}

fn obey(spark: &mut Spark<'_>, call: Call, events: &Events) {
    match call {
        // What goes wrong is an event.
        Call::Join { rooms } => drop(spark.join(rooms)),
        Call::Leave { rooms } => spark.leave(rooms),
        Call::LeaveAll => spark.leave_all(),
        Call::Rooms => {
            let rooms = sorted(spark.rooms().iter());
            spark.write(json!({ "answer": rooms }));
        }
        Call::Write {
            rooms,
            except,
            value,
        } => {
            let except: Vec<SparkId> = except.iter().filter_map(|id| id.parse().ok()).collect();
            let written = spark.primus().room(rooms).except(except).write(Json(value));
            written.expect("what came in can be encoded");
        }
        Call::Send { rooms, args } => {
            let (event, args) = args.split_first().expect("an event has a name");
            let event = event.as_str().unwrap_or_default();
            let sent = spark.primus().room(rooms).send(event, List(args));
            sent.expect("what came in can be encoded");
        }
        Call::Clients { rooms } => {
            let asker = spark.handle();
            let room = spark.primus().handle().room(rooms);
            room.clients(move |ids| answer(&asker, sorted(ids.iter())));
        }
        Call::IsRoomEmpty { rooms } => {
            let asker = spark.handle();
            let room = spark.primus().handle().room(rooms);
            room.is_empty(move |is_empty| answer(&asker, is_empty.into()));
        }
        Call::Empty { rooms } => spark.primus().room(rooms).empty(),
        Call::Events => {
            let events = std::mem::take(&mut *events.lock().unwrap());
            spark.write(json!({ "answer": events }));
        }
    }
}

fn answer(asker: &SparkHandle, answer: Value) {
    let answer = asker.write(json!({ "answer": answer }));
    answer.expect("it can be encoded");
}

fn sorted<N: ToString>(names: impl Iterator<Item = N>) -> Value {
    let mut names: Vec<String> = names.map(|name| name.to_string()).collect();
    names.sort_unstable();
    names.into()
}
