//! What a value can be made of.

use super::{Date, Extended, Number, Object, Value};

impl From<bool> for Value {
    fn from(bool: bool) -> Self {
        Self::Bool(bool)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object)
    }
}

impl From<Extended> for Value {
    fn from(extended: Extended) -> Self {
        Self::Extended(Box::new(extended))
    }
}

impl From<Date> for Value {
    fn from(date: Date) -> Self {
        Extended::Date(date).into()
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        Self::Number(number)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(elements: Vec<T>) -> Self {
        Self::Array(elements.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<()> for Value {
    fn from((): ()) -> Self {
        Self::Null
    }
}

/// Numbers of the types that Rust has.
macro_rules! from_numbers {
    ($($type:ty)*) => {$(
        impl From<$type> for Value {
            fn from(number: $type) -> Self {
                Self::Number(number.into())
            }
        }
    )*};
}

from_numbers!(i8 i16 i32 i64 u8 u16 u32 u64 f32 f64);

/// Numbers that always fit the variant named.
macro_rules! number_from {
    ($($type:ty => $variant:ident)*) => {$(
        impl From<$type> for Number {
            fn from(number: $type) -> Self {
                Self::$variant(number.into())
            }
        }
    )*};
}

number_from!(
    i8 => Signed i16 => Signed i32 => Signed i64 => Signed
    u8 => Signed u16 => Signed u32 => Signed
    f32 => Float f64 => Float
);

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        i64::try_from(number).map_or(Self::Unsigned(number), Self::Signed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_types_become_values() {
        assert_eq!(Value::from(vec![1, 2]), crate::value!([1, 2]));
        assert_eq!(Value::from(Some("x")), Value::from("x"));
        assert_eq!(Value::from(None::<bool>), Value::Null);
        assert_eq!(Value::from(()), Value::Null);
        assert_eq!(Value::from(u64::MAX).as_u64(), Some(u64::MAX));
        assert!(matches!(Number::from(7u64), Number::Signed(7)));
        assert_eq!(Value::from(1.5f32).as_f64(), Some(1.5));
    }
}
