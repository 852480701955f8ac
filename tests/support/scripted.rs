//! A server that does what its clients ask, so that tests can see what only a server can start.
//!
//! A message is a command: `{"do":"end","data":..,"reconnect":true}`, `{"do":"write","value":..}`,
//! `{"do":"count","to":9}`, which is answered with the numbers from 0 up, `{"do":"describe"}`,
//! which is answered with what the application sees of the spark, `{"do":"counts"}`, which is
//! answered with how often each event came on all sparks together, and how many sessions there are,
//! `{"do":"events","of":id}`, which is answered with the events of a spark, `{"do":"others"}`,
//! which is answered with a list of those of each spark but the asker,
//! `{"do":"broadcast","value":..}`, `{"do":"visit","how":..,"last":2}`, which visits sparks
//! (visits.rs), `{"do":"tell","to":ID,"value":..}`, which is written to the spark with that id, or
//! `{"do":"remember","key":..,"value":..}`, for which any spark can ask with
//! `{"do":"recall","key":..}`; `{"do":"destroy","close":false,"reconnect":true,"timeout":300}`
//! destroys the server, which says so on its standard error.
//! `["rewrite", value]` is answered with that value, which is decoded and encoded anew, where an
//! echo would pass on the bytes that came.
//! With `--plugins a,b` it does instead what plugged.rs says of these plugins.
//! `--layers` sets its layers up, see `set_up.rs`; with `--transforms` messages are transformed,
//! with `--slow-transforms` by some that take their time (transforms.rs); it knows a parser of its
//! own, `lettered`. With `--openings` there are `connection` listeners that wait for each other
//! (openings.rs).
//! It reads the options of `allspark serve` that the tests use. tests/interop/node-server.js is the
//! same on Node.js.

mod openings;
mod plugged;
mod room_calls;
mod set_up;
mod transforms;
mod visits;

use std::collections::HashMap;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use allspark::parser::{Parser, Scratch};
use allspark::tls::TlsOptions;
use allspark::{
    Builder, ClientHalf, CorsOptions, CustomParser, Data, DecodeError, Destroy, DriverChoice,
    EncodeError, EndOptions, Json, KeepHeaders, Kind, ParseError, Primus, Spark, SparkId, Value,
    parser,
};
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;

use openings::openings;
use set_up::{Order, set_up};
use visits::{How, visit};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let mut is_given = |wanted: &str| {
        let flags = args.len();
        args.retain(|flag| flag != wanted);
        args.len() < flags
    };
    let (transforms, has_openings) = (is_given("--transforms"), is_given("--openings"));
    let are_slow = is_given("--slow-transforms");
    let Told {
        builder,
        address,
        layers,
        plugins,
    } = options(args.into_iter())?;
    let primus = builder.build()?;
    match plugins {
        Some(names) => plugged::plug(&primus, &names)?,
        None => script(&primus, has_openings),
    }
    set_up(&primus, &layers)?;
    if transforms {
        transforms::attach(&primus);
    }
    if are_slow {
        transforms::attach_slow(&primus);
    }
    // Before it says that it listens, or a test that is quick could end it uncleanly.
    let mut signals = Signals::new([SIGTERM])?;
    let server = primus.start(address)?;
    eprintln!("scripted listens on {}", server.address());
    signals.forever().next();
    server.handle().destroy(Destroy {
        reconnect: true,
        ..Destroy::default()
    });
    server.join().unwrap();
    Ok(())
}

/// The request header that a spark keeps.
const HEADER: &str = "x-interop";

/// What a client can ask for.
#[derive(serde::Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
enum Command {
    End {
        data: Option<serde_json::Value>,
        #[serde(default)]
        reconnect: bool,
    },
    Write {
        value: serde_json::Value,
    },
    Count {
        to: u32,
    },
    Broadcast {
        value: serde_json::Value,
    },
    /// Visits sparks, see `visits.rs`.
    Visit {
        #[serde(default)]
        how: How,
        last: Option<u32>,
    },
    Events {
        of: String,
    },
    /// The events of each spark but the asker.
    Others,
    /// Writes to the spark with this id.
    Tell {
        to: String,
        value: serde_json::Value,
    },
    Describe,
    Counts,
    Remember {
        key: String,
        value: serde_json::Value,
    },
    Recall {
        key: String,
    },
    /// Destroys the server, by default as Primus does.
    Destroy {
        close: Option<bool>,
        reconnect: Option<bool>,
        timeout: Option<u64>,
    },
}

