//! The plugin: everything that comes in is judged.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use allspark_engine::{Packet, Plugin, PluginError, Setup, Spark, Transformed};
use arc_swap::ArcSwap;
use serde::Deserialize;

use super::judge::{self, Event};
use super::shape::Shape;
use super::validator::{Invalid, Judge, OnInvalid, Valid, ValidationTicket, Validator, invalid};
use crate::emit::Emit;
use crate::events::{Args, SparkEvents};

/// The plugin fortress-maximus. Clones are the same plugin.
#[derive(Clone)]
pub struct Fortress(Arc<Inner>);

struct Inner {
    options: FortressOptions,
    validators: ArcSwap<HashMap<Box<str>, Arc<Validator>>>,
    on_invalid: ArcSwap<Vec<Arc<OnInvalid>>>,
    /// Whose events have listeners: primus-emit, once it was added.
    emit: OnceLock<Arc<Emit>>,
}

/// What can be told to [`Fortress`].
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct FortressOptions {
    /// Where the listeners are that an event must have: `spark` (those of the server and those of
    /// the spark) or `primus` (those of the server alone). Default: `spark`.
    pub fortress: Home,
    /// Validators that need no code: by the name of an event, what each of its arguments has to be
    /// (`any`, `null`, `boolean`, `number`, `string`, `array`, `object`). `data` is every message
    /// that is no event. Default: none.
    pub events: BTreeMap<String, Vec<Shape>>,
}

/// Where listeners live.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Home {
    /// On sparks, or on the server.
    #[default]
    Spark,
    /// On the server.
    Primus,
}

impl Fortress {
    /// Its name.
    pub const NAME: &'static str = "fortress-maximus";

    /// The plugin with its default options.
    pub fn new() -> Self {
        Self::with_options(FortressOptions::default())
    }

    /// The plugin with these options.
    pub fn with_options(options: FortressOptions) -> Self {
        let validators = options.events.iter().map(|(event, shapes)| {
            let (arity, judge) = (shapes.len(), Judge::Shapes(shapes.clone()));
            (event.as_str().into(), Arc::new(Validator { arity, judge }))
        });
        Self(Arc::new(Inner {
            validators: ArcSwap::from_pointee(validators.collect()),
            options,
            on_invalid: ArcSwap::default(),
            emit: OnceLock::new(),
        }))
    }

    /// Lets events of this name with so many arguments through, if `validator` says so:
    /// `primus.validate(event, fn)`, where the number of parameters says how many arguments. A
    /// later validator of an event takes the place of an earlier one.
    pub fn validate<V: Into<Valid>>(
        &self,
        event: &str,
        arity: usize,
        validator: impl Fn(&mut Spark<'_>, Args<'_>) -> V + Send + Sync + 'static,
    ) -> &Self {
        let now = move |spark: &mut Spark<'_>, args: Args<'_>| validator(spark, args).into();
        self.add(event, arity, Judge::Now(Box::new(now)))
    }

    /// The same with a validator that takes its time: it answers with the ticket, from any thread.
    pub fn validate_later(
        &self,
        event: &str,
        arity: usize,
        validator: impl Fn(&mut Spark<'_>, Args<'_>, ValidationTicket) + Send + Sync + 'static,
    ) -> &Self {
        self.add(event, arity, Judge::Later(Box::new(validator)))
    }

    fn add(&self, event: &str, arity: usize, judge: Judge) -> &Self {
        let validator = Arc::new(Validator { arity, judge });
        self.0.validators.rcu(|validators| {
            let mut validators = HashMap::clone(validators);
            validators.insert(event.into(), Arc::clone(&validator));
            validators
        });
        self
    }

    /// `invalid`: calls `listener` with every message that was dropped, and why.
    pub fn on_invalid(
        &self,
        listener: impl Fn(&mut Spark<'_>, &Invalid, Args<'_>) + Send + Sync + 'static,
    ) -> &Self {
        let listener: Arc<OnInvalid> = Arc::new(listener);
        self.0.on_invalid.rcu(|listeners| {
            let mut listeners = Vec::clone(listeners);
            listeners.push(Arc::clone(&listener));
            listeners
        });
        self
    }
}

