//! Serves: builds the server that the settings describe, and ends it when a signal says so.

use std::sync::{Arc, Mutex};

use allspark::auth::Source;
use allspark::{Builder, Data, DriverChoice, Kind, ListenAddress, Options, Primus, Server, Spark};
use allspark_engine::Throttle;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::access;
use crate::admin::{self, About};
use crate::api;
use crate::assembly::{Assembly, Reloaded, Reloads, Then};
use crate::config::Told;
use crate::counts;
use crate::drain::End;
use crate::handover::{self, Giver, SocketPath, Taken};
use crate::health;
use crate::hooks;
use crate::listener::Listener;
use crate::log::Log;
use crate::metrics;
use crate::notify::Notifier;
use crate::page;
use crate::places::{Sources, described};
use crate::reload::{self, Reloader};
use crate::settings::{App, Settings};
use crate::signals::Inbox;
use crate::systemd::Passed;
use crate::tls_sections::StartedTls;
use crate::web;
use crate::{trace, traced};

/// How a message begins that [`App::Mixed`] writes to every spark: an array whose first element
/// says so, without a space.
const TO_ALL: &[u8] = br#"["all","#;

/// Bytes that a binary parser puts before a text, at most: its type and its length.
const TEXT_HEAD_BYTES_MAX: usize = 5;

/// Whether a message is one of those. With a parser whose messages are bytes it is a text that
/// begins so.
fn is_to_all(data: &Data<'_>) -> bool {
    let encoded = data.encoded();
    let mut heads = match data.kind() {
        Kind::Text => 0..=0,
        Kind::Binary => 1..=TEXT_HEAD_BYTES_MAX,
    };
    heads.any(|head| {
        let text = encoded.get(head..);
        text.is_some_and(|text| text.starts_with(TO_ALL))
    })
}

/// Why it did not serve, or no longer does, in one line.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It could not start.
    Start(String),
    /// A shard has failed, so the server has ended.
    Shard(String),
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self::Start(reason)
    }
}

/// Serves until a signal ends it.
///
/// # Errors
/// Why it could not start, or why it has failed.
pub(crate) fn run(settings: &Settings, told: Told, log: &Log) -> Result<(), Failure> {
    let mut passed = Passed::take_from_environment();
    let signals = Inbox::open();
    let signals = signals.map_err(|error| format!("signals cannot be received: {error}"))?;
    raise_descriptor_limit();
    let path = settings.handover.as_ref().map(SocketPath::as_path);
    let mut taken = path.map(handover::take).transpose()?;
    let mut options = settings.options.clone();
    if let Some(driver) = taken.as_ref().and_then(Taken::driver) {
        options.driver = driver_of_both(options.driver, driver)?;
    }
    let (primus, then) = build(settings, options, log)?;
    let tls = StartedTls::start(&settings.tls.sections, primus.tls())?;
    let sources = Sources {
        taken: taken.as_mut(),
        passed: &mut passed,
    };
    let (server, listeners, names) = start(&primus, settings, sources, &tls)?;
    let reload_counts = reload::Counts::new(&then.metrics);
    let mut reloads = then.started(&server)?;
    add_reloads(&mut reloads, &primus, tls);
    drop(primus);
    say_what_is_served(settings, &server, &listeners);
    warn_of_plain_http(settings, &server, &listeners);
    let left = passed.left();
    if !left.is_empty() {
        let left = left.join(", ");
        tracing::warn!("systemd passes sockets that no listener names: {left}; write systemd:NAME");
    }
    // This thread made the client library, and will only wait from now on.
    allspark_engine::memory::collect_mimalloc(true);
    let manager = Notifier::start(server.handle());
    let manager = manager.map_err(|error| format!("the manager cannot be told: {error}"))?;
    let end = Arc::new(end(settings, &server, names));
    add_drain(&mut reloads, &end);
    let handle = server.handle();
    let reload = Reloader::new(told, reloads, reload_counts);
    let reload = reload.start(manager.clone(), move || handle.is_draining());
    let reload = reload.map_err(|error| format!("nothing can be reloaded: {error}"))?;
    signals
        .obey(
            Arc::clone(&end),
            manager.clone(),
            log.reopen().clone(),
            reload,
        )
        .map_err(|error| format!("signals cannot be awaited: {error}"))?;
    // Its file goes with this process.
    let _listening = match taken {
        Some(taken) => {
            let giver = Giver::new(end, server.driver().name());
            Some(taken.complete(&server.handle(), giver)?)
        }
        None => None,
    };
    manager.ready();
    wait(server)?;
    manager.end();
    tracing::info!("ended");
    Ok(())
}

