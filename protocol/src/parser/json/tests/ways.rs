//! A scan by vectors says what one by words says, which the oracles judge: for texts of any length,
//! wherever in a block something begins, ends or is wrong, and at the same place. On a CPU without
//! AVX2 both are the same, and these tests say nothing.

use serde::de::IgnoredAny;

use crate::parser::json::scan::{by_vectors, by_words, scan};

/// Everything that the vectors look into, and a rest behind it that is longer than a block.
fn document() -> Vec<u8> {
    let numbers = "[0,-1,12.5,-0.25e-7,1E+30,123456789012345678901234567890,\
        1234567890123456789012345678901.5e9,0.12345678901234567890123456789012345,7e12]";
    let strings = r#"["","a","01234567","012345678901234567890123456789","\"\\\/\b\f\n\r\t",
        "0123456789012345678901234567890123456789\u00e9\uD83E\udd16 and more of it"]"#;
    let text = format!(
        r#"{{"n":{numbers}, "strings":{strings},"a key with more than a word":{{}},"é":"é"}}"#
    );
    let behind = " ".repeat(40);
    [text.as_bytes(), behind.as_bytes()].concat()
}

/// The verdict of both ways, which must be that of serde_json for what is UTF-8.
fn agree(text: &[u8]) {
    let words = by_words(text);
    assert_eq!(by_vectors(text), words, "{}", String::from_utf8_lossy(text));
    assert_eq!(scan(text).is_ok(), words.is_ok());
    if let Ok(text) = str::from_utf8(text) {
        let reference = serde_json::from_str::<IgnoredAny>(text);
        assert_eq!(reference.is_ok(), words.is_ok(), "{text}");
    }
}

#[test]
fn every_beginning_and_every_end() {
    let document = document();
    assert_eq!(scan(&document), Ok(()));
    for at in 0..document.len() {
        agree(&document[..at]);
        agree(&document[at..]);
    }
}

#[test]
fn every_place_for_a_wrong_byte() {
    let document = document();
    for at in 0..document.len() {
        for byte in *b"\x00\x1f \"\\/0159:;.eE+-,[]{}aunx\x7f\xb0\xe9" {
            let mut text = document.clone();
            text[at] = byte;
            agree(&text);
            text.splice(at..at, [document[at]]);
            agree(&text);
        }
    }
}

#[test]
fn numbers_of_every_shape_at_every_place() {
    let digits = |count: usize| "12345678901234567890123456789012345".split_at(count).0;
    let counts = [0, 1, 2, 7, 8, 9, 15, 29, 30, 31, 32, 33];
    for whole in counts {
        for fraction in counts {
            for exponent in ["", "e", "e5", "E+", "e-05", "e012345678"] {
                for sign in ["", "-", "0", "-0", "+"] {
                    let number = format!("{sign}{}.{}{exponent}", digits(whole), digits(fraction));
                    let whole_only = format!("{sign}{}{exponent}", digits(whole));
                    for number in [number, whole_only] {
                        for behind in ["", ",1", "                                        "] {
                            agree(format!("[{number}{behind}]").as_bytes());
                            agree(format!("{number}{behind}").as_bytes());
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn strings_of_every_length_at_every_place() {
    for length in 0..100 {
        for before in [0, 1, 5, 31] {
            for after in [
                "\"",
                "\\n\"",
                "\\u00e9\"",
                "\\x\"",
                "\\u00g0\"",
                "\u{1f}\"",
                "\\",
                "",
            ] {
                for behind in [0, 1, 4, 33] {
                    let inner = "a".repeat(length);
                    let text = format!(
                        "{}\"{inner}{after}{}",
                        " ".repeat(before),
                        " ".repeat(behind)
                    );
                    agree(text.as_bytes());
                }
            }
        }
    }
}
