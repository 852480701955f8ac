//! Transforms of a scripted server. tests/interop/node-server.js has the same on Node.js.

use std::time::Duration;

use allspark::{Packet, Primus, SparkError, Transformed};

/// How long the slow one takes.
const SLOW: Duration = Duration::from_millis(20);

/// Puts transforms in the way of messages.
pub(crate) fn attach(primus: &Primus) {
    primus.transform_incoming(|_, packet| command(packet) != "drop");
    primus.transform_incoming(|_, packet| match &*command(packet) {
        "refuse" => Err("refused"),
        _ => Ok(()),
    });
    primus.transform_incoming(|_, packet| {
        let value = packet.data().parse();
        let Ok(serde_json::Value::Object(mut object)) = value else {
            return Ok(());
        };
        if let Some(serde_json::Value::String(text)) = object.get_mut("value") {
            text.push('<');
        }
        packet.set(serde_json::Value::Object(object))
    });
    primus.transform_outgoing(|packet| packet.data().encoded() != b"\"secret<\"");
    primus.transform_outgoing(|packet| match packet.data().encoded() {
        b"\"bad<\"" => Err("refused"),
        _ => Ok(()),
    });
    primus.transform_outgoing(|packet| -> Result<(), SparkError> {
        match packet.data().parse::<String>() {
            Ok(text) => packet.set(text + ">"),
            Err(_) => Ok(()),
        }
    });
}

/// What a message asks for, if it is a command.
fn command(packet: &Packet<'_>) -> String {
    let value: serde_json::Value = packet.data().parse().unwrap_or_default();
    value["do"].as_str().unwrap_or_default().to_owned()
}

/// Puts one in the way of texts that begin with `slow`, which knows for whom they are.
pub(crate) fn attach_slow(primus: &Primus) {
    primus.transform_outgoing_per_spark(|spark, packet| {
        let text: String = packet.data().parse().unwrap_or_default();
        if !text.starts_with("slow") {
            return Transformed::Next;
        }
        let name = spark.query().get("name").unwrap_or_default().to_string();
        let mut ticket = packet.later();
        std::thread::spawn(move || {
            std::thread::sleep(SLOW);
            match &*text {
                "slow secret" => ticket.drop_message(),
                "slow bad" => ticket.fail("refused"),
                text => match ticket.set(format!("{text}, {name}")) {
                    Ok(()) => ticket.next(),
                    Err(error) => ticket.fail(error),
                },
            }
        });
        Transformed::Later
    });
}
