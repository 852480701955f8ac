use proptest::prelude::*;

use super::*;

#[test]
fn what_is_missing_is_null() {
    let value = value!({ "a": [1, { "b": "c" }] });
    assert_eq!(value["a"][1]["b"].as_str(), Some("c"));
    assert!(value["a"][2].is_null());
    assert!(value["x"]["y"][0].is_null());
    assert!(value["a"]["length"].is_null());
    assert_eq!(value.get("x"), None);
}

#[test]
fn the_macro_writes_every_type() {
    let text = String::from("t");
    let value = value!({ "n": null, "t": text, "e": {}, "l": [], "x": (1 + 1), });
    let expected: Vec<(String, Value)> = vec![
        ("n".into(), Value::Null),
        ("t".into(), "t".into()),
        ("e".into(), Value::Object(Object::new())),
        ("l".into(), Value::Array(Vec::new())),
        ("x".into(), 2.into()),
    ];
    assert_eq!(value, Value::Object(expected.into_iter().collect()));
    assert_eq!(value!(true), Value::Bool(true));
}

#[test]
fn an_accessor_gives_nothing_of_another_type() {
    let all = value!([null, true, 1, "s", [], {}]);
    let all = all.as_array().unwrap();
    assert_eq!(all.iter().filter_map(Value::as_bool).count(), 1);
    assert_eq!(all.iter().filter_map(Value::as_f64).count(), 1);
    assert_eq!(all.iter().filter_map(Value::as_i64).count(), 1);
    assert_eq!(all.iter().filter_map(Value::as_u64).count(), 1);
    assert_eq!(all.iter().filter_map(Value::as_str).count(), 1);
    assert_eq!(all.iter().filter_map(Value::as_bytes).count(), 0);
    assert_eq!(all.iter().filter_map(Value::as_array).count(), 1);
    assert_eq!(all.iter().filter_map(Value::as_object).count(), 1);
    assert_eq!(Value::Bytes(vec![7]).as_bytes(), Some(&[7][..]));
}

fn object(members: &[(u16, i64)]) -> Object {
    let member = |&(key, value): &(u16, i64)| (key.to_string(), Value::from(value));
    members.iter().map(member).collect()
}

#[test]
fn members_keep_their_place() {
    let mut object = object(&[(1, 10), (2, 20), (3, 30)]);
    assert_eq!(object.insert("2", 21), Some(Value::from(20)));
    assert_eq!(object.insert("4", "x"), None);
    assert_eq!(object.remove("1"), Some(Value::from(10)));
    assert_eq!(object.remove("1"), None);
    let keys: Vec<_> = object.iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["2", "3", "4"]);
    assert_eq!(object.get("2"), Some(&Value::from(21)));
    assert_eq!(object.len(), 3);
}

#[test]
fn equality_does_not_look_at_the_order() {
    assert_eq!(object(&[(1, 1), (2, 2)]), object(&[(2, 2), (1, 1)]));
    assert_ne!(object(&[(1, 1), (2, 2)]), object(&[(2, 1), (1, 2)]));
    assert_ne!(object(&[(1, 1), (2, 2)]), object(&[(1, 1), (3, 2)]));
    assert_ne!(object(&[(1, 1)]), object(&[(1, 1), (2, 2)]));
}

proptest! {
    #[test]
    fn the_last_value_of_a_name_stands_in_the_place_of_the_first(
        members in prop::collection::vec((0..40u16, any::<i64>()), 0..80),
    ) {
        let mut expected = Object::new();
        for (key, value) in &members {
            expected.insert(key.to_string(), *value);
        }
        let united = object(&members);
        prop_assert!(united.iter().eq(expected.iter()), "{united:?} {expected:?}");
    }
}
