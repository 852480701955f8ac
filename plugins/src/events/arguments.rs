//! Arguments of an event that goes out.

use allspark_engine::{Json, Value};
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

/// Arguments of an event: nothing, one value, a tuple of up to eight values, or a [`List`].
///
/// `("a", 1)` are two arguments, `"a"` is one, `()` is none. A value is whatever serde serialises;
/// alone, without a tuple around it, it is text, a number, a truth value, a [`Value`], the
/// `Value` of `serde_json`, or a [`Json`]. `None` is null, as `undefined` is on the wire.
pub trait Arguments {
    /// How many there are.
    fn count(&self) -> usize;

    /// Adds them to an array.
    ///
    /// # Errors
    /// The parser can't express one of them.
    fn add_to<S: SerializeSeq>(&self, array: &mut S) -> Result<(), S::Error>;
}

/// Arguments of which only the application knows how many there are.
#[derive(Clone, Copy, Debug)]
pub struct List<'a, T>(pub &'a [T]);

impl<T: Serialize> Arguments for List<'_, T> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn add_to<S: SerializeSeq>(&self, array: &mut S) -> Result<(), S::Error> {
        self.0
            .iter()
            .try_for_each(|each| array.serialize_element(each))
    }
}

impl<A: Arguments + ?Sized> Arguments for &A {
    fn count(&self) -> usize {
        (**self).count()
    }

    fn add_to<S: SerializeSeq>(&self, array: &mut S) -> Result<(), S::Error> {
        (**self).add_to(array)
    }
}

impl<T: Serialize> Arguments for Json<T> {
    fn count(&self) -> usize {
        1
    }

    fn add_to<S: SerializeSeq>(&self, array: &mut S) -> Result<(), S::Error> {
        array.serialize_element(&self.0)
    }
}

/// Types that are one argument.
macro_rules! one_argument {
    ($($type:ty)*) => {$(
        impl Arguments for $type {
            fn count(&self) -> usize {
                1
            }

            fn add_to<S: SerializeSeq>(&self, array: &mut S) -> Result<(), S::Error> {
                array.serialize_element(self)
            }
        }
    )*};
}

one_argument!(str String bool char i8 i16 i32 i64 isize u8 u16 u32 u64 usize f32 f64);
one_argument!(Value serde_json::Value);

/// Tuples of so many.
macro_rules! tuple {
    ($count:literal $($type:ident $place:tt)*) => {
        impl<$($type: Serialize),*> Arguments for ($($type,)*) {
            fn count(&self) -> usize {
                $count
            }

            fn add_to<S: SerializeSeq>(&self, array: &mut S) -> Result<(), S::Error> {
                let _ = &array;
                $(array.serialize_element(&self.$place)?;)*
                Ok(())
            }
        }
    };
}

tuple!(0);
tuple!(1 A 0);
tuple!(2 A 0 B 1);
tuple!(3 A 0 B 1 C 2);
tuple!(4 A 0 B 1 C 2 D 3);
tuple!(5 A 0 B 1 C 2 D 3 E 4);
tuple!(6 A 0 B 1 C 2 D 3 E 4 F 5);
tuple!(7 A 0 B 1 C 2 D 3 E 4 F 5 G 6);
tuple!(8 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);

/// An event with its arguments as the plugins of Primus write them: `["event",arg,..]`.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a, A>(pub &'a str, pub &'a A);

impl<A: Arguments> Serialize for Named<'_, A> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut array = serializer.serialize_seq(Some(1 + self.1.count()))?;
        array.serialize_element(self.0)?;
        self.1.add_to(&mut array)?;
        array.end()
    }
}

/// Arguments without an event: the results of an acknowledgement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain<'a, A>(pub(crate) &'a A);

impl<A: Arguments> Serialize for Plain<'_, A> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut array = serializer.serialize_seq(Some(self.0.count()))?;
        self.0.add_to(&mut array)?;
        array.end()
    }
}

#[cfg(test)]
mod tests {
    use allspark_protocol::value;

    use super::*;

    fn json(args: impl Arguments) -> String {
        serde_json::to_string(&Named("e", &args)).unwrap()
    }

    #[test]
    fn what_people_write_first_are_arguments() {
        assert_eq!(json(()), r#"["e"]"#);
        assert_eq!(json("a"), r#"["e","a"]"#);
        assert_eq!(json(("a",)), r#"["e","a"]"#);
        assert_eq!(json(("a", 1, None::<bool>)), r#"["e","a",1,null]"#);
        assert_eq!(json(Json([1, 2])), r#"["e",[1,2]]"#);
        assert_eq!(json(List(&[1, 2])), r#"["e",1,2]"#);
        assert_eq!(json(value!({ "a": [1] })), r#"["e",{"a":[1]}]"#);
        let text = String::from("text");
        assert_eq!(json(&text), r#"["e","text"]"#);
        assert_eq!(json(text), r#"["e","text"]"#);
        assert_eq!(json((1, 2, 3, 4, 5, 6, 7, 8)), r#"["e",1,2,3,4,5,6,7,8]"#);
    }

    #[test]
    fn results_have_no_name() {
        let json = |text: &str| serde_json::to_string(&Plain(&(text, 2))).unwrap();
        assert_eq!(json("a"), r#"["a",2]"#);
        assert_eq!(serde_json::to_string(&Plain(&())).unwrap(), "[]");
    }
}
