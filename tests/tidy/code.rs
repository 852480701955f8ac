//! Tells the code of a Rust file from its comments and literals.

use std::iter::Peekable;
use std::str::Chars;

/// The text with comments and the insides of literals blanked. Lines and columns stay as they are.
pub(crate) fn code_only(text: &str) -> String {
    let mut scanner = Scanner {
        rest: text.chars().peekable(),
        out: String::new(),
    };
    while let Some(char) = scanner.keep() {
        match char {
            '/' if scanner.rest.peek() == Some(&'/') => scanner.line_comment(),
            '/' if scanner.rest.peek() == Some(&'*') => scanner.block_comment(),
            '"' => scanner.string(),
            '\'' => scanner.char_or_lifetime(),
            'r' if scanner.begins_a_word() => scanner.perhaps_raw_string(),
            _ => {}
        }
    }
    scanner.out
}

/// Whether `word` occurs in the code as a whole word, or as a path if it holds `::`.
pub(crate) fn has_word(code: &str, word: &str) -> bool {
    let part_of_word = |char: char| char.is_alphanumeric() || char == '_';
    code.match_indices(word).any(|(at, _)| {
        !code[..at].ends_with(part_of_word) && !code[at + word.len()..].starts_with(part_of_word)
    })
}

struct Scanner<'t> {
    rest: Peekable<Chars<'t>>,
    out: String,
}

impl Scanner<'_> {
    fn keep(&mut self) -> Option<char> {
        let char = self.rest.next()?;
        self.out.push(char);
        Some(char)
    }

    fn blank(&mut self) -> Option<char> {
        let char = self.rest.next()?;
        self.out.push(if char == '\n' { '\n' } else { ' ' });
        Some(char)
    }

    fn begins_a_word(&self) -> bool {
        // The byte and C strings br"" and cr"" begin with another letter.
        let before = self.out.trim_end_matches('r').trim_end_matches(['b', 'c']);
        !before.ends_with(|char: char| char.is_alphanumeric() || char == '_')
    }

    fn line_comment(&mut self) {
        while self.rest.peek().is_some_and(|char| *char != '\n') {
            self.blank();
        }
    }

    fn block_comment(&mut self) {
        // The first slash is kept already; the star after it opens the first level.
        let (mut previous, mut depth) = ('/', 0);
        while let Some(char) = self.blank() {
            match (previous, char) {
                ('/', '*') => depth += 1,
                ('*', '/') => depth -= 1,
                _ => {
                    previous = char;
                    continue;
                }
            }
            if depth == 0 {
                return;
            }
            previous = ' ';
        }
    }

    fn string(&mut self) {
        while let Some(char) = self.rest.peek().copied() {
            match char {
                '"' => break,
                '\\' => self.blank().and_then(|_| self.blank()),
                _ => self.blank(),
            };
        }
        self.keep();
    }

    fn char_or_lifetime(&mut self) {
        let mut ahead = self.rest.clone();
        match (ahead.next(), ahead.next()) {
            (Some('\\'), Some(_)) => {
                self.blank();
                self.blank();
                while self.blank().is_some_and(|char| char != '\'') {}
            }
            (Some(_), Some('\'')) => {
                self.blank();
                self.keep();
            }
            _ => {}
        }
    }

    fn perhaps_raw_string(&mut self) {
        let mut ahead = self.rest.clone();
        let mut hashes = 0;
        while ahead.next_if_eq(&'#').is_some() {
            hashes += 1;
        }
        if ahead.next() != Some('"') {
            return;
        }
        let end = format!("\"{}", "#".repeat(hashes));
        for _ in 0..=hashes {
            self.keep();
        }
        while !end.chars().eq(self.rest.clone().take(end.len())) {
            if self.blank().is_none() {
                return;
            }
        }
        for _ in 0..end.len() {
            self.keep();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_what_is_no_code() {
        let cases = [
            ("a // b\nc", "a /   \nc"),
            ("a /* b /* c */ d */ e", "a /                 e"),
            ("a /**/ b", "a /    b"),
            ("f(\"x\\\"y\") + g", "f(\"    \") + g"),
            ("r#\"a\"b\"# + br\"c\\\" + d", "r#\"   \"# + br\"  \" + d"),
            ("'a' + '\\'' + '\"' + 'b", "' ' + '    + ' ' + 'b"),
            ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
            ("for x in bar { r }", "for x in bar { r }"),
        ];
        for (text, code) in cases {
            assert_eq!(code_only(text), code);
        }
    }

    #[test]
    fn words_are_whole() {
        assert!(has_word("unsafe { x }", "unsafe"));
        assert!(has_word("(std::thread::sleep)", "std::thread"));
        assert!(!has_word("unsafe_code not_unsafe", "unsafe"));
    }
}
