//! The name that somebody may have meant.

/// How alike two names must be, from 0 to 1, for one to be offered in place of the other.
const LIKENESS_MIN: f64 = 0.8;

/// The one of `known` that is most like `name`, if one is like it at all.
pub(crate) fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let likeness = |known: &'k str| (known, strsim::jaro_winkler(name, known));
    known
        .map(likeness)
        .filter(|(_, likeness)| *likeness >= LIKENESS_MIN)
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
        .map(|(known, _)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_offered_if_one_is_alike() {
        let known = || ["listen", "ping-interval", "transport"].into_iter();
        assert_eq!(nearest("lisen", known()), Some("listen"));
        assert_eq!(nearest("ping_interval", known()), Some("ping-interval"));
        assert_eq!(nearest("pinginterval", known()), Some("ping-interval"));
        assert_eq!(nearest("port", known()), None);
        assert_eq!(nearest("", known()), None);
        assert_eq!(nearest("x", std::iter::empty()), None);
    }
}
