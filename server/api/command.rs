//! What can be asked of a server from outside: publish, have sparks join or leave rooms, end them.
//! The API, hooks and the dashboard take the same commands. docs/API.md describes them.
//!
//! ```json
//! {"to": {"rooms": ["news"]}, "except": ["ID"], "data": {"any": "value"}}
//! {"to": {"all": true}, "event": "news", "args": [1, 2]}
//! {"join": {"sparks": ["ID"], "rooms": ["news"]}}
//! {"end": {"sparks": ["ID"], "reconnect": true}}
//! ```
//!
//! A type that has commands in it can't be an untagged enum for serde, nor have them flattened: the
//! message of a command is kept as the text that it is.

use allspark::{Batch, EndOptions, Handle, SparkId};
use allspark_protocol::primus::reserved::reserved_spark;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::error::CommandError;
use super::message::Published;
use super::scope::Scope;

/// Sparks that one command may name.
pub(crate) const SPARKS_MAX: usize = 10_000;

/// Rooms that one command may name.
pub(crate) const ROOMS_MAX: usize = 1_000;

/// Bytes of the key of a value of which only the newest matters.
const LATEST_BYTES_MAX: usize = 256;

/// What came of a command: it was passed on to the shards, which carry it out in their next turn.
/// What is asked of a spark that has ended by then is ignored.
pub(crate) type Outcome = Result<(), CommandError>;

/// One thing that is asked of a server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Said")]
pub(crate) struct Command(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Publish {
        to: To,
        except: Vec<SparkId>,
        message: Published,
        /// The name, if it is an event.
        event: Option<Box<str>>,
    },
    Join {
        sparks: Vec<SparkId>,
        rooms: Vec<Box<str>>,
    },
    Leave {
        sparks: Vec<SparkId>,
        /// All of them, if none is named.
        rooms: Option<Vec<Box<str>>>,
    },
    End {
        sparks: Vec<SparkId>,
        reconnect: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum To {
    All,
    Rooms {
        rooms: Vec<Box<str>>,
        latest: Option<Box<str>>,
    },
    Sparks(Vec<SparkId>),
}

impl Command {
    /// Reads one.
    ///
    /// # Errors
    /// It is no JSON, or no command.
    pub(crate) fn read(json: &[u8]) -> Result<Self, CommandError> {
        serde_json::from_slice(json).map_err(CommandError::invalid)
    }

    /// What a key must be allowed to have it carried out.
    pub(crate) fn scope(&self) -> Scope {
        match self.0 {
            Kind::Publish { .. } => Scope::Publish,
            Kind::Join { .. } | Kind::Leave { .. } | Kind::End { .. } => Scope::Manage,
        }
    }

    /// Has it carried out, from any thread.
    ///
    /// # Errors
    /// Its message can't be written.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "hooks, or the dashboard, remove this line")
    )]
    pub(crate) fn run(&self, primus: &Handle) -> Outcome {
        let mut batch = primus.batch();
        let outcome = self.add_to(&mut batch, primus);
        batch.send();
        outcome
    }

    fn add_to(&self, batch: &mut Batch, primus: &Handle) -> Outcome {
        match &self.0 {
            Kind::Publish { event, .. } if is_reserved(event.as_deref(), primus) => {
                let reason = "event: Primus, or a plugin, uses this name itself";
                return Err(CommandError::new("reserved", reason));
            }
            Kind::Publish {
                to,
                except,
                message,
                ..
            } => publish(batch, primus, to, except, message)?,
            Kind::Join { sparks, rooms } => batch.join(sparks.iter().copied(), &rooms[..]),
            Kind::Leave {
                sparks,
                rooms: Some(rooms),
            } => batch.leave(sparks.iter().copied(), &rooms[..]),
            Kind::Leave {
                sparks,
                rooms: None,
            } => batch.leave_all(sparks.iter().copied()),
            Kind::End { sparks, reconnect } => {
                let reconnect = *reconnect;
                batch.end(sparks.iter().copied(), EndOptions { reconnect });
            }
        }
        Ok(())
    }
}

/// Has commands carried out together: in one turn of each shard, in their order. One that can't be
/// keeps no other from it.
pub(crate) fn run_all<'c>(
    commands: impl IntoIterator<Item = &'c Command>,
    primus: &Handle,
) -> Vec<Outcome> {
    let mut batch = primus.batch();
    let commands = commands.into_iter();
    let outcomes = commands.map(|command| command.add_to(&mut batch, primus));
    let outcomes = outcomes.collect();
    batch.send();
    outcomes
}

fn is_reserved(event: Option<&str>, primus: &Handle) -> bool {
    event.is_some_and(|event| reserved_spark(event) || primus.reserved(event))
}

fn publish(
    batch: &mut Batch,
    primus: &Handle,
    to: &To,
    except: &[SparkId],
    message: &Published,
) -> Result<(), CommandError> {
    let except = || except.iter().copied();
    match to {
        To::All => batch.write_except(except(), message)?,
        // To nobody; to the engine no room is any.
        To::Rooms { rooms, .. } if rooms.is_empty() => {}
        To::Rooms { rooms, latest } => {
            let room = primus.room(&rooms[..]).except(except());
            let room = match latest {
                Some(key) => room.latest(key),
                None => room,
            };
            batch.write_in(&room, message)?;
        }
        To::Sparks(sparks) => {
            let mut sorted: Vec<SparkId> = except().collect();
            sorted.sort_unstable();
            let sparks = sparks.iter().copied();
            let sparks = sparks.filter(|spark| sorted.binary_search(spark).is_err());
            batch.write_to(sparks, message)?;
        }
    }
    Ok(())
}

