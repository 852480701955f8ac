//! What an operator says about rooms.

use allspark_engine::{PluginError, RoomOptions};
use serde::Deserialize;

/// What can be told to [`Rooms`](super::Rooms). The first three are bounds of all rooms, those that
/// the application has sparks join, too; the others are about what clients may ask for.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct RoomsOptions {
    /// Whether a `*` in the name of a room that is joined stands for anything. primus-rooms has the
    /// same option. Default: what the server was built with, which is true.
    pub wildcard: Option<bool>,
    /// Rooms that one spark may be in. Default: what the server was built with, which is 1,000.
    #[serde(alias = "perSparkMax")]
    pub per_spark_max: Option<usize>,
    /// Bytes of a room's name. Default: what the server was built with, which is 255.
    #[serde(alias = "nameBytesMax")]
    pub name_bytes_max: Option<usize>,
    /// Rooms that every client may join, and leave: names, in which `*` stands for anything.
    /// Default: none.
    pub join: Vec<String>,
    /// Rooms that a client may publish to while it is in them, in the same manner. Default: none.
    pub publish: Vec<String>,
    /// Rooms in which only the newest of what clients publish matters, in the same manner: for a
    /// client that reads slowly it takes the place of an older message of the same key that still
    /// waits ([`Room::latest`](allspark_engine::Room::latest)). Who publishes names the key behind
    /// the message; without one, the room has one key. Default: none.
    pub latest: Vec<String>,
    /// The claim of a client's credential (see docs/AUTHORIZATION.md) that names rooms which that
    /// client may join: text with spaces between names, or a list of them. A `*` stands for
    /// anything. Default: none.
    pub claim: Option<String>,
    /// Whether a client joins the rooms of its claim when it connects, without asking. One with a
    /// `*` is joined as a pattern: the client gets what is written to any room that it matches.
    /// Default: false.
    #[serde(alias = "claimJoins")]
    pub claim_joins: bool,
    /// Whether a client may ask for rooms with a `*` in their names, and so hear of rooms whose
    /// names it does not know. Default: false.
    #[serde(alias = "clientWildcards")]
    pub client_wildcards: bool,
    /// Rooms that a client may be in when it asks for one more. Default: 100.
    #[serde(alias = "clientRoomsMax")]
    pub client_rooms_max: usize,
    /// Rooms per second that a client may join or leave, on the average. Default: 20.
    #[serde(alias = "joinsPerS")]
    pub joins_per_s: u32,
    /// Messages per second that a client may publish, on the average. Each costs as many sends as
    /// its room has members. Default: 10.
    #[serde(alias = "publishesPerS")]
    pub publishes_per_s: u32,
    /// Bytes of a message that a client publishes, as JSON. Default: 16,384.
    #[serde(alias = "publishBytesMax")]
    pub publish_bytes_max: usize,
}

impl Default for RoomsOptions {
    fn default() -> Self {
        Self {
            wildcard: None,
            per_spark_max: None,
            name_bytes_max: None,
            join: Vec::new(),
            publish: Vec::new(),
            latest: Vec::new(),
            claim: None,
            claim_joins: false,
            client_wildcards: false,
            client_rooms_max: 100,
            joins_per_s: 20,
            publishes_per_s: 10,
            publish_bytes_max: 16 * 1024,
        }
    }
}

impl RoomsOptions {
    /// What a server is to be built with, if these options say so, else `before`.
    pub fn of_server(&self, before: RoomOptions) -> RoomOptions {
        let mut options = before;
        options.wildcard = self.wildcard.unwrap_or(before.wildcard);
        options.per_spark_max = self.per_spark_max.unwrap_or(before.per_spark_max);
        options.name_bytes_max = self.name_bytes_max.unwrap_or(before.name_bytes_max);
        options
    }

    /// Whether clients may join rooms.
    pub(super) fn lets_join(&self) -> bool {
        !self.join.is_empty() || self.claim.is_some()
    }

    /// Whether clients may publish.
    pub(super) fn lets_publish(&self) -> bool {
        !self.publish.is_empty()
    }

