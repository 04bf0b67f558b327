//! JSON objects of a provider or of a browser, read strictly.
//!
//! A member that occurs twice is an error: the provider's own program, a proxy and this gateway could each believe
//! another of the two. `serde_json` would take the last one.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// A JSON object.
pub(in crate::auth) type Object = Map<String, Value>;

/// A text that is no JSON object, or one with a member that occurs twice.
#[derive(Debug, thiserror::Error)]
#[error("no JSON object that can be read in one way only")]
pub(in crate::auth) struct NotAnObject;

/// Reads an object from the bytes of a response or of a part of a token.
pub(in crate::auth) fn object(bytes: &[u8]) -> Result<Object, NotAnObject> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict.deserialize(&mut deserializer).map_err(|_| NotAnObject)?;
    deserializer.end().map_err(|_| NotAnObject)?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(NotAnObject),
    }
}

/// The value of a member that has to be a text; `None` for every other kind of value.
pub(in crate::auth) fn text<'o>(object: &'o Object, name: &str) -> Option<&'o str> {
    object.get(name).and_then(Value::as_str)
}

/// Any value in which no object has a member twice. The parser itself limits how deep values are nested.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element_seed(Strict)? {
            list.push(element);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Object::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(Strict)?;
            if object.insert(name, value).is_some() {
                return Err(de::Error::custom("a member occurs twice"));
            }
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read_whole_or_refused() {
        assert_eq!(object(br#" {"a": [1, {"b": null}], "c": "\u00e4"} "#).unwrap().len(), 2);
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        for wrong in [
            "",
            "[]",
            "\"text\"",
            "null",
            "{} {}",
            "{\"a\":1,}",
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"a":{"b":1,"b":2}}"#,
            r#"{"a":[{"b":1,"b":2}]}"#,
            r#"{"a":1e999}"#,
            r#"{"a":NaN}"#,
            &deep,
        ] {
            assert!(object(wrong.as_bytes()).is_err(), "{wrong:.40}");
        }
        assert!(object(b"{\"a\":\"\xff\"}").is_err());
    }
}
