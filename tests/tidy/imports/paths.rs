//! The paths that tokens hold.

use super::tokens::Token;

/// The names of a path, first to last. One that begins with `::` leads out of the crate and is
/// none.
pub(super) type Path = Vec<String>;

/// What one `use` brings into its module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) path: Path,
    /// The name that it has here; none for all names in a module (`*`).
    pub(super) name: Option<String>,
    /// Whether others may have it from here.
    pub(super) is_public: bool,
    pub(super) line: usize,
}

/// Reads what follows the word `use`, up to the semicolon, and returns how many tokens that is.
pub(super) fn read_use(tokens: &[Token<'_>], is_public: bool, uses: &mut Vec<Use>) -> usize {
    let length = tokens.iter().take_while(|token| token.text != ";").count();
    if tokens.first().is_some_and(|token| token.text != "::") {
        let mut rest = &tokens[..length];
        read_tree(&mut rest, &[], is_public, uses);
    }
    length
}

/// Reads one path, or one with braces, and what follows in the same braces.
fn read_tree(rest: &mut &[Token<'_>], prefix: &[String], is_public: bool, uses: &mut Vec<Use>) {
    let mut path = prefix.to_vec();
    while let Some((token, after)) = rest.split_first() {
        *rest = after;
        match token.text {
            "::" => {}
            "{" => {
                while !matches!(after_comma(rest), None | Some("}")) {
                    read_tree(rest, &path, is_public, uses);
                }
                *rest = rest.get(1..).unwrap_or_default();
                return;
            }
            "*" => {
                let line = token.line;
                uses.push(Use {
                    path,
                    name: None,
                    is_public,
                    line,
                });
                return;
            }
            name => {
                let is_itself = name == "self" && !path.is_empty();
                if !is_itself {
                    path.push(name.to_owned());
                }
                match rest.first().map(|token| token.text) {
                    Some("::") => {}
                    next => {
                        let mut name = path.last().cloned();
                        if next == Some("as") {
                            name = rest.get(1).map(|token| token.text.to_owned());
                            *rest = rest.get(2..).unwrap_or_default();
                        }
                        let line = token.line;
                        uses.push(Use {
                            path,
                            name,
                            is_public,
                            line,
                        });
                        return;
                    }
                }
            }
        }
    }
}

/// The next token that is no comma.
fn after_comma<'c>(rest: &mut &[Token<'c>]) -> Option<&'c str> {
    while rest.first().is_some_and(|token| token.text == ",") {
        *rest = &rest[1..];
    }
    rest.first().map(|token| token.text)
}

/// The path of several names that begins at `at`, if one does.
pub(super) fn path_at(tokens: &[Token<'_>], at: usize) -> Option<Path> {
    let before = at.checked_sub(1).map(|before| tokens[before].text);
    let is_visibility = before == Some("in") && at >= 3 && tokens[at - 3].text == "pub";
    if !tokens[at].is_name() || matches!(before, Some("::" | ".")) || is_visibility {
        return None;
    }
    let mut path = vec![tokens[at].text.to_owned()];
    for pair in tokens[at + 1..].chunks(2) {
        match pair {
            [colons, name] if colons.text == "::" && name.is_name() => {
                path.push(name.text.to_owned());
            }
            _ => break,
        }
    }
    (path.len() > 1).then_some(path)
}
