//! From a type of the application to a value.

use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::{Extended, Misfit, Number, Object, Value};

impl Value {
    /// Makes the value of a type of the application: what encoding it and decoding it again would
    /// give.
    ///
    /// # Errors
    /// If its `Serialize` fails, or it holds a map whose keys are no strings, numbers or booleans.
    pub fn from_serialize<T: Serialize + ?Sized>(source: &T) -> Result<Self, Misfit> {
        source.serialize(ToValue)
    }
}

struct ToValue;

/// Methods that only differ in the type of what they are given.
macro_rules! into_value {
    ($($method:ident($type:ty))*) => {$(
        fn $method(self, value: $type) -> Result<Value, Misfit> {
            Ok(value.into())
        }
    )*};
}

impl Serializer for ToValue {
    type Ok = Value;
    type Error = Misfit;
    type SerializeSeq = Elements;
    type SerializeTuple = Elements;
    type SerializeTupleStruct = Elements;
    type SerializeTupleVariant = Elements;
    type SerializeMap = Members;
    type SerializeStruct = Members;
    type SerializeStructVariant = Members;

    into_value! {
        serialize_bool(bool)
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64)
        serialize_f32(f32) serialize_f64(f64) serialize_str(&str)
    }

    fn serialize_char(self, char: char) -> Result<Value, Misfit> {
        Ok(Value::String(char.into()))
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<Value, Misfit> {
        Ok(Value::Bytes(bytes.into()))
    }

    fn serialize_unit(self) -> Result<Value, Misfit> {
        Ok(Value::Null)
    }

    fn serialize_none(self) -> Result<Value, Misfit> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, some: &T) -> Result<Value, Misfit> {
        some.serialize(self)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, Misfit> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Value, Misfit> {
        Ok(variant.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        inner: &T,
    ) -> Result<Value, Misfit> {
        Extended::from_newtype(name, inner.serialize(self)?)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        inner: &T,
    ) -> Result<Value, Misfit> {
        Ok(tagged(Some(variant), inner.serialize(self)?))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Elements, Misfit> {
        Ok(Elements::default())
    }

    fn serialize_tuple(self, _: usize) -> Result<Elements, Misfit> {
        Ok(Elements::default())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Elements, Misfit> {
        Ok(Elements::default())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Elements, Misfit> {
        Ok(Elements {
            variant: Some(variant),
            ..Elements::default()
        })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members, Misfit> {
        Ok(Members::default())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members, Misfit> {
        Ok(Members::default())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Members, Misfit> {
        Ok(Members {
            variant: Some(variant),
            ..Members::default()
        })
    }
}

/// An array in the making.
#[derive(Default)]
struct Elements {
    variant: Option<&'static str>,
    elements: Vec<Value>,
}

/// The traits of serde that build an array; they differ in the name of one method.
macro_rules! build_elements {
    ($($trait:ident::$method:ident)*) => {$(
        impl $trait for Elements {
            type Ok = Value;
            type Error = Misfit;

            fn $method<T: Serialize + ?Sized>(&mut self, element: &T) -> Result<(), Misfit> {
                self.elements.push(element.serialize(ToValue)?);
                Ok(())
            }

            fn end(self) -> Result<Value, Misfit> {
                Ok(tagged(self.variant, Value::Array(self.elements)))
            }
        }
    )*};
}

build_elements! {
    SerializeSeq::serialize_element
    SerializeTuple::serialize_element
    SerializeTupleStruct::serialize_field
    SerializeTupleVariant::serialize_field
}

/// An object in the making.
#[derive(Default)]
struct Members {
    variant: Option<&'static str>,
    key: String,
    members: Vec<(String, Value)>,
}

impl Members {
    fn finish(self) -> Value {
        tagged(self.variant, Value::Object(Object::from(self.members)))
    }
}

impl SerializeMap for Members {
    type Ok = Value;
    type Error = Misfit;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Misfit> {
        self.key = key_text(key.serialize(ToValue)?)?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Misfit> {
        let key = std::mem::take(&mut self.key);
        self.members.push((key, value.serialize(ToValue)?));
        Ok(())
    }

    fn end(self) -> Result<Value, Misfit> {
        Ok(self.finish())
    }
}

/// The traits of serde that build an object of named fields.
macro_rules! build_members {
    ($($trait:ident)*) => {$(
        impl $trait for Members {
            type Ok = Value;
            type Error = Misfit;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Misfit> {
                self.members.push((key.into(), value.serialize(ToValue)?));
                Ok(())
            }

            fn end(self) -> Result<Value, Misfit> {
                Ok(self.finish())
            }
        }
    )*};
}

build_members!(SerializeStruct SerializeStructVariant);

/// An enum is an object with the name of its variant as its only key.
fn tagged(variant: Option<&'static str>, inner: Value) -> Value {
    match variant {
        Some(variant) => Value::Object(Object::from(vec![(variant.into(), inner)])),
        None => inner,
    }
}

/// Keys are text; whole numbers and booleans become text, as in JavaScript.
fn key_text(key: Value) -> Result<String, Misfit> {
    match key {
        Value::String(text) => Ok(text),
        Value::Bool(bool) => Ok(bool.to_string()),
        Value::Number(Number::Signed(number)) => Ok(number.to_string()),
        Value::Number(Number::Unsigned(number)) => Ok(number.to_string()),
        other => {
            let sentence = format!("a key must be a string, not {}", other.type_name());
            Err(Misfit::new(sentence))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use serde::Deserialize;
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::value;

    #[derive(Debug, PartialEq, serde::Serialize, Deserialize)]
    enum Order {
        Stop,
        Go(u32),
        To(f64, f64),
        Say { text: String, loud: Option<bool> },
    }

    #[derive(Debug, PartialEq, serde::Serialize, Deserialize)]
    struct Name(String);

    #[derive(Debug, PartialEq, serde::Serialize, Deserialize)]
    struct Robot {
        name: Name,
        model: char,
        orders: Vec<Order>,
        parts: BTreeMap<u8, i64>,
        owner: Option<String>,
        nothing: (),
    }

    fn there_and_back<T>(it: T, expected: Value)
    where
        T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
    {
        let value = Value::from_serialize(&it).unwrap();
        assert_eq!(value, expected);
        assert_eq!(value.into_type::<T>().unwrap(), it);
    }

    #[test]
    fn a_type_becomes_a_value_and_comes_back() {
        let say = Order::Say {
            text: "roll out".into(),
            loud: None,
        };
        let robot = Robot {
            name: Name("Optimus".into()),
            model: 'G',
            orders: vec![Order::Stop, Order::Go(1), Order::To(0.5, -1.0), say],
            parts: BTreeMap::from([(1, -1), (2, i64::MAX)]),
            owner: Some("Autobots".into()),
            nothing: (),
        };
        let expected = value!({
            "name": "Optimus",
            "model": "G",
            "orders": [
                "Stop",
                { "Go": 1 },
                { "To": [0.5, (-1)] },
                { "Say": { "text": "roll out", "loud": null } },
            ],
            "parts": { "2": (i64::MAX), "1": (-1) },
            "owner": "Autobots",
            "nothing": null,
        });
        // Numeric keys come back as text, which only a map of text can take.
        let parts = expected["parts"]
            .clone()
            .into_type::<BTreeMap<String, i64>>();
        assert_eq!(parts.unwrap()["2"], i64::MAX);
        assert_eq!(Value::from_serialize(&robot).unwrap(), expected);
        there_and_back(robot.orders, expected["orders"].clone());
        there_and_back(robot.name, "Optimus".into());
    }

    #[test]
    fn a_value_of_another_type_is_a_misfit() {
        assert!(value!(1.5).into_type::<i32>().is_err());
        assert!(value!(300).into_type::<u8>().is_err());
        assert!(value!([1, 2, 3]).into_type::<(u8, u8)>().is_err());
        assert!(
            value!({ "Stop": null, "Go": 1 })
                .into_type::<Order>()
                .is_err()
        );
        assert!(value!("Run").into_type::<Order>().is_err());
        assert!(value!(1).into_type::<Order>().is_err());
        assert_eq!(value!({ "Stop": null }).into_type(), Ok(Order::Stop));
    }

    #[test]
    fn a_key_that_is_no_text_is_a_misfit() {
        let error = Value::from_serialize(&HashMap::from([([1, 2], 3)])).unwrap_err();
        assert_eq!(error.to_string(), "a key must be a string, not an array");
    }
}
