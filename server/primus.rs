//! A server as an application holds it.

use std::net::ToSocketAddrs;
use std::path::Path;

use allspark_engine::{
    self as engine, Data, Destroy, Handle, LayerRequest, Layers, Message, Server, Spark,
    SparkError, SparkHandle, SparkId, Stats, Verdict,
};
use allspark_transformers::AnyTransformer;

use crate::error::Error;
use crate::library::ServedLibrary;
use crate::options::Options;
use crate::save;

/// A server.
#[derive(Debug)]
pub struct Primus {
    pub(crate) engine: engine::Primus<AnyTransformer>,
    pub(crate) library: ServedLibrary,
    pub(crate) options: Options,
}

impl Primus {
    /// The options that it was built with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Asks `authorization` about every request and upgrade for Primus, in the place of the one
    /// that was asked before: [`Builder::authorization`](crate::Builder::authorization) says more.
    /// The client library knows only of one that the builder was told of.
    #[doc(alias = "authorization")]
    pub fn authorize<V: Into<Verdict>>(
        &self,
        authorization: impl Fn(&mut LayerRequest<'_>) -> V + Send + Sync + 'static,
    ) -> &Self {
        self.engine.authorize(authorization);
        self
    }

    /// What requests for Primus go through before a transport sees them: Primus's middleware, which
    /// can be added to, inserted, replaced, switched off and removed at any time.
    ///
    /// ```
    /// use allspark::{Layer, LayerError, Primus};
    ///
    /// let primus = Primus::builder().build()?;
    /// let tenants = Layer::new("tenants", |request| {
    ///     let tenant = request.head().host().and_then(|host| host.split('.').next());
    ///     match tenant.map(str::to_owned) {
    ///         // The spark has it: spark.attached::<String>()
    ///         Some(tenant) => Ok(request.attach(tenant)),
    ///         None => Err(LayerError::new("whose chat is this?").status(400)),
    ///     }
    /// });
    /// primus.layers().add(tenants);
    /// primus.layers().disable("spec");
    /// # Ok::<(), allspark::Error>(())
    /// ```
    #[doc(alias = "use")]
    #[doc(alias = "middleware")]
    pub fn layers(&self) -> Layers {
        self.engine.layers()
    }

    /// Calls `listener` with every new spark. One that is attached to a running server is called
    /// with sparks that come from then on.
    pub fn on_connection(
        &self,
        listener: impl Fn(&mut Spark<'_>) + Send + Sync + 'static,
    ) -> &Self {
        self.engine.on_connection(listener);
        self
    }

    /// Calls `listener` with every spark that has ended. One that is attached to a running server
    /// is called with sparks that end from then on.
    pub fn on_disconnection(
        &self,
        listener: impl Fn(&mut Spark<'_>) + Send + Sync + 'static,
    ) -> &Self {
        self.engine.on_disconnection(listener);
        self
    }

    /// Calls `listener` with every message of every spark, before the spark's own handlers. Unlike
    /// these it costs nothing per spark. One that is attached to a running server is called with
    /// messages that come from then on.
    ///
    /// ```
    /// # fn main() -> Result<(), allspark::Error> {
    /// /// What is kept with each spark.
    /// #[derive(Default)]
    /// struct Player {
    ///     moves: u64,
    /// }
    ///
    /// let primus = allspark::Primus::builder().build()?;
    /// primus.on_connection(|spark| spark.set_state(Player::default()));
    /// primus.on_data(|spark, data| {
    ///     if let Some(player) = spark.state_mut::<Player>() {
    ///         player.moves += 1;
    ///         spark.write(data);
    ///     }
    /// });
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_data(
        &self,
        listener: impl Fn(&mut Spark<'_>, Data<'_>) + Send + Sync + 'static,
    ) -> &Self {
        self.engine.on_data(listener);
        self
    }

    /// Calls `listener` whenever a client has answered a ping, before the spark's own handlers.
    pub fn on_heartbeat(&self, listener: impl Fn(&mut Spark<'_>) + Send + Sync + 'static) -> &Self {
        self.engine.on_heartbeat(listener);
        self
    }

    /// Calls `listener` with every error of every spark, before the spark's own handlers.
    ///
    /// ```
    /// # fn main() -> Result<(), allspark::Error> {
    /// let primus = allspark::Primus::builder().build()?;
    /// primus.on_error(|spark, error| eprintln!("{}: {error}", spark.id()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_error(
        &self,
        listener: impl Fn(&mut Spark<'_>, &SparkError) + Send + Sync + 'static,
    ) -> &Self {
        self.engine.on_error(listener);
        self
    }

    /// Starts the server and returns when it was destroyed.
    ///
    /// # Errors
    /// When it can't be started, as in [`Primus::start`]. When a shard has failed, as in
    /// [`Server::join`]: the server is gone then, and the process should end, to be started again.
    pub fn listen(&self, address: impl ToSocketAddrs + ToString) -> Result<(), Error> {
        Ok(self.start(address)?.join()?)
    }

    /// Starts the server and returns once it accepts connections.
    ///
    /// # Errors
    /// When it can't be started; then it can be tried again, for instance with another address.
    /// When it was started before: a server has one address and one life.
    pub fn start(&self, address: impl ToSocketAddrs + ToString) -> Result<Server, Error> {
        Ok(self.engine.start(address)?)
    }

    /// Reaches the server from any thread, for as long as one likes.
    ///
    /// ```
    /// # fn main() -> Result<(), allspark::Error> {
    /// let primus = allspark::Primus::builder().build()?;
    /// let handle = primus.handle();
    /// std::thread::spawn(move || {
    ///     handle.write("to everybody").expect("text can be encoded");
    /// });
    /// # Ok(())
    /// # }
    /// ```
    pub fn handle(&self) -> Handle {
        self.engine.handle()
    }

    /// As [`Handle::write`]: writes a message to every spark.
    ///
    /// # Errors
    /// The message can't be encoded.
    pub fn write(&self, message: impl Message) -> Result<(), SparkError> {
        self.handle().write(message)
    }

    /// As [`Handle::for_each`]: calls `visit` with every spark, on its shard.
    #[doc(alias = "forEach")]
    pub fn for_each(&self, visit: impl Fn(&mut Spark<'_>) -> bool + Send + Sync + 'static) {
        self.handle().for_each(visit);
    }

    /// As [`Handle::spark`]: reaches the spark with this id.
    pub fn spark(&self, id: SparkId) -> Option<SparkHandle> {
        self.handle().spark(id)
    }

    /// As [`Handle::stats`]: what was counted so far.
    pub fn stats(&self) -> Stats {
        self.handle().stats()
    }

    /// As [`Handle::destroy`]: ends every spark and, unless told otherwise, the server.
    #[doc(alias = "end")]
    pub fn destroy(&self, options: Destroy) {
        self.handle().destroy(options);
    }

    /// The client library in JavaScript, with the options of this server compiled in, for a script
    /// tag, `import` for its side effect, CommonJS and AMD. It is served as
    /// `<pathname>/primus.js`; `<pathname>/primus.mjs` is the same with `export default`.
    pub fn library(&self) -> String {
        String::from_utf8_lossy(self.library.script()).into_owned()
    }

    /// The same for Node.js from 20.16 on, which needs a WebSocket of the library's own.
    pub fn library_for_node(&self) -> String {
        self.library.for_node()
    }

    /// The path of the library with a mark of its content, `/primus/primus.js?v=<hash>`: what is
    /// asked for so may be kept by caches, and another library has another path. Without the mark
    /// they have to ask whether it is still the same.
    pub fn library_path(&self) -> String {
        self.library.path()
    }

    /// Saves [`Primus::library`] to a file. A file that is there is replaced in one step, once the
    /// new one is complete.
    ///
    /// # Errors
    /// [`Error::Save`]; then what was there is still there.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        save::save(path, self.library.script()).map_err(|source| Error::Save {
            path: path.to_owned(),
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use allspark_client::{Event, Primus as Client};
    use allspark_protocol::parser::{EncodeError, ParserKind};
    use allspark_protocol::transformer::Kind;
    use futures_util::StreamExt;

    use super::*;

    /// More bytes than a frame can carry. They are never touched, so that they cost nothing.
    struct TooLong(Arc<Vec<u8>>);

    impl TooLong {
        fn new() -> Self {
            Self(Arc::new(vec![0; 1 << 31]))
        }
    }

    impl Message for TooLong {
        fn encode<'m>(
            &'m self,
            _: ParserKind,
            _: &'m mut Vec<u8>,
        ) -> Result<(Kind, &'m [u8]), EncodeError> {
            Ok((Kind::Binary, &self.0))
        }
    }

    /// Every way to write says so, copies nothing, and harms nobody.
    #[tokio::test]
    async fn what_no_frame_can_carry_is_an_error_for_who_writes_it() {
        let primus = Primus::builder().parser("raw").shards(2).build().unwrap();
        let is_too_long = |result| matches!(result, Err(SparkError::TooLong));
        primus.on_connection(move |spark| {
            spark.on_error(|spark, error| {
                let text = format!("error: {error}");
                spark.write(text);
            });
            spark.on_data(move |spark, _| {
                let message = TooLong::new();
                assert!(is_too_long(spark.primus().write(&message)));
                assert!(is_too_long(spark.primus().handle().write(&message)));
                assert!(is_too_long(spark.handle().write(&message)));
                spark.write("all refused");
                spark.write(message);
            });
        });
        let server = primus.start("127.0.0.1:0").unwrap();
        assert!(is_too_long(primus.write(TooLong::new())));
        let url = format!("http://{}", server.address());
        let mut client = Client::connect(url).parser("raw").await.unwrap();
        client.write("go").await.unwrap();
        for expected in ["all refused", "error: the message is too long to be sent"] {
            loop {
                match client.next().await.unwrap() {
                    Event::Data(data) => {
                        assert_eq!(data.encoded(), expected.as_bytes());
                        break;
                    }
                    event => assert!(!matches!(event, Event::Error(_)), "{event:?}"),
                }
            }
        }
        let stats = primus.stats();
        assert_eq!((stats.sparks_opened, stats.sparks_ended), (1, 0));
        assert_eq!(stats.block_bytes / (1 << 30), 0, "nothing of it was copied");
        drop(client);
        primus.destroy(Destroy::default());
        server.join().unwrap();
    }
}
