//! Names of rooms, as clients write them.

use std::borrow::Cow;

use allspark_engine::Value;

use super::refused::Refused;

/// Rooms that one message of a client may name: more than any form has, and few enough that they
/// are judged in no time.
pub(super) const NAMES_PER_REQUEST_MAX: usize = 32;

/// The rooms that arguments name: text in which spaces separate names, a whole number, or an array
/// of these.
///
/// # Errors
/// There are none, or too many, or one of them is something else.
pub(super) fn names(args: &[Value]) -> Result<Vec<Cow<'_, str>>, Refused> {
    let mut names = Vec::new();
    for arg in args {
        match arg {
            Value::Array(list) => list.iter().try_for_each(|one| add(&mut names, one))?,
            one => add(&mut names, one)?,
        }
    }
    match names.is_empty() {
        true => Err(Refused::Unnamed),
        false => Ok(names),
    }
}

fn add<'v>(names: &mut Vec<Cow<'v, str>>, one: &'v Value) -> Result<(), Refused> {
    match one {
        Value::String(text) => {
            let each = text.split(' ').filter(|name| !name.is_empty());
            // One more than there may be tells that there are too many.
            let room = (NAMES_PER_REQUEST_MAX + 1).saturating_sub(names.len());
            names.extend(each.take(room).map(Cow::Borrowed));
        }
        Value::Number(_) => names.push(whole(one)?.into()),
        _ => return Err(Refused::NoName),
    }
    match names.len() > NAMES_PER_REQUEST_MAX {
        true => Err(Refused::TooManyNames),
        false => Ok(()),
    }
}

/// The key of a value: text, or a whole number.
///
/// # Errors
/// It is something else.
pub(super) fn key(key: &Value) -> Result<Cow<'_, str>, Refused> {
    match key {
        Value::String(text) => Ok((&**text).into()),
        Value::Number(_) => whole(key).map(Cow::Owned).map_err(|_| Refused::NoKey),
        _ => Err(Refused::NoKey),
    }
}

/// A number as JavaScript writes it, if it is a whole one that JavaScript can count to.
fn whole(number: &Value) -> Result<String, Refused> {
    const COUNTED_MAX: f64 = 9_007_199_254_740_991.0;
    let number = number.as_f64().ok_or(Refused::NoName)?;
    let is_whole = number.fract() == 0.0 && number.abs() <= COUNTED_MAX;
    is_whole
        .then(|| (number as i64).to_string())
        .ok_or(Refused::NoName)
}

#[cfg(test)]
mod tests {
    use allspark_protocol::value;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::any_value;

    fn joined(args: &[Value]) -> Result<String, Refused> {
        Ok(names(args)?.join("|"))
    }

    #[test]
    fn names_are_text_whole_numbers_or_arrays_of_these() {
        for (args, expected) in [
            (vec![value!("news")], "news"),
            (vec![value!(" a  b")], "a|b"),
            (vec![value!(7), value!(-3.0)], "7|-3"),
            (vec![value!(["a b", 7]), value!("c")], "a|b|7|c"),
        ] {
            assert_eq!(joined(&args).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for args in [
            vec![],
            vec![value!("")],
            vec![value!("  ")],
            vec![value!([])],
        ] {
            assert_eq!(joined(&args), Err(Refused::Unnamed));
        }
        for other in [
            value!(null),
            value!(true),
            value!(1.5),
            value!(1e300),
            value!(f64::NAN),
            value!({ "a": 1 }),
            value!([["a"]]),
        ] {
            assert_eq!(joined(&[other]), Err(Refused::NoName));
        }
    }

    #[test]
    fn a_key_is_text_or_a_whole_number() {
        assert_eq!(key(&value!("a b")).as_deref(), Ok("a b"));
        assert_eq!(key(&value!(7)).as_deref(), Ok("7"));
        for other in [value!(null), value!(1.5), value!([]), value!(true)] {
            assert_eq!(key(&other), Err(Refused::NoKey));
        }
    }

    #[test]
    fn there_are_only_so_many() {
        let many = |count: usize| "a ".repeat(count);
        assert!(names(&[many(NAMES_PER_REQUEST_MAX).into()]).is_ok());
        let text = Value::from(many(1_000_000));
        assert_eq!(names(&[text]), Err(Refused::TooManyNames));
        let list = Value::Array(vec![value!("a"); NAMES_PER_REQUEST_MAX + 1]);
        assert_eq!(names(&[list]), Err(Refused::TooManyNames));
        let numbers = vec![value!(1); NAMES_PER_REQUEST_MAX + 1];
        assert_eq!(names(&numbers), Err(Refused::TooManyNames));
    }

    proptest! {
        #[test]
        fn no_value_is_a_panic_and_no_name_has_a_space(
            args in prop::collection::vec(any_value(), 0..4),
        ) {
            if let Ok(names) = names(&args) {
                prop_assert!(!names.is_empty() && names.len() <= NAMES_PER_REQUEST_MAX);
                prop_assert!(names.iter().all(|name| !name.is_empty() && !name.contains(' ')));
            }
        }
    }
}
