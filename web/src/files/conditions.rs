//! What a client has already (RFC 9110, 13), and which part of a file it wants (14).

use std::time::{Duration, SystemTime};

/// The conditions of a request, as it has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Conditions {
    pub(super) if_match: Option<String>,
    pub(super) if_none_match: Option<String>,
    pub(super) if_modified_since: Option<String>,
    pub(super) if_unmodified_since: Option<String>,
    pub(super) if_range: Option<String>,
    pub(super) range: Option<String>,
}

/// What is sent of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    /// From here on, so many bytes.
    Bytes(u64, u64),
    /// It has no such part.
    Unsatisfiable,
    /// The client has it.
    NotModified,
    /// It is not the one that the client means.
    Failed,
}

impl Conditions {
    /// What is sent of a file with this entity tag, which is a strong one.
    pub(super) fn part(&self, tag: &str, changed: SystemTime, bytes: u64) -> Part {
        let is_older = |date: &str| date_of(date).map(|date| seconds(changed) <= seconds(date));
        if let Some(tags) = &self.if_match {
            if !has_tag(tags, tag, true) {
                return Part::Failed;
            }
        } else if let Some(date) = &self.if_unmodified_since
            && is_older(date) == Some(false)
        {
            return Part::Failed;
        }
        if let Some(tags) = &self.if_none_match {
            if has_tag(tags, tag, false) {
                return Part::NotModified;
            }
        } else if let Some(date) = &self.if_modified_since
            && is_older(date) == Some(true)
        {
            return Part::NotModified;
        }
        match (&self.range, &self.if_range) {
            (Some(_), Some(validator)) if !is_same(validator, tag, changed) => Part::Whole,
            (Some(range), _) => part(range, bytes),
            (None, _) => Part::Whole,
        }
    }
}

/// Whether a list of entity tags has this one. Where the comparison is strong, weak ones never
/// match.
fn has_tag(list: &str, tag: &str, is_strong: bool) -> bool {
    list.trim() == "*"
        || list.split(',').any(|other| {
            let other = other.trim();
            match other.strip_prefix("W/") {
                Some(other) => !is_strong && other == tag,
                None => other == tag,
            }
        })
}

/// Whether the validator of `If-Range` is that of the file: the date must be the very same.
fn is_same(validator: &str, tag: &str, changed: SystemTime) -> bool {
    match validator.trim() {
        validator if validator.ends_with('"') => validator == tag,
        date => date_of(date).is_some_and(|date| seconds(date) == seconds(changed)),
    }
}

fn date_of(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text).ok()
}

fn seconds(moment: SystemTime) -> u64 {
    moment
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs()
}

/// The part that a range means. One that can't be read is ignored, and so are several: whoever asks
/// for them has to take the whole file anyhow (RFC 9110, 14.2), and nobody is sent a file a
/// thousand times over.
fn part(range: &str, bytes: u64) -> Part {
    let Some((unit, range)) = range.split_once('=') else {
        return Part::Whole;
    };
    let Some((first, last)) = range.trim().split_once('-') else {
        return Part::Whole;
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Part::Whole;
    }
    match (number(first), number(last)) {
        (Number::None, Number::Is(0)) => Part::Unsatisfiable,
        (Number::None, Number::Is(_)) if bytes == 0 => Part::Unsatisfiable,
        (Number::None, Number::Is(count)) => {
            let count = count.min(bytes);
            Part::Bytes(bytes - count, count)
        }
        (Number::Is(first), Number::Is(last)) if last < first => Part::Whole,
        (Number::Is(first), Number::None | Number::Is(_)) if first >= bytes => Part::Unsatisfiable,
        (Number::Is(first), Number::None) => Part::Bytes(first, bytes - first),
        (Number::Is(first), Number::Is(last)) => {
            Part::Bytes(first, last.min(bytes - 1) - first + 1)
        }
        _ => Part::Whole,
    }
}

enum Number {
    None,
    Is(u64),
    Wrong,
}

