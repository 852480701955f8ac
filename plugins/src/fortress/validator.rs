//! Functions that say whether an event is valid, some of which take their time.

use std::fmt;
use std::sync::Arc;

use allspark_engine::{Spark, SparkHandle, TransformTicket, Value};

use super::shape::Shape;
use crate::events::Args;

/// What a validator says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Valid {
    /// The application gets the event.
    Yes,
    /// It does not, for this reason.
    No(String),
    /// It does not, for no reason that was given.
    Not,
}

impl From<()> for Valid {
    fn from((): ()) -> Self {
        Self::Yes
    }
}

impl From<bool> for Valid {
    fn from(is_valid: bool) -> Self {
        match is_valid {
            true => Self::Yes,
            false => Self::Not,
        }
    }
}

impl<E: ToString> From<Result<(), E>> for Valid {
    fn from(result: Result<(), E>) -> Self {
        match result {
            Ok(()) => Self::Yes,
            Err(error) => Self::No(error.to_string()),
        }
    }
}

/// Why a message did not reach the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The name of the event; `data` for a message that is none.
    pub event: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Invalid {}

pub(super) type OnInvalid = dyn Fn(&mut Spark<'_>, &Invalid, Args<'_>) + Send + Sync;
type Now = dyn Fn(&mut Spark<'_>, Args<'_>) -> Valid + Send + Sync;
type Later = dyn Fn(&mut Spark<'_>, Args<'_>, ValidationTicket) + Send + Sync;

/// Who validates one event.
pub(super) struct Validator {
    /// How many arguments it has.
    pub(super) arity: usize,
    pub(super) judge: Judge,
}

pub(super) enum Judge {
    /// By what each argument is.
    Shapes(Vec<Shape>),
    Now(Box<Now>),
    Later(Box<Later>),
}

/// A message that waits for its validator, which may be on another thread. What its client sends
/// meanwhile waits behind it. Dropped without a word it is invalid.
#[must_use = "dropped it refuses the message"]
pub struct ValidationTicket {
    /// Until it was used.
    waits: Option<Waits>,
}

struct Waits {
    message: TransformTicket,
    spark: SparkHandle,
    event: String,
    args: Vec<Value>,
    tell: Arc<OnInvalid>,
}

impl ValidationTicket {
    pub(super) fn new(
        message: TransformTicket,
        spark: SparkHandle,
        event: &str,
        args: Args<'_>,
        tell: Arc<OnInvalid>,
    ) -> Self {
        let waits = Some(Waits {
            message,
            spark,
            event: event.into(),
            args: args.as_slice().to_vec(),
            tell,
        });
        Self { waits }
    }

    /// The arguments.
    pub fn args(&self) -> Args<'_> {
        Args::new(self.waits.as_ref().map_or(&[], |waits| &waits.args))
    }

    /// Says whether the event is valid.
    pub fn answer(mut self, valid: impl Into<Valid>) {
        self.settle(valid.into());
    }

    fn settle(&mut self, valid: Valid) {
        let Some(waits) = self.waits.take() else {
            return;
        };
        let Some(invalid) = invalid(&waits.event, valid) else {
            return waits.message.next();
        };
        waits.message.drop_message();
        let (args, tell) = (waits.args, waits.tell);
        waits
            .spark
            .with(move |spark| tell(spark, &invalid, Args::new(&args)));
    }
}

impl Drop for ValidationTicket {
    fn drop(&mut self) {
        self.settle(Valid::No("the validator has not answered".into()));
    }
}

impl fmt::Debug for ValidationTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValidationTicket")
            .field("args", &self.args())
            .finish_non_exhaustive()
    }
}

/// What is wrong with an event, if its validator says so.
pub(super) fn invalid(event: &str, valid: Valid) -> Option<Invalid> {
    let reason = match valid {
        Valid::Yes => return None,
        Valid::No(reason) => reason,
        Valid::Not => format!("{event} did not validate"),
    };
    let event = event.into();
    Some(Invalid { event, reason })
}
