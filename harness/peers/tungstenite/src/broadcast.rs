//! Every message goes to every connection. The payload is shared; tungstenite frames it anew for
//! each connection, as its interface wants it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// Messages that may wait for one connection. A connection that falls further behind is closed.
const QUEUE_MESSAGES_MAX: usize = 16 * 1024;

/// Messages that one connection takes out of its queue at once.
const BATCH_MESSAGES_MAX: usize = 256;

/// All connections of the server.
#[derive(Clone, Default)]
pub(crate) struct Audience(Rc<RefCell<Members>>);

#[derive(Default)]
struct Members {
    queues: HashMap<u64, mpsc::Sender<Message>>,
    next_id: u64,
}

impl Audience {
    fn join(&self) -> (u64, mpsc::Receiver<Message>) {
        let (sender, receiver) = mpsc::channel(QUEUE_MESSAGES_MAX);
        let mut members = self.0.borrow_mut();
        let id = members.next_id;
        members.next_id += 1;
        members.queues.insert(id, sender);
        (id, receiver)
    }

    fn leave(&self, id: u64) {
        self.0.borrow_mut().queues.remove(&id);
    }

    /// A connection whose queue is full loses its queue, and ends when it finds that out.
    fn publish(&self, message: &Message) {
        let mut members = self.0.borrow_mut();
        members
            .queues
            .retain(|_, queue| queue.try_send(message.clone()).is_ok());
    }
}

/// Serves one connection to its end.
pub(crate) async fn run(mut stream: WebSocketStream<TcpStream>, audience: Audience) {
    let (id, mut queue) = audience.join();
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            received = stream.next() => match received {
                Some(Ok(message)) if message.is_text() || message.is_binary() => {
                    audience.publish(&message);
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break,
            },
            count = queue.recv_many(&mut batch, BATCH_MESSAGES_MAX) => {
                if count == 0 || send_all(&mut stream, &mut batch).await.is_err() {
                    break;
                }
            }
        }
    }
    audience.leave(id);
}

async fn send_all(
    stream: &mut WebSocketStream<TcpStream>,
    batch: &mut Vec<Message>,
) -> Result<(), tokio_tungstenite::tungstenite::Error> {
    for message in batch.drain(..) {
        stream.feed(message).await?;
    }
    stream.flush().await
}
