//! The plugin as applications hold it.

use std::sync::{Arc, OnceLock, Weak};

use allspark_engine::{
    Decide, Handle, Plugin, PluginError, Reply, RouteRequest, Setup, WeakHandle,
};
use allspark_protocol::Value;
use allspark_protocol::http::RequestHead;
use allspark_protocol::parser::ParserKind;
use serde::Serialize;

use super::cluster::Cluster;
use super::exchange::ForwardError;
use super::forward::{Done, Reached};
use super::options::OmegaOptions;
use super::order::Recipients;
use super::reply;
use super::service::{Here, Service};

/// The name of the plugin, and of its layer.
const NAME: &str = "omega-supreme";

/// `omega-supreme`: writes to sparks by HTTP requests, of others to this server and of this server
/// to others. A clone is the same plugin.
///
/// ```
/// use allspark_plugins::omega::{OmegaOptions, OmegaSupreme, Recipients};
///
/// let omega = OmegaSupreme::new(OmegaOptions {
///     username: "fleet".to_owned(),
///     password: "only the fleet knows".to_owned(),
///     ..OmegaOptions::default()
/// });
/// // primus.plugin(omega.clone())?;
/// let servers = ["http://10.0.0.1:8080", "http://10.0.0.2:8080"];
/// omega.forward(servers, "to everybody", Recipients::All, |result| match result {
///     Ok(reached) => println!("{} sparks", reached.send),
///     Err(error) => println!("{}: {error}", error.url),
/// });
/// ```
#[derive(Clone)]
pub struct OmegaSupreme(Arc<Inner>);

struct Inner {
    options: OmegaOptions,
    /// Once it was added to a server.
    added: OnceLock<(Arc<Service>, WeakHandle)>,
}

impl OmegaSupreme {
    /// The plugin with these options. They are judged when it is added.
    pub fn new(options: OmegaOptions) -> Self {
        let added = OnceLock::new();
        Self(Arc::new(Inner { options, added }))
    }

    /// Its options.
    pub fn options(&self) -> &OmegaOptions {
        &self.0.options
    }

    /// Writes a message to sparks of this server and has other servers write it to theirs:
    /// `primus.forward`. Of sparks that are named those of this server get it here, and other
    /// servers are asked for the rest, each of them for all; with one id, once it was found here,
    /// nobody is asked. `servers` are addresses such as `http://10.0.0.1:8080`.
    ///
    /// `done` is called once, with what became of it, on a thread of the plugin, and must not
    /// block. Unlike npm's it is called once all servers have answered, also if one has failed.
    pub fn forward<S: ToString>(
        &self,
        servers: impl IntoIterator<Item = S>,
        message: impl Serialize,
        to: impl Into<Recipients>,
        done: impl FnOnce(Result<Reached, ForwardError>) + Send + 'static,
    ) {
        let done = Done::new(done);
        let Some((service, primus)) = self.added() else {
            return done.fail("the plugin is not part of a server", 0);
        };
        let Ok(message) = Value::from_serialize(&message) else {
            return done.fail("the message can not be expressed as JSON", 0);
        };
        let servers = servers.into_iter().map(|server| server.to_string());
        service.forward(primus, servers.collect(), message, to.into(), done);
    }

    /// Writes a message to sparks wherever they are.
    pub(crate) fn forward_in_cluster(
        &self,
        message: impl Serialize,
        to: Recipients,
        done: impl FnOnce(Result<Reached, ForwardError>) + Send + 'static,
    ) {
        let done = Done::new(done);
        let Some((service, primus)) = self.added() else {
            return done.fail("the plugin is not part of a server", 0);
        };
        match Value::from_serialize(&message) {
            Ok(message) => service.forward_in_cluster(primus, message, to, done),
            Err(_) => done.fail("the message can not be expressed as JSON", 0),
        }
    }

    /// From now on these are the other servers.
    pub(crate) fn set_cluster(&self, cluster: Option<Weak<dyn Cluster>>) {
        if let Some((service, _)) = self.0.added.get() {
            service.set_cluster(cluster);
        }
    }

    fn added(&self) -> Option<(&Arc<Service>, Handle)> {
        let (service, primus) = self.0.added.get()?;
        Some((service, primus.upgrade()?))
    }
}

impl std::fmt::Debug for OmegaSupreme {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("OmegaSupreme")
            .field(&self.0.options)
            .finish()
    }
}

impl Plugin for OmegaSupreme {
    fn name(&self) -> &'static str {
        NAME
    }

    fn server(&self, setup: &mut Setup<'_>) -> Result<(), PluginError> {
        let service = Arc::new(Service::new(self.0.options.clone())?);
        let (primus, parser) = (setup.handle().downgrade(), setup.options().parser);
        let pathname = &*setup.options().pathname;
        if !self.0.options.url.starts_with(pathname) {
            return Err(PluginError::Option {
                option: "url".to_owned(),
                reason: format!("it has to begin with {pathname}, Primus's pathname"),
            });
        }
        let added = (Arc::clone(&service), primus.clone());
        if self.0.added.set(added).is_err() {
            return Err(PluginError::other("it is part of another server"));
        }
        attach(setup, service, primus, parser);
        Ok(())
    }
}

/// Takes requests: before the layer `authorization`, as npm's plugin does.
fn attach(setup: &Setup<'_>, service: Arc<Service>, primus: WeakHandle, parser: ParserKind) {
    let method = service.options.method.to_ascii_uppercase();
    let (bytes_max, judge) = (service.options.body_bytes_max, Arc::clone(&service));
    let decide = move |head: &RequestHead<'_>| {
        if head.method() != method || !judge.target.is(head.target()) {
            return Decide::Pass;
        }
        match head.header("authorization") {
            None | Some("") => Decide::Pass,
            Some(header) if judge.credentials.are(header) => Decide::Take,
            Some(_) => Decide::Answer(reply::unauthorized()),
        }
    };
    let handler = move |request: &RouteRequest<'_>| {
        if let Some(primus) = primus.upgrade() {
            let here = Here { primus, parser };
            service.accept(here, request.body().to_vec(), request.later());
        }
        Reply::Later
    };
    setup.route(NAME, bytes_max, decide, handler);
}
