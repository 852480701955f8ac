//! A message on its way through transforms, some of which take their time.

use std::any::Any;
use std::borrow::Cow;
use std::cell::RefCell;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard};

use allspark_protocol::Value;
use allspark_protocol::parser::{DecodeError, ParserKind};
use allspark_protocol::transformer::Kind;

use super::data::{Data, Decoded};
use super::error::SparkError;
use super::message::{self, Message};

/// A message that a transform may look at, replace or drop.
///
/// ```
/// use allspark_engine::{Packet, SparkError, Value};
///
/// /// Tells each client when its message was passed on.
/// fn stamp(packet: &mut Packet<'_>) -> Result<(), SparkError> {
///     if let Ok(Value::Object(object)) = packet.value() {
///         let mut object = object.clone();
///         object.insert("passed", 7);
///         packet.set(Value::Object(object))?;
///     }
///     Ok(())
/// }
/// ```
pub struct Packet<'a> {
    body: Body<'a>,
    /// Of the ticket that the transform which runs has taken.
    slip: RefCell<Option<Arc<Slip>>>,
}

/// A message, and what it was replaced by.
pub(crate) struct Body<'a> {
    parser: ParserKind,
    /// As it came in, or as the parser made it of what was written.
    raw: (Kind, Cow<'a, [u8]>),
    raw_decoded: Decoded,
    replaced: Option<Kind>,
    bytes: Vec<u8>,
    decoded: Decoded,
    scratch: Vec<u8>,
    /// It is a message within the one that came.
    inner: Option<Inner>,
}

impl<'a> Body<'a> {
    pub(crate) fn new(parser: ParserKind, kind: Kind, bytes: &'a [u8]) -> Self {
        Self {
            parser,
            raw: (kind, Cow::Borrowed(bytes)),
            raw_decoded: Decoded::default(),
            replaced: None,
            bytes: Vec::new(),
            decoded: Decoded::default(),
            scratch: Vec::new(),
            inner: None,
        }
    }

    fn detached(&self) -> Body<'static> {
        Body {
            parser: self.parser,
            raw: (self.raw.0, Cow::Owned(self.raw.1.to_vec())),
            raw_decoded: Decoded::default(),
            replaced: self.replaced,
            bytes: self.bytes.clone(),
            decoded: Decoded::default(),
            scratch: Vec::new(),
            inner: self.inner.clone(),
        }
    }

    fn data(&self) -> Data<'_> {
        match self.replaced {
            Some(kind) => Data::new(self.parser, kind, &self.bytes, &self.decoded),
            None => self.raw(),
        }
    }

    fn raw(&self) -> Data<'_> {
        let (kind, bytes) = &self.raw;
        Data::new(self.parser, *kind, bytes, &self.raw_decoded)
    }

    fn set(&mut self, message: impl Message) -> Result<(), SparkError> {
        self.scratch.clear();
        let (kind, bytes) = message::encode(&message, self.parser, &mut self.scratch)?;
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        self.replaced = Some(kind);
        self.decoded = Decoded::default();
        Ok(())
    }

    pub(crate) fn encoded(&self) -> (Kind, &[u8]) {
        match self.replaced {
            Some(kind) => (kind, &self.bytes),
            None => (self.raw.0, &self.raw.1),
        }
    }
}

impl<'a> Packet<'a> {
    pub(crate) fn new(body: Body<'a>) -> Self {
        let slip = RefCell::new(None);
        Self { body, slip }
    }

