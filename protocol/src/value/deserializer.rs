//! From a value to a type of the application.

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, EnumAccess, Error, IntoDeserializer, Unexpected,
    VariantAccess, Visitor,
};
use serde::{Deserializer, forward_to_deserialize_any};

use super::extended::VALUE;
use super::{Extended, Misfit, Number, Value};

impl Value {
    /// Turns the value into a type of the application, as if it had been decoded as that type.
    ///
    /// # Errors
    /// If the value is not that of a `T`.
    pub fn into_type<T: DeserializeOwned>(self) -> Result<T, Misfit> {
        T::deserialize(self)
    }
}

impl<'de> Deserializer<'de> for Value {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Bool(bool) => visitor.visit_bool(bool),
            Self::Number(Number::Signed(number)) => visitor.visit_i64(number),
            Self::Number(Number::Unsigned(number)) => visitor.visit_u64(number),
            Self::Number(Number::Float(number)) => visitor.visit_f64(number),
            Self::String(text) => visitor.visit_string(text),
            Self::Bytes(bytes) => visitor.visit_byte_buf(bytes),
            Self::Array(elements) => {
                SeqDeserializer::new(elements.into_iter()).deserialize_any(visitor)
            }
            Self::Object(object) => {
                MapDeserializer::new(object.into_iter()).deserialize_any(visitor)
            }
            Self::Extended(extended) => extended.into_plain().deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self {
            Self::Null => visitor.visit_none(),
            some => visitor.visit_some(some),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self {
            // Only a `Value` asks for this name, and only it takes an enum then.
            Self::Extended(extended) if name == VALUE => visitor.visit_enum(Handed(*extended)),
            other => visitor.visit_newtype_struct(other),
        }
    }

    /// An enum is its variant's name, or an object with that name as its only key.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self {
            Self::String(variant) => visitor.visit_enum(variant.into_deserializer()),
            Self::Object(object) if object.len() == 1 => {
                let variant = MapDeserializer::new(object.into_iter());
                MapAccessDeserializer::new(variant).deserialize_enum(name, variants, visitor)
            }
            other => Err(Misfit::invalid_type(
                Unexpected::Other(other.type_name()),
                &"a string, or an object with one key",
            )),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// An extended value on its way from a value to a value, for which serde has no type: the variant
/// is its newtype's name, and what is inside follows.
struct Handed(Extended);

impl<'de> EnumAccess<'de> for Handed {
    type Error = Misfit;
    type Variant = Value;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Value), Misfit> {
        let name: StrDeserializer<'_, Misfit> = self.0.newtype().into_deserializer();
        Ok((seed.deserialize(name)?, self.0.into_plain()))
    }
}

impl<'de> VariantAccess<'de> for Value {
    type Error = Misfit;

    fn unit_variant(self) -> Result<(), Misfit> {
        Err(Misfit::new("an extended value has something inside"))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Misfit> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.deserialize_any(visitor)
    }
}

impl IntoDeserializer<'_, Misfit> for Value {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
