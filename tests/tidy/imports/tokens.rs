//! The tokens of Rust code, as far as paths need them.

/// A name, `::`, or one character of anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'c> {
    pub(super) text: &'c str,
    /// Counted from 1.
    pub(super) line: usize,
}

impl Token<'_> {
    pub(super) fn is_name(&self) -> bool {
        self.text.starts_with(begins_name)
    }
}

/// The tokens of code without comments and literals, and without what only tests see.
pub(super) fn tokens(code: &str) -> Vec<Token<'_>> {
    without_tests(&all(code))
}

fn begins_name(char: char) -> bool {
    char.is_alphabetic() || char == '_'
}

fn in_name(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

fn all(code: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for (number, mut rest) in code.lines().enumerate() {
        loop {
            rest = rest.trim_start();
            let Some(first) = rest.chars().next() else {
                break;
            };
            let name = rest.find(|char| !in_name(char)).unwrap_or(rest.len());
            let is_lifetime = first == '\'' && rest[1..].starts_with(begins_name);
            let length = match first {
                _ if name > 0 => name,
                ':' if rest.starts_with("::") => 2,
                '\'' if is_lifetime => {
                    let rest = &rest[1..];
                    1 + rest.find(|char| !in_name(char)).unwrap_or(rest.len())
                }
                other => other.len_utf8(),
            };
            let (text, after) = rest.split_at(length);
            let line = number + 1;
            tokens.push(Token { text, line });
            rest = after;
        }
    }
    tokens
}

/// Leaves out every item that stands below `#[cfg(test)]`, and everything if that is said of the
/// file.
fn without_tests<'c>(tokens: &[Token<'c>]) -> Vec<Token<'c>> {
    const INNER: [&str; 8] = ["#", "!", "[", "cfg", "(", "test", ")", "]"];
    const OUTER: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let begins = |rest: &[Token<'_>], with: &[&str]| {
        rest.len() >= with.len()
            && rest
                .iter()
                .zip(with)
                .all(|(token, text)| token.text == *text)
    };
    let mut kept = Vec::new();
    let mut rest = tokens;
    while let Some(token) = rest.first() {
        if begins(rest, &INNER) {
            return Vec::new();
        } else if begins(rest, &OUTER) {
            rest = after_item(&rest[OUTER.len()..]);
        } else {
            kept.push(*token);
            rest = &rest[1..];
        }
    }
    kept
}

/// What follows the item that `tokens` begin with.
fn after_item<'t, 'c>(mut tokens: &'t [Token<'c>]) -> &'t [Token<'c>] {
    while tokens.first().is_some_and(|token| token.text == "#") {
        tokens = &tokens[1..];
        tokens = &tokens[group(tokens)..];
    }
    // The braces of a `use` are not its end.
    let item = tokens
        .iter()
        .take_while(|token| !["{", ";"].contains(&token.text));
    let ends_with_brace = item.into_iter().all(|token| token.text != "use");
    while let Some(token) = tokens.first() {
        match token.text {
            ")" | "]" | "}" => return tokens,
            ";" => return &tokens[1..],
            "{" if ends_with_brace => return &tokens[group(tokens)..],
            _ => tokens = &tokens[group(tokens)..],
        }
    }
    tokens
}

/// How many tokens the group has that `tokens` begin with: one, if it is no bracket.
fn group(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(code: &str) -> Vec<&str> {
        tokens(code).iter().map(|token| token.text).collect()
    }

    #[test]
    fn names_and_paths_are_told_apart() {
        assert_eq!(
            texts("a::b_1(&'x c)"),
            ["a", "::", "b_1", "(", "&", "'x", "c", ")"]
        );
        let lines: Vec<_> = tokens("a\n\nb").iter().map(|token| token.line).collect();
        assert_eq!(lines, [1, 3]);
    }

    #[test]
    fn what_only_tests_see_is_left_out() {
        let cases = [
            ("#[cfg(test)] mod tests; a", "a"),
            ("#[cfg(test)] mod tests { fn f() { x } } a", "a"),
            (
                "#[cfg(test)] #[must_use] fn f<T>(x: [u8; 3]) -> T { x } a",
                "a",
            ),
            ("#[cfg(test)] use b::{c, d}; a", "a"),
            ("#[cfg(test)] pub(crate) const C: [u8; 2] = [1, 2]; a", "a"),
            ("struct S { #[cfg(test)] x: u8 } a", "struct S { } a"),
            ("#![cfg(test)] a", ""),
            ("#[cfg(feature)] a", "# [ cfg ( feature ) ] a"),
        ];
        for (code, kept) in cases {
            assert_eq!(texts(code).join(" "), kept, "{code}");
        }
    }
}