/// What SIGHUP changes that is no part of an assembly: limits and origins, certificates, and keys.
fn add_reloads(reloads: &mut Reloads, primus: &Primus, tls: StartedTls) {
    let reconfigure = primus.reconfigurer();
    reloads.add("limits", move |said| {
        let settings = Settings::read(said)?;
        let needed = reconfigure(&settings.options);
        Ok(Reloaded {
            changed: None,
            needs_restart: needed.iter().map(ToString::to_string).collect(),
        })
    });
    if !tls.is_empty() {
        reloads.add("tls", move |_| {
            let names = tls.reload()?.join(", ");
            let names = names.escape_debug();
            Ok(Reloaded::changed(format!(
                "the certificates of TLS were read anew: {names}"
            )))
        });
    }
    if let Some(keys) = primus.key_reloader() {
        reloads.add("authorization", move |_| {
            let keys = keys().map_err(|error| error.to_string())?;
            Ok(Reloaded::changed(format!(
                "the keys of authorization were read anew: {keys}"
            )))
        });
    }
}

/// The next drain is the one that options describe by then.
fn add_drain(reloads: &mut Reloads, end: &Arc<End>) {
    let end = Arc::clone(end);
    reloads.add("drain", move |said| {
        end.set_options(Settings::read(said)?.drain());
        Ok(Reloaded::default())
    });
}

/// Starts on all listeners. Gives the listener of each place of the server, and its name for who
/// takes it over.
fn start<'s>(
    primus: &Primus,
    settings: &'s Settings,
    sources: Sources<'_>,
    tls: &StartedTls,
) -> Result<(Server, Vec<&'s Listener>, Vec<String>), String> {
    let proxies = &settings.options.trusted_proxies;
    let made = settings.listen.make(sources, proxies, tls)?;
    let (mut places, mut listeners, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for made in made {
        places.push(made.place);
        listeners.push(made.listener);
        names.push(made.name);
    }
    let server = primus.start_on(places).map_err(|error| error.to_string())?;
    Ok((server, listeners, names))
}

/// The driver of a server that takes sockets over from one with this driver.
fn driver_of_both(own: DriverChoice, old: &str) -> Result<DriverChoice, String> {
    match old.parse() {
        Ok(old) if own == DriverChoice::Auto || own == old => Ok(old),
        _ => Err(format!(
            "handover: the running server uses the driver {old}, and sockets can't be shared with \
             another one: --driver {old} takes them over"
        )),
    }
}

/// How the server ends, and what can be taken over from it until then.
fn end(settings: &Settings, server: &Server, names: Vec<String>) -> End {
    let sockets = names.into_iter().zip(server.take_listeners()).collect();
    End {
        server: server.handle(),
        options: Mutex::new(settings.drain()),
        sockets: Mutex::new(Some(sockets)),
    }
}

/// Waits for the end of the server, which is intended or that of a shard.
fn wait(server: Server) -> Result<(), Failure> {
    server
        .join()
        .map_err(|failure| Failure::Shard(failure.to_string()))
}

/// Descriptors bound how many connections a shard can have, on either driver, so the process takes
/// as many as it may.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of descriptors (RLIMIT_NOFILE) cannot be raised");
    }
}

/// Each part of the server adds what is its own.
fn build(settings: &Settings, options: Options, log: &Log) -> Result<(Primus, Then), String> {
    let builder = Builder::from(options)
        .keeps_listeners(settings.handover.is_some())
        .give_back(allspark_engine::memory::collect_mimalloc);
    let mut assembly = Assembly::new(builder, settings.listen.has_internal());
    trace::assemble(&settings.trace, &mut assembly, log)?;
    let hooks = hooks::assemble(&settings.hooks, &mut assembly)?;
    let plugins = settings.plugin.make();
    for plugin in plugins.map_err(|(_, error)| error.to_string())? {
        assembly.plugin(plugin);
    }
    let app = settings.app;
    let level = log.level().clone();
    assembly.on_options("log", move |said| {
        match level.set(Settings::read(said)?.log) {
            true => Ok(Reloaded::default()),
            false => Err("there is no log any more".to_owned()),
        }
    });
    metrics::assemble(&settings.metrics, &mut assembly, log.lines().clone())?;
    access::assemble(
        &settings.access_log,
        secret_names(settings),
        &mut assembly,
        log,
    )?;
    if settings.health {
        health::assemble(&mut assembly);
    }
    if settings.stats {
        counts::assemble(&mut assembly, app.name(), log.lines().clone());
    }
    if settings.has_page() {
        page::assemble(&mut assembly, &settings.options.pathname, app.name());
    }
    let pathname = &settings.options.pathname;
    web::assemble(&settings.files, &settings.proxy, pathname, &mut assembly)?;
    let about = About::new(&settings.options, app.name());
    let takes_over = settings.handover.is_some();
    admin::assemble(&settings.admin, about, takes_over, hooks, &mut assembly)?;
    // Behind all parts that add to it.
    if settings.api.is_on() {
        traced::assemble(&mut assembly, log);
        api::assemble(&mut assembly, &settings.api)?;
    }
    assembly.when_built(move |primus| {
        attach(app, primus);
        Ok(())
    });
    assembly.build()
}

