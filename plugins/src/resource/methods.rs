//! One resource, as the application sees it.

use std::sync::Arc;

use allspark_engine::{Attach, Handle, SparkError};
use allspark_protocol::primus::reserved::reserved_spark;
use arc_swap::ArcSwap;
use thiserror::Error;

use super::call::Call;
use crate::emitter::{Emitter, SendSpark, SendTo};
use crate::events::Arguments;
use crate::multiplex::Channel;

/// Names that stand for other functions of a resource in npm (`once`, `onready`, ..).
const TAKEN: [&str; 4] = ["ce", "ready", "connection", "disconnection"];

/// A resource: methods that clients can call. Clones are the same resource.
#[derive(Clone)]
pub struct Resource(Arc<Inner>);

struct Inner {
    name: Box<str>,
    way: Way,
    /// In the order in which they were added.
    methods: ArcSwap<Vec<Box<str>>>,
}

/// How clients reach it.
pub(super) enum Way {
    /// By a channel of its name.
    Channel(Channel),
    /// By events that begin with its name.
    Events(Emitter, Handle),
}

/// Why there is no such resource, or method.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ResourceError {
    /// The plugin was not added to a server yet, or was removed.
    #[error("the plugin named resource has to be added to a server first")]
    NotAdded,
    /// The server has no plugin `multiplex`.
    #[error("the plugin named multiplex has to be added before, or do without it")]
    NoMultiplex,
    /// It has no name.
    #[error("a resource has a name")]
    NoName,
    /// A method can't have this name: it is that of an event of Primus, or of another function.
    #[error("no method can be named {0:?}")]
    MethodName(String),
}

impl Resource {
    pub(super) fn new(name: &str, way: Way, attach: &Attach) -> Self {
        let resource = Self(Arc::new(Inner {
            name: name.into(),
            way,
            methods: ArcSwap::default(),
        }));
        resource.say_when_ready(attach);
        resource
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its channel, if it has one.
    pub fn channel(&self) -> Option<&Channel> {
        match &self.0.way {
            Way::Channel(channel) => Some(channel),
            Way::Events(..) => None,
        }
    }

    /// The names of its methods, in the order in which they were added.
    pub fn methods(&self) -> Vec<String> {
        let methods = self.0.methods.load();
        methods.iter().map(|name| String::from(&**name)).collect()
    }

    /// Adds a method. Clients that are there already are not told of it, and can't call it.
    ///
    /// # Errors
    /// The name is that of an event of Primus, of another function of a resource in npm, or empty.
    pub fn method(
        &self,
        name: &str,
        call: impl Fn(&mut Call<'_, '_>) + Send + Sync + 'static,
    ) -> Result<&Self, ResourceError> {
        if name.is_empty() || TAKEN.contains(&name) || reserved_spark(name) {
            return Err(ResourceError::MethodName(name.to_owned()));
        }
        match &self.0.way {
            Way::Channel(channel) => channel.on(name, move |spark, args| {
                call(&mut Call::new(spark.spark(), args));
            }),
            Way::Events(emitter, _) => {
                emitter.on(&self.event(name), move |spark, args| {
                    call(&mut Call::new(spark, args));
                });
            }
        }
        self.0.methods.rcu(|methods| {
            let mut methods = Vec::clone(methods);
            if methods.iter().all(|other| **other != *name) {
                methods.push(name.into());
            }
            methods
        });
        Ok(self)
    }

    /// Emits an event at all clients of the resource.
    ///
    /// # Errors
    /// The parser can't express an argument, the whole is too long, a transform has refused it, or
    /// the name is one of Primus.
    pub fn broadcast(&self, event: &str, args: impl Arguments) -> Result<(), SparkError> {
        match &self.0.way {
            Way::Channel(channel) => channel.send(event, args),
            Way::Events(_, primus) => primus.send(&self.event(event), args),
        }
    }

    /// The name of an event where there is no channel.
    fn event(&self, name: &str) -> String {
        format!("{}::{name}", self.0.name)
    }

    /// Whoever comes is told which methods there are.
    fn say_when_ready(&self, attach: &Attach) {
        // Not the resource itself, which has the channel.
        let inner = Arc::downgrade(&self.0);
        let methods = move || {
            let methods = inner.upgrade()?.methods.load_full();
            Some((methods,))
        };
        match &self.0.way {
            Way::Channel(channel) => channel.on_connection(move |spark| {
                if let Some((methods,)) = methods() {
                    spark.send("ready", (&*methods,));
                }
            }),
            Way::Events(..) => {
                let event = self.event("ready");
                attach.on_connection(move |spark| {
                    if let Some((methods,)) = methods() {
                        spark.send(&event, (&*methods,));
                    }
                });
            }
        }
    }
}

impl std::fmt::Debug for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resource")
            .field("name", &self.name())
            .field("methods", &self.methods())
            .finish()
    }
}
