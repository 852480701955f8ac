//! The plugin: clients ask for rooms.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use allspark_engine::{
    Json, Packet, Plugin, PluginError, RoomError, RoomOptions, Setup, Spark, Transformed, Value,
};
use allspark_protocol::parser::ParserKind;

use super::allowed::{allows, claimed};
use super::client::Client;
use super::names::names;
use super::options::{RoomsOptions, wrong};
use super::refused::Refused;
use crate::emit::Emit;
use crate::emit::wire::{self, Emitted, Read};
use crate::events::{Args, Arguments};
use crate::look::Look;

/// What clients emit.
const JOIN: &str = "join";
const LEAVE: &str = "leave";
pub(super) const PUBLISH: &str = "publish";

/// What they hear, and what primus-rooms reserves on the server.
const JOINED: &str = "joinroom";
const LEFT: &str = "leaveroom";
const LEFT_ALL: &str = "leaveallrooms";
const ERROR: &str = "roomserror";

/// Says what a claim of a spark's credential is.
type FindClaim = dyn Fn(&Spark<'_>, &str) -> Option<Value> + Send + Sync;

/// The plugin rooms. Clones are the same plugin.
#[derive(Clone)]
pub struct Rooms(Arc<Inner>);

struct Inner {
    options: RoomsOptions,
    find_claim: OnceLock<Box<FindClaim>>,
    /// How long a name may be on the server that it was added to.
    name_bytes_max: AtomicUsize,
    /// What it told another plugin counts no more.
    is_removed: AtomicBool,
}

impl Rooms {
    /// Its name.
    pub const NAME: &'static str = "rooms";

    /// The plugin with its default options: clients may do nothing.
    pub fn new() -> Self {
        Self::with_options(RoomsOptions::default())
    }

    /// The plugin with these options.
    pub fn with_options(options: RoomsOptions) -> Self {
        Self(Arc::new(Inner {
            options,
            find_claim: OnceLock::new(),
            name_bytes_max: AtomicUsize::new(RoomOptions::default().name_bytes_max),
            is_removed: AtomicBool::new(false),
        }))
    }

    /// Its options.
    pub fn options(&self) -> &RoomsOptions {
        &self.0.options
    }

    /// Says by which function the claims of a spark are found ([`RoomsOptions::claim`]). The first
    /// one counts. A server that is told how to authorize brings one along.
    pub fn claims_by(
        &self,
        find: impl Fn(&Spark<'_>, &str) -> Option<Value> + Send + Sync + 'static,
    ) -> &Self {
        let _ = self.0.find_claim.set(Box::new(find));
        self
    }

    /// A client has emitted an event. Returns whether it was meant for this plugin.
    fn heard(&self, spark: &mut Spark<'_>, event: &str, args: &[Value]) -> bool {
        let options = self.options();
        match event {
            JOIN if options.lets_join() => self.join(spark, args),
            LEAVE if options.lets_join() => self.leave(spark, args),
            PUBLISH if options.lets_publish() => self.publish(spark, args),
            _ => return false,
        }
        true
    }

    fn join(&self, spark: &mut Spark<'_>, args: &[Value]) {
        self.each_room(spark, args, |spark, room| {
            self.may_join(spark, room)?;
            spark.join(room).map_err(Refused::Room)?;
            Self::charge(spark);
            answer(spark, JOINED, room);
            Ok(())
        });
    }

    fn may_join(&self, spark: &Spark<'_>, room: &str) -> Result<(), Refused> {
        let options = self.options();
        if room.contains('*') && !options.client_wildcards {
            return Err(Refused::Pattern);
        }
        self.may_ask_for(spark, room)?;
        let max = options.client_rooms_max;
        match spark.rooms_len() < max || spark.is_in(room) {
            true => Ok(()),
            false => Err(Refused::TooManyRooms { max }),
        }
    }

    /// Charges a client what its rooms cost if nobody else is in them. That is looked at when it
    /// joins or leaves one, which is bounded by `joins_per_s`.
    fn charge(spark: &mut Spark<'_>) {
        let cost = spark.rooms_bytes();
        let charged = std::mem::replace(&mut Self::client(spark).charged, cost);
        match cost >= charged {
            true => spark.charge(cost - charged),
            false => spark.discharge(charged - cost),
        }
    }

    /// What a client may not join it may not leave: it may have been put there.
    fn leave(&self, spark: &mut Spark<'_>, args: &[Value]) {
        self.each_room(spark, args, |spark, room| {
            self.may_ask_for(spark, room)?;
            spark.leave(room);
            Self::charge(spark);
            answer(spark, LEFT, room);
            Ok(())
        });
    }

    fn may_ask_for(&self, spark: &Spark<'_>, room: &str) -> Result<(), Refused> {
        let join = &self.options().join;
        match allows(join, room) || allows(&self.claimed(spark), room) {
            true => Ok(()),
            false => Err(Refused::NotAllowed),
        }
    }

    /// Does something about each room that a client names, and tells it what goes wrong.
    fn each_room(
        &self,
        spark: &mut Spark<'_>,
        args: &[Value],
        mut call: impl FnMut(&mut Spark<'_>, &str) -> Result<(), Refused>,
    ) {
        let rooms = match names(args) {
            Ok(rooms) => rooms,
            Err(refused) => return refuse(spark, None, refused),
        };
        for room in rooms {
            if let Err(refused) = self.is_short(&room) {
                return refuse(spark, None, refused);
            }
            let now = spark.now();
            let joins = &mut Self::client(spark).joins;
            if !joins.admits(now, self.options().joins_per_s) {
                return refuse(spark, Some(&room), Refused::TooOften);
            }
            if let Err(refused) = call(spark, &room) {
                refuse(spark, Some(&room), refused);
            }
            if !spark.is_open() {
                return;
            }
        }
    }

    /// Bytes of the longest name.
    pub(super) fn name_bytes_max(&self) -> usize {
        self.0.name_bytes_max.load(Ordering::Relaxed)
    }

    /// A longer name is compared with nothing, and not told back.
    pub(super) fn is_short(&self, room: &str) -> Result<(), Refused> {
        let max = self.name_bytes_max();
        match room.len() <= max {
            true => Ok(()),
            false => Err(Refused::Room(RoomError::NameTooLong { max })),
        }
    }

    /// What is kept with a client, from its first question on.
    pub(super) fn client<'s>(spark: &'s mut Spark<'_>) -> &'s mut Client {
        if spark.own::<Client>().is_none() {
            spark.set_own(Client::new());
        }
        spark.own_mut().expect("it was just set")
    }

    /// The rooms that a client's credential names now: it may be renewed, so this is not kept.
    fn claimed(&self, spark: &Spark<'_>) -> Box<[Box<str>]> {
        let name = self.options().claim.as_deref();
        let find = self.0.find_claim.get();
        let claim = name.zip(find).and_then(|(name, find)| find(spark, name));
        claim.map_or_else(Box::default, |claim| claimed(&claim))
    }

    /// A client that has connected joins what its credential names. What it can't join is told by
    /// the event `roomserror`.
    fn join_claimed(&self, spark: &mut Spark<'_>) {
        for room in self.claimed(spark) {
            if spark.join(&*room).is_err() {
                return;
            }
        }
    }

    fn incoming(&self, spark: &mut Spark<'_>, packet: &Packet<'_>) -> Transformed {
        let Ok(message) = packet.value() else {
            return Transformed::Next;
        };
        match wire::read(message) {
            Read::Event(event, args) if self.heard(spark, event, args) => Transformed::Drop,
            _ => Transformed::Next,
        }
    }

    /// Another plugin knows what clients emit.
    fn listen_to(&self, emit: &Emit) {
        let options = self.options();
        let joins = [JOIN, LEAVE].map(|event| (event, options.lets_join()));
        for (event, is_wanted) in joins.into_iter().chain([(PUBLISH, options.lets_publish())]) {
            let rooms = self.clone();
            if is_wanted {
                emit.on(event, move |spark: &mut Spark<'_>, args: Args<'_>| {
                    if !rooms.0.is_removed.load(Ordering::Relaxed) {
                        rooms.heard(spark, event, args.as_slice());
                    }
                });
            }
        }
    }

    /// By itself.
    fn listen(&self, setup: &Setup<'_>) {
        let parser = setup.options().parser;
        let (rooms, look) = (self.clone(), Look::new(parser, wire::MEMBER));
        let may_pass_on = parser == ParserKind::Json && self.options().lets_publish();
        setup.transform_incoming(move |spark, packet| {
            if may_pass_on && rooms.pass_on(spark, packet.data()) {
                return Transformed::Drop;
            }
            match look.may_have(&packet.data()) {
                true => rooms.incoming(spark, packet),
                false => Transformed::Next,
            }
        });
    }

    /// # Errors
    /// The server was built with other bounds.
    fn check_server(&self, server: RoomOptions) -> Result<(), PluginError> {
        let wanted = self.options().of_server(server);
        let option = if wanted.wildcard != server.wildcard {
            "wildcard"
        } else if wanted.per_spark_max != server.per_spark_max {
            "per-spark-max"
        } else if wanted.name_bytes_max != server.name_bytes_max {
            "name-bytes-max"
        } else {
            return Ok(());
        };
        let reason = "can't change while the server runs: give the plugin to its builder";
        Err(wrong(option, reason))
    }
}

impl Default for Rooms {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Rooms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("Rooms");
        debug
            .field("options", self.options())
            .finish_non_exhaustive()
    }
}

impl Plugin for Rooms {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn server(&self, setup: &mut Setup<'_>) -> Result<(), PluginError> {
        let options = self.options();
        options.check()?;
        let server = setup.options().rooms;
        self.check_server(server)?;
        let name_bytes_max = &self.0.name_bytes_max;
        name_bytes_max.store(server.name_bytes_max, Ordering::Relaxed);
        if options.claim.is_some() && self.0.find_claim.get().is_none() {
            return Err(wrong(
                "claim",
                "has no effect: the server authorizes nobody",
            ));
        }
        for event in [JOINED, LEFT, LEFT_ALL, ERROR] {
            setup.reserve(event);
        }
        if options.claim_joins {
            let rooms = self.clone();
            setup.on_connection(move |spark| rooms.join_claimed(spark));
        }
        if options.lets_join() || options.lets_publish() {
            match setup.plugin::<Emit>() {
                Some(emit) => self.listen_to(&emit),
                None => self.listen(setup),
            }
        }
        Ok(())
    }

    fn removed(&self) {
        self.0.is_removed.store(true, Ordering::Relaxed);
    }
}

fn answer(spark: &mut Spark<'_>, event: &str, args: impl Arguments) {
    let args = &args;
    spark.write(Json(Emitted { event, args }));
}

pub(super) fn refuse(spark: &mut Spark<'_>, room: Option<&str>, refused: Refused) {
    answer(spark, ERROR, (room, refused.to_string()));
}
