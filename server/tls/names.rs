//! Names of certificates, and who asks for one of them.

use std::collections::HashMap;

/// What is known by names, and by wildcards for the first part of a name (`*.example.org`).
#[derive(Debug)]
pub(super) struct ByName<T> {
    exact: HashMap<String, Vec<T>>,
    /// By what follows the star.
    wild: HashMap<String, Vec<T>>,
}

impl<T> Default for ByName<T> {
    fn default() -> Self {
        Self {
            exact: HashMap::new(),
            wild: HashMap::new(),
        }
    }
}

impl<T> ByName<T> {
    /// Adds something behind what has the same name.
    pub(super) fn add(&mut self, name: &str, value: T) {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let (map, name) = match name.strip_prefix('*') {
            Some(rest) if rest.starts_with('.') => (&mut self.wild, rest.to_owned()),
            _ => (&mut self.exact, name),
        };
        map.entry(name).or_default().push(value);
    }

    /// What is there for this name, in lower case. A star stands for one part, which is not empty
    /// (RFC 6125, 6.4.3).
    pub(super) fn find(&self, name: &str) -> &[T] {
        let name = name.trim_end_matches('.');
        if let Some(found) = self.exact.get(name) {
            return found;
        }
        let rest = name.find('.').filter(|at| *at > 0).map(|at| &name[at..]);
        let found = rest.and_then(|rest| self.wild.get(rest));
        found.map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_one_part() {
        let mut names = ByName::default();
        for (name, value) in [("A.org", 1), ("*.a.org", 2), ("b.a.org", 3), ("A.org", 4)] {
            names.add(name, value);
        }
        for (name, expected) in [
            ("a.org", &[1, 4][..]),
            ("a.org.", &[1, 4]),
            ("b.a.org", &[3]),
            ("c.a.org", &[2]),
            ("d.c.a.org", &[]),
            (".a.org", &[]),
            ("b.org", &[]),
            ("*.a.org", &[2]),
            ("", &[]),
        ] {
            assert_eq!(names.find(name), expected, "{name}");
        }
    }
}
