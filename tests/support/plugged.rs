//! What the server does with its plugins: tests/interop/plugins/plugged.js is the same on Node.js.

use allspark::plugins::emit::{Emit, EmitSpark, EmitTo};
use allspark::plugins::emitter::{Emitter, SendSpark};
use allspark::plugins::events::Args;
use allspark::plugins::fortress::Fortress;
use allspark::plugins::mirage::Mirage;
use allspark::plugins::registry;
use allspark::plugins::responder::{AskSpark, Responder};
use allspark::plugins::rooms::Rooms;
use allspark::{Error, Json, Primus, Spark};

use crate::room_calls::rooms;

/// Adds plugins, by their names behind commas. What is `data` goes back as `["data",value]`.
pub(crate) fn plug(primus: &Primus, names: &str) -> Result<(), Error> {
    for name in names.split(',') {
        match name {
            Emit::NAME => primus.plugin(emit())?,
            Emitter::NAME => primus.plugin(emitter())?,
            Fortress::NAME => primus.plugin(fortress())?,
            Mirage::NAME => primus.plugin(mirage())?,
            Responder::NAME => primus.plugin(responder())?,
            Rooms::NAME => rooms(primus)?,
            "spark-latency" => {
                let options = serde_json::json!({ "use-clock-offset": true });
                primus.plugin_boxed(registry::named(name, options)?)?
            }
            name => primus.plugin_boxed(registry::named(name, serde_json::Value::Null)?)?,
        };
    }
    primus.on_data(|spark, data| {
        let value = data.value().cloned().unwrap_or_default();
        spark.write(Json(("data", value)));
    });
    Ok(())
}

fn emit() -> Emit {
    let emit = Emit::new();
    emit.on("ask", |spark, args| {
        spark.emit("told", args);
    });
    emit.on("chat", |spark, args| {
        spark.emit("told", args);
    });
    emit.on("everybody", |spark, args| {
        let written = spark.primus().emit("all", args);
        written.expect("what came in can be encoded");
    });
    emit
}

fn emitter() -> Emitter {
    let emitter = Emitter::new();
    emitter.on("ask", |spark, args| {
        args.ack(spark, (label(args), args.len()));
        spark.send_with_ack("tell", args, |spark, answer| {
            if let Ok(args) = answer {
                spark.send("replied", args);
            }
        });
    });
    emitter
}

fn label(args: Args<'_>) -> String {
    format!("for {}", args[0].as_str().unwrap_or("nobody"))
}

fn fortress() -> Fortress {
    let fortress = Fortress::new();
    fortress.validate("chat", 1, |_, args| args[0].as_str().is_some());
    fortress.validate("data", 1, |_, _| ());
    fortress.on_invalid(|spark, invalid, _| {
        spark.write(serde_json::json!({ "invalid": invalid.to_string() }));
    });
    fortress
}

fn mirage() -> Mirage {
    let mirage = Mirage::new();
    mirage.validator(|_: &mut Spark<'_>, id| match id {
        "bad" => Err("a bad id"),
        "old" => Ok(Some("new".to_owned())),
        _ => Ok(None),
    });
    mirage
}

fn responder() -> Responder {
    let responder = Responder::new();
    responder.on_request(|spark, data, answer| {
        let data = data.clone();
        spark.write_and_wait("who", move |spark, reply| {
            if let Ok(reply) = reply {
                answer.send(spark, (data, reply));
            }
        });
    });
    responder
}
