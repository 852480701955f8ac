//! Carries out what requests and the application ask for.
//!
//! A request is read, and its message written to sparks of this server, on one thread, in the order
//! in which requests come. Other servers are asked on further threads, of which nobody waits for
//! another.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use allspark_engine::{Handle, PluginError, Ticket};
use allspark_protocol::Value;
use allspark_protocol::parser::ParserKind;
use allspark_protocol::value::Object;

use super::client::Client;
use super::cluster::{Cluster, by_server};
use super::credentials::Credentials;
use super::forward::{Done, Errand, Reached, forward};
use super::local::{self, Encoded, Written};
use super::options::{OmegaOptions, wrong_option};
use super::order::{Order, Recipients};
use super::pool::{Full, Pool};
use super::reply;
use super::target::Target;

/// The server on which a request has come.
pub(super) struct Here {
    pub(super) primus: Handle,
    pub(super) parser: ParserKind,
}

/// What the plugin is, once its options are known.
pub(super) struct Service {
    pub(super) options: OmegaOptions,
    pub(super) credentials: Credentials,
    pub(super) target: Target,
    client: Arc<Client>,
    /// A single thread.
    local: Pool,
    remote: Pool,
    cluster: Mutex<Option<Weak<dyn Cluster>>>,
}

impl Service {
    /// # Errors
    /// An option is wrong.
    pub(super) fn new(options: OmegaOptions) -> Result<Self, PluginError> {
        options.check().map_err(wrong_option)?;
        let credentials = Credentials::new(&options.username, &options.password)
            .map_err(|_| PluginError::other("the system has no random numbers"))?;
        let timeout = Duration::from_millis(options.forward_timeout);
        Ok(Self {
            credentials,
            target: Target::new(&options.url),
            client: Arc::new(Client::new(timeout)),
            local: Pool::new("omega", 1),
            remote: Pool::new("omega-forward", options.concurrently),
            cluster: Mutex::default(),
            options,
        })
    }

    /// From now on these are the other servers.
    pub(super) fn set_cluster(&self, cluster: Option<Weak<dyn Cluster>>) {
        *self.cluster.lock().unwrap_or_else(PoisonError::into_inner) = cluster;
    }

    fn cluster(&self) -> Option<Arc<dyn Cluster>> {
        let cluster = self.cluster.lock();
        let cluster = cluster.unwrap_or_else(PoisonError::into_inner);
        cluster.as_ref()?.upgrade()
    }

    /// Carries a request out and answers it, later. If too much waits the ticket is dropped, which
    /// answers 503.
    pub(super) fn accept(self: &Arc<Self>, server: Here, body: Vec<u8>, ticket: Ticket) {
        let (service, bytes) = (Arc::clone(self), body.len());
        let job = move || service.carry_out(&server, &body, ticket);
        if let Err(Full) = self.local.run(bytes, Box::new(job)) {
            tracing::debug!("too many requests wait");
        }
    }

    fn carry_out(self: &Arc<Self>, server: &Here, body: &[u8], ticket: Ticket) {
        let Ok(order) = Order::read(body, self.options.rooms) else {
            return ticket.respond(reply::invalid());
        };
        let message = Encoded::new(order.msg);
        if !message.is_for(server.parser) {
            return ticket.respond(reply::unwritable());
        }
        match self.cluster() {
            Some(cluster) if self.options.rooms && !order.is_forwarded => {
                let is_to_rooms = matches!(order.to, Recipients::Rooms { .. });
                let done = Done::new(move |result| {
                    ticket.respond(match result {
                        // Nobody is in the rooms: the others are not asked.
                        Ok(Reached { send: 0, .. }) if is_to_rooms => reply::sent(0),
                        result => reply::forwarded(result),
                    });
                });
                self.deliver(&server.primus, &*cluster, order.to, &message, done);
            }
            _ => {
                let written = write_here(&server.primus, order.to, &message);
                ticket.respond(reply::sent(written.sparks));
            }
        }
    }