    /// The message as it is now: Primus's `packet.data`. It is decoded only when somebody looks.
    pub fn data(&self) -> Data<'_> {
        self.body.data()
    }

    /// The message as it is now, as a value: see [`Data::value`]. Whoever looks at every message
    /// looks first at what costs less: how long it is, with which byte it begins.
    ///
    /// # Errors
    /// The message is no value of the parser, or one that it can't decode.
    pub fn value(&self) -> Result<&Value, DecodeError> {
        self.body.data().value()
    }

    /// The message before the first transform: Primus's `packet.raw`.
    pub fn raw(&self) -> Data<'_> {
        self.body.raw()
    }

    /// Replaces the message.
    ///
    /// # Errors
    /// The parser can't express it, or no frame can hold it. Then the message is what it was.
    pub fn set(&mut self, message: impl Message) -> Result<(), SparkError> {
        self.body.set(message)
    }

    /// A ticket with which the message goes on later, from any thread: for a transform that has to
    /// ask somebody, and returns [`Transformed::Later`]. What is written, or sent by the same
    /// client, meanwhile waits behind it; where the transform knows the spark, what is written to
    /// that spark alone.
    ///
    /// ```
    /// use allspark_engine::{Packet, Transformed};
    ///
    /// fn translate(packet: &mut Packet<'_>) -> Transformed {
    ///     let mut ticket = packet.later();
    ///     std::thread::spawn(move || {
    ///         let translated = "asked of another service";
    ///         match ticket.set(translated) {
    ///             Ok(()) => ticket.next(),
    ///             Err(error) => ticket.fail(error),
    ///         }
    ///     });
    ///     Transformed::Later
    /// }
    /// ```
    pub fn later(&self) -> TransformTicket {
        let slip = Arc::<Slip>::default();
        if let Some(earlier) = self.slip.replace(Some(Arc::clone(&slip))) {
            earlier.cancel();
        }
        TransformTicket {
            body: Some(self.body.detached()),
            slip,
        }
    }

    /// Whether it is a message within the one that came, see [`Transformed::Inner`].
    pub fn is_inner(&self) -> bool {
        self.body.inner.is_some()
    }

    pub(crate) fn inner(&self) -> Option<Inner> {
        self.body.inner.clone()
    }

    /// From now on it is the message within the one that came.
    ///
    /// # Errors
    /// It is so already.
    pub(crate) fn begin_inner(&mut self, inner: Inner) -> Result<(), SparkError> {
        if let Some(slip) = self.slip.take() {
            slip.cancel();
        }
        match self.body.inner.replace(inner) {
            None => Ok(()),
            Some(_) => Err(nothing_within()),
        }
    }

    /// What becomes of the message, by what a transform has said. If a ticket says it later, that
    /// calls what `onward` makes.
    ///
    /// # Errors
    /// The transform has refused the message.
    pub(crate) fn outcome(
        &mut self,
        transformed: Transformed,
        onward: impl FnOnce(usize) -> Onward,
    ) -> Result<Fate, SparkError> {
        let slip = self.slip.take();
        let transformed = match (transformed, slip) {
            (Transformed::Later, None) => {
                let reason = "a transform takes its time without a ticket";
                return Err(SparkError::Transform(reason.into()));
            }
            (Transformed::Later, Some(slip)) => {
                let bytes = self.body.encoded().1.len();
                let Some((body, answer)) = slip.wait(|| onward(bytes)) else {
                    return Ok(Fate::Later);
                };
                self.body = body;
                answer
            }
            (transformed, slip) => {
                if let Some(slip) = slip {
                    slip.cancel();
                }
                transformed
            }
        };
        match transformed {
            Transformed::Next => Ok(Fate::Next),
            Transformed::Drop => Ok(Fate::Drop),
            Transformed::Fail(error) => Err(SparkError::Transform(error)),
            Transformed::Inner(_) => Err(nothing_within()),
            Transformed::Later => unreachable!("a ticket says what becomes of its message"),
        }
    }

    /// Whether a transform has replaced the message.
    pub fn is_replaced(&self) -> bool {
        self.body.replaced.is_some()
    }

    pub(crate) fn encoded(&self) -> (Kind, &[u8]) {
        self.body.encoded()
    }
}

fn nothing_within() -> SparkError {
    let reason = "a message within a message, and one that is written, has none within";
    SparkError::Transform(reason.into())
}

/// Where messages within messages go, see [`Transformed::Inner`].
#[derive(Clone)]
pub struct Inner(pub(super) Arc<dyn Any + Send + Sync>);

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").finish_non_exhaustive()
    }
}

/// What becomes of a message after a transform. Most transforms return something simpler that
/// becomes this: nothing, `false` to drop the message as in Primus, or a `Result`.
#[derive(Debug)]
pub enum Transformed {
    /// The next transform has its turn, or the application or the client gets the message.
    Next,
    /// Nobody gets it, and nobody is told.
    Drop,
    /// Nobody gets it, and this is an error: [`SparkError::Transform`].
    Fail(Box<dyn Error + Send + Sync>),
    /// The ticket of [`Packet::later`] says it. Without a ticket nobody could, so that is an error.
    Later,
    /// What it was set to is a message within the message, for instance of a stream that a plugin
    /// has within the connection: it goes through all transforms of messages that come, from the
    /// first one on, and then there instead of to `data`. Once for each message of a client: what
    /// is within has none within ([`Packet::is_inner`]), and what is written has none.
    Inner(Inner),
}

