//! Clients in Rust that match a server: what `primus.Socket` and `Primus.createSocket` are in
//! Primus.

use std::sync::atomic::Ordering;
use std::time::Duration;

use allspark_client as client;

use crate::builder::Builder;
use crate::error::Error;
use crate::options::Options;
use crate::primus::Primus;

/// Makes clients of a server with a certain transformer, parser, pathname and heartbeat.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let options = allspark::Primus::builder().transformer("sockjs").pathname("/chat");
/// let socket = allspark::create_socket(options)?;
/// let mut primus = socket.connect("http://127.0.0.1:8080/?user=1").await?;
/// primus.write("hello").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Socket {
    options: Options,
    /// Whether clients may be refused.
    asks: bool,
}

/// What makes clients of a server with these options; the server need not be in this process. Like
/// Primus's `createSocket`, it takes the options of a server.
///
/// # Errors
/// Those of [`Builder::build`].
#[doc(alias = "createSocket")]
pub fn create_socket(options: Builder) -> Result<Socket, Error> {
    Ok(options.build()?.socket())
}

impl Socket {
    /// Begins a client of the server at `url`, which can still be told more; it connects when it
    /// is awaited or started. For a server of `any` it speaks plain WebSocket unless told
    /// otherwise. As in the JavaScript library, a connection is lost when no ping came for one and
    /// a half intervals, and who can't connect to a server with authorization does not try again.
    pub fn connect(&self, url: impl Into<String>) -> client::Builder {
        let options = &self.options;
        let interval = options.ping_interval.ms().map(Duration::from_millis);
        let client = client::Primus::connect(url)
            .transformer(options.transformer.name())
            .parser_kind(options.parser)
            .pathname(&options.pathname)
            .ping_timeout(interval.map(|interval| interval.saturating_add(interval / 2)));
        match self.asks {
            true => client.strategy("disconnect, online"),
            false => client,
        }
    }
}

impl Primus {
    /// What makes clients that match this server.
    #[doc(alias = "Socket")]
    pub fn socket(&self) -> Socket {
        Socket {
            options: self.options().clone(),
            asks: self.asks.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use allspark_client::Event;
    use futures_util::StreamExt;

    use super::*;
    use crate::{Destroy, DriverChoice, ListenAddress, UNIX_PEER, UnixSocket};

    /// A client that knows nothing but the address finds the server, whatever it speaks.
    #[tokio::test]
    async fn a_socket_matches_its_server() {
        for transformer in ["websockets", "engine.io", "sockjs", "browserchannel", "any"] {
            let options = Primus::builder()
                .transformer(transformer)
                .pathname("/chat")
                .shards(1);
            let primus = options.clone().build().unwrap();
            primus.on_connection(|spark| {
                spark.on_data(|spark, data| {
                    spark.write(data);
                });
            });
            let server = primus.start("127.0.0.1:0").unwrap();
            let url = format!("http://{}", server.address());
            for socket in [primus.socket(), create_socket(options).unwrap()] {
                let mut client = socket.connect(&url).await.unwrap();
                client.write(transformer).await.unwrap();
                let echo = loop {
                    match client.next().await.unwrap() {
                        Event::Data(data) => break data.value().unwrap(),
                        event => assert!(!matches!(event, Event::Error(_)), "{event:?}"),
                    }
                };
                assert_eq!(echo, client::Value::from(transformer));
                // Nobody answers the server's goodbye while this thread waits for the server.
                client.end().await;
            }
            primus.handle().destroy(Destroy::default());
            server.join().unwrap();
        }
    }

    /// On both drivers, over a Unix socket of two shards: sessions that poll find theirs.
    #[tokio::test]
    async fn every_transport_works_over_a_unix_socket() {
        let folder = tempfile::tempdir().unwrap();
        for driver in [DriverChoice::Epoll, DriverChoice::Auto] {
            for transformer in ["websockets", "engine.io", "sockjs", "browserchannel"] {
                let path = folder.path().join(transformer);
                let options = Primus::builder().transformer(transformer).shards(2);
                let primus = options.driver(driver).build().unwrap();
                primus.on_connection(|spark| {
                    let address = spark.address().ip().to_string();
                    spark.on_data(move |spark, _| {
                        spark.write(&address);
                    });
                });
                let server = primus.start_on([UnixSocket::at(&path)]).unwrap();
                let at = ListenAddress::Unix(format!("unix:{}", path.display()));
                assert_eq!((server.places(), server.address()), (&[at][..], UNIX_PEER));
                let client = primus.socket().connect("http://a.example").unix(&path);
                let mut client = client.await.unwrap();
                client.write("who am I?").await.unwrap();
                let answer = loop {
                    match client.next().await.unwrap() {
                        Event::Data(data) => break data.value().unwrap(),
                        event => assert!(!matches!(event, Event::Error(_)), "{event:?}"),
                    }
                };
                assert_eq!(answer, client::Value::from("0.0.0.0"));
                client.end().await;
                primus.handle().destroy(Destroy::default());
                server.join().unwrap();
            }
        }
    }

    #[test]
    fn the_options_of_no_server_make_no_client() {
        let error = create_socket(Primus::builder().transformer("pigeon")).unwrap_err();
        assert!(
            error.to_string().starts_with("option `transformer`: "),
            "{error}"
        );
    }
}