    /// As [`super::OmegaSupreme::forward`].
    pub(super) fn forward(
        self: &Arc<Self>,
        primus: Handle,
        servers: Vec<String>,
        msg: Value,
        to: Recipients,
        done: Done,
    ) {
        let service = Arc::clone(self);
        self.run_here(move || {
            let message = Encoded::new(msg);
            let Written { sparks, missing } = write_here(&primus, to.clone(), &message);
            let rest = match to {
                Recipients::Sparks(_) => Recipients::Sparks(missing),
                to => to,
            };
            let is_local = match &rest {
                Recipients::Sparks(missing) => missing.is_empty(),
                Recipients::Spark(_) => sparks > 0,
                Recipients::All | Recipients::Rooms { .. } => servers.is_empty(),
            };
            if is_local {
                return done.give(Ok(Reached {
                    send: sparks,
                    local: true,
                }));
            }
            if servers.is_empty() {
                return done.fail("No servers provided", sparks);
            }
            let to = servers.into_iter().map(|server| (server, rest.clone()));
            service.ask(message.value(), sparks, to.collect(), done);
        });
    }

    /// Writes to sparks wherever they are.
    pub(super) fn forward_in_cluster(
        self: &Arc<Self>,
        primus: Handle,
        msg: Value,
        to: Recipients,
        done: Done,
    ) {
        let Some(cluster) = self.cluster() else {
            return done.fail("there is no metroplex", 0);
        };
        let service = Arc::clone(self);
        self.run_here(move || {
            service.deliver(&primus, &*cluster, to, &Encoded::new(msg), done);
        });
    }

    /// Has something done on the thread that may wait for shards.
    fn run_here(&self, job: impl FnOnce() + Send + 'static) {
        if let Err(Full) = self.local.run(0, Box::new(job)) {
            tracing::debug!("too many messages wait");
        }
    }

    /// Writes to sparks of this server, then has the others write to theirs.
    fn deliver(
        self: &Arc<Self>,
        primus: &Handle,
        cluster: &dyn Cluster,
        to: Recipients,
        message: &Arc<Encoded>,
        done: Done,
    ) {
        let (service, msg) = (Arc::clone(self), Arc::clone(message));
        let is_to_rooms = matches!(to, Recipients::Rooms { .. });
        let is_to_all = to == Recipients::All;
        let Written {
            sparks: send,
            missing,
        } = write_here(primus, to, message);
        if is_to_all {
            cluster.others(Box::new(move |others| match others {
                Ok(others) => service.broadcast(msg.value(), send, others, done),
                Err(reason) => done.fail(&reason, send),
            }));
        } else if is_to_rooms || missing.is_empty() {
            // Of rooms a server knows its own sparks only.
            done.give(Ok(Reached { send, local: false }));
        } else {
            let (own, ids) = (cluster.own(), missing.clone());
            let answer = Box::new(move |owners: Result<Vec<_>, String>| match owners {
                Ok(owners) => {
                    let to = by_server(ids, owners, own.as_deref());
                    service.ask(msg.value(), send, to, done);
                }
                Err(reason) => done.fail(&reason, send),
            });
            cluster.owners(missing, answer);
        }
    }

    /// Has all others write to all their sparks.
    fn broadcast(&self, msg: &Value, send: u64, others: Vec<String>, done: Done) {
        if others.is_empty() {
            return done.give(Ok(Reached { send, local: true }));
        }
        let to = others.into_iter().map(|other| (other, Recipients::All));
        if !self.options.rooms {
            return self.ask(msg, send, to.collect(), done);
        }
        // Those that have the middleware would pass it on to all servers again.
        let mut once = Object::new();
        once.insert("msg", msg.clone());
        once.insert("metroplexForwarded", true);
        self.ask(&Value::Object(once), send, to.collect(), done);
    }

    fn ask(&self, msg: &Value, send: u64, to: Vec<(String, Recipients)>, done: Done) {
        let path = self.target.path();
        let errand = Errand {
            msg,
            header: self.credentials.header(),
            method: &self.options.method,
            path: &path,
            send,
            to,
        };
        forward(&self.remote, &self.client, errand, done);
    }
}

/// Writes to sparks of this server. Those that are missing are named if they were named by id.
fn write_here(primus: &Handle, to: Recipients, message: &Arc<Encoded>) -> Written {
    match to {
        Recipients::All => Written {
            sparks: local::write_to_all(primus, message),
            missing: Vec::new(),
        },
        Recipients::Spark(id) => local::write_to(primus, &[id], message),
        Recipients::Sparks(ids) => local::write_to(primus, &ids, message),
        Recipients::Rooms { rooms, except } => {
            let ids = local::in_rooms(primus, &rooms, &except);
            local::write_to(primus, &ids, message)
        }
    }
}
