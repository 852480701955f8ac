//! Sparks as streams: an `async` block per client, run by the shards themselves. Each question is
//! answered by another service, which is asked on tokio; who says nothing for a minute is ended.
//!
//! Run it with `cargo run --release --example streams` and connect Primus clients to
//! `http://127.0.0.1:8080/primus?name=Ada`. A question is a host name, for instance `"localhost"`.

use std::net::SocketAddr;
use std::time::Duration;

use allspark::{Error, LocalSpark, OwnedData, Primus, SparkError, SparkStream};
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .enable_io()
        .build()?;
    streams(tokio.handle())?.listen("127.0.0.1:8080")?;
    Ok(())
}

/// The server, not yet started. It asks on `tokio`.
pub(crate) fn streams(tokio: &Handle) -> Result<Primus, Error> {
    let tokio = tokio.clone();
    let primus = Primus::builder().build()?;
    primus.on_connection_async(|spark| async move { welcome(&spark).await });
    primus.on_stream(move |stream| converse(stream, tokio.clone()));
    Ok(primus)
}

/// Data waits until this is done.
async fn welcome(spark: &LocalSpark) -> Result<(), String> {
    let name = spark.query().get("name").map(|name| name.into_owned());
    let name = name.ok_or("clients say who they are: ?name=Ada")?;
    let greeting = format!("hello, {name}");
    spark.visit(move |spark| spark.set_state(name)).await;
    let written = spark.write(greeting).await;
    written.map_err(|error| error.to_string())
}

async fn converse(mut stream: SparkStream, tokio: Handle) -> Result<(), SparkError> {
    while let Some(question) = next_in_time(&mut stream).await {
        let answer = match question.parse::<String>() {
            Ok(host) => look_up(host, &tokio).await,
            Err(error) => format!("that was no name: {error}"),
        };
        stream.write(answer).await?;
    }
    stream.end();
    Ok(())
}

/// `None` if the client has left, or says nothing.
async fn next_in_time(stream: &mut SparkStream) -> Option<OwnedData> {
    let patience = stream.sleep(PATIENCE);
    match select(stream.next(), patience).await {
        Either::Left((data, _)) => data,
        Either::Right(((), _)) => None,
    }
}

/// A future of tokio runs on tokio's threads. What is awaited here is its answer.
async fn look_up(host: String, tokio: &Handle) -> String {
    let (answer, answered) = oneshot::channel();
    tokio.spawn(async move {
        let found = tokio::net::lookup_host((host, 80)).await;
        let found = found.map(|addresses| addresses.collect::<Vec<SocketAddr>>());
        // Whoever asked may have left.
        let _ = answer.send(match found {
            Ok(addresses) => format!("{addresses:?}"),
            Err(error) => error.to_string(),
        });
    });
    answered
        .await
        .unwrap_or_else(|_| "nobody answers".to_owned())
}