    /// # Errors
    /// An option means nothing, or has no effect beside the others.
    pub(crate) fn check(&self) -> Result<(), PluginError> {
        self.check_names("join", &self.join)?;
        self.check_names("publish", &self.publish)?;
        self.check_names("latest", &self.latest)?;
        let is_empty = self.claim.as_deref().is_some_and(str::is_empty);
        for (is_wrong, option, reason) in [
            (
                !self.latest.is_empty() && !self.lets_publish(),
                "latest",
                "has no effect without `publish`",
            ),
            (is_empty, "claim", "is empty"),
            (
                self.claim_joins && self.claim.is_none(),
                "claim-joins",
                "has no effect without `claim`",
            ),
            (
                self.client_wildcards && !self.lets_join(),
                "client-wildcards",
                "has no effect without `join` or `claim`",
            ),
            (
                self.client_wildcards && self.wildcard == Some(false),
                "client-wildcards",
                "has no effect without `wildcard`",
            ),
            (
                self.per_spark_max == Some(0),
                "per-spark-max",
                "must be at least 1",
            ),
            (
                self.name_bytes_max == Some(0),
                "name-bytes-max",
                "must be at least 1",
            ),
            (
                self.client_rooms_max == 0,
                "client-rooms-max",
                "must be at least 1",
            ),
            (self.joins_per_s == 0, "joins-per-s", "must be at least 1"),
            (
                self.publishes_per_s == 0,
                "publishes-per-s",
                "must be at least 1",
            ),
            (
                self.publish_bytes_max == 0,
                "publish-bytes-max",
                "must be at least 1",
            ),
        ] {
            if is_wrong {
                return Err(wrong(option, reason));
            }
        }
        Ok(())
    }

    fn check_names(&self, option: &str, names: &[String]) -> Result<(), PluginError> {
        let longest = self.name_bytes_max.unwrap_or(usize::MAX);
        for (place, name) in names.iter().enumerate() {
            let option = format!("{option}[{place}]");
            if name.is_empty() || name.contains(' ') {
                return Err(wrong(
                    &option,
                    "is no room: a name has no space and is not empty",
                ));
            }
            if name.len() > longest {
                return Err(wrong(&option, "is longer than `name-bytes-max`"));
            }
        }
        Ok(())
    }
}

pub(super) fn wrong(option: &str, reason: &str) -> PluginError {
    PluginError::Option {
        option: option.to_owned(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::registry::options_of;

    fn refusal(options: Value) -> String {
        let options = options_of::<RoomsOptions>(options);
        let checked = options.and_then(|options| options.check());
        checked
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn names_of_primus_and_of_the_file_are_understood() {
        for options in [
            json!({}),
            json!({ "wildcard": false, "per-spark-max": 3, "nameBytesMax": 9 }),
            json!({ "join": ["news", "chat:*"], "publish": ["chat:*"], "client-wildcards": true }),
            json!({ "claim": "rooms", "claimJoins": true }),
            json!({ "publish": ["*"], "latest": ["prices:*"] }),
        ] {
            assert_eq!(refusal(options.clone()), "", "{options}");
        }
    }

    #[test]
    fn what_means_nothing_or_has_no_effect_is_refused() {
        for (options, expected) in [
            (json!({ "rooms": 1 }), "`rooms`: unknown field"),
            (json!({ "join": "news" }), "`join`: invalid type"),
            (json!({ "join": ["a", "b c"] }), "`join[1]`: is no room"),
            (json!({ "publish": [""] }), "`publish[0]`: is no room"),
            (
                json!({ "name-bytes-max": 2, "join": ["abc"] }),
                "`join[0]`: is longer",
            ),
            (json!({ "claim": "" }), "`claim`: is empty"),
            (json!({ "latest": ["a"] }), "`latest`: has no effect"),
            (
                json!({ "claim-joins": true }),
                "`claim-joins`: has no effect",
            ),
            (
                json!({ "client-wildcards": true }),
                "`client-wildcards`: has no effect",
            ),
            (
                json!({ "client-wildcards": true, "join": ["a"], "wildcard": false }),
                "`client-wildcards`: has no effect without `wildcard`",
            ),
            (json!({ "joins-per-s": 0 }), "`joins-per-s`: must be"),
            (json!({ "joins-per-s": -1 }), "`joins-per-s`: invalid value"),
        ] {
            let refusal = refusal(options.clone());
            assert!(refusal.starts_with(expected), "{options}: {refusal}");
        }
    }

    #[test]
    fn bounds_of_the_server_change_only_if_they_are_named() {
        let before = RoomOptions::default();
        assert_eq!(RoomsOptions::default().of_server(before), before);
        let options = RoomsOptions {
            wildcard: Some(false),
            per_spark_max: Some(3),
            ..RoomsOptions::default()
        };
        let after = options.of_server(before);
        assert!(!after.wildcard);
        assert_eq!(
            (after.per_spark_max, after.name_bytes_max),
            (3, before.name_bytes_max)
        );
    }
}
