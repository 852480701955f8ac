//! What a text is in JavaScript.

use std::fmt::Write;

/// A string literal with this value. It is ASCII, whatever the text holds, and stays a literal in
/// the middle of a page: `<` is escaped, so it neither ends a script nor begins a comment in one.
/// Old browsers know no other escapes than these.
pub(super) fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            ' '..='~' if char != '<' => out.push(char),
            _ => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}").expect("a String takes everything");
                }
            }
        }
    }
    out.push('"');
    out
}

/// A text that can stand in a comment of one line, whatever it holds.
pub(super) fn comment(text: &str) -> String {
    string(text).replace("*/", "*\\/")
}

/// Whether a variable can have this name (ECMA-262, 12.7), in strict code, too. Of the characters
/// beyond ASCII it knows letters and digits.
pub(super) fn is_variable_name(name: &str) -> bool {
    let is_first = |char: char| char.is_alphabetic() || matches!(char, '_' | '$');
    let mut chars = name.chars();
    chars.next().is_some_and(is_first)
        && chars.all(|char| is_first(char) || char.is_numeric())
        && !RESERVED.contains(&name)
}

/// Words that are no names (ECMA-262, 12.7.2), and names whose global variable can't be changed.
const RESERVED: &[&str] = &[
    "arguments",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "var",
    "void",
    "while",
    "with",
    "yield",
    "Infinity",
    "NaN",
    "undefined",
    "window",
    "document",
    "location",
    "top",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_literal_before_its_time() {
        assert_eq!(string("/primus"), "\"/primus\"");
        assert_eq!(string("a\"b\\c"), r#""a\"b\\c""#);
        assert_eq!(string("</script><!--"), r#""\u003c/script>\u003c!--""#);
        assert_eq!(
            string("\n\u{2028}é𝄞\0"),
            r#""\u000a\u2028\u00e9\ud834\udd1e\u0000""#
        );
    }

    #[test]
    fn names_of_variables() {
        for name in ["Primus", "$", "_a1", "été", "Chat2"] {
            assert!(is_variable_name(name), "{name}");
        }
        for name in [
            "",
            "1a",
            "a-b",
            "a.b",
            "a b",
            "class",
            "a\"",
            "</script>",
            "window",
            "a\u{2028}",
        ] {
            assert!(!is_variable_name(name), "{name}");
        }
    }
}
