//! A client for the server of `chat.rs`: what is typed is said, what is said is printed, and a
//! connection that is lost is got back.
//!
//! Run it with `cargo run --example client -- http://127.0.0.1:8080/?token=ada-secret`.

use std::io::BufRead;

use allspark_client::{Data, Event, Events, Primus, Writer};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// What a client says.
#[derive(Serialize)]
struct Message {
    text: String,
}

/// What everybody reads.
#[derive(Deserialize)]
struct Line {
    from: String,
    text: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1);
    let url = url.unwrap_or_else(|| "http://127.0.0.1:8080/?token=ada-secret".to_owned());
    let (writer, events) = Primus::connect(url).await?.split();
    let printer = tokio::spawn(print(events));
    say(&writer, typed()).await?;
    writer.end().await;
    Ok(printer.await?)
}

/// Says every line until there is no more.
async fn say(
    writer: &Writer,
    mut lines: mpsc::Receiver<String>,
) -> Result<(), allspark_client::WriteError> {
    while let Some(text) = lines.recv().await {
        writer.write(Message { text }).await?;
    }
    Ok(())
}

/// Prints what happens until the client has ended.
async fn print(mut events: Events) {
    while let Some(event) = events.next().await {
        if let Some(line) = describe(&event) {
            println!("{line}");
        }
    }
}

/// What a person should know of an event.
fn describe(event: &Event) -> Option<String> {
    Some(match event {
        Event::Data(data) => read(data),
        Event::Close => "(the connection is lost)".to_owned(),
        Event::ReconnectScheduled(attempt) => format!("(next try in {:?})", attempt.scheduled),
        Event::Reconnected(_) => "(connected again)".to_owned(),
        Event::Error(error) => format!("({error})"),
        _ => return None,
    })
}

fn read(data: &Data) -> String {
    match data.parse::<Line>() {
        Ok(line) => format!("{}: {}", line.from, line.text),
        Err(error) => format!("(that was no line: {error})"),
    }
}

/// The lines that are typed. A thread waits for them, so that nothing else has to.
fn typed() -> mpsc::Receiver<String> {
    let (lines, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says something to a server that gives it back as the line of somebody.
    #[tokio::test]
    async fn what_is_said_is_read() {
        let server = allspark::Primus::builder().shards(1).build().unwrap();
        server.on_connection(|spark| {
            spark.on_data(|spark, data| {
                let text = data.value().unwrap()["text"].as_str().unwrap().to_owned();
                spark.write(allspark_client::value!({ "from": "Ada", "text": text }));
            });
        });
        let server = server.start("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.address());
        let (writer, mut events) = Primus::connect(url).await.unwrap().split();

        let (lines, receiver) = mpsc::channel(2);
        lines.send("hello".to_owned()).await.unwrap();
        drop(lines);
        say(&writer, receiver).await.unwrap();
        let line = events.next().await.and_then(|event| describe(&event));
        assert_eq!(line.as_deref(), Some("Ada: hello"));

        writer.end().await;
        print(events).await;
        server.handle().destroy(allspark::Destroy::default());
        server.join().unwrap();
    }
}