/// Names in queries whose values are credentials, as authorization is told where they are.
fn secret_names(settings: &Settings) -> Vec<String> {
    let sources = settings.options.authorization.sources.places().iter();
    let names = sources.filter_map(|source| match source {
        Source::Query(name) => Some(name.clone()),
        _ => None,
    });
    names.collect()
}

fn attach(app: App, primus: &Primus) {
    match app {
        App::Echo => primus.on_connection(|spark| {
            spark.on_data(|spark, data| {
                spark.write(data);
            });
        }),
        App::Broadcast => primus.on_connection(|spark| {
            spark.on_data(|spark, data| {
                broadcast(spark, data);
            });
        }),
        App::Mixed => primus.on_connection(|spark| {
            spark.on_data(|spark, data| {
                if is_to_all(&data) {
                    broadcast(spark, data);
                } else {
                    spark.write(data);
                }
            });
        }),
        App::None => primus,
    };
}

fn broadcast(spark: &mut Spark<'_>, data: Data<'_>) {
    static FAILURES: Throttle = Throttle::new();
    if let Err(error) = spark.primus().write(data)
        && let Some(line) = FAILURES.admit()
    {
        tracing::warn!(
            spark = %spark.id(), %error, unlogged = line.unlogged,
            "a message was not broadcast"
        );
    }
}

/// As Primus's `createServer`: where everybody can come and TLS is not spoken, things between
/// client and server look into what they say, and may break it. Behind a proxy that is its affair.
fn warn_of_plain_http(settings: &Settings, server: &Server, listeners: &[&Listener]) {
    let options = &settings.options;
    if settings.iknowhttpsisbetter || !options.trusted_proxies.is_empty() {
        return;
    }
    let is_open = |address: &ListenAddress| match address {
        ListenAddress::Tcp(address) => !address.ip().to_canonical().is_loopback(),
        ListenAddress::Unix(_) => false,
    };
    let places = listeners.iter().zip(server.places());
    let mut plain = places
        .filter(|(listener, address)| listener.is_plain(options.tls.is_on()) && is_open(address));
    if let Some((_, address)) = plain.next() {
        tracing::warn!(
            "{address} speaks no TLS: firewalls and the like block what they can read more often, \
             and everybody on the way can read it; write --tls-cert and --tls-key, or \
             --trusted-proxies if a proxy does it, or --iknowhttpsisbetter"
        );
    }
}

fn say_what_is_served(settings: &Settings, server: &Server, listeners: &[&Listener]) {
    let options = &settings.options;
    let listeners = listeners.iter().zip(server.places());
    let urls: Vec<_> = listeners
        .map(|(listener, at)| described(listener, at, &options.pathname, options.tls.is_on()))
        .collect();
    tracing::info!(
        transformer = options.transformer.name(),
        parser = %options.parser,
        app = settings.app.name(),
        shards = server.shards(),
        driver = server.driver().name(),
        because = server.fallback_reason().map(tracing::field::display),
        "serving on {}{}",
        urls.join(", "),
        if settings.has_page() { ", with a page at /" } else { "" },
    );
    let plugins: Vec<&str> = settings.plugin.names().collect();
    if !plugins.is_empty() {
        tracing::info!("with the plugins {}", plugins.join(", "));
    }
    if settings.has_page() && options.cors.asks_upgrades() {
        tracing::info!("the page connects only from an origin that --origins lists");
    }
    if options.authorization.is_on() {
        let page = if settings.has_page() {
            "; the page passes on what follows its ?"
        } else {
            ""
        };
        tracing::info!("who connects needs a credential{page}");
    }
}

#[cfg(test)]
mod tests;
