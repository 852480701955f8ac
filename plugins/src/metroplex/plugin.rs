//! The plugin as applications hold it.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use allspark_engine::{Handle, Plugin, PluginError, Setup};
use redis::Client;
use serde::Serialize;

use super::address::shown;
use super::batch::Id;
use super::events::Events;
use super::inbox::{Event, Inbox, Question};
use super::options::MetroplexOptions;
use super::registry::Names;
use super::worker::Worker;
use crate::omega::{
    Answer, Cluster, ForwardError, OmegaSupreme, Reached, Recipients, wrong_option,
};

/// `metroplex`: a registry in Redis of which servers there are, and which has which spark. With
/// [`OmegaSupreme`], added before it, messages reach sparks on all of them. A clone is the same
/// plugin.
///
/// Answers come on a thread of the plugin, and are errors while Redis is away.
///
/// ```no_run
/// use allspark_plugins::metroplex::{Metroplex, MetroplexOptions};
///
/// let metroplex = Metroplex::new(MetroplexOptions {
///     redis: "redis://10.0.0.9:6379".to_owned(),
///     ..MetroplexOptions::default()
/// });
/// metroplex.on_register(|address| println!("others reach this server at {address}"));
/// // primus.plugin(omega)?; primus.plugin(metroplex.clone())?;
/// metroplex.forward_broadcast("to everybody on all servers", |reached| drop(reached));
/// ```
#[derive(Clone)]
pub struct Metroplex(Arc<Inner>);

struct Inner {
    options: MetroplexOptions,
    inbox: Arc<Inbox>,
    events: Arc<Events>,
    /// Until the thread has it.
    heard: Mutex<Option<Receiver<Event>>>,
    address: OnceLock<String>,
    omega: OnceLock<OmegaSupreme>,
}

/// Why nobody can tell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the registry can not be asked: {0}")]
pub struct RegistryError(String);

impl Metroplex {
    /// The plugin with these options. They are judged when it is added.
    pub fn new(options: MetroplexOptions) -> Self {
        let (inbox, heard) = Inbox::new(options.changes_max);
        Self(Arc::new(Inner {
            options,
            inbox: Arc::new(inbox),
            events: Arc::default(),
            heard: Mutex::new(Some(heard)),
            address: OnceLock::new(),
            omega: OnceLock::new(),
        }))
    }

    /// Where other servers reach this one; known once it listens.
    pub fn address(&self) -> Option<&str> {
        self.0.address.get().map(String::as_str)
    }

    /// Calls `answer` with the addresses of all other servers.
    pub fn servers(
        &self,
        answer: impl FnOnce(Result<Vec<String>, RegistryError>) + Send + 'static,
    ) {
        let answer = |servers: Result<_, String>| answer(servers.map_err(RegistryError));
        self.0.others(Box::new(answer));
    }

    /// Calls `answer` with the address of the server that has this spark.
    pub fn spark(
        &self,
        id: impl ToString,
        answer: impl FnOnce(Result<Option<String>, RegistryError>) + Send + 'static,
    ) {
        self.sparks([id], |servers| {
            answer(servers.map(|servers| servers.into_iter().next().flatten()));
        });
    }

    /// Calls `answer` with the address of the server of each of these sparks.
    pub fn sparks<I: ToString>(
        &self,
        ids: impl IntoIterator<Item = I>,
        answer: impl FnOnce(Result<Vec<Option<String>>, RegistryError>) + Send + 'static,
    ) {
        let ids = ids.into_iter().map(|id| id.to_string()).collect();
        let answer = |servers: Result<_, String>| answer(servers.map_err(RegistryError));
        self.0.owners(ids, Box::new(answer));
    }

    /// Writes a message to all sparks of all servers: `primus.forward.broadcast`. `done` is called
    /// as that of [`OmegaSupreme::forward`].
    pub fn forward_broadcast(
        &self,
        message: impl Serialize,
        done: impl FnOnce(Result<Reached, ForwardError>) + Send + 'static,
    ) {
        self.forward(message, Recipients::All, done);
    }

    /// Writes a message to these sparks, wherever they are: `primus.forward.sparks`.
    pub fn forward_sparks<I: ToString>(
        &self,
        ids: impl IntoIterator<Item = I>,
        message: impl Serialize,
        done: impl FnOnce(Result<Reached, ForwardError>) + Send + 'static,
    ) {
        let ids = ids.into_iter().map(|id| id.to_string()).collect();
        self.forward(message, Recipients::Sparks(ids), done);
    }

    /// Writes a message to this spark, wherever it is: `primus.forward.spark`.
    pub fn forward_spark(
        &self,
        id: impl ToString,
        message: impl Serialize,
        done: impl FnOnce(Result<Reached, ForwardError>) + Send + 'static,
    ) {
        self.forward(message, Recipients::Spark(id.to_string()), done);
    }

