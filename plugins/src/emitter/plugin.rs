//! The plugin: events and acknowledgements come in.

use std::cell::RefCell;
use std::time::Duration;

use allspark_engine::{ClientPlugin, Data, Plugin, PluginError, Setup, Spark, Transformed};
use serde::Deserialize;

use super::asked;
use super::wire::{self, Packet};
use crate::events::{Ack, Args, Events, is_local};
use crate::look::Look;

/// The plugin primus-emitter. Clones are the same plugin.
#[derive(Clone, Debug, Default)]
pub struct Emitter {
    events: Events,
    options: EmitterOptions,
}

/// What can be told to [`Emitter`].
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct EmitterOptions {
    /// How long a client may take to acknowledge an event, in milliseconds. 0: as long as it likes.
    /// The npm plugin knows no such bound. Default: 30,000.
    #[serde(alias = "ackTimeout")]
    pub ack_timeout: u64,
    /// How many acknowledgements of one client may be waited for at a time. Default: 1,024.
    #[serde(alias = "acksMax")]
    pub acks_max: usize,
    /// Whether listeners of `data` get the messages of this plugin as well, as they do with the
    /// npm plugin. Default: true.
    pub data: bool,
    /// What happens with events, for a server without code. Default: `none`.
    pub app: EmitterApp,
}

/// What happens with events of clients, after those who listen to them were called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EmitterApp {
    /// Nothing.
    #[default]
    None,
    /// One that waits for an acknowledgement is acknowledged with its arguments. Another one is
    /// sent back.
    Echo,
    /// It is sent back. One that waits for an acknowledgement gets what the client acknowledges
    /// that with; nothing, if the client does not within [`EmitterOptions::ack_timeout`], or if
    /// [`EmitterOptions::acks_max`] are waited for.
    Ask,
}

impl Default for EmitterOptions {
    fn default() -> Self {
        Self {
            ack_timeout: 30_000,
            acks_max: 1024,
            data: true,
            app: EmitterApp::None,
        }
    }
}

impl EmitterOptions {
    pub(crate) fn timeout(&self) -> Option<Duration> {
        (self.ack_timeout > 0).then(|| Duration::from_millis(self.ack_timeout))
    }
}

impl Emitter {
    /// Its name.
    pub const NAME: &'static str = "emitter";

    /// The plugin with its default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// The plugin with these options.
    pub fn with_options(options: EmitterOptions) -> Self {
        let events = Events::new();
        Self { events, options }
    }

    /// Calls `listener` with every event of this name that a client sends, before the spark's own
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

    /// What it was told.
    pub fn options(&self) -> &EmitterOptions {
        &self.options
    }

    /// Takes a message, if it is one of this plugin. Returns whether it is.
    fn take(&self, spark: &mut Spark<'_>, data: Data<'_>) -> bool {
        let packet = data.value().ok().and_then(wire::read);
        match packet {
            Some(Packet::Event { event, args, id }) if !is_local(spark, event) => {
                let ack = RefCell::new(id.map(|id| Ack::new(id, None)));
                let args = Args::with_ack(args, &ack);
                self.events.call(spark, event, args);
                self.play(spark, event, args, id.is_some());
            }
            Some(Packet::Ack { id, results }) => {
                asked::acknowledged(spark, id, Args::new(results));
            }
            Some(Packet::Event { .. }) | None => {}
        }
        packet.is_some()
    }
}

impl Plugin for Emitter {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn server(&self, setup: &mut Setup<'_>) -> Result<(), PluginError> {
        let emitter = self.clone();
        let look = Look::new(setup.options().parser, wire::MEMBER);
        if self.options.data {
            setup.on_data(move |spark, data| {
                if look.may_have(&data) {
                    emitter.take(spark, data);
                }
            });
        } else {
            setup.transform_incoming(move |spark, packet| {
                let is_taken = look.may_have(&packet.data()) && emitter.take(spark, packet.data());
                Transformed::from(!is_taken)
            });
        }
        setup.on_disconnection(asked::ended);
        Ok(())
    }

    fn client(&self) -> ClientPlugin {
        include_str!("client.js").into()
    }
}
