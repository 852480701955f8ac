//! The client for applications against a server in this process, over real sockets.

mod endings;
mod messages;
mod options;
mod server;
mod ways;

use std::time::Duration;

use allspark_client::{BackoffOptions, Builder, Data, Event, Primus, Speech};
use allspark_transformers::TransformerKind;
use futures_util::{Stream, StreamExt};
use tokio::time::timeout;

/// What anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Every transformer as its clients speak it.
const KINDS: [TransformerKind; 6] = [
    TransformerKind::WebSockets,
    TransformerKind::Faye,
    TransformerKind::Uws,
    TransformerKind::EngineIo,
    TransformerKind::SockJs,
    TransformerKind::BrowserChannel,
];

/// A client that tries again at once.
fn connect(url: &str, kind: TransformerKind) -> Builder {
    Primus::connect(url)
        .speech(Speech::usual(kind))
        .reconnect(BackoffOptions {
            min: Duration::from_millis(20),
            max: Duration::from_millis(200),
            retries: 1_000,
            ..BackoffOptions::default()
        })
}

/// The next event; `None` where the stream says so.
async fn next(events: &mut (impl Stream<Item = Event> + Unpin)) -> Option<Event> {
    let next = timeout(PATIENCE, events.next()).await;
    next.expect("something happens in time")
}

/// The next message, whatever else happens.
async fn data(events: &mut (impl Stream<Item = Event> + Unpin)) -> Data {
    loop {
        if let Event::Data(data) = next(events).await.expect("a message") {
            return data;
        }
    }
}

/// The names of all events up to the one that is named.
async fn names_to(events: &mut (impl Stream<Item = Event> + Unpin), last: &str) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        let event = next(events).await;
        let event = event.unwrap_or_else(|| panic!("the stream ends after {names:?}"));
        names.push(event.name().to_owned());
        if event.name() == last {
            return names;
        }
    }
}

/// Waits until something is so.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, wait)
        .await
        .unwrap_or_else(|_| panic!("{what} in time"));
}
