//! Which rooms are allowed.

use allspark_engine::{Value, room_matches};

/// Rooms that a claim may name, at most. A credential is short, so no honest one has more.
const CLAIMED_MAX: usize = 1_000;

/// Whether one of these patterns allows a room. A `*` in the name that is asked for is allowed by a
/// `*` only, so that whatever the name stands for is allowed, too.
pub(super) fn allows(patterns: &[impl AsRef<str>], name: &str) -> bool {
    let mut patterns = patterns.iter();
    patterns.any(|pattern| room_matches(pattern.as_ref(), name))
}

/// The rooms that a claim names: text in which spaces separate names, or a list of names. What is
/// something else names none.
pub(super) fn claimed(claim: &Value) -> Box<[Box<str>]> {
    let texts = match claim {
        Value::Array(list) => &list[..],
        one => std::slice::from_ref(one),
    };
    let texts = texts.iter().filter_map(Value::as_str);
    let names = texts.flat_map(|text| text.split(' '));
    let names = names.filter(|name| !name.is_empty());
    names.take(CLAIMED_MAX).map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use allspark_protocol::value;

    use super::*;

    #[test]
    fn a_star_allows_anything_and_only_a_star_allows_a_star() {
        let patterns = ["news", "chat:*", "user:*:public"];
        for name in [
            "news",
            "chat:",
            "chat:a:b",
            "user:7:public",
            "chat:*",
            "user:*:public",
        ] {
            assert!(allows(&patterns, name), "{name}");
        }
        for name in [
            "*",
            "new*",
            "n*",
            "newspaper",
            "chat",
            "user:7:private",
            "user:*",
            "",
        ] {
            assert!(!allows(&patterns, name), "{name}");
        }
        assert!(!allows(&[""; 0], "news"));
    }

    #[test]
    fn a_claim_is_text_or_a_list() {
        let names = |claim| claimed(&claim).join("|");
        assert_eq!(names(value!("a  b:*")), "a|b:*");
        assert_eq!(names(value!(["a", "b c", 7, null, ["d"]])), "a|b|c");
        for nothing in [value!(null), value!(7), value!({ "a": "b" }), value!("")] {
            assert_eq!(names(nothing), "");
        }
        let many = Value::from("a ".repeat(CLAIMED_MAX + 1));
        assert_eq!(claimed(&many).len(), CLAIMED_MAX);
    }
}