/// How often each event came.
#[derive(Default, serde::Serialize)]
struct Counts {
    connection: AtomicU64,
    disconnection: AtomicU64,
    data: AtomicU64,
    error: AtomicU64,
    heartbeat: AtomicU64,
}

/// What all sparks of the server share.
#[derive(Default)]
struct Shared {
    counts: Counts,
    memory: Mutex<HashMap<String, serde_json::Value>>,
    heard: Mutex<HashMap<String, Vec<&'static str>>>,
}

impl Shared {
    fn memory(&self) -> MutexGuard<'_, HashMap<String, serde_json::Value>> {
        self.memory.lock().expect("no thread that panicked")
    }

    /// Notes an event of a spark.
    fn note(&self, spark: SparkId, event: &'static str) {
        let mut heard = self.heard.lock().expect("no thread that panicked");
        heard.entry(spark.to_string()).or_default().push(event);
    }

    /// The events of the spark with this id.
    fn events(&self, id: &str) -> Vec<&'static str> {
        let heard = self.heard.lock().expect("no thread that panicked");
        heard.get(id).cloned().unwrap_or_default()
    }

    /// Those of each other spark.
    fn events_of_others(&self, id: &str) -> Vec<Vec<&'static str>> {
        let heard = self.heard.lock().expect("no thread that panicked");
        let others = heard.iter().filter(|(other, _)| **other != id);
        others.map(|(_, events)| events.clone()).collect()
    }
}

/// The counts, and how many sparks are not forgotten yet.
#[derive(serde::Serialize)]
struct Report<'c> {
    #[serde(flatten)]
    counts: &'c Counts,
    sessions: u64,
    connected: u64,
}

fn script(primus: &Primus, has_openings: bool) {
    let shared = Arc::new(Shared::default());
    let (noted, noting) = (Arc::clone(&shared), Arc::clone(&shared));
    // Before all others.
    primus.on_connection(move |spark| note(spark, &noted));
    if has_openings {
        openings(primus, move |spark, event| noting.note(spark, event));
    }
    primus.on_close(|options| {
        let (close, reconnect) = (options.close, options.reconnect);
        let timeout = options.timeout_ms;
        eprintln!("destroyed: close {close}, reconnect {reconnect}, timeout {timeout}");
    });
    let disconnections = Arc::clone(&shared);
    primus.on_disconnection(move |spark| {
        count(&disconnections.counts.disconnection);
        disconnections.note(spark.id(), "disconnection");
    });
    primus.on_connection(move |spark| {
        count(&shared.counts.connection);
        let (data, errors, heartbeats) = (shared.clone(), shared.clone(), shared.clone());
        spark.on_error(move |_, _| count(&errors.counts.error));
        spark.on_heartbeat(move |_| count(&heartbeats.counts.heartbeat));
        spark.on_data(move |spark, message| {
            count(&data.counts.data);
            if let Some(value) = to_rewrite(message) {
                spark.write(value);
                return;
            }
            match message.parse() {
                Ok(command) => obey(spark, command, &data),
                Err(error) => eprintln!("no command: {error}"),
            }
        });
    });
}

/// What is to be written anew.
fn to_rewrite(message: Data<'_>) -> Option<Value> {
    match message.value().ok()? {
        Value::Array(parts) if parts.len() == 2 && parts[0] == "rewrite".into() => {
            parts.last().cloned()
        }
        _ => None,
    }
}

