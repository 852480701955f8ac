//! Every message goes back to its sender; what arrived together leaves together.

use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;

/// Serves one connection to its end.
pub(crate) async fn run(mut stream: WebSocketStream<TcpStream>) {
    while let Some(Ok(first)) = stream.next().await {
        let mut next = Some(first);
        while let Some(message) = next.take() {
            let is_data = message.is_text() || message.is_binary();
            if is_data && stream.feed(message).await.is_err() {
                return;
            }
            match stream.next().now_or_never() {
                Some(Some(Ok(message))) => next = Some(message),
                Some(_) => return,
                None => {}
            }
        }
        if stream.flush().await.is_err() {
            return;
        }
    }
}
