//! Starts a server: chooses the driver, binds the listeners, pins one shard to each CPU.

use std::net::ToSocketAddrs;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use allspark_protocol::limits::SHARDS_MAX;
use allspark_protocol::options::Bounded;
use allspark_protocol::transformer::Transformer;

use crate::app::host::Server as Shared;
use crate::app::{
    self, Attach, Data, Handle, IdRequest, Layers, LocalSpark, Outcome, Plugin, PluginError, Spark,
    SparkError, SparkStream,
};
use crate::config::{Files, Options, ShardCount};
use crate::io::{Chosen, DriverChoice, DriverKind};
use crate::layers::{LayerRequest, Verdict};
use crate::limits::MEMORY_DIVISOR_DEFAULT;
use crate::machine::{self, allowed_cpus, random};
use crate::place::{Bound, ListenAddress, Place};
use crate::seat::{OpenError, Order, Report, Seat};
use crate::server::Server;
use crate::shared::Secrets;
use crate::start_error::StartError;

/// A server that is started once.
pub struct Primus<T: Transformer> {
    shared: Arc<Shared>,
    transformer: T,
    shards: usize,
    driver: DriverChoice,
}

impl<T: Transformer + Sync> Primus<T> {
    /// A server with `shards` shards; without a number one for each CPU that the process may use.
    pub fn new(
        options: Options,
        transformer: T,
        shards: Option<ShardCount>,
        driver: DriverChoice,
    ) -> Self {
        let shards = shards.map_or_else(|| allowed_cpus().len().min(SHARDS_MAX), Bounded::size);
        let memory = machine::memory_bytes();
        let memory = memory.and_then(|bytes| (bytes / MEMORY_DIVISOR_DEFAULT).try_into().ok());
        let shared = Shared::new(options, memory, shards, Secrets::draw(random));
        Self {
            shared,
            transformer,
            shards,
            driver,
        }
    }