/// Notes the events of a spark.
fn note(spark: &mut Spark<'_>, shared: &Arc<Shared>) {
    let noter = |event: &'static str| {
        let shared = Arc::clone(shared);
        move |spark: &mut Spark<'_>| shared.note(spark.id(), event)
    };
    noter("connection")(spark);
    let (data, ping, pong) = (
        noter("data"),
        noter("outgoing::ping"),
        noter("incoming::pong"),
    );
    spark.on_data(move |spark, _| data(spark));
    spark.on_outgoing_ping(move |spark, _| ping(spark));
    spark.on_incoming_pong(move |spark, _| pong(spark));
    spark.on_heartbeat(noter("heartbeat"));
    spark.on_ready_state_change(noter("readyStateChange"));
    spark.on_end(noter("end"));
    let errors = Arc::clone(shared);
    spark.on_error(move |spark, _| errors.note(spark.id(), "error"));
}

fn obey(spark: &mut Spark<'_>, command: Command, shared: &Shared) {
    match command {
        Command::End { data, reconnect } => {
            if let Some(data) = data {
                spark.write(Json(data));
            }
            spark.end_with(EndOptions { reconnect });
        }
        Command::Write { value } => {
            spark.write(Json(value));
        }
        Command::Count { to } => {
            for n in 0..to {
                spark.write(Json(n));
            }
        }
        Command::Broadcast { value } => {
            // Whether it can be written is a matter of the transforms.
            drop(spark.primus().write(Json(value)));
        }
        Command::Visit { how, last } => visit(spark, how, last),
        Command::Events { of } => {
            spark.write(Json(shared.events(&of)));
        }
        Command::Others => {
            let asker = spark.id().to_string();
            spark.write(Json(shared.events_of_others(&asker)));
        }
        Command::Tell { to, value } => spark.primus().find_given(&to, |spark| {
            if let Some(spark) = spark {
                spark.write(Json(value));
            }
        }),
        Command::Describe => {
            let description = describe(spark);
            spark.write(Json(description));
        }
        Command::Counts => {
            let stats = spark.primus().handle().stats();
            let sessions = stats.sparks_opened - stats.sparks_forgotten;
            let counts = &shared.counts;
            let connected = spark.primus().connected();
            spark.write(Json(Report {
                counts,
                sessions,
                connected,
            }));
        }
        Command::Remember { key, value } => {
            shared.memory().insert(key, value);
        }
        Command::Recall { key } => {
            let value = shared.memory().get(&key).cloned();
            spark.write(Json(value));
        }
        Command::Destroy {
            close,
            reconnect,
            timeout,
        } => {
            let default = Destroy::default();
            spark.primus().destroy(Destroy {
                close: close.unwrap_or(default.close),
                reconnect: reconnect.unwrap_or(default.reconnect),
                timeout_ms: timeout.unwrap_or(default.timeout_ms),
                ..default
            });
        }
    }
}

