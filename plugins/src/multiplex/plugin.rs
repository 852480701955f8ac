//! The plugin, and what it attaches to a server.

use std::sync::Arc;

use allspark_engine::{ClientPlugin, Data, Plugin, PluginError, Setup, Spark};

use super::channel::of_member;
use super::core::{Channel, Hooks, Shared};
use super::options::{MultiplexApp, MultiplexOptions};
use super::spark::ChannelSpark;
use super::subscriptions::{self, By};
use super::wire::{self, What};
use crate::emitter::Emitter;
use crate::envelope::may_begin;

/// Channels of a server, to which clients subscribe. Clones are the same channels.
///
/// ```
/// use std::sync::Arc;
///
/// use allspark_plugins::multiplex::Multiplex;
///
/// fn add(primus: &allspark_engine::Attach) -> Result<(), allspark_engine::PluginError> {
///     let multiplex = Multiplex::new();
///     primus.plugin(Arc::new(multiplex.clone()))?;
///     let news = multiplex.channel("news");
///     news.on_connection(|spark| {
///         spark.write("hi from the news channel");
///         spark.on_data(|spark, data| {
///             spark.write(data);
///         });
///     });
///     multiplex.channel("sport").write("to everybody in it").ok();
///     Ok(())
/// }
/// ```
#[derive(Clone, Default)]
pub struct Multiplex(Arc<Shared>);

impl Multiplex {
    /// Its name.
    pub const NAME: &'static str = "multiplex";

    /// The plugin with its default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// The plugin with these options.
    pub fn with_options(options: MultiplexOptions) -> Self {
        let multiplex = Self(Arc::new(Shared {
            options: options.clone(),
            ..Shared::default()
        }));
        for name in &options.channels {
            let channel = multiplex.channel(name);
            match options.app {
                MultiplexApp::None => {}
                MultiplexApp::Echo => channel.on_data(|spark, data| {
                    spark.write(data);
                }),
                MultiplexApp::Broadcast => {
                    channel.on_data(|spark, data| drop(spark.channel().write(data)));
                }
            }
        }
        multiplex
    }

    /// The channel of this name. It is made if there is none: clients can't make any.
    pub fn channel(&self, name: &str) -> Channel {
        let channels = self.0.channels.write();
        let mut channels = channels.expect("nothing panics while it holds the lock");
        let channel = channels.entry(name.into());
        let channel = channel.or_insert_with(|| Channel::new(name, &self.0));
        channel.clone()
    }

    /// The names of all channels, in no order.
    pub fn channels(&self) -> Vec<String> {
        let channels = self.0.channels.read();
        let channels = channels.expect("nothing panics while it holds the lock");
        channels.keys().map(|name| String::from(&**name)).collect()
    }

    /// `subscribe`: calls `listener` with every new subscription, whatever its channel, before the
    /// channel's own.
    #[doc(alias = "subscribe")]
    pub fn on_subscribe(
        &self,
        listener: impl Fn(&mut ChannelSpark<'_, '_>) + Send + Sync + 'static,
    ) {
        attach(&self.0.subscribe, listener);
    }

    /// `unsubscribe`: calls `listener` with every subscription that is over, whatever its channel.
    #[doc(alias = "unsubscribe")]
    pub fn on_unsubscribe(
        &self,
        listener: impl Fn(&mut ChannelSpark<'_, '_>) + Send + Sync + 'static,
    ) {
        attach(&self.0.unsubscribe, listener);
    }
}

fn attach(hooks: &Hooks, listener: impl Fn(&mut ChannelSpark<'_, '_>) + Send + Sync + 'static) {
    let listener = of_member(listener);
    hooks.rcu(|hooks| {
        let mut hooks = Vec::clone(hooks);
        hooks.push(Arc::clone(&listener));
        hooks
    });
}

impl Plugin for Multiplex {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn server(&self, setup: &mut Setup<'_>) -> Result<(), PluginError> {
        let parser = setup.options().parser;
        if *self.0.parser.get_or_init(|| parser) != parser {
            let reason = "its channels are those of another server, which has another parser";
            return Err(PluginError::other(reason));
        }
        self.0.added_to(&setup.handle());
        setup.reserve("subscribe");
        setup.reserve("unsubscribe");
        let shared = Arc::clone(&self.0);
        setup.on_data(move |spark, data| received(&shared, spark, data));
        setup.on_disconnection(|spark| {
            for member in subscriptions::all(spark) {
                subscriptions::end(spark, &member, By::Spark);
            }
        });
        Ok(())
    }

    fn client(&self) -> ClientPlugin {
        include_str!("client.js").into()
    }

    /// Nobody could write to a subscription any more.
    fn removed(&self) {
        for name in self.channels() {
            self.channel(&name).destroy();
        }
    }
}

/// A message of a client, which may be about a channel. As in npm it is `data` all the same.
fn received(shared: &Shared, spark: &mut Spark<'_>, data: Data<'_>) {
    if !may_begin(data.kind(), data.encoded(), b'[') {
        return;
    }
    let Some(packet) = data.value().ok().and_then(wire::read) else {
        return;
    };
    let member = subscriptions::find(spark, packet.channel, packet.id);
    match (packet.what, member) {
        (What::Message(payload), Some(member)) => subscriptions::deliver(spark, &member, payload),
        (What::Unsubscribe, Some(member)) => {
            subscriptions::end(spark, &member, By::Client);
        }
        (What::Subscribe, None) => subscribe(shared, spark, packet.channel, packet.id),
        // A second subscription of one id, or something about one that there is not.
        _ => {}
    }
}

fn subscribe(shared: &Shared, spark: &mut Spark<'_>, channel: &str, id: &str) {
    let options = &shared.options;
    if id.len() > options.id_bytes_max {
        return;
    }
    let Some(channel) = shared.find(channel) else {
        return;
    };
    let has_events = spark.primus().handle().plugin::<Emitter>().is_some();
    let max = options.subscriptions_max;
    let member = subscriptions::subscribe(spark, &channel, id, has_events, max);
    if let Some(member) = member {
        subscriptions::connected(spark, &member);
    }
}

impl std::fmt::Debug for Multiplex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Multiplex").field(&self.channels()).finish()
    }
}
