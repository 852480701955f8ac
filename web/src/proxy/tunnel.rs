//! An upgraded connection: two streams of bytes.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use allspark_engine::{BodyReceiver, BodySender, Ticket};
use allspark_protocol::http::Response as Answer;
use http::Response;
use http::header;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::body::Moved;
use super::headers;
use super::shared::Shared;

/// Bytes of each stream that may wait.
const STREAM_BYTES_MAX: usize = 64 * 1024;

/// Bytes that are read of an upstream at a time.
const READ_BYTES: usize = 8 * 1024;

/// Hands on what both sides of an upgraded connection say, until both have ended, one of them is
/// gone, or both are silent for too long.
pub(super) async fn open(shared: &Shared, ticket: Ticket, response: Response<Incoming>) {
    let protocol = response.headers().get(header::UPGRADE);
    let is_websocket = protocol.is_some_and(|p| p.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let answer = headers::of_answer(response.headers(), Answer::new(101))
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket");
    let upgraded = match is_websocket {
        true => hyper::upgrade::on(response).await.ok(),
        false => None,
    };
    let Some(upgraded) = upgraded else {
        shared.counts.failed.fetch_add(1, Ordering::Relaxed);
        return ticket.respond(Answer::text(502, "Bad Gateway\n"));
    };
    shared.counts.upgraded.fetch_add(1, Ordering::Relaxed);
    let (receiver, sender) = ticket.upgrade(answer, STREAM_BYTES_MAX);
    let (reader, writer) = tokio::io::split(TokioIo::new(upgraded));
    let moved = Moved::new();
    let both = async {
        let up = up(receiver, writer, Arc::clone(&moved));
        let down = down(reader, sender, Arc::clone(&moved));
        tokio::try_join!(up, down)
    };
    tokio::select! {
        ended = both => {
            if let Err(error) = ended {
                tracing::debug!(%error, "an upgraded connection ends");
            }
        }
        () = moved.until_still(shared.options.upgrade_timeout) => {
            tracing::debug!("both sides of an upgraded connection are silent");
        }
    }
}

/// From the client to the upstream.
async fn up(
    mut receiver: BodyReceiver,
    mut writer: impl AsyncWrite + Unpin,
    moved: Arc<Moved>,
) -> io::Result<()> {
    while let Some(part) = receiver.next().await {
        writer.write_all(&part.map_err(io::Error::other)?).await?;
        moved.note();
    }
    writer.shutdown().await
}

/// From the upstream to the client.
async fn down(
    mut reader: impl AsyncRead + Unpin,
    mut sender: BodySender,
    moved: Arc<Moved>,
) -> io::Result<()> {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let bytes = reader.read(&mut buffer).await?;
        if bytes == 0 {
            sender.finish();
            return Ok(());
        }
        sender
            .send(&buffer[..bytes])
            .await
            .map_err(io::Error::other)?;
        moved.note();
    }
}
