//! Where a word about an option comes from.

use std::fmt;

/// Where a word comes from, and how that is called in a complaint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    words: String,
    pub(crate) source: Source,
}

/// Who says something, the later outranking the earlier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Nobody.
    Default,
    /// A file, at this line and column, counted from 1.
    File {
        path: String,
        line: usize,
        column: usize,
    },
    /// The environment.
    Environment,
    /// The command line.
    Flag,
}

impl Source {
    /// Its name in what is printed for machines.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File { .. } => "file",
            Self::Environment => "environment",
            Self::Flag => "flag",
        }
    }
}

impl Origin {
    pub(crate) fn of_default(name: &str) -> Self {
        Self {
            words: name.to_owned(),
            source: Source::Default,
        }
    }

    /// A variable, by its whole name.
    pub(crate) fn of_variable(name: &str) -> Self {
        Self {
            words: name.to_owned(),
            source: Source::Environment,
        }
    }

    /// A flag, by its name without hyphens in front.
    pub(crate) fn of_flag(name: &str) -> Self {
        Self {
            words: format!("--{name}"),
            source: Source::Flag,
        }
    }

    /// A place of a file, with what stands there; nothing if that is not known.
    pub(crate) fn of_file(path: &str, (line, column): (usize, usize), key: &str) -> Self {
        let colon = if key.is_empty() { "" } else { ": " };
        Self {
            words: format!("{path}:{line}{colon}{}", key.escape_debug()),
            source: Source::File {
                path: path.to_owned(),
                line,
                column,
            },
        }
    }

    /// How it is called in a complaint, which is one line.
    pub(crate) fn words(&self) -> &str {
        &self.words
    }

    /// The same with the column, by which editors find a place.
    fn exact_words(&self) -> String {
        match &self.source {
            Source::File { path, line, column } => {
                let rest = self.words.get(format!("{path}:{line}").len()..);
                format!("{path}:{line}:{column}{}", rest.unwrap_or_default())
            }
            _ => self.words.clone(),
        }
    }

    /// Where to look for it: as `exact_words`, but without the name of what stands there.
    pub(crate) fn place(&self) -> String {
        match &self.source {
            Source::Default => "default".to_owned(),
            Source::File { path, line, column } => format!("{path}:{line}:{column}"),
            Source::Environment | Source::Flag => self.words.clone(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

/// What is wrong with what somebody has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// In one line, which begins with the words of the origin.
    text: String,
    origin: Option<Origin>,
}

impl Problem {
    pub(crate) fn at(origin: Origin, reason: impl fmt::Display) -> Self {
        Self {
            text: format!("{origin}: {reason}"),
            origin: Some(origin),
        }
    }

    /// One whose origin, if it has one, is among these: the line says its words first.
    pub(crate) fn found<'o>(text: String, origins: impl Iterator<Item = &'o Origin>) -> Self {
        let is_there = |origin: &&Origin| {
            let rest = text.strip_prefix(&origin.words);
            rest.is_some_and(|rest| rest.starts_with(':') || rest.starts_with('.'))
        };
        let origin = origins.filter(is_there).max_by_key(|o| o.words.len());
        let origin = origin.cloned();
        Self { text, origin }
    }

    /// Where it stands in a file, before all that stands in none.
    pub(crate) fn position(&self) -> (usize, usize) {
        match self.origin.as_ref().map(|origin| &origin.source) {
            Some(Source::File { line, column, .. }) => (*line, *column),
            _ => (usize::MAX, 0),
        }
    }

    /// In one line.
    pub(crate) fn into_line(self) -> String {
        self.text
    }

    /// In one line, with line and column if it stands in a file.
    pub(crate) fn exact_line(&self) -> String {
        match &self.origin {
            Some(origin) => {
                let rest = self.text.strip_prefix(&origin.words);
                format!("{}{}", origin.exact_words(), rest.unwrap_or_default())
            }
            None => self.text.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_the_column_only_where_it_is_wanted() {
        let origin = Origin::of_file("a.toml", (3, 7), "shards");
        let problem = Problem::at(origin.clone(), "no");
        assert_eq!(problem.exact_line(), "a.toml:3:7: shards: no");
        assert_eq!(problem.into_line(), "a.toml:3: shards: no");
        assert_eq!(origin.place(), "a.toml:3:7");
        let nowhere = Origin::of_file("a.toml", (1, 2), "");
        assert_eq!(Problem::at(nowhere, "no").exact_line(), "a.toml:1:2: no");
    }

    #[test]
    fn the_origin_of_a_line_is_found_by_its_words() {
        let origins = [
            Origin::of_file("a.toml", (3, 7), "shards"),
            Origin::of_file("a.toml", (3, 9), "shards-more"),
            Origin::of_variable("ALLSPARK_SHARDS"),
        ];
        for (text, expected) in [
            ("a.toml:3: shards: no", "a.toml:3:7: shards: no"),
            ("a.toml:3: shards.x: no", "a.toml:3:7: shards.x: no"),
            ("a.toml:3: shards-more: no", "a.toml:3:9: shards-more: no"),
            ("ALLSPARK_SHARDS: no", "ALLSPARK_SHARDS: no"),
            ("something else", "something else"),
        ] {
            let problem = Problem::found(text.to_owned(), origins.iter());
            assert_eq!(problem.exact_line(), expected);
        }
    }
}