/// A spark as the application sees it.
fn describe(spark: &Spark<'_>) -> serde_json::Value {
    let query = spark.query().pairs();
    let query = query.map(|(name, value)| (name.into_owned(), value.into_owned().into()));
    let address = spark.address();
    serde_json::json!({
        "id": spark.given_id().map_or_else(|| spark.id().to_string(), str::to_owned),
        "query": serde_json::Map::from_iter(query),
        "address": { "ip": address.ip().to_string(), "port": address.port() },
        "header": spark.headers().get(HEADER),
        "order": spark.attached().map(|Order(order)| order),
    })
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// What the command line says.
struct Told {
    builder: Builder,
    address: String,
    /// As tests/support/set_up.rs reads it.
    layers: String,
    /// As tests/support/plugged.rs reads it.
    plugins: Option<String>,
}

fn options(mut args: impl Iterator<Item = String>) -> Result<Told, Box<dyn Error>> {
    let kept = KeepHeaders::Named(vec![HEADER.to_owned()]);
    let mut builder = Primus::builder().keep_headers(kept);
    let (mut address, mut layers) = ("127.0.0.1:0".to_owned(), "[]".to_owned());
    let (mut plugins, mut tls) = (None, TlsOptions::default());
    while let Some(flag) = args.next() {
        if flag == "--compression" {
            builder = builder.compression(true);
            continue;
        }
        let value = args.next().ok_or_else(|| format!("{flag} needs a value"))?;
        builder = match flag.as_str() {
            "--listen" => {
                address = value;
                builder
            }
            "--layers" => {
                layers = value;
                builder
            }
            "--plugins" => {
                plugins = Some(value);
                builder
            }
            "--ids" => {
                let count = AtomicU64::new(0);
                builder.id_generator(move |_| {
                    format!("{value}-{}", count.fetch_add(1, Ordering::Relaxed))
                })
            }
            "--origins" => builder.cors(CorsOptions {
                origins: value,
                ..CorsOptions::default()
            }),
            "--tls-cert" => {
                tls.cert = Some(value.into());
                builder
            }
            "--tls-key" => {
                tls.key = Some(value.into());
                builder
            }
            "--trusted-proxies" => builder.trusted_proxies(value),
            "--transformer" => builder.transformer(value),
            "--parser" if value == "lettered" => builder.custom_parser(&Lettered),
            "--parser" => builder.parser(value),
            "--client-plugins" => with_client_plugins(builder, &value)?,
            "--transport" => {
                let option = value.split_once('=');
                let (name, value) = option.ok_or("--transport needs NAME=VALUE")?;
                builder.transport(name, value)
            }
            "--ping-interval" if value == "off" => builder.ping_interval_ms(None),
            "--ping-interval" => builder.ping_interval_ms(Some(value.parse()?)),
            "--max-length" => builder.max_length(value.parse()?),
            "--shards" => builder.shards(value.parse()?),
            "--driver" => builder.driver(driver(&value)?),
            _ => return Err(format!("unknown option {flag}").into()),
        };
    }
    Ok(Told {
        builder: builder.tls(tls),
        address,
        layers,
        plugins,
    })
}

/// A parser of the application: JSON behind a letter, as text or, if it is longer than that should
/// be, as bytes.
struct Lettered;

impl CustomParser for Lettered {
    fn name(&self) -> &'static str {
        "lettered"
    }

    fn encode(&self, value: &Value, out: &mut Vec<u8>) -> Result<Kind, EncodeError> {
        out.push(b'v');
        parser::Json.encode_value(value, out)?;
        Ok(match out.len() < 100 {
            true => Kind::Text,
            false => Kind::Binary,
        })
    }

    fn decode(&self, _: Kind, message: &[u8]) -> Result<Value, DecodeError> {
        let what = "a message without its letter";
        let json = message.strip_prefix(b"v");
        let json = json.ok_or(ParseError::Refused { what })?;
        parser::Json.decode(Kind::Text, json, &mut Scratch::default())
    }

    fn client_half(&self) -> ClientHalf {
        ClientHalf {
            encoder:
                "function encoder(value, done) { done(null, LETTER + JSON.stringify(value)); }"
                    .into(),
            decoder: "function decoder(packet, done) {
                try { packet = JSON.parse(text(packet).slice(1)); }
                catch (error) { return done(error); }
                done(null, packet);
            }"
            .into(),
            library: "var LETTER = 'v';
                function text(packet) {
                    return typeof packet === 'string' ? packet : new TextDecoder().decode(packet);
                }"
            .into(),
        }
    }
}

/// What the client library of a server has of a plugin.
#[derive(serde::Deserialize)]
struct ClientPlugin {
    name: String,
    client: String,
    library: String,
}

/// Adds the plugins that the file lists as JSON.
fn with_client_plugins(mut builder: Builder, file: &str) -> Result<Builder, Box<dyn Error>> {
    let plugins: Vec<ClientPlugin> = serde_json::from_slice(&std::fs::read(file)?)?;
    for ClientPlugin {
        name,
        client,
        library,
    } in plugins
    {
        builder = builder.client_plugin_with_library(name, client, library);
    }
    Ok(builder)
}

fn driver(name: &str) -> Result<DriverChoice, String> {
    match name {
        "auto" => Ok(DriverChoice::Auto),
        "uring" => Ok(DriverChoice::Uring),
        "epoll" => Ok(DriverChoice::Epoll),
        _ => Err(format!("unknown driver {name}")),
    }
}
