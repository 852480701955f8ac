//! A server as an application holds it.

use std::net::ToSocketAddrs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use allspark_engine::{
    self as engine, Data, Destroy, Handle, LayerRequest, Layers, LocalSpark, Message, Outcome,
    Place, Server, Spark, SparkError, SparkHandle, SparkId, SparkStream, Stats, Verdict,
};
use allspark_transformers::AnyTransformer;

use crate::error::Error;
use crate::library::ServedLibrary;
use crate::options::Options;
use crate::room_bounds::RoomBounds;
use crate::save;

/// A server.
#[derive(Debug)]
pub struct Primus {
    pub(crate) engine: engine::Primus<AnyTransformer>,
    pub(crate) library: ServedLibrary,
    /// Whether clients know that they may be refused, so that they do not try again and again.
    pub(crate) asks: AtomicBool,
    pub(crate) options: Options,
    pub(crate) room_bounds: RoomBounds,
    #[cfg(feature = "auth")]
    pub(crate) keys: Option<std::sync::Arc<crate::auth::Watch>>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<std::sync::Arc<crate::tls::Tls>>,
}

impl Primus {
    /// The options that it was built with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Asks `authorization` about every request and upgrade for Primus, in the place of the one
    /// that was asked before: [`Builder::authorization`](crate::Builder::authorization) says more.
    /// The client library is made again if it did not know that clients may be refused; a page that
    /// has the former one reconnects, whatever it hears. If the builder is told, it is made once.
    #[doc(alias = "authorization")]
    pub fn authorize<V: Into<Verdict>>(
        &self,
        authorization: impl Fn(&mut LayerRequest<'_>) -> V + Send + Sync + 'static,
    ) -> &Self {
        self.engine.authorize(authorization);
        self.tell_library();
        self
    }

    /// The same for an authorization that is `async`:
    /// [`Builder::authorization_async`](crate::Builder::authorization_async) says more.
    pub fn authorize_async<F>(
        &self,
        authorization: impl Fn(&mut LayerRequest<'_>) -> F + Send + Sync + 'static,
    ) -> &Self
    where
        F: Future<Output: Into<Verdict>> + 'static,
    {
        self.engine.authorize_async(authorization);
        self.tell_library();
        self
    }

    /// If clients may be refused and the library does not say so, it is made again.
    pub(crate) fn tell_library(&self) {
        if self.engine.has_authorization() && !self.asks.swap(true, Ordering::Relaxed) {
            let files = self.library.change(|library| library.authorization(true));
            let files = files.expect("it was accepted without an authorization");
            self.engine.serve_files(files);
        }
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
    #[doc(alias = "connection")]
    pub fn on_connection(
        &self,
        listener: impl Fn(&mut Spark<'_>) + Send + Sync + 'static,
    ) -> &Self {
        self.engine.on_connection(listener);
        self
    }

    /// As [`Primus::on_connection`], but the listener is `async`: the listeners that were attached
    /// later are called once what it returns is done. Data of the spark that comes before all of
    /// them are done waits, in order; with more than 64 KiB of it its connection is not listened to
    /// meanwhile. So a listener must not wait for data: for that there is [`Primus::on_stream`].
    ///
    /// With an error the spark gets the event `error` and ends, and its client does not reconnect.
    ///
    /// ```
    /// # fn main() -> Result<(), allspark::Error> {
    /// # async fn find_user(_: Option<String>) -> Result<String, std::io::Error> {
    /// #     Ok(String::new())
    /// # }
    /// let primus = allspark::Primus::builder().build()?;
    /// primus.on_connection_async(|spark| async move {
    ///     let cookie = spark.headers().get("cookie").map(str::to_owned);
    ///     let user = find_user(cookie).await?;
    ///     spark.visit(move |spark| spark.set_state(user)).await;
    ///     Ok::<(), std::io::Error>(())
    /// });
    /// primus.on_data(|spark, data| {
    ///     // It is there, whenever the data came.
    ///     let user = spark.state::<String>().cloned();
    /// #   let _ = (user, data);
    /// });
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "asyncemit")]
    pub fn on_connection_async<F>(
        &self,
        listener: impl Fn(LocalSpark) -> F + Send + Sync + 'static,
    ) -> &Self
    where
        F: Future<Output: Outcome> + 'static,
    {
        self.engine.on_connection_async(listener);
        self
    }

    /// Runs `handler` for every new spark, on its shard, with the stream of its data. With an error
    /// the spark gets the event `error` and ends, and its client does not reconnect.
    ///
    /// ```
    /// # fn main() -> Result<(), allspark::Error> {
    /// use futures_util::StreamExt;
    ///
    /// let primus = allspark::Primus::builder().build()?;
    /// primus.on_stream(|mut spark| async move {
    ///     while let Some(data) = spark.next().await {
    ///         spark.write(data).await?;
    ///     }
    ///     Ok::<(), allspark::SparkError>(())
    /// });
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Futures run on the shard's own executor. One that needs tokio is spawned there, and awaited
    /// here through a channel:
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use futures_util::StreamExt;
    /// use tokio::sync::oneshot;
    ///
    /// let tokio = tokio::runtime::Builder::new_multi_thread().build()?;
    /// let runtime = tokio.handle().clone();
    /// let primus = allspark::Primus::builder().build()?;
    /// primus.on_stream(move |mut spark| {
    ///     let runtime = runtime.clone();
    ///     async move {
    ///         while let Some(question) = spark.next().await {
    ///             let (answer, answered) = oneshot::channel();
    ///             runtime.spawn(async move {
    ///                 // A database, another service, ...
    ///                 let found = tokio::net::lookup_host("localhost:80").await;
    ///                 drop(answer.send(found.map_or(0, |addresses| addresses.count())));
    /// #               drop(question);
    ///             });
    ///             drop(spark.write(answered.await.ok()).await);
    ///         }
    ///     }
    /// });
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "pipe")]
    pub fn on_stream<F>(&self, handler: impl Fn(SparkStream) -> F + Send + Sync + 'static) -> &Self
    where
        F: Future<Output: Outcome> + 'static,
    {
        self.engine.on_stream(handler);
        self
    }

    /// Calls `listener` with every spark that has ended. One that is attached to a running server
    /// is called with sparks that end from then on.
    #[doc(alias = "disconnection")]
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
    #[doc(alias = "data")]
    pub fn on_data(
        &self,
        listener: impl Fn(&mut Spark<'_>, Data<'_>) + Send + Sync + 'static,
    ) -> &Self {
        self.engine.on_data(listener);
        self
    }

    /// Calls `listener` whenever a client has answered a ping, before the spark's own handlers.
    #[doc(alias = "heartbeat")]
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
    #[doc(alias = "error")]
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
    /// When it was started before: a server has one life. Several addresses are given at once, to
    /// [`Primus::start_on`].
    #[doc(alias = "createServer")]
    pub fn start(&self, address: impl ToSocketAddrs + ToString) -> Result<Server, Error> {
        self.start_on([Place::first_of(&address)?])
    }

    /// As [`Primus::listen`], in several places or on listeners that are there already: see
    /// [`Primus::start_on`].
    ///
    /// # Errors
    /// Those of both.
    pub fn listen_on<P: Into<Place>>(
        &self,
        places: impl IntoIterator<Item = P>,
    ) -> Result<(), Error> {
        Ok(self.start_on(places)?.join()?)
    }

    /// As [`Primus::start`], in several places, all of which every shard serves: addresses, and
    /// listeners of the application ([`Place`] says how connections get to shards).
    ///
    /// ```
    /// use std::net::TcpListener;
    ///
    /// use allspark::{Destroy, Place, Primus};
    ///
    /// let primus = Primus::builder().build()?;
    /// // Bound before privileges were dropped, or handed over by who has started this process.
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let server = primus.start_on([Place::from("127.0.0.1:0"), listener.into()])?;
    /// println!("serving on {:?}", server.addresses());
    /// # primus.destroy(Destroy::default());
    /// server.join()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Primus::start`]: if one of the places can't be had, none is served. More than
    /// 16 places.
    pub fn start_on<P: Into<Place>>(
        &self,
        places: impl IntoIterator<Item = P>,
    ) -> Result<Server, Error> {
        self.start_in(places.into_iter().map(P::into).collect())
    }

    /// The engine for these transformers is compiled here, and not in each program that starts it.
    fn start_in(&self, places: Vec<Place>) -> Result<Server, Error> {
        #[cfg(feature = "tls")]
        let places = self.encrypted(places);
        Ok(self.engine.start_on(places)?)
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

    /// As [`Handle::find_given`]: calls `visit` with the spark that has this id of the
    /// [`Builder::id_generator`](crate::Builder::id_generator), or with `None`.
    #[doc(alias = "spark")]
    pub fn find_given(
        &self,
        id: &str,
        visit: impl FnOnce(Option<&mut Spark<'_>>) + Send + 'static,
    ) {
        self.handle().find_given(id, visit);
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
        String::from_utf8_lossy(&self.library.script()).into_owned()
    }

    /// The same for Node.js from 20.16 on, which needs a WebSocket of the library's own.
    pub fn library_for_node(&self) -> String {
        self.library.for_node()
    }

    /// The same for browsers that know ECMAScript 5 and no more (Internet Explorer 10, iOS 6,
    /// Android 4.4, televisions of those years). It is served as `<pathname>/primus.js?legacy`.
    pub fn library_for_old_browsers(&self) -> String {
        String::from_utf8_lossy(&self.library.legacy_script()).into_owned()
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
        save::save(path, &self.library.script()).map_err(|source| Error::Save {
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
                assert!(is_too_long(spark.primus().room("a").write(&message)));
                assert!(is_too_long(
                    spark.primus().handle().room("a").write(&message)
                ));
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
