//! Arguments of an event that came in.

use std::cell::RefCell;
use std::ops::Index;

use allspark_engine::{Spark, Value};
use allspark_protocol::value::Misfit;
use serde::de::DeserializeOwned;
use serde::ser::SerializeSeq;

use super::ack::Ack;
use super::arguments::{Arguments, List};

const NULL: &Value = &Value::Null;

/// The arguments of an event of a client. One that is missing is null, as `undefined` would be.
///
/// ```
/// use allspark_plugins::events::Args;
///
/// fn said(args: Args<'_>) -> Option<(String, u32)> {
///     // As a type of the application ..
///     let (name, count) = args.parse::<(String, u32)>().ok()?;
///     // .. or one by one.
///     assert_eq!(args[0].as_str(), Some(&*name));
///     Some((name, count))
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    values: &'a [Value],
    ack: Option<&'a AckCell>,
}

/// Of an event whose sender waits for an acknowledgement, until that is given.
pub(crate) type AckCell = RefCell<Option<Ack>>;

impl<'a> Args<'a> {
    /// Arguments without an acknowledgement.
    pub const fn new(values: &'a [Value]) -> Self {
        let ack = None;
        Self { values, ack }
    }

    pub(crate) fn with_ack(values: &'a [Value], ack: &'a AckCell) -> Self {
        let ack = Some(ack);
        Self { values, ack }
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The argument at that place, if there is one. `args[0]` gives null instead.
    pub fn get(&self, place: usize) -> Option<&'a Value> {
        self.values.get(place)
    }

    /// All of them.
    pub const fn as_slice(&self) -> &'a [Value] {
        self.values
    }

    /// One after the other.
    pub fn iter(&self) -> std::slice::Iter<'a, Value> {
        self.values.iter()
    }

    /// All of them as one type of the application: a tuple, or a `Vec`.
    ///
    /// # Errors
    /// They are no such type, or there are more or fewer than a tuple has places.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Misfit> {
        Value::Array(self.values.to_vec()).into_type()
    }

    /// Whether the sender waits for an acknowledgement that nobody has given yet.
    pub fn wants_ack(&self) -> bool {
        self.ack.is_some_and(|ack| ack.borrow().is_some())
    }

    /// Acknowledges the event with these results: what calling the last argument does in
    /// JavaScript. Returns false if the sender does not wait for it, or somebody has done so
    /// before: nothing is written then.
    pub fn ack(&self, spark: &mut Spark<'_>, results: impl Arguments) -> bool {
        self.take_ack().is_some_and(|ack| ack.send(spark, results))
    }

    /// The acknowledgement, to be given later, also from another thread. One that is dropped is
    /// never given.
    pub fn take_ack(&self) -> Option<Ack> {
        self.ack?.borrow_mut().take()
    }
}

impl Index<usize> for Args<'_> {
    type Output = Value;

    /// The argument at that place; null if there is none.
    fn index(&self, place: usize) -> &Value {
        self.get(place).unwrap_or(NULL)
    }
}

impl<'a> IntoIterator for Args<'a> {
    type Item = &'a Value;
    type IntoIter = std::slice::Iter<'a, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// What came in goes on.
impl Arguments for Args<'_> {
    fn count(&self) -> usize {
        self.len()
    }

    fn add_to<S: SerializeSeq>(&self, array: &mut S) -> Result<(), S::Error> {
        List(self.values).add_to(array)
    }
}

#[cfg(test)]
mod tests {
    use allspark_protocol::value;

    use super::*;
    use crate::events::arguments::Named;

    #[test]
    fn what_is_missing_is_null() {
        let values = [value!("a"), value!(2)];
        let args = Args::new(&values);
        assert_eq!((args.len(), args[0].as_str()), (2, Some("a")));
        assert_eq!((&args[2], args.get(2)), (&Value::Null, None));
        assert_eq!(args.iter().count(), args.into_iter().count());
    }

    #[test]
    fn a_tuple_takes_as_many_as_it_has_places() {
        let values = [value!("a"), value!(2)];
        let args = Args::new(&values);
        assert_eq!(args.parse(), Ok((String::from("a"), 2)));
        assert!(args.parse::<(String,)>().is_err());
        assert!(args.parse::<(String, u8, u8)>().is_err());
        assert!(args.parse::<(u8, u8)>().is_err());
        assert_eq!(args.parse::<Vec<Value>>().unwrap(), values);
    }

    #[test]
    fn an_acknowledgement_is_taken_once() {
        let cell = RefCell::new(Some(Ack::new(7.into(), None)));
        let args = Args::with_ack(&[], &cell);
        assert!(args.wants_ack());
        assert!(args.take_ack().is_some());
        assert!(!args.wants_ack() && args.take_ack().is_none());
        assert!(!Args::new(&[]).wants_ack());
    }

    #[test]
    fn what_came_in_goes_on() {
        let values = [value!(1), value!(null)];
        let named = Named("e", &Args::new(&values));
        assert_eq!(serde_json::to_string(&named).unwrap(), r#"["e",1,null]"#);
    }
}