/// Digits; more than fit are more than any file has.
fn number(text: &str) -> Number {
    match text {
        "" => Number::None,
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Number::Is(digits.parse().unwrap_or(u64::MAX))
        }
        _ => Number::Wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_a_part_of_the_file_or_nothing() {
        for (range, expected) in [
            ("bytes=0-", Part::Bytes(0, 100)),
            ("bytes=0-0", Part::Bytes(0, 1)),
            ("Bytes=10-19", Part::Bytes(10, 10)),
            ("bytes=90-1000", Part::Bytes(90, 10)),
            ("bytes=99-99999999999999999999999", Part::Bytes(99, 1)),
            ("bytes=-1", Part::Bytes(99, 1)),
            ("bytes=-1000", Part::Bytes(0, 100)),
            ("bytes=-99999999999999999999999", Part::Bytes(0, 100)),
            ("bytes=100-", Part::Unsatisfiable),
            ("bytes=99999999999999999999999-", Part::Unsatisfiable),
            ("bytes=-0", Part::Unsatisfiable),
            ("bytes=5-4", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("bytes=1-2-3", Part::Whole),
            ("bytes=0-1,5-6", Part::Whole),
            ("lines=0-1", Part::Whole),
            ("bytes", Part::Whole),
        ] {
            assert_eq!(part(range, 100), expected, "{range}");
        }
        assert_eq!(part("bytes=0-", 0), Part::Unsatisfiable);
        assert_eq!(part("bytes=-5", 0), Part::Unsatisfiable);
    }

    #[test]
    fn conditions_are_judged_in_their_order() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let (early, late) = (
            "Sun, 06 Nov 1994 08:49:36 GMT",
            "Sun, 06 Nov 1994 08:49:38 GMT",
        );
        let changed = date_of(date).unwrap() + Duration::from_millis(500);
        let part = |set: &dyn Fn(&mut Conditions)| {
            let mut conditions = Conditions::default();
            set(&mut conditions);
            conditions.part("\"x\"", changed, 100)
        };
        let some = |text: &str| Some(text.to_owned());
        for (tags, expected) in [
            ("\"x\"", Part::NotModified),
            ("\"a\", W/\"x\"", Part::NotModified),
            ("*", Part::NotModified),
            ("\"y\"", Part::Whole),
            ("x", Part::Whole),
        ] {
            assert_eq!(part(&|c| c.if_none_match = some(tags)), expected, "{tags}");
        }
        for (tags, expected) in [
            ("\"x\"", Part::Whole),
            ("*", Part::Whole),
            ("W/\"x\"", Part::Failed),
            ("\"y\"", Part::Failed),
        ] {
            assert_eq!(part(&|c| c.if_match = some(tags)), expected, "{tags}");
        }
        assert_eq!(
            part(&|c| c.if_modified_since = some(date)),
            Part::NotModified
        );
        assert_eq!(
            part(&|c| c.if_modified_since = some(late)),
            Part::NotModified
        );
        assert_eq!(part(&|c| c.if_modified_since = some(early)), Part::Whole);
        assert_eq!(
            part(&|c| c.if_modified_since = some("nonsense")),
            Part::Whole
        );
        assert_eq!(part(&|c| c.if_unmodified_since = some(early)), Part::Failed);
        assert_eq!(part(&|c| c.if_unmodified_since = some(date)), Part::Whole);
        // The tag outranks the date.
        let both = part(&|c| {
            (c.if_none_match, c.if_modified_since) = (some("\"y\""), some(late));
        });
        assert_eq!(both, Part::Whole);
        for (validator, expected) in [
            ("\"x\"", Part::Bytes(0, 5)),
            ("W/\"x\"", Part::Whole),
            ("\"y\"", Part::Whole),
            (date, Part::Bytes(0, 5)),
            (late, Part::Whole),
        ] {
            let found = part(&|c| (c.if_range, c.range) = (some(validator), some("bytes=0-4")));
            assert_eq!(found, expected, "{validator}");
        }
    }
}
