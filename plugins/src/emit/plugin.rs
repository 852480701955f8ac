//! The plugin: events come in.

use allspark_engine::{ClientPlugin, Packet, Plugin, PluginError, Setup, Spark, Transformed};
use serde::Deserialize;

use super::wire::{self, Read};
use crate::events::{Args, Events, is_local};
use crate::look::Look;

/// The plugin primus-emit. Clones are the same plugin.
#[derive(Clone, Debug, Default)]
pub struct Emit {
    events: Events,
    options: EmitOptions,
}

/// What can be told to [`Emit`].
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct EmitOptions {
    /// As `primus-emit/broadcast` instead of `primus-emit`: events reach the listeners of the
    /// server alone ([`Emit::on`]) and no handlers of sparks. Default: both.
    pub broadcast: bool,
}

impl Emit {
    /// Its name.
    pub const NAME: &'static str = "emit";

    /// The plugin with its default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// The plugin with these options.
    pub fn with_options(options: EmitOptions) -> Self {
        let events = Events::new();
        Self { events, options }
    }

    /// Calls `listener` with every event of this name that a client emits, before the spark's own
    /// handlers ([`SparkEvents`](crate::events::SparkEvents)).
    pub fn on(
        &self,
        event: &str,
        listener: impl Fn(&mut Spark<'_>, Args<'_>) + Send + Sync + 'static,
    ) -> &Self {
        self.events.on(event, listener);
        self
    }

    /// Who listens.
    pub fn events(&self) -> &Events {
        &self.events
    }

    fn incoming(&self, spark: &mut Spark<'_>, packet: &Packet<'_>) -> Transformed {
        let Ok(message) = packet.value() else {
            return Transformed::Next;
        };
        match wire::read(message) {
            Read::Event(event, args) if !is_local(spark, event) => {
                let args = Args::new(args);
                if self.options.broadcast {
                    self.events.call_listeners(spark, event, args);
                } else {
                    self.events.call(spark, event, args);
                }
                Transformed::Drop
            }
            Read::Event(..) | Read::Nameless => Transformed::Drop,
            Read::Other => Transformed::Next,
        }
    }
}

impl Plugin for Emit {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn server(&self, setup: &mut Setup<'_>) -> Result<(), PluginError> {
        let emit = self.clone();
        let look = Look::new(setup.options().parser, wire::MEMBER);
        setup.transform_incoming(move |spark, packet| match look.may_have(&packet.data()) {
            true => emit.incoming(spark, packet),
            false => Transformed::Next,
        });
        Ok(())
    }

    fn client(&self) -> ClientPlugin {
        include_str!("client.js").into()
    }
}