    /// Asks `authorization` about every request and upgrade for Primus, in the place of the one
    /// that was asked before. It runs on the shard and must not block: what takes long is decided
    /// later, with [`LayerRequest::later`](crate::LayerRequest::later). Who is refused gets 401, or
    /// the status of the error, with `{"error":message}`.
    ///
    /// Of a session that polls every request is asked, not only the one that opens it.
    pub fn authorize<V: Into<Verdict>>(
        &self,
        authorization: impl Fn(&mut LayerRequest<'_>) -> V + Send + Sync + 'static,
    ) {
        self.attach().authorize(authorization);
    }

    /// The same for an authorization that is `async`, see [`LayerRequest::decide_by`].
    pub fn authorize_async<F>(
        &self,
        authorization: impl Fn(&mut LayerRequest<'_>) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output: Into<Verdict>> + 'static,
    {
        self.authorize(move |request| {
            let future = authorization(request);
            request.decide_by(future)
        });
    }

    /// Whether an authorization is asked: the application's, or that of a plugin.
    pub fn has_authorization(&self) -> bool {
        self.layers().has_authorization()
    }

    /// As [`Attach::id_generator`].
    pub fn id_generator(
        &self,
        generate: impl Fn(&IdRequest<'_>) -> String + Send + Sync + 'static,
    ) {
        self.attach().id_generator(generate);
    }

    /// The layers of the server.
    pub fn layers(&self) -> Layers {
        self.attach().layers()
    }

    /// Calls `listener` with every new spark. One that is attached to a running server is called
    /// with sparks that come from then on.
    pub fn on_connection(&self, listener: impl Fn(&mut Spark<'_>) + Send + Sync + 'static) {
        self.attach().on_connection(listener);
    }

    /// As [`Primus::on_connection`], but the listener is `async`: the listeners that were attached
    /// later are called once what it returns is done, and data of the spark waits until all are.
    /// See [`Attach::on_connection_async`].
    pub fn on_connection_async<F>(&self, listener: impl Fn(LocalSpark) -> F + Send + Sync + 'static)
    where
        F: Future<Output: Outcome> + 'static,
    {
        self.attach().on_connection_async(listener);
    }

    /// Runs `handler` for every new spark, with the stream of its data. See [`Attach::on_stream`].
    pub fn on_stream<F>(&self, handler: impl Fn(SparkStream) -> F + Send + Sync + 'static)
    where
        F: Future<Output: Outcome> + 'static,
    {
        self.attach().on_stream(handler);
    }

    /// Calls `listener` with every spark that has ended. One that is attached to a running server
    /// is called with sparks that end from then on.
    pub fn on_disconnection(&self, listener: impl Fn(&mut Spark<'_>) + Send + Sync + 'static) {
        self.attach().on_disconnection(listener);
    }

    /// Calls `listener` with every message of every spark, before the spark's own handlers. It
    /// costs nothing per spark.
    pub fn on_data(&self, listener: impl Fn(&mut Spark<'_>, Data<'_>) + Send + Sync + 'static) {
        self.attach().on_data(listener);
    }

    /// Calls `listener` whenever a client has answered a ping.
    pub fn on_heartbeat(&self, listener: impl Fn(&mut Spark<'_>) + Send + Sync + 'static) {
        self.attach().on_heartbeat(listener);
    }

    /// Calls `listener` with every error of every spark, before the spark's own handlers.
    pub fn on_error(&self, listener: impl Fn(&mut Spark<'_>, &SparkError) + Send + Sync + 'static) {
        self.attach().on_error(listener);
    }

    /// Attaches functions that every spark goes through, and those that hear of the server.
    pub fn attach(&self) -> Attach {
        Attach::new(&self.shared)
    }

    /// Adds a plugin. To a running server, too: then it counts for what comes from then on.
    ///
    /// # Errors
    /// There is one of its name, or it says why not. Then nothing of it is attached.
    pub fn plugin(&self, plugin: Arc<dyn Plugin>) -> Result<(), PluginError> {
        self.attach().plugin(plugin)
    }

    /// Removes a plugin and what it has attached. `None` if there is none of this name.
    pub fn plugout(&self, name: &str) -> Option<Arc<dyn Plugin>> {
        self.attach().plugout(name)
    }

    /// Serves these files beside the transport, in the place of [`Options::files`].
    pub fn serve_files(&self, files: Files) {
        app::serve_files(&self.shared, files);
    }

    /// Reaches the server from other threads.
    pub fn handle(&self) -> Handle {
        Handle::new(&self.shared)
    }

    /// Starts the server and returns once it accepts connections.
    ///
    /// # Errors
    /// When it can't be started; then it can be tried again, for instance with another address.
    /// When it was started before.
    pub fn start(&self, address: impl ToSocketAddrs + ToString) -> Result<Server, StartError> {
        self.start_on([Place::first_of(&address)?])
    }

    /// The same in several places, or on a listener that is there already. Every shard serves all
    /// of them.
    ///
    /// # Errors
    /// As [`Primus::start`]: if one of them can't be listened on, none is. More than
    /// [`LISTENERS_MAX`](crate::limits::LISTENERS_MAX).
    pub fn start_on<P: Into<Place>>(
        &self,
        places: impl IntoIterator<Item = P>,
    ) -> Result<Server, StartError> {
        if !self.shared.begin() {
            return Err(StartError::Started);
        }
        let server = self.start_once(places.into_iter().map(P::into).collect());
        if server.is_err() {
            self.shared.withdraw();
        }
        server
    }

    fn start_once(&self, places: Vec<Place>) -> Result<Server, StartError> {
        let hands_over = self.shards > 1 && self.transformer.finds_sessions();
        let chosen = match hands_over {
            true => self.driver.resolve_releasing(),
            false => self.driver.resolve(),
        };
        let Chosen {
            mut kind,
            mut fallback,
        } = chosen.map_err(StartError::Driver)?;
        let Bound {
            of_shards,
            addresses: places,
            options,
            kept,
        } = Bound::at(
            places,
            self.shards,
            self.shared.options_at_start.keeps_listeners,
        )?;
        let crew = self.muster(of_shards)?;
        match crew.open(kind) {
            Ok(()) => {}
            // Nobody was accepted yet, so all of them can take the other driver.
            Err((_, OpenError::Uring(reason))) if self.driver == DriverChoice::Auto => {
                (kind, fallback) = (DriverKind::Epoll, Some(reason));
                if let Err((shard, error)) = crew.open(kind) {
                    return Err(crew.dismiss(shard, error));
                }
            }
            Err((shard, error)) => return Err(crew.dismiss(shard, error)),
        }
        self.shared.serve_through(options);
        for orders in &crew.orders {
            // Who does not hear it has failed, and the server ends by itself.
            let _ = orders.send(Order::Serve);
        }
        let addresses: Vec<_> = places.iter().filter_map(ListenAddress::tcp).collect();
        if let Some(address) = addresses.first() {
            let _ = self.shared.address.set(*address);
        }
        app::initialised(&self.shared);
        Ok(Server {
            handle: self.handle(),
            places,
            addresses,
            kept: Mutex::new(kept),
            driver: kind,
            fallback,
            threads: crew.threads,
            reports: Mutex::new(crew.reports),
        })
    }

    /// A thread for each shard, which waits for orders.
    fn muster(&self, of_shards: Vec<Vec<OwnedFd>>) -> Result<Crew, StartError> {
        let cpus = allowed_cpus();
        let (report, reports) = mpsc::channel();
        let mut crew = Crew {
            threads: Vec::with_capacity(self.shards),
            orders: Vec::with_capacity(self.shards),
            reports,
        };
        for (number, listeners) in of_shards.into_iter().enumerate() {
            let (order, orders) = mpsc::channel();
            let seat = Seat {
                number,
                cpu: cpus[number % cpus.len()],
                listeners,
                shared: Arc::clone(&self.shared),
                transformer: self.transformer.clone(),
                orders,
                reports: report.clone(),
            };
            let thread = std::thread::Builder::new()
                .name(format!("shard-{number}"))
                .spawn(|| seat.run());
            match thread {
                Ok(thread) => crew.threads.push(thread),
                Err(error) => return Err(crew.dismiss(number, error)),
            }
            crew.orders.push(order);
        }
        Ok(crew)
    }
}

impl<T: Transformer> std::fmt::Debug for Primus<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Primus")
            .field("shards", &self.shards)
            .finish_non_exhaustive()
    }
}

/// The threads of the shards, before they serve.
struct Crew {
    threads: Vec<JoinHandle<()>>,
    orders: Vec<Sender<Order>>,
    reports: Receiver<(usize, Report)>,
}

impl Crew {
    /// Has every shard make its driver: the only way to know whether the machine grants all of them
    /// what they need.
    fn open(&self, kind: DriverKind) -> Result<(), (usize, OpenError)> {
        for orders in &self.orders {
            // Who does not hear it has ended, and says so below.
            let _ = orders.send(Order::Open(kind));
        }
        let mut opened = Ok(());
        for _ in &self.orders {
            let (shard, report) = self.reports.recv().expect("each shard reports once");
            match report {
                Report::Opened(Err(error)) if opened.is_ok() => opened = Err((shard, error)),
                Report::Opened(_) => {}
                // It can't be asked for another driver either.
                Report::Ended(_) => return Err((shard, OpenError::Ended)),
            }
        }
        opened
    }

    /// Ends the threads, because one of them can't do its part.
    fn dismiss(self, shard: usize, error: impl Into<OpenError>) -> StartError {
        drop(self.orders);
        for thread in self.threads {
            // What it was ended for is known.
            let _ = thread.join();
        }
        match error.into() {
            OpenError::Uring(reason) => StartError::Driver(reason),
            other => StartError::Shard {
                shard,
                reason: other.to_string(),
            },
        }
    }
}
