//! Text of others, as it may stand in a line.
//!
//! # Invariants
//! - Nothing of it ends a line, colours a terminal, or turns the order of what stands beside it:
//!   all control characters are escaped, and with them the separators of lines and paragraphs
//!   (U+2028 and U+2029), which some readers take for ends of lines, and what changes the direction
//!   of text.

use std::fmt::{self, Write};

/// Whether a character must not stand in a line as it is.
pub(crate) fn is_dangerous(character: char) -> bool {
    let turns = matches!(
        character,
        '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
    );
    character.is_control() || turns
}

/// Writes text for who reads lines.
pub(super) fn write_escaped(out: &mut impl Write, text: &str) -> fmt::Result {
    for character in text.chars() {
        if is_dangerous(character) {
            write!(out, "{}", character.escape_default())?;
        } else {
            out.write_char(character)?;
        }
    }
    Ok(())
}

/// Writes text as a string of JSON, with its quotes.
pub(crate) fn write_json_string(out: &mut impl Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            // All of them are in the first plane.
            _ if is_dangerous(character) => write!(out, "\\u{:04x}", u32::from(character))?,
            _ => out.write_char(character)?,
        }
    }
    out.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        let mut out = String::new();
        write_json_string(&mut out, text).unwrap();
        out
    }

    #[test]
    fn whatever_the_text_json_says_it_again() {
        let texts = (0..0x3000_u32).filter_map(char::from_u32);
        for text in texts.map(|character| format!("a{character}b\"\\")) {
            let written = json(&text);
            assert!(!written.chars().any(is_dangerous), "{written:?}");
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }
    }

    #[test]
    fn what_turns_the_direction_of_text_is_escaped_in_lines_too() {
        let mut out = String::new();
        write_escaped(&mut out, "a\u{202e}b\u{2028}\u{9b}c").unwrap();
        assert_eq!(out, r"a\u{202e}b\u{2028}\u{9b}c");
    }
}
