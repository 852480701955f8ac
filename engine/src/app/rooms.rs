//! Rooms, as applications use them: a spark joins and leaves them, and a message to rooms reaches
//! whoever is in one of them.

use std::sync::Arc;

use allspark_protocol::primus::SparkId;

use super::error::SparkError;
use super::handle::{Handle, SparkHandle};
use super::host::{Command, Handler, Host};
use super::listen::Attach;
use super::local::LocalPrimus;
use super::message::{self, Message};
use super::room_names::{self, RoomNames};
use super::spark::Spark;
use super::target::{AwaitedPublish, Publish, Question, RoomEvent, Target};
use super::transform::Written;
use crate::memory::Key;
use crate::rooms::RoomError;

impl Spark<'_> {
    /// Joins rooms. What is written to them from now on reaches this spark, too. A `*` in a name
    /// stands for anything: who joins `user:*` gets what is written to `user:jb:1`. To be in a
    /// room already is no error.
    ///
    /// # Errors
    /// A bound was reached, see [`crate::RoomOptions`], or the spark has ended. Rooms before the
    /// one that failed were joined. The `roomserror` event comes as well.
    ///
    /// ```
    /// fn connected(spark: &mut allspark_engine::Spark<'_>) {
    ///     spark.on_data(|spark, data| {
    ///         if let Ok(room) = data.parse::<String>() {
    ///             drop(spark.join(&room));
    ///             drop(spark.primus().room(&room).write("somebody has come"));
    ///         }
    ///     });
    /// }
    /// ```
    pub fn join(&mut self, rooms: impl RoomNames) -> Result<(), RoomError> {
        let (key, mut result) = (self.key(), Ok(()));
        rooms.each_name(&mut |name| {
            if result.is_ok() {
                result = self.host.join(key, name);
            }
        });
        result
    }

    /// Leaves rooms. What was written to them before still arrives. To leave a room that the spark
    /// is not in is no error. A `*` is no pattern here: a pattern is left by its own name.
    pub fn leave(&mut self, rooms: impl RoomNames) {
        let key = self.key();
        rooms.each_name(&mut |name| self.host.leave(key, name));
    }

    /// Leaves all rooms. A spark that ends does so by itself.
    #[doc(alias = "leaveAll")]
    pub fn leave_all(&mut self) {
        let key = self.key();
        self.host.leave_all(key);
    }

    /// The names of the rooms that the spark is in, in no order.
    pub fn rooms(&self) -> Vec<String> {
        let rooms = self.host.rooms().rooms_of(self.key().index);
        rooms.map(|name| String::from(&**name)).collect()
    }

    /// In how many rooms the spark is. Those that were emptied and that it has not left yet count.
    pub fn rooms_len(&self) -> usize {
        self.host.rooms().count_of(self.key().index)
    }

    /// Bytes that the spark's rooms cost if nobody else is in them, for [`Spark::charge`].
    pub fn rooms_bytes(&self) -> usize {
        self.host.rooms().cost_of(self.key().index)
    }

    /// Whether the spark is in this room.
    pub fn is_in(&self, room: impl RoomNames) -> bool {
        let mut is_in = true;
        let rooms = self.host.rooms();
        room.each_name(&mut |name| is_in &= rooms.is_in(self.key().index, name));
        is_in
    }

    /// Calls `handler` when the spark has joined a room, with its name.
    #[doc(alias = "joinroom")]
    pub fn on_join_room(&mut self, mut handler: impl FnMut(&mut Spark<'_>, &str) + 'static) {
        self.attach_room(move |spark, event| {
            if let RoomEvent::Joined(room) = event {
                handler(spark, room);
            }
        });
    }

    /// Calls `handler` when the spark has left a room, with its name.
    #[doc(alias = "leaveroom")]
    pub fn on_leave_room(&mut self, mut handler: impl FnMut(&mut Spark<'_>, &str) + 'static) {
        self.attach_room(move |spark, event| {
            if let RoomEvent::Left(room) = event {
                handler(spark, room);
            }
        });
    }

    /// Calls `handler` when the spark has left all its rooms at once, because it has ended or was
    /// told to, with their names. It comes before `end`.
    #[doc(alias = "leaveallrooms")]
    pub fn on_leave_all_rooms(
        &mut self,
        mut handler: impl FnMut(&mut Spark<'_>, &[&str]) + 'static,
    ) {
        self.attach_room(move |spark, event| {
            if let RoomEvent::LeftAll(rooms) = event {
                let rooms: Vec<&str> = rooms.iter().map(|room| &**room).collect();
                handler(spark, &rooms);
            }
        });
    }

    /// Calls `handler` when the spark could not join a room.
    #[doc(alias = "roomserror")]
    pub fn on_rooms_error(&mut self, mut handler: impl FnMut(&mut Spark<'_>, RoomError) + 'static) {
        self.attach_room(move |spark, event| {
            if let RoomEvent::Failed(error) = event {
                handler(spark, *error);
            }
        });
    }

    fn attach_room(&mut self, mut handler: impl FnMut(&mut Spark<'_>, &RoomEvent) + 'static) {
        let key = self.key();
        let state = self.host.spark_mut(key);
        let extras = state.extras.get_or_insert_default();
        extras.hears_rooms = true;
        extras.handlers.push(Handler::Room(Box::new(
            move |host: &mut dyn Host, key: Key, event: &RoomEvent| {
                handler(&mut Spark::new(host, key), event);
            },
        )));
    }
}

impl Attach {
    /// Calls `listener` when a spark has joined a room, with its name.
    pub fn on_join_room(&self, listener: impl Fn(&mut Spark<'_>, &str) + Send + Sync + 'static) {
        self.attach_room(move |spark, event| {
            if let RoomEvent::Joined(room) = event {
                listener(spark, room);
            }
        });
    }

    /// Calls `listener` when a spark has left a room, with its name.
    pub fn on_leave_room(&self, listener: impl Fn(&mut Spark<'_>, &str) + Send + Sync + 'static) {
        self.attach_room(move |spark, event| {
            if let RoomEvent::Left(room) = event {
                listener(spark, room);
            }
        });
    }

    /// Calls `listener` when a spark has left all its rooms at once, with their names.
    pub fn on_leave_all_rooms(
        &self,
        listener: impl Fn(&mut Spark<'_>, &[&str]) + Send + Sync + 'static,
    ) {
        self.attach_room(move |spark, event| {
            if let RoomEvent::LeftAll(rooms) = event {
                let rooms: Vec<&str> = rooms.iter().map(|room| &**room).collect();
                listener(spark, &rooms);
            }
        });
    }

    /// Calls `listener` when a spark could not join a room.
    pub fn on_rooms_error(
        &self,
        listener: impl Fn(&mut Spark<'_>, RoomError) + Send + Sync + 'static,
    ) {
        self.attach_room(move |spark, event| {
            if let RoomEvent::Failed(error) = event {
                listener(spark, *error);
            }
        });
    }

    fn attach_room(&self, listener: impl Fn(&mut Spark<'_>, &RoomEvent) + Send + Sync + 'static) {
        self.attach(|listeners| {
            let listener = Arc::new(move |host: &mut dyn Host, key: Key, event: &RoomEvent| {
                listener(&mut Spark::new(host, key), event);
            });
            listeners.room.push(listener);
        });
    }
}

impl SparkHandle {
    /// As [`Spark::join`]. What goes wrong is told by the `roomserror` event.
    pub fn join(&self, rooms: impl RoomNames) {
        let (id, rooms) = (self.id(), room_names::list(&rooms));
        self.primus().send_to(id, Command::Join { id, rooms });
    }

    /// As [`Spark::leave`].
    pub fn leave(&self, rooms: impl RoomNames) {
        let (id, rooms) = (self.id(), Some(room_names::list(&rooms)));
        self.primus().send_to(id, Command::Leave { id, rooms });
    }

    /// As [`Spark::leave_all`].
    #[doc(alias = "leaveAll")]
    pub fn leave_all(&self) {
        let (id, rooms) = (self.id(), None);
        self.primus().send_to(id, Command::Leave { id, rooms });
    }
}

impl Handle {
    /// Rooms of this server, to be written to. Of several rooms a message reaches whoever is in
    /// one of them, once; with `()` whoever is in any room.
    ///
    /// ```
    /// fn tell(primus: &allspark_engine::Handle, sender: allspark_engine::SparkId) {
    ///     let others = primus.room("news sports").except([sender]);
    ///     drop(others.write("extra, extra"));
    /// }
    /// ```
    #[doc(alias("in", "to"))]
    pub fn room(&self, rooms: impl RoomNames) -> Room {
        let rooms = room_names::list(&rooms);
        Room {
            primus: self.clone(),
            target: Target {
                rooms,
                ..Target::default()
            },
        }
    }
}

/// Rooms of a server, from any thread and at any time. They need not exist: a room is there while
/// somebody is in it.
#[derive(Clone, Debug)]
#[must_use]
pub struct Room {
    primus: Handle,
    target: Target,
}

impl Room {
    /// And these rooms.
    #[doc(alias("in", "to"))]
    pub fn room(mut self, rooms: impl RoomNames) -> Self {
        room_names::add(&mut self.target.rooms, &rooms);
        self
    }

    /// But not these sparks. Who writes is in the room as well, so it gets its own message unless
    /// it is named here.
    pub fn except(mut self, sparks: impl IntoIterator<Item = SparkId>) -> Self {
        self.target.except.extend(sparks);
        self
    }

    /// Of what is written so only the newest value of each key matters, as with prices: for a
    /// client that reads slowly it takes the place of an older one that still waits, instead of
    /// waiting behind it. Values of one key arrive in their order, and each client gets the last
    /// one. A value may arrive before other messages that were written before it. A key counts
    /// among those for the same rooms, named in the same order. Transforms that know the spark make
    /// every value a message like any other.
    ///
    /// ```
    /// fn tick(primus: &allspark_engine::Handle, symbol: &str, cents: u64) {
    ///     drop(primus.room("ticker").latest(symbol).write(cents));
    /// }
    /// ```
    pub fn latest(mut self, key: impl ToString) -> Self {
        self.target.latest = Some(key.to_string().into());
        self
    }

    /// Writes a message to whoever is in one of these rooms. It is encoded once. Broadcasts, writes
    /// to single sparks and to rooms by one thread arrive in the order in which they were made.
    ///
    /// # Errors
    /// The message can't be encoded, is longer than a frame can be, or a transform refused it.
    pub fn write(&self, message: impl Message) -> Result<(), SparkError> {
        let target = self.target.clone();
        match self.primus.encode(message)? {
            Written::Now((kind, payload)) => {
                let publish = Arc::new(Publish {
                    target,
                    kind,
                    payload,
                });
                self.primus
                    .send_to_all(|| Command::Publish(Arc::clone(&publish)));
            }
            Written::Later(awaited) => {
                let target = Arc::new(target);
                let publish = Arc::new(AwaitedPublish { target, awaited });
                self.primus
                    .send_to_all(|| Command::PublishLater(Arc::clone(&publish)));
            }
            Written::Nothing => {}
        }
        Ok(())
    }

    /// Calls `answer` with the ids of all sparks in these rooms, each once, in no order. It is
    /// called on a shard, once all of them have answered, and must not block. Here a `*` is no
    /// pattern: it is asked who has joined rooms of these names. A shard that has more than 256 of
    /// them looks at some thousand per turn; whoever joins or leaves meanwhile may be among them or
    /// not.
    pub fn clients(&self, answer: impl FnOnce(Vec<SparkId>) + Send + 'static) {
        self.ask(true, |ids, _| answer(ids));
    }

    /// Calls `answer` with whether nobody is in these rooms, as [`Room::clients`] does.
    #[doc(alias = "isRoomEmpty")]
    pub fn is_empty(&self, answer: impl FnOnce(bool) + Send + 'static) {
        self.ask(false, |_, sparks| answer(sparks == 0));
    }

    /// Has everybody leave these rooms. What was written to them before still arrives, and what is
    /// written from now on reaches nobody but who joins from now on. A large room is left by some
    /// hundred sparks per turn of a shard.
    pub fn empty(&self) {
        let rooms: Arc<[Box<str>]> = self.target.rooms.as_slice().into();
        self.primus
            .send_to_all(|| Command::Empty(Arc::clone(&rooms)));
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    fn ask(&self, wants_ids: bool, answer: impl FnOnce(Vec<SparkId>, usize) + Send + 'static) {
        let rooms = self.target.rooms.clone();
        let question = Arc::new(Question::new(rooms, wants_ids, answer));
        self.primus
            .send_to_all(|| Command::Ask(Arc::clone(&question)));
    }
}

impl LocalPrimus<'_> {
    /// As [`Handle::room`], without a detour for the sparks of this shard.
    #[doc(alias("in", "to"))]
    pub fn room(&mut self, rooms: impl RoomNames) -> LocalRoom<'_> {
        let room = self.handle().room(rooms);
        LocalRoom {
            host: &mut *self.host,
            room,
        }
    }
}

/// Rooms of a server as a handler sees them: the same as [`Room`], without a detour for the sparks
/// of this shard.
#[must_use]
pub struct LocalRoom<'a> {
    host: &'a mut dyn Host,
    room: Room,
}

impl LocalRoom<'_> {
    /// As [`Room::room`].
    #[doc(alias("in", "to"))]
    pub fn room(mut self, rooms: impl RoomNames) -> Self {
        self.room = self.room.room(rooms);
        self
    }

    /// As [`Room::except`].
    pub fn except(mut self, sparks: impl IntoIterator<Item = SparkId>) -> Self {
        self.room = self.room.except(sparks);
        self
    }

    /// As [`Room::latest`].
    pub fn latest(mut self, key: impl ToString) -> Self {
        self.room = self.room.latest(key);
        self
    }

    /// As [`Room::write`].
    ///
    /// # Errors
    /// The message can't be encoded, or is longer than a frame can be.
    pub fn write(&mut self, message: impl Message) -> Result<(), SparkError> {
        let mut scratch = self.host.take_scratch();
        let result = match message::encode(&message, self.host.parser(), &mut scratch) {
            Ok((kind, payload)) => self.host.publish(&self.room.target, kind, payload),
            Err(error) => Err(error),
        };
        self.host.put_scratch(scratch);
        result
    }

    /// As [`Room::clients`], once the handler that runs now has returned.
    pub fn clients(&self, answer: impl FnOnce(Vec<SparkId>) + Send + 'static) {
        self.room.clients(answer);
    }

    /// As [`Room::is_empty`], once the handler that runs now has returned.
    #[doc(alias = "isRoomEmpty")]
    pub fn is_empty(&self, answer: impl FnOnce(bool) + Send + 'static) {
        self.room.is_empty(answer);
    }

    /// As [`Room::empty`].
    pub fn empty(&self) {
        self.room.empty();
    }
}

impl std::fmt::Debug for LocalRoom<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalRoom")
            .field("room", &self.room)
            .finish_non_exhaustive()
    }
}
