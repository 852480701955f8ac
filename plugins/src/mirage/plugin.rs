//! The plugin: a spark is held back until it has an id.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use allspark_engine::{ClientPlugin, Json, LocalSpark, Plugin, PluginError, Setup, Spark, random};
use arc_swap::ArcSwap;
use serde::Deserialize;

use super::within::within;
use crate::emit::wire::Emitted;
use crate::emitter::Emitter;
use crate::emitter::wire::EventPacket;

/// What a generator gives: the id. What a validator gives: another id, or `None` if it stays.
type Later<T> = Pin<Box<dyn Future<Output = Result<T, String>>>>;
type Generate = dyn Fn(&LocalSpark) -> Later<String> + Send + Sync;
type Validate = dyn Fn(&LocalSpark, String) -> Later<Option<String>> + Send + Sync;

/// The plugin mirage. Clones are the same plugin.
#[derive(Clone)]
pub struct Mirage(Arc<Inner>);

struct Inner {
    options: MirageOptions,
    /// An `Arc` in an `Arc`, because only what has a size can be swapped.
    generate: ArcSwap<Arc<Generate>>,
    validate: ArcSwap<Arc<Validate>>,
}

/// What can be told to [`Mirage`].
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct MirageOptions {
    /// How long generating or validating an id may take, in milliseconds; then the spark ends.
    /// Default: 5,000.
    #[serde(alias = "mirage timeout")]
    pub timeout: u64,
    /// How long an id may be that a client names, in bytes; with a longer one its spark ends.
    /// Default: 256.
    #[serde(alias = "idBytesMax")]
    pub id_bytes_max: usize,
}

impl Default for MirageOptions {
    fn default() -> Self {
        Self {
            timeout: 5_000,
            id_bytes_max: 256,
        }
    }
}

/// What a validator says: another id, `None` if the one that was named stays, or why it is refused.
pub type Validated<E> = Result<Option<String>, E>;

/// The id of the session that a spark belongs to.
struct Id(String);

/// What mirage knows of a spark.
pub trait MirageSpark {
    /// The id of its session; `None` before the plugin has let it in.
    fn mirage(&self) -> Option<&str>;
}

impl MirageSpark for Spark<'_> {
    fn mirage(&self) -> Option<&str> {
        self.own::<Id>().map(|id| id.0.as_str())
    }
}

impl Mirage {
    /// Its name.
    pub const NAME: &'static str = "mirage";

    /// The plugin with its default options. It generates ids of 16 hexadecimal digits, and takes
    /// every id that a client names.
    pub fn new() -> Self {
        Self::with_options(MirageOptions::default())
    }

    /// The plugin with these options.
    pub fn with_options(options: MirageOptions) -> Self {
        let generate: Arc<Generate> = Arc::new(|_| Box::pin(async { Ok(hex_id()) }));
        let validate: Arc<Validate> = Arc::new(|_, _| Box::pin(async { Ok(None) }));
        Self(Arc::new(Inner {
            options,
            generate: ArcSwap::from_pointee(generate),
            validate: ArcSwap::from_pointee(validate),
        }))
    }

    /// Generates ids with `generator`, for clients that name none: `primus.id.generator(fn)`.
    pub fn generator<E: ToString + 'static>(
        &self,
        generator: impl Fn(&mut Spark<'_>) -> Result<String, E> + Send + Sync + 'static,
    ) -> &Self {
        let generator = Arc::new(generator);
        self.generator_async(move |spark| {
            let generator = Arc::clone(&generator);
            async move {
                let generated = spark.visit(move |spark| named(generator(spark))).await;
                generated.unwrap_or_else(gone)
            }
        })
    }

    /// The same with a generator that is `async`.
    pub fn generator_async<E: ToString, F>(
        &self,
        generator: impl Fn(LocalSpark) -> F + Send + Sync + 'static,
    ) -> &Self
    where
        F: Future<Output = Result<String, E>> + 'static,
    {
        let generate: Arc<Generate> = Arc::new(move |spark| {
            let future = generator(spark.clone());
            Box::pin(async move { named(future.await) })
        });
        self.0.generate.store(Arc::new(generate));
        self
    }