    fn forward(
        &self,
        message: impl Serialize,
        to: Recipients,
        done: impl FnOnce(Result<Reached, ForwardError>) + Send + 'static,
    ) {
        match self.0.omega.get() {
            Some(omega) => omega.forward_in_cluster(message, to, done),
            None => {
                let reason = "omega-supreme was not added before metroplex";
                done(Err(ForwardError::new(reason, 0)));
            }
        }
    }

    /// `register`: calls `listener` with the address of this server whenever it was registered: at
    /// first, and each time that Redis is back.
    pub fn on_register(&self, listener: impl Fn(&str) + Send + Sync + 'static) {
        self.0.events.register.add(listener);
    }

    /// `unregister`: calls `listener` with the address of this server once it was unregistered,
    /// because it ends.
    pub fn on_unregister(&self, listener: impl Fn(&str) + Send + Sync + 'static) {
        self.0.events.unregister.add(listener);
    }

    /// `error`: calls `listener` when Redis can't be used any more, with the reason.
    pub fn on_error(&self, listener: impl Fn(&str) + Send + Sync + 'static) {
        self.0.events.error.add(listener);
    }
}

impl std::fmt::Debug for Metroplex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Metroplex").field(&self.0.options).finish()
    }
}

impl Plugin for Metroplex {
    fn name(&self) -> &'static str {
        "metroplex"
    }

    fn server(&self, setup: &mut Setup<'_>) -> Result<(), PluginError> {
        let inner = &self.0;
        inner.options.check().map_err(wrong_option)?;
        if let Some(omega) = setup.plugin::<OmegaSupreme>() {
            let cluster: Weak<Inner> = Arc::downgrade(inner);
            omega.set_cluster(Some(cluster));
            let _ = inner.omega.set((*omega).clone());
        }
        for event in ["register", "unregister", "error"] {
            setup.reserve(event);
        }
        let inbox = Arc::clone(&inner.inbox);
        setup.on_connection(move |spark| inbox.tell(|| Id::of(spark), true));
        let inbox = Arc::clone(&inner.inbox);
        setup.on_disconnection(move |spark| inbox.tell(|| Id::of(spark), false));
        let starts = Arc::clone(inner);
        setup.on_initialised(move |primus| starts.start(primus));
        let ends = Arc::clone(inner);
        setup.on_close(move |_| ends.stop());
        let primus = setup.handle();
        if primus.address().is_some() {
            inner.start(&primus);
        }
        Ok(())
    }

    fn removed(&self) {
        self.0.stop();
    }
}

impl Inner {
    /// The server listens: its thread begins.
    fn start(&self, primus: &Handle) {
        let address = self.options.address.clone();
        let Some(address) = address.or_else(|| primus.address().map(shown)) else {
            return;
        };
        let heard = self
            .heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let (Some(heard), Ok(client)) = (heard, Client::open(self.options.redis.as_str())) else {
            return;
        };
        let _ = self.address.set(address.clone());
        let worker = Worker {
            primus: primus.clone(),
            client,
            names: Names {
                namespace: self.options.namespace.clone(),
                address,
                interval_ms: self.options.interval,
            },
            latency: self.latency(),
            inbox: Arc::clone(&self.inbox),
            heard,
            events: Arc::clone(&self.events),
            visited_at: Instant::now(),
        };
        let builder = thread::Builder::new().name("metroplex".to_owned());
        if let Err(error) = builder.spawn(move || worker.run()) {
            tracing::error!(%error, "metroplex has no thread; this server is not registered");
        }
    }

    /// The server ends: it is unregistered, if Redis answers in time.
    fn stop(&self) {
        if let Some(omega) = self.omega.get() {
            omega.set_cluster(None);
        }
        // Without a thread there is nobody to tell.
        if self
            .heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
        {
            return;
        }
        let (told, done) = channel();
        self.inbox.send(Event::Stop(told));
        let _ = done.recv_timeout(self.latency() + Duration::from_millis(500));
    }

    fn latency(&self) -> Duration {
        Duration::from_millis(self.options.latency)
    }
}

impl Cluster for Inner {
    fn others(&self, answer: Answer<Vec<String>>) {
        let own = self.own();
        self.inbox.ask(Question::Servers(Box::new(move |servers| {
            answer(servers.map(|mut servers| {
                servers.retain(|server| Some(server) != own.as_ref());
                servers
            }));
        })));
    }

    fn owners(&self, ids: Vec<String>, answer: Answer<Vec<Option<String>>>) {
        match ids.is_empty() {
            true => answer(Ok(Vec::new())),
            false => self.inbox.ask(Question::Owners(ids, answer)),
        }
    }

    fn own(&self) -> Option<String> {
        self.address.get().cloned()
    }
}
