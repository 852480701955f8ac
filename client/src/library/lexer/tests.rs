//! What the lexer sees, and what it leaves unread.

use super::*;

fn tokens(text: &str) -> Result<Tokens<'_>, Fault> {
    let mut tokens = super::tokens(text);
    match tokens.fault.take() {
        Some(fault) => Err(fault),
        None => Ok(tokens),
    }
}

fn texts(text: &str) -> Vec<&str> {
    let tokens = tokens(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
    assert!(tokens.is_whole, "{text}");
    tokens.list.iter().map(|token| token.text).collect()
}

#[test]
fn literals_and_comments_hide_what_they_hold() {
    for (text, expected) in [
        (r#"'a"\'(' + "'\"{""#, &[r#"'a"\'('"#, "+", r#""'\"{""#][..]),
        ("'a\\\r\n{' b", &["'a\\\r\n{'", "b"]),
        ("'\u{2028}'", &["'\u{2028}'"]),
        ("a // '(\n/* ` */ b", &["a", "b"]),
        ("`'( $ {`", &["`"]),
        ("`a${ `b${c}{` }}`", &["${", "${", "c", "}", "`", "}", "`"]),
        ("`\\`${{}}\\${`", &["${", "{", "}", "}", "`"]),
    ] {
        let found = texts(text);
        // A template literal is known by its end.
        let ends = found.iter().map(|text| match text.ends_with('`') {
            true => "`",
            false => text,
        });
        assert!(ends.eq(expected.iter().copied()), "{text}: {found:?}");
    }
}

/// The rest of each would not be closed if it were read otherwise.
#[test]
fn a_slash_is_known_by_what_stands_before_it() {
    for text in [
        "/'/",
        "a = /['/]\\/(/g.test(b)",
        "return /'/",
        "typeof /'/; f(/'/, /(/); [/'/]; !/'/; a ? /'/ : /(/; () => /'/",
        "if (a) /'/.test(b)",
        "if (a(b)) /'/.test(b); else /'/.test(c)",
        "for await (const a of b) /'/.test(a)",
        "`${/'/}`",
    ] {
        assert!(!texts(text).contains(&"/"), "{text}");
    }
    for text in [
        "a / '/'",
        "a.return / '/'; a?.if(b) / '/'",
        "(a) / '/'; f(a) / '/'; a[0] / '/'",
        "1. / '/'; .5 / '/'; 1e3/'/'",
        "'a' / '/'; `a` / '/'; /a/ / '/'; this / '/'",
        "a /= '/'",
    ] {
        assert!(texts(text).contains(&"/"), "{text}");
    }
}

#[test]
fn what_is_not_certain_is_left_unread() {
    for text in [
        "{}\n/'/.test(a)",
        "a++ / 2",
        "yield /'/",
        "a\n<!-- isn't code\n",
        "a\n--> isn't code\n",
    ] {
        assert!(!tokens(text).unwrap().is_whole, "{text}");
    }
    assert!(tokens("while (a --> 0) { b <! --c }").unwrap().is_whole);
}

#[test]
fn what_is_not_closed_is_named_with_its_line() {
    for (text, line, what) in [
        ("\n'a\n'", 2, "a string is not closed"),
        ("\"a", 1, "a string is not closed"),
        ("'a\\", 1, "a string is not closed"),
        ("a\n`\n${\n1}\n", 2, "a template literal is not closed"),
        ("`${", 1, "`${` is not closed"),
        ("\n/* \n* /", 2, "a comment is not closed"),
        ("a = /[/\n]/", 1, "a regular expression is not closed"),
        ("a = /a\\\n/", 1, "a regular expression is not closed"),
        ("(\n[\n", 2, "`[` is not closed"),
        ("{\n\n)", 3, "`)` can't close the `{` of line 1"),
        ("\n]", 2, "`]` closes nothing"),
    ] {
        assert_eq!(tokens(text).unwrap_err(), Fault::new(line, what), "{text}");
    }
}

/// The modules of the client hold every kind of token.
#[test]
fn our_own_code_is_read() {
    for (path, source) in super::super::modules::MODULES {
        let found = tokens(source).unwrap_or_else(|fault| panic!("{path}: {fault:?}"));
        assert!(found.is_whole, "{path}");
    }
}
