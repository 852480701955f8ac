//! Transforms of a scripted server. tests/interop/node-server.js has the same on Node.js.

use std::time::Duration;

use allspark::{Packet, Primus, SparkError, TransformTicket, Transformed};

/// How long those that take their time take.
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

/// Puts two in the way that take their time: one of texts that are written and begin with `slow`,
/// which knows for whom they are, and one of commands with a value that begins with `late`.
pub(crate) fn attach_slow(primus: &Primus) {
    primus.transform_outgoing_per_spark(|spark, packet| {
        let text: String = packet.data().parse().unwrap_or_default();
        let Some(word) = text.strip_prefix("slow") else {
            return Transformed::Next;
        };
        let name = spark.query().get("name").unwrap_or_default();
        after_a_while(packet.later(), word, format!("{text}, {name}").into())
    });
    primus.transform_incoming(|spark, packet| {
        let mut command: serde_json::Value = packet.data().parse().unwrap_or_default();
        let text = command["value"].as_str().unwrap_or_default().to_owned();
        let Some(word) = text.strip_prefix("late") else {
            return Transformed::Next;
        };
        let name = spark.query().get("name").unwrap_or_default();
        command["value"] = format!("{text}, {name}").into();
        after_a_while(packet.later(), word, command)
    });
}

/// Drops, refuses or replaces a message, as what follows on the first word of its text says.
fn after_a_while(
    mut ticket: TransformTicket,
    word: &str,
    replaced: serde_json::Value,
) -> Transformed {
    let word = word.to_owned();
    std::thread::spawn(move || {
        std::thread::sleep(SLOW);
        match &*word {
            " secret" => ticket.drop_message(),
            " bad" => ticket.fail("refused"),
            _ => match ticket.set(replaced) {
                Ok(()) => ticket.next(),
                Err(error) => ticket.fail(error),
            },
        }
    });
    Transformed::Later
}
