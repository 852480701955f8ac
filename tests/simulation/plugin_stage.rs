//! A server with plugins, and clients that say messages and hear them.

use std::sync::{Arc, Mutex};

use allspark::plugins::events::Args;
use allspark_engine::Attach;
use allspark_transformers::websockets::WebSockets;

use crate::stage::{Client, Stage, frame, quiet};

/// What the server's functions noted, in order.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    pub(crate) fn add(&self, note: impl ToString) {
        self.0.lock().unwrap().push(note.to_string());
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A server whose plugins a test adds, which notes all data that the application gets.
pub(crate) fn stage(attach: impl FnOnce(&Attach, &Notes)) -> (Stage<WebSockets>, Notes) {
    let notes = Notes::default();
    let stage = quiet(|primus| {
        attach(primus, &notes);
        let notes = notes.clone();
        primus.on_data(move |_, data| {
            notes.add(format!("data {}", String::from_utf8_lossy(data.encoded())));
        });
    });
    (stage, notes)
}

/// Has a client say messages. Returns what it hears.
pub(crate) fn ask(
    stage: &mut Stage<WebSockets>,
    client: &mut Client,
    messages: &[&str],
) -> Vec<String> {
    for message in messages {
        client.say(&frame(message));
    }
    stage.turns(4);
    heard(client)
}

/// Texts of a server, each with a head of two bytes, or of four.
pub(crate) fn heard(client: &mut Client) -> Vec<String> {
    client.read();
    let all = std::mem::take(&mut client.heard);
    let (mut bytes, mut texts) = (&all[..], Vec::new());
    loop {
        let (length, others) = match bytes {
            [0x81, 126, high, low, others @ ..] => {
                (usize::from(u16::from_be_bytes([*high, *low])), others)
            }
            [0x81, length, others @ ..] => (usize::from(*length), others),
            _ => return texts,
        };
        let (text, others) = others.split_at(length);
        texts.push(String::from_utf8(text.to_vec()).unwrap());
        bytes = others;
    }
}

pub(crate) fn join(args: Args<'_>) -> String {
    let texts: Vec<_> = args.iter().map(|arg| format!("{arg:?}")).collect();
    texts.join(" ")
}
