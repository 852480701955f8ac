//! How the dashboard's own server is reached: through the server that it shows, or at an address of
//! its own.

use std::time::Duration;

use allspark::{Place, Primus, Routes, Server, UnixSocket};
use allspark_web::{Proxy, ProxyOptions, Threads, Upstream};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::bounds::{CONNECTIONS_MAX, FORM_BYTES_MAX};
use super::chance::random_bytes;
use super::door::KNOCK_HEADER;
use super::site;
use crate::listen::Listen;

/// Where it is.
pub(crate) const PATH: &str = "/admin";

/// How long one waits for an address at which another process still listens, before the next try.
const TRY_EVERY: Duration = Duration::from_millis(250);

/// The way to it.
pub(super) enum Way {
    /// An address. If it may wait, another process may still listen there.
    Address(Listen, bool),
    /// A name that nobody else knows, in this machine alone, and what those who come from it say:
    /// the name can be looked up, what is said there can't.
    Proxied { name: String, knock: String },
}

impl Way {
    pub(super) fn new(address: Option<Listen>, may_wait: bool) -> Self {
        match address {
            Some(address) => Self::Address(address, may_wait),
            None => Self::Proxied {
                name: format!("allspark-admin-{}", name()),
                knock: name(),
            },
        }
    }

    pub(super) fn is_proxied(&self) -> bool {
        matches!(self, Self::Proxied { .. })
    }

    /// What every request has to carry.
    pub(super) fn knock(&self) -> Option<String> {
        match self {
            Self::Address(..) => None,
            Self::Proxied { knock, .. } => Some(knock.clone()),
        }
    }

    /// Has the server that is shown pass requests on, if they come that way.
    ///
    /// # Errors
    /// There can be no thread for that, in one line.
    pub(super) fn add_routes(&self, routes: &mut Routes) -> Result<(), String> {
        let Self::Proxied { name, knock } = self else {
            return Ok(());
        };
        let fail = |error: &dyn std::fmt::Display| format!("admin: {error}");
        let options = ProxyOptions {
            requests_max: CONNECTIONS_MAX,
            ..ProxyOptions::to([Upstream::unix(&format!("@{name}"))])
        };
        let threads = Threads::new(1).map_err(|error| fail(&error))?;
        let proxy = Proxy::new(options.header(KNOCK_HEADER, knock), &threads);
        let proxy = proxy.map_err(|error| fail(&error))?;
        for path in [PATH, "/admin/", "/admin/{*path}"] {
            let added = routes.add_streamed("*", path, FORM_BYTES_MAX, proxy.handler());
            added.map_err(|error| fail(&error))?;
        }
        Ok(())
    }

    /// Begins to listen.
    pub(super) fn open(&self, site: &Primus) -> Option<Server> {
        let opened = match self {
            Self::Proxied { name, .. } => site::start(site, UnixSocket::named(name).into()),
            Self::Address(address, may_wait) => at(address, *may_wait, site),
        };
        match (&opened, self) {
            (Err(reason), _) => tracing::error!("{reason}"),
            (Ok(_), Self::Proxied { .. }) => tracing::info!("admin: the dashboard is at {PATH}/"),
            (Ok(server), Self::Address(..)) => {
                let address = server.address();
                tracing::info!("admin: the dashboard is at http://{address}{PATH}/");
            }
        }
        opened.ok()
    }
}

/// Listens at an address, once nobody else does.
fn at(address: &Listen, may_wait: bool, site: &Primus) -> Result<Server, String> {
    loop {
        let place = Place::first_of(address).map_err(|error| format!("admin: {error}"));
        match place.and_then(|place| site::start(site, place)) {
            Err(_) if may_wait => std::thread::sleep(TRY_EVERY),
            result => return result,
        }
    }
}

fn name() -> String {
    URL_SAFE_NO_PAD.encode(random_bytes::<24>())
}