/// A command as it is said.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    to: Option<SaidTo>,
    #[serde(default)]
    except: Vec<String>,
    #[serde(default, deserialize_with = "present")]
    data: Option<Box<RawValue>>,
    base64: Option<String>,
    event: Option<String>,
    args: Option<Box<RawValue>>,
    latest: Option<String>,
    join: Option<SaidMembers>,
    leave: Option<SaidMembers>,
    end: Option<SaidEnd>,
}

/// Null is a value, too.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidTo {
    all: Option<bool>,
    rooms: Option<Vec<String>>,
    sparks: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidMembers {
    sparks: Vec<String>,
    rooms: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidEnd {
    sparks: Vec<String>,
    #[serde(default)]
    reconnect: bool,
}

impl TryFrom<serde_json::Value> for Command {
    type Error = CommandError;

    fn try_from(value: serde_json::Value) -> Result<Self, CommandError> {
        serde_json::from_value(value).map_err(CommandError::invalid)
    }
}

impl TryFrom<Said> for Command {
    type Error = CommandError;

    fn try_from(mut said: Said) -> Result<Self, CommandError> {
        let kinds = [
            said.to.is_some(),
            said.join.is_some(),
            said.leave.is_some(),
            said.end.is_some(),
        ];
        if kinds.iter().filter(|is_there| **is_there).count() != 1 {
            let reason = "a command has one of to, join, leave and end";
            return Err(CommandError::invalid(reason));
        }
        if let Some(to) = said.to.take() {
            return said.publish(to);
        }
        said.has_only_members()?;
        let command = match (said.join, said.leave, said.end) {
            (Some(SaidMembers { sparks, rooms }), _, _) => Kind::Join {
                sparks: sparks_of(&sparks)?,
                rooms: rooms_of(rooms.ok_or_else(|| CommandError::invalid("join: no rooms"))?)?,
            },
            (_, Some(SaidMembers { sparks, rooms }), _) => Kind::Leave {
                sparks: sparks_of(&sparks)?,
                rooms: rooms.map(rooms_of).transpose()?,
            },
            (_, _, end) => {
                let SaidEnd { sparks, reconnect } = end.expect("there is one of them");
                let sparks = sparks_of(&sparks)?;
                Kind::End { sparks, reconnect }
            }
        };
        Ok(Self(command))
    }
}

impl Said {
    fn publish(self, to: SaidTo) -> Result<Command, CommandError> {
        let event = self.event.as_deref();
        if self.args.is_some() && event.is_none() {
            return Err(CommandError::invalid("args: only an event has some"));
        }
        let message = match (self.data, self.base64, event) {
            (Some(data), None, None) => Published::of_json(data)?,
            (None, Some(text), None) => Published::of_base64(&text)?,
            (None, None, Some(event)) => Published::of_event(event, self.args.as_deref())?,
            _ => {
                let reason = "what is published has one of data, base64 and event";
                return Err(CommandError::invalid(reason));
            }
        };
        let latest = self.latest.map(String::into_boxed_str);
        if latest
            .as_ref()
            .is_some_and(|key| key.len() > LATEST_BYTES_MAX)
        {
            let reason = format!("latest: a key has {LATEST_BYTES_MAX} bytes at most");
            return Err(CommandError::invalid(reason));
        }
        if latest.is_some() && to.rooms.is_none() {
            return Err(CommandError::invalid(
                "latest: only what goes to rooms has a key",
            ));
        }
        let to = match (to.all, to.rooms, to.sparks) {
            (Some(true), None, None) => To::All,
            (None, Some(rooms), None) => To::Rooms {
                rooms: rooms_of(rooms)?,
                latest,
            },
            (None, None, Some(sparks)) => To::Sparks(sparks_of(&sparks)?),
            _ => {
                let reason = "to: it has one of all (which is true), rooms and sparks";
                return Err(CommandError::invalid(reason));
            }
        };
        Ok(Command(Kind::Publish {
            to,
            except: sparks_of(&self.except)?,
            message,
            event: self.event.map(String::into_boxed_str),
        }))
    }

    fn has_only_members(&self) -> Result<(), CommandError> {
        let is_published = self.data.is_some()
            || self.base64.is_some()
            || self.event.is_some()
            || self.args.is_some()
            || self.latest.is_some()
            || !self.except.is_empty();
        match is_published {
            true => Err(CommandError::invalid("a message goes with to")),
            false => Ok(()),
        }
    }
}

fn sparks_of(ids: &[String]) -> Result<Vec<SparkId>, CommandError> {
    if ids.len() > SPARKS_MAX {
        let reason = format!("a command names {SPARKS_MAX} sparks at most");
        return Err(CommandError::invalid(reason));
    }
    let spark = |id: &String| {
        id.parse().map_err(|error| {
            let id: String = id.chars().take(40).collect();
            CommandError::invalid(format!("{id:?}: {error}"))
        })
    };
    ids.iter().map(spark).collect()
}

fn rooms_of(names: Vec<String>) -> Result<Vec<Box<str>>, CommandError> {
    if names.len() > ROOMS_MAX {
        let reason = format!("a command names {ROOMS_MAX} rooms at most");
        return Err(CommandError::invalid(reason));
    }
    let mut names = names.into_iter();
    let room = |name: String| match name.is_empty() || name.contains(' ') {
        true => Err(CommandError::invalid(
            "the name of a room has no space, and is not empty",
        )),
        false => Ok(name.into_boxed_str()),
    };
    names.by_ref().map(room).collect()
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
