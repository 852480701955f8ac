//! A server with streams, channels and resources, for tests/interop/plugins/channels.test.js.
//! tests/interop/plugins/channels-node.js is the same on Node.js, with the plugins of npm.
//!
//! It reads the options of `allspark serve` that the tests use.

use std::error::Error;

use allspark::plugins::emitter::Emitter;
use allspark::plugins::multiplex::Multiplex;
use allspark::plugins::resource::Resources;
use allspark::plugins::substream::{Substream, SubstreamSpark};
use allspark::{Destroy, Json, Primus, Value};
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (mut builder, mut address) = (Primus::builder(), String::new());
    while let Some(flag) = args.next() {
        if flag == "--compression" {
            builder = builder.compression(true);
            continue;
        }
        let value = args.next().ok_or_else(|| format!("{flag} needs a value"))?;
        builder = match &*flag {
            "--listen" => {
                address = value;
                builder
            }
            "--transformer" => builder.transformer(value),
            "--parser" => builder.parser(value),
            "--ping-interval" => builder.ping_interval_ms(None),
            "--shards" => builder.shards(value.parse()?),
            "--driver" => builder.driver(value.parse()?),
            "--transport" => {
                let option = value.split_once('=');
                let (name, value) = option.ok_or("--transport needs NAME=VALUE")?;
                builder.transport(name, value)
            }
            _ => return Err(format!("unknown option {flag}").into()),
        };
    }
    let (multiplex, resources) = (Multiplex::new(), Resources::new());
    let primus = builder
        .plugin(Substream::new())
        .plugin(multiplex.clone())
        .plugin(Emitter::new())
        .plugin(resources.clone())
        .build()?;
    streams(&primus);
    channels(&multiplex);
    creatures(&resources)?;
    // Before it says that it listens, or a test that is quick could end it uncleanly.
    let mut signals = Signals::new([SIGTERM])?;
    let server = primus.start(address)?;
    eprintln!("channels listens on {}", server.address());
    signals.forever().next();
    server.handle().destroy(Destroy {
        reconnect: true,
        ..Destroy::default()
    });
    server.join().unwrap();
    Ok(())
}

/// Text that comes on the stream `one` is written back, in a list; `end` ends it.
fn streams(primus: &Primus) {
    primus.on_connection(|spark| {
        let Ok(mut one) = spark.substream("one") else {
            return;
        };
        one.on_data(|one, data| match data.parse::<String>() {
            Ok(text) if text == "end" => {
                one.end_with("bye");
            }
            Ok(text) => {
                one.write(Json([text]));
            }
            Err(_) => {}
        });
        one.on_end(|one| {
            one.spark().write("one has ended");
        });
    });
}

/// Text that comes on the channel `news` is written back, in a list; `all` is written to all,
/// `end` ends it. (npm's primus-emitter throws where
/// a payload is missing, so none is.)
fn channels(multiplex: &Multiplex) {
    let news = multiplex.channel("news");
    news.on_data(|spark, value| match value {
        Value::String(text) if text == "all" => drop(spark.channel().write("to all")),
        Value::String(text) if text == "end" => {
            spark.end_with("bye");
        }
        Value::String(text) => {
            spark.write(Json([text]));
        }
        _ => {}
    });
    news.on("add", |spark, args| {
        let sum: i64 = args.iter().filter_map(Value::as_i64).sum();
        args.ack(spark.spark(), sum);
    });
    news.on("greet", |spark, _| {
        spark.send_with_ack("who", ("are", "you"), |spark, answer| {
            let name = answer.map(|args| args[0].clone()).unwrap_or_default();
            spark.send("hello", (name,));
        });
    });
}

fn creatures(resources: &Resources) -> Result<(), Box<dyn Error>> {
    let creature = resources.resource("creature")?;
    let beast = resources.resource_without_channel("beast")?;
    for resource in [creature, beast] {
        let of = resource.name().to_owned();
        resource.method("command", move |call| {
            let command = call.args()[0].as_str().unwrap_or_default().to_owned();
            call.answer(format!("{of} got {command}"));
        })?;
        resource.method("walk", |call| {
            call.answer(());
        })?;
        let shouts = resource.clone();
        resource.method("shout", move |call| {
            drop(shouts.broadcast("heard", call.args()));
        })?;
    }
    Ok(())
}
