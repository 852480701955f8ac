//! A server of a fleet: with omega-supreme, and metroplex if it is told of Redis. Its clients say
//! what it does, so that tests can see what only a server can start.
//!
//! A message is a command, and is answered with `{"done":..}` or `{"failed":..}`:
//! `{"do":"id"}`, `{"do":"join","room":..}`,
//! `{"do":"forward","servers":[..],"msg":..,"sparks":..}`,
//! `{"do":"broadcast","msg":..}`, `{"do":"sparks","ids":[..],"msg":..}`,
//! `{"do":"spark","id":..,"msg":..}`, `{"do":"servers"}`, `{"do":"where","ids":[..]}`,
//! `{"do":"plugout","name":..}`. tests/interop/plugins/fleet-node.js is the same on Node.js.
//!
//! `--fleet JSON` has the options of the plugins: `{"omega":{..},"metroplex":{..}}`. Events of the
//! registry are printed.

use std::error::Error;
use std::sync::Arc;

use allspark::plugins::metroplex::{Metroplex, MetroplexOptions};
use allspark::plugins::omega::{ForwardError, OmegaOptions, OmegaSupreme, Reached, Recipients};
use allspark::{Builder, Data, Destroy, DriverChoice, Json, Primus, Spark, SparkHandle, Value};
use serde::{Deserialize, Serialize};
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;

fn main() -> Result<(), Box<dyn Error>> {
    let told = options(std::env::args().skip(1))?;
    let primus = Arc::new(told.builder.build()?);
    let omega = OmegaSupreme::new(told.fleet.omega);
    primus.plugin(omega.clone())?;
    let metroplex = told.fleet.metroplex.map(Metroplex::new);
    if let Some(metroplex) = &metroplex {
        primus.plugin(metroplex.clone())?;
        metroplex.on_register(|address| eprintln!("register {address}"));
        metroplex.on_unregister(|address| eprintln!("unregister {address}"));
        metroplex.on_error(|error| eprintln!("error {error}"));
    }
    let fleet = Fleet { omega, metroplex };
    let server_of_all = Arc::downgrade(&primus);
    primus.on_data(move |spark, data| {
        let primus = server_of_all.upgrade();
        obey(&fleet, primus.as_deref(), spark, data);
    });
    let mut signals = Signals::new([SIGTERM])?;
    let server = primus.start(told.address)?;
    eprintln!("fleet listens on {}", server.address());
    signals.forever().next();
    server.handle().destroy(Destroy::default());
    server.join().unwrap();
    Ok(())
}

struct Fleet {
    omega: OmegaSupreme,
    metroplex: Option<Metroplex>,
}

/// What a client can ask for.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
enum Command {
    Id,
    Join {
        room: String,
    },
    Forward {
        servers: Vec<String>,
        msg: Value,
        sparks: Option<Value>,
    },
    Broadcast {
        msg: Value,
    },
    Sparks {
        ids: Vec<String>,
        msg: Value,
    },
    Spark {
        id: String,
        msg: Value,
    },
    Servers,
    Where {
        ids: Vec<String>,
    },
    Plugout {
        name: String,
    },
}

fn obey(fleet: &Fleet, primus: Option<&Primus>, spark: &mut Spark<'_>, data: Data<'_>) {
    let Ok(command) = data.parse() else {
        return eprintln!("no command");
    };
    let answers = Answers(spark.handle());
    let Fleet { omega, metroplex } = fleet;
    let told = answers.clone();
    let reached = move |result| told.reached(result);
    match (command, metroplex) {
        (Command::Id, _) => answers.done(spark.id().to_string()),
        (Command::Join { room }, _) => {
            let joined = spark.join(&room).is_ok();
            answers.done(joined);
        }
        (
            Command::Forward {
                servers,
                msg,
                sparks,
            },
            _,
        ) => omega.forward(servers, msg, recipients(sparks), reached),
        (Command::Plugout { name }, _) => {
            answers.done(primus.is_some_and(|primus| primus.plugout(&name)));
        }
        (_, None) => answers.failed("no metroplex"),
        (Command::Broadcast { msg }, Some(metroplex)) => metroplex.forward_broadcast(msg, reached),
        (Command::Sparks { ids, msg }, Some(metroplex)) => {
            metroplex.forward_sparks(ids, msg, reached);
        }
        (Command::Spark { id, msg }, Some(metroplex)) => metroplex.forward_spark(id, msg, reached),
        (Command::Servers, Some(metroplex)) => {
            metroplex.servers(move |servers| answers.either(servers));
        }
        (Command::Where { ids }, Some(metroplex)) => {
            metroplex.sparks(ids, move |servers| answers.either(servers));
        }
    }
}

fn recipients(sparks: Option<Value>) -> Recipients {
    match sparks {
        Some(Value::String(id)) => Recipients::Spark(id),
        Some(Value::Array(ids)) => {
            let ids = ids.iter().filter_map(|id| id.as_str());
            Recipients::Sparks(ids.map(str::to_owned).collect())
        }
        _ => Recipients::All,
    }
}

/// Tells a client what became of its command.
#[derive(Clone)]
struct Answers(SparkHandle);

impl Answers {
    fn done(&self, done: impl Serialize) {
        self.write(&serde_json::json!({ "done": done }));
    }

    fn failed(&self, failed: impl Serialize) {
        self.write(&serde_json::json!({ "failed": failed }));
    }

    fn either(&self, result: Result<impl Serialize, impl Error>) {
        match result {
            Ok(done) => self.done(done),
            Err(error) => self.failed(error.to_string()),
        }
    }

    fn reached(&self, result: Result<Reached, ForwardError>) {
        match result {
            Ok(Reached { send, local: true }) => {
                self.done(serde_json::json!({ "ok": true, "send": send, "local": true }));
            }
            Ok(Reached { send, local: false }) => {
                self.done(serde_json::json!({ "ok": true, "send": send }));
            }
            Err(ForwardError {
                url,
                status,
                reason,
                kind,
                ..
            }) => self.failed(serde_json::json!({
                "url": url, "status": status, "message": reason, "type": kind,
            })),
        }
    }

    fn write(&self, answer: &serde_json::Value) {
        self.0.write(Json(answer)).expect("it can be encoded");
    }
}

/// The options of the plugins.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FleetOptions {
    omega: OmegaOptions,
    metroplex: Option<MetroplexOptions>,
}

struct Told {
    builder: Builder,
    address: String,
    fleet: FleetOptions,
}

/// Reads the options that the tests use.
fn options(mut args: impl Iterator<Item = String>) -> Result<Told, Box<dyn Error>> {
    let mut told = Told {
        builder: Primus::builder(),
        address: String::new(),
        fleet: FleetOptions::default(),
    };
    while let (Some(flag), Some(value)) = (args.next(), args.next()) {
        let builder = told.builder;
        told.builder = match flag.as_str() {
            "--listen" => {
                told.address = value;
                builder
            }
            "--fleet" => {
                told.fleet = serde_json::from_str(&value)?;
                builder
            }
            "--transformer" => builder.transformer(value),
            "--parser" => builder.parser(value.as_str()),
            "--ping-interval" => builder.ping_interval_ms(None),
            "--shards" => builder.shards(value.parse()?),
            "--driver" => builder.driver(value.parse::<DriverChoice>()?),
            _ => return Err(format!("unknown flag {flag}").into()),
        };
    }
    Ok(told)
}