impl Default for Fortress {
    fn default() -> Self {
        Self::new()
    }
}

impl Inner {
    fn incoming(self: &Arc<Self>, spark: &mut Spark<'_>, packet: &Packet<'_>) -> Transformed {
        let Ok(message) = packet.value() else {
            return self.refuse(
                spark,
                "data",
                "The message can't be decoded",
                Args::new(&[]),
            );
        };
        let Some(event) = judge::event(message) else {
            return self.refuse(spark, "", "An event has no name", Args::new(&[]));
        };
        if event.is_named {
            self.find_emit(spark);
        }
        let args = Args::new(event.args);
        let validators = self.validators.load();
        let validator = validators.get(event.name);
        let arity = validator.map(|validator| validator.arity);
        let is_reserved = || spark.reserved(event.name);
        let judged = judge::judge(
            &event,
            is_reserved,
            || self.has_listener(spark, &event),
            arity,
        );
        if let Err(invalid) = judged {
            return self.drop_invalid(spark, &invalid, args);
        }
        let validator = validator.expect("an event without one is invalid");
        match self.ask(validator, spark, &event, packet) {
            Some(valid) => match invalid(event.name, valid) {
                Some(invalid) => self.drop_invalid(spark, &invalid, args),
                None => Transformed::Next,
            },
            None => Transformed::Later,
        }
    }

    /// What the validator says; `None` if it says it later.
    fn ask(
        self: &Arc<Self>,
        validator: &Validator,
        spark: &mut Spark<'_>,
        event: &Event<'_>,
        packet: &Packet<'_>,
    ) -> Option<Valid> {
        let args = Args::new(event.args);
        match &validator.judge {
            Judge::Now(judge) => Some(judge(spark, args)),
            Judge::Shapes(shapes) => {
                let mut pairs = shapes.iter().zip(event.args);
                Some(pairs.all(|(shape, arg)| shape.fits(arg)).into())
            }
            Judge::Later(judge) => {
                let inner = Arc::clone(self);
                let tell: Arc<OnInvalid> =
                    Arc::new(move |spark, invalid, args| inner.tell(spark, invalid, args));
                let (message, handle) = (packet.later(), spark.handle());
                let ticket = ValidationTicket::new(message, handle, event.name, args, tell);
                judge(spark, args, ticket);
                None
            }
        }
    }

    /// Whether somebody would get an event of primus-emit.
    fn has_listener(&self, spark: &Spark<'_>, event: &Event<'_>) -> bool {
        let is_heard = |emit: &Arc<Emit>| emit.events().has(event.name);
        self.emit.get().is_some_and(is_heard)
            || self.options.fortress == Home::Spark && spark.has_own(event.name)
    }

    /// Looks for primus-emit, which comes after this plugin.
    fn find_emit(&self, spark: &Spark<'_>) {
        if self.emit.get().is_none()
            && let Some(emit) = spark.plugin()
        {
            self.emit.get_or_init(|| emit);
        }
    }

    fn refuse(&self, spark: &mut Spark<'_>, event: &str, why: &str, args: Args<'_>) -> Transformed {
        let (event, reason) = (event.into(), why.into());
        self.drop_invalid(spark, &Invalid { event, reason }, args)
    }

    fn drop_invalid(
        &self,
        spark: &mut Spark<'_>,
        invalid: &Invalid,
        args: Args<'_>,
    ) -> Transformed {
        self.tell(spark, invalid, args);
        Transformed::Drop
    }

    fn tell(&self, spark: &mut Spark<'_>, invalid: &Invalid, args: Args<'_>) {
        tracing::debug!(spark = %spark.id(), ?invalid, "invalid");
        for listener in &**self.on_invalid.load() {
            listener(spark, invalid, args);
        }
    }
}

impl Plugin for Fortress {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn server(&self, setup: &mut Setup<'_>) -> Result<(), PluginError> {
        let inner = Arc::clone(&self.0);
        setup.transform_incoming(move |spark, packet| inner.incoming(spark, packet));
        setup.reserve("invalid");
        Ok(())
    }
}

impl std::fmt::Debug for Fortress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fortress")
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}