/// What becomes of a message that was transformed.
pub(crate) enum Fate {
    /// It goes on.
    Next,
    /// Nobody gets it.
    Drop,
    /// A ticket says it.
    Later,
}

/// A message, and what a ticket has said becomes of it.
pub(crate) type Answer = (Body<'static>, Transformed);

/// Is called once, with the message and what becomes of it.
pub(crate) type Onward = Box<dyn FnOnce(Body<'static>, Transformed) + Send>;

/// What a ticket and the place share in which its message waits.
#[derive(Default)]
struct Slip(Mutex<State>);

#[derive(Default)]
enum State {
    /// The transform that took the ticket still runs.
    #[default]
    Taken,
    /// The ticket was used meanwhile.
    Used(Box<Answer>),
    /// The message waits.
    Waits(Onward),
    /// The message was dropped or has ended: what the ticket says comes too late.
    Over,
}

impl Slip {
    /// The message waits, unless the ticket was used already: then returns what it said.
    fn wait(&self, onward: impl FnOnce() -> Onward) -> Option<Answer> {
        let mut state = self.lock();
        match std::mem::replace(&mut *state, State::Over) {
            State::Used(used) => Some(*used),
            _ => {
                *state = State::Waits(onward());
                None
            }
        }
    }

    /// The transform has said something else.
    fn cancel(&self) {
        *self.lock() = State::Over;
    }

    /// The ticket is used.
    fn answer(&self, body: Body<'static>, transformed: Transformed) {
        let mut state = self.lock();
        match std::mem::replace(&mut *state, State::Over) {
            State::Taken => *state = State::Used(Box::new((body, transformed))),
            State::Waits(onward) => {
                drop(state);
                onward(body, transformed);
            }
            State::Used(..) | State::Over => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}

/// A message whose transform takes its time, see [`Packet::later`]. Dropped without a word it is an
/// error, so that nothing waits for ever because of a mistake.
#[must_use = "dropped it refuses the message"]
pub struct TransformTicket {
    /// Until it was used.
    body: Option<Body<'static>>,
    slip: Arc<Slip>,
}

impl TransformTicket {
    /// The message, see [`Packet::data`].
    pub fn data(&self) -> Data<'_> {
        self.body.as_ref().expect(UNUSED).data()
    }

    /// Replaces the message, see [`Packet::set`].
    ///
    /// # Errors
    /// The parser can't express it, or no frame can hold it. Then the message is what it was.
    pub fn set(&mut self, message: impl Message) -> Result<(), SparkError> {
        self.body.as_mut().expect(UNUSED).set(message)
    }

    /// The message goes on: Primus's `next()`.
    pub fn next(mut self) {
        self.answer(Transformed::Next);
    }

    /// Nobody gets the message: Primus's `next(null, false)`.
    pub fn drop_message(mut self) {
        self.answer(Transformed::Drop);
    }

    /// Nobody gets the message, and this is an error: Primus's `next(err)`.
    pub fn fail(mut self, error: impl Into<Box<dyn Error + Send + Sync>>) {
        self.answer(Transformed::Fail(error.into()));
    }

    fn answer(&mut self, transformed: Transformed) {
        if let Some(body) = self.body.take() {
            self.slip.answer(body, transformed);
        }
    }
}

/// Using a ticket takes it.
const UNUSED: &str = "a ticket is used once";

impl Drop for TransformTicket {
    fn drop(&mut self) {
        let reason = "the ticket of a transform was dropped";
        self.answer(Transformed::Fail(reason.into()));
    }
}

impl std::fmt::Debug for Packet<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packet")
            .field("data", &self.data())
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for TransformTicket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TransformTicket")
            .field("data", &self.data())
            .finish_non_exhaustive()
    }
}

impl From<()> for Transformed {
    fn from((): ()) -> Self {
        Self::Next
    }
}

impl From<bool> for Transformed {
    fn from(goes_on: bool) -> Self {
        match goes_on {
            true => Self::Next,
            false => Self::Drop,
        }
    }
}

impl<T: Into<Self>, E: Into<Box<dyn Error + Send + Sync>>> From<Result<T, E>> for Transformed {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(transformed) => transformed.into(),
            Err(error) => Self::Fail(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(data: Data<'_>) -> String {
        String::from_utf8(data.encoded().to_vec()).unwrap()
    }

    #[test]
    fn a_packet_is_what_it_was_set_to_last() {
        let mut packet = Packet::new(Body::new(ParserKind::Json, Kind::Text, b"[1]"));
        assert_eq!(
            (text(packet.data()), packet.is_replaced()),
            ("[1]".into(), false)
        );
        packet.set("longer than before").unwrap();
        packet.set(2).unwrap();
        assert_eq!(text(packet.data()), "2");
        assert_eq!(
            (text(packet.raw()), packet.is_replaced()),
            ("[1]".into(), true)
        );
    }

    #[test]
    fn what_the_parser_can_not_express_changes_nothing() {
        let mut packet = Packet::new(Body::new(ParserKind::Raw, Kind::Text, b"text"));
        assert!(matches!(packet.set(1), Err(SparkError::Encode(_))));
        assert_eq!(text(packet.data()), "text");
        packet.set(b"bytes").unwrap();
        assert_eq!(packet.data().kind(), Kind::Binary);
        assert!(matches!(packet.set(()), Err(SparkError::Encode(_))));
        assert_eq!(text(packet.data()), "bytes");
    }

    #[test]
    fn a_transform_may_say_it_in_many_ways() {
        let ok: Result<bool, SparkError> = Ok(false);
        assert!(matches!(().into(), Transformed::Next));
        assert!(matches!(true.into(), Transformed::Next));
        assert!(matches!(false.into(), Transformed::Drop));
        assert!(matches!(ok.into(), Transformed::Drop));
        let failed: Result<(), &str> = Err("why");
        let Transformed::Fail(error) = failed.into() else {
            panic!("it failed");
        };
        assert_eq!(error.to_string(), "why");
    }

    fn packet() -> Packet<'static> {
        Packet::new(Body::new(ParserKind::Json, Kind::Text, b"1"))
    }

    /// Where a message goes on that waits: the ticket must not be used before.
    fn never(_: usize) -> Onward {
        Box::new(|_, _| panic!("nothing waits"))
    }

    #[test]
    fn a_ticket_that_is_used_at_once_says_it_at_once() {
        let mut packet = packet();
        let mut ticket = packet.later();
        ticket.set(2).unwrap();
        ticket.next();
        let outcome = packet.outcome(Transformed::Later, never);
        assert!(matches!(outcome, Ok(Fate::Next)));
        assert_eq!(text(packet.data()), "2");
        drop(packet.later());
        let outcome = packet.outcome(Transformed::Later, never);
        assert!(matches!(outcome, Err(SparkError::Transform(_))));
    }

    #[test]
    fn a_ticket_that_nobody_waits_for_says_nothing() {
        let mut packet = packet();
        let (first, second) = (packet.later(), packet.later());
        let outcome = packet.outcome(Transformed::Next, never);
        assert!(matches!(outcome, Ok(Fate::Next)));
        first.fail("too late");
        second.drop_message();
        let outcome = packet.outcome(Transformed::Later, never);
        assert!(
            matches!(outcome, Err(SparkError::Transform(_))),
            "no ticket"
        );
    }

    #[test]
    fn a_message_that_waits_goes_on_with_its_last_ticket() {
        let (send, said) = std::sync::mpsc::channel();
        let mut packet = packet();
        let (first, mut second) = (packet.later(), packet.later());
        let onward: Onward = Box::new(move |body, transformed| {
            let (_, bytes) = body.encoded();
            send.send((bytes.to_vec(), matches!(transformed, Transformed::Next)))
                .unwrap();
        });
        let outcome = packet.outcome(Transformed::Later, |_| onward);
        assert!(matches!(outcome, Ok(Fate::Later)));
        drop(first);
        second.set(2).unwrap();
        std::thread::spawn(|| second.next()).join().unwrap();
        let said: Vec<_> = said.iter().collect();
        assert_eq!(said, [(b"2".to_vec(), true)]);
    }
}
