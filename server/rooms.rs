//! Rooms, as a server has them.

use allspark_engine::{Room, RoomError, RoomNames, RoomOptions, Spark};

use crate::builder::Builder;
use crate::primus::Primus;

impl Primus {
    /// As [`Handle::room`](crate::Handle::room): rooms to be written to.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let primus = allspark::Primus::builder().build()?;
    /// primus.on_connection(|spark| {
    ///     let room = spark.query().get("room").unwrap_or_default().into_owned();
    ///     drop(spark.join(&room));
    ///     spark.on_data(move |spark, data| {
    ///         let sender = spark.id();
    ///         drop(spark.primus().room(&room).except([sender]).write(data));
    ///     });
    /// });
    /// primus.room("news sports").write("to whoever is in one of them")?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias("in", "to"))]
    pub fn room(&self, rooms: impl RoomNames) -> Room {
        self.handle().room(rooms)
    }

    /// Calls `listener` when a spark has joined a room, with its name.
    #[doc(alias = "joinroom")]
    pub fn on_join_room(
        &self,
        listener: impl Fn(&mut Spark<'_>, &str) + Send + Sync + 'static,
    ) -> &Self {
        self.engine.attach().on_join_room(listener);
        self
    }

    /// Calls `listener` when a spark has left a room, with its name.
    #[doc(alias = "leaveroom")]
    pub fn on_leave_room(
        &self,
        listener: impl Fn(&mut Spark<'_>, &str) + Send + Sync + 'static,
    ) -> &Self {
        self.engine.attach().on_leave_room(listener);
        self
    }

    /// Calls `listener` when a spark has left all its rooms at once, because it has ended or was
    /// told to, with their names. It comes before `disconnection`.
    #[doc(alias = "leaveallrooms")]
    pub fn on_leave_all_rooms(
        &self,
        listener: impl Fn(&mut Spark<'_>, &[&str]) + Send + Sync + 'static,
    ) -> &Self {
        self.engine.attach().on_leave_all_rooms(listener);
        self
    }

    /// Calls `listener` when a spark could not join a room.
    #[doc(alias = "roomserror")]
    pub fn on_rooms_error(
        &self,
        listener: impl Fn(&mut Spark<'_>, RoomError) + Send + Sync + 'static,
    ) -> &Self {
        self.engine.attach().on_rooms_error(listener);
        self
    }
}

impl Builder {
    /// What rooms may be: whether `*` in a name stands for anything, how long names may be, and in
    /// how many rooms one spark. Default: [`RoomOptions::default`].
    #[must_use]
    pub fn rooms(mut self, options: RoomOptions) -> Self {
        self.engine.rooms = options;
        let count = (options.per_spark_max as u64).try_into();
        let bytes = (options.name_bytes_max as u64).try_into();
        self.set("rooms", count, |o| &mut o.limits.rooms_per_spark)
            .set("rooms", bytes, |o| &mut o.limits.room_name_max)
    }
}