    /// Has `validator` judge the ids that clients name: `primus.id.validator(fn)`. `Ok(None)` lets
    /// a client in, `Ok(Some(id))` as well, with another id. With an error its spark ends, and its
    /// client does not reconnect.
    pub fn validator<E: ToString + 'static>(
        &self,
        validator: impl Fn(&mut Spark<'_>, &str) -> Validated<E> + Send + Sync + 'static,
    ) -> &Self {
        let validator = Arc::new(validator);
        self.validator_async(move |spark, id| {
            let validator = Arc::clone(&validator);
            async move {
                let validated = spark.visit(move |spark| named(validator(spark, &id))).await;
                validated.unwrap_or_else(gone)
            }
        })
    }

    /// The same with a validator that is `async`.
    pub fn validator_async<E: ToString, F>(
        &self,
        validator: impl Fn(LocalSpark, String) -> F + Send + Sync + 'static,
    ) -> &Self
    where
        F: Future<Output = Validated<E>> + 'static,
    {
        let validate: Arc<Validate> = Arc::new(move |spark, id| {
            let future = validator(spark.clone(), id);
            Box::pin(async move { named(future.await) })
        });
        self.0.validate.store(Arc::new(validate));
        self
    }
}

impl Default for Mirage {
    fn default() -> Self {
        Self::new()
    }
}

impl Inner {
    /// Lets a spark in, or says why not.
    async fn let_in(&self, spark: &LocalSpark) -> Result<(), String> {
        let named = spark
            .query()
            .get("_mirage")
            .unwrap_or_default()
            .into_owned();
        if named.len() > self.options.id_bytes_max {
            return Err("the id of the session is too long".into());
        }
        let what = if named.is_empty() {
            "generate"
        } else {
            "validate"
        };
        let timeout = spark.sleep(Duration::from_millis(self.options.timeout));
        let (id, is_new) = match within(self.id(spark, named), timeout).await {
            Some(id) => id?,
            None => return Err(format!("Failed to {what} id in a timely manner")),
        };
        let kept = spark.visit(move |spark| keep(spark, id, is_new)).await;
        kept.map_or_else(gone, Ok)
    }

    /// The id that a spark belongs to, and whether its client does not know it.
    async fn id(&self, spark: &LocalSpark, named: String) -> Result<(String, bool), String> {
        if named.is_empty() {
            let generate = Arc::clone(&self.generate.load());
            return Ok((generate(spark).await?, true));
        }
        let validate = Arc::clone(&self.validate.load());
        let other = validate(spark, named.clone()).await?;
        let other = other.filter(|id| !id.is_empty());
        Ok(other.map_or((named, false), |id| (id, true)))
    }
}

/// Keeps the id with the spark, and tells the client.
fn keep(spark: &mut Spark<'_>, id: String, is_new: bool) {
    if is_new && !id.is_empty() {
        let (event, args) = ("mirage", &id);
        if spark.plugin::<Emitter>().is_some() {
            let id = None;
            spark.write(Json(EventPacket { event, args, id }));
        } else {
            spark.write(Json(Emitted { event, args }));
        }
    }
    spark.set_own(Id(id));
}

fn named<T, E: ToString>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

/// The spark has ended meanwhile.
fn gone<T>() -> Result<T, String> {
    Err("the spark has ended".into())
}

/// Eight random bytes.
fn hex_id() -> String {
    format!("{:016x}", random())
}

impl Plugin for Mirage {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn server(&self, setup: &mut Setup<'_>) -> Result<(), PluginError> {
        let inner = Arc::clone(&self.0);
        setup.on_connection_async(move |spark| {
            let inner = Arc::clone(&inner);
            async move { inner.let_in(&spark).await }
        });
        Ok(())
    }

    fn client(&self) -> ClientPlugin {
        include_str!("client.js").into()
    }
}

impl std::fmt::Debug for Mirage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mirage")
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}
