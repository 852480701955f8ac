//! What is known of connections, and of sessions that outlive them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::io::Introduction;
use crate::known::Known;
use crate::memory::{Key, kept};

/// Kinds of what is known that are remembered, to be shared by connections that are alike.
const RECENT_MAX: usize = 8;

/// What is known of connections, and of sessions that outlive them.
#[derive(Debug, Default)]
pub(super) struct Introductions {
    by_connection: HashMap<u32, Arc<Known>>,
    by_spark: HashMap<u32, Arc<Known>>,
    /// What was learnt lately, the last one first.
    recent: Vec<Arc<Known>>,
}

impl Introductions {
    /// What is known of a connection.
    pub(super) fn of(&self, connection: Key) -> Option<&Arc<Known>> {
        match self.by_connection.is_empty() {
            true => None,
            false => self.by_connection.get(&connection.index),
        }
    }

    /// Something was learnt about a connection.
    pub(super) fn learn(&mut self, connection: Key, about: Introduction) {
        let before = self.by_connection.get(&connection.index);
        let known = before.map_or_else(Known::default, |known| Known::clone(known));
        let known = known.and(about);
        if known != Known::default() {
            let known = self.share(known);
            self.by_connection.insert(connection.index, known);
        }
    }

    /// One that is the same and is there already, if there is one.
    fn share(&mut self, known: Known) -> Arc<Known> {
        let found = self.recent.iter().position(|recent| **recent == known);
        let shared = match found {
            Some(place) => self.recent.remove(place),
            None => Arc::new(known),
        };
        self.recent.insert(0, Arc::clone(&shared));
        self.recent.truncate(RECENT_MAX);
        shared
    }

    fn forget(by_index: &mut HashMap<u32, Arc<Known>>, index: u32) -> Option<Arc<Known>> {
        let known = by_index.remove(&index)?;
        // The memory of a peak must not stay.
        if let Some(kept) = kept(by_index.len(), by_index.capacity()) {
            by_index.shrink_to(kept);
        }
        Some(known)
    }

    /// A connection is gone, from here at least.
    pub(super) fn closed(&mut self, connection: Key) -> Option<Arc<Known>> {
        match self.by_connection.is_empty() {
            true => None,
            false => Self::forget(&mut self.by_connection, connection.index),
        }
    }

    /// A connection has come, of which something is known.
    pub(super) fn arrived(&mut self, connection: Key, known: Arc<Known>) {
        self.by_connection.insert(connection.index, known);
    }

    /// A session begins that outlives this connection.
    pub(super) fn carry(&mut self, spark: Key, connection: Key) {
        if let Some(known) = self.of(connection).cloned() {
            self.by_spark.insert(spark.index, known);
        }
    }

    /// What is known of the connection that opened a session.
    pub(super) fn of_carried(&self, spark: Key) -> Option<&Arc<Known>> {
        match self.by_spark.is_empty() {
            true => None,
            false => self.by_spark.get(&spark.index),
        }
    }

    /// A spark is gone.
    pub(super) fn forgotten(&mut self, spark: Key) {
        if !self.by_spark.is_empty() {
            Self::forget(&mut self.by_spark, spark.index);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::io::{Secure, TlsVersion};

    const KEY: Key = Key {
        index: 1,
        generation: 0,
    };

    fn secure(version: TlsVersion) -> Introduction {
        Introduction {
            secure: Some(Secure {
                version,
                cipher: Cow::Borrowed(""),
                server_name: None,
                client: None,
            }),
            ..Introduction::default()
        }
    }

    #[test]
    fn what_is_known_is_shared_and_nothing_is_kept_of_who_is_gone() {
        let mut introductions = Introductions::default();
        let keys = (0..1000).map(|index| Key { index, ..KEY });
        for key in keys.clone() {
            introductions.learn(key, secure(TlsVersion::V1_3));
        }
        let (one, other) = (
            introductions.of(KEY),
            introductions.of(Key { index: 2, ..KEY }),
        );
        assert!(Arc::ptr_eq(one.unwrap(), other.unwrap()));
        introductions.carry(KEY, KEY);
        for key in keys {
            introductions.closed(key);
        }
        assert!(introductions.by_connection.is_empty() && introductions.by_spark.len() == 1);
        introductions.forgotten(KEY);
        assert!(introductions.by_spark.is_empty());
        for minor in 0..100_u16 {
            let local = ([127, 0, 0, 1], minor).into();
            let about = Introduction {
                local: Some(local),
                ..Introduction::default()
            };
            introductions.learn(KEY, about);
        }
        assert_eq!(introductions.recent.len(), RECENT_MAX);
    }

    #[test]
    fn what_a_handshake_says_is_nearer_than_what_a_proxy_said() {
        let mut introductions = Introductions::default();
        let of_proxy = Introduction {
            authority: Some("a.example".into()),
            ..secure(TlsVersion::V1_2)
        };
        introductions.learn(KEY, of_proxy);
        introductions.learn(KEY, secure(TlsVersion::V1_3));
        let known = introductions.of(KEY).unwrap();
        assert_eq!(known.authority.as_deref(), Some("a.example"));
        let version = known.secure.as_ref().map(|secure| secure.version);
        assert_eq!(version, Some(TlsVersion::V1_3));
        introductions.learn(Key { index: 2, ..KEY }, Introduction::default());
        assert!(introductions.of(Key { index: 2, ..KEY }).is_none());
    }
}
