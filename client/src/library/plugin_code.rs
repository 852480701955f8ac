//! Whether the code of a plugin can stand where the library puts it. One that can't would make the
//! whole library a syntax error, for everybody.
//!
//! This is no parser: of a client half it looks at what makes it a function, of both halves at
//! their literals, comments and brackets, and what it can't tell it lets pass.

use super::lexer::{Fault, Kind, Token, Tokens, tokens};

/// Whether a client half can be the source of a function.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check_client(text: &str) -> Result<(), Fault> {
    let mut tokens = tokens(text);
    let fault = tokens.fault.take().map_or(Ok(()), Err);
    if tokens.list.is_empty() {
        fault.clone()?;
        if !tokens.is_whole {
            return Err(Fault::new(
                1,
                "a function can't begin with a comment of HTML",
            ));
        }
    }
    // Of a text or a page this says more than the first quote that is not closed.
    let form = form(&tokens)?;
    fault?;
    check_is_no_module(&tokens)?;
    form.check(Reader {
        tokens: &tokens,
        at: 1,
    })
}

/// Whether `library` code can be statements.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check_library(text: &str) -> Result<(), Fault> {
    let mut tokens = tokens(text);
    if let Some(first) = tokens.list.first().filter(|first| first.text == "<") {
        return Err(Fault::new(first.line, "no statement begins with `<`"));
    }
    tokens.fault.take().map_or(Ok(()), Err)?;
    check_is_no_module(&tokens)
}

/// `import` and `export` stand at the top level of a module only; elsewhere they are keywords, too.
fn check_is_no_module(tokens: &Tokens<'_>) -> Result<(), Fault> {
    for (place, token) in tokens.list.iter().enumerate() {
        let next = tokens.list.get(place + 1);
        let is_declaration = match token.text {
            "export" => true,
            // Other than `import()` and `import.meta`.
            "import" => next.is_some_and(|next| next.kind != Kind::Mark || next.text == "{"),
            _ => false,
        };
        if is_declaration && token.kind == Kind::Word && token.depth == 0 {
            let what = format!("`{}` belongs to a module", token.text);
            return Err(Fault::new(token.line, what));
        }
    }
    Ok(())
}

/// What kind of function a text can be, judged by its begin.
enum Form {
    /// The word `function` has been read, or `async`.
    Function,
    /// The only parameter has been read, or `async`.
    Arrow,
    /// A bracket has been read. An arrow function, or an expression that gives a function.
    Brackets,
}

fn form(tokens: &Tokens<'_>) -> Result<Form, Fault> {
    let mut reader = Reader { tokens, at: 0 };
    let first = reader.next()?;
    match (first.kind, first.text) {
        (Kind::Word, "function") => Ok(Form::Function),
        (Kind::Word, "async") if reader.peek("function") => Ok(Form::Function),
        (Kind::Word, "async") => Ok(Form::Arrow),
        (Kind::Mark, "(") => Ok(Form::Brackets),
        (Kind::Word, _) if reader.peek("=>") => Ok(Form::Arrow),
        (Kind::Word, name) if reader.is_method() => {
            let what = format!("a method, as `{name}` may be, needs `function` before its name");
            Err(Fault::new(first.line, what))
        }
        _ => {
            let begin: String = first.text.chars().take(20).collect();
            let what = format!("a function can't begin with `{begin}`");
            Err(Fault::new(first.line, what))
        }
    }
}

impl Form {
    fn check(self, mut reader: Reader<'_, '_>) -> Result<(), Fault> {
        let first = reader.tokens.list[0];
        match self {
            Self::Function => {
                reader.skip("function");
                reader.function()
            }
            Self::Arrow if first.text == "async" && !reader.peek("=>") => {
                if reader.is_unread() {
                    return Ok(());
                }
                match reader.next()? {
                    Token { text: "(", .. } => reader.skip_brackets(),
                    Token { kind, line, .. } if kind != Kind::Word => {
                        return Err(Fault::new(line, "a function has no parameters"));
                    }
                    _ => {}
                }
                reader.arrow()
            }
            Self::Arrow => reader.arrow(),
            Self::Brackets => {
                reader.skip_brackets();
                match reader.peek("=>") || first.closed_by == Some(1) {
                    true => reader.arrow(),
                    false => Ok(()),
                }
            }
        }
    }
}

/// Reads a function from its begin.
struct Reader<'r, 't> {
    tokens: &'r Tokens<'t>,
    at: usize,
}

impl<'t> Reader<'_, 't> {
    /// The next token, which is missing if the text has an end before it.
    fn next(&mut self) -> Result<Token<'t>, Fault> {
        let list = &self.tokens.list;
        let token = list.get(self.at).copied().ok_or_else(|| {
            let line = list.last().map_or(1, |last| last.line);
            Fault::new(line, "ends before its function does")
        });
        self.at += 1;
        token
    }

    fn peek(&self, text: &str) -> bool {
        let next = self.tokens.list.get(self.at);
        next.is_some_and(|next| next.text == text)
    }

    fn skip(&mut self, text: &str) {
        self.at += usize::from(self.peek(text));
    }

    /// Whether the rest of what belongs to the function was left unread.
    fn is_unread(&self) -> bool {
        !self.tokens.is_whole && self.at >= self.tokens.list.len()
    }

    /// Goes behind the bracket that closes the one just read.
    fn skip_brackets(&mut self) {
        let closed_by = self.tokens.list[self.at - 1].closed_by;
        self.at = closed_by.map_or(self.tokens.list.len(), |place| place + 1);
    }

    /// What follows the word `function`.
    fn function(&mut self) -> Result<(), Fault> {
        self.skip("*");
        let list = &self.tokens.list;
        if list
            .get(self.at)
            .is_some_and(|next| next.kind == Kind::Word)
        {
            self.next()?;
        }
        for (bracket, missing) in [("(", "no parameters"), ("{", "no body")] {
            if self.is_unread() {
                return Ok(());
            }
            let next = self.next()?;
            if next.kind != Kind::Mark || next.text != bracket {
                return Err(Fault::new(next.line, format!("a function has {missing}")));
            }
            self.skip_brackets();
        }
        self.end()
    }

    /// What follows the parameters of an arrow function.
    fn arrow(&mut self) -> Result<(), Fault> {
        if self.is_unread() {
            return Ok(());
        }
        let arrow = self.next()?;
        if arrow.text != "=>" {
            return Err(Fault::new(arrow.line, "a function has no `=>`"));
        }
        if self.is_unread() {
            return Ok(());
        }
        if self.next()?.text == "{" {
            self.skip_brackets();
            return self.end();
        }
        Ok(())
    }

    /// What follows a function: an operator, the end of the statement, or another line.
    fn end(&self) -> Result<(), Fault> {
        let next = self.tokens.list.get(self.at);
        let goes_on = next.filter(|next| {
            let is_operator = matches!(next.text, "in" | "instanceof");
            next.kind == Kind::Word && !is_operator && !next.begins_line
        });
        goes_on.map_or(Ok(()), |next| {
            let what = format!("`{}` follows a function on the same line", next.text);
            Err(Fault::new(next.line, what))
        })
    }

    /// Whether the word just read is the name of a method, as `toString` gives it.
    fn is_method(&self) -> bool {
        let list = &self.tokens.list;
        let parameters = list.get(self.at).filter(|next| next.text == "(");
        let close = parameters.and_then(|open| open.closed_by);
        close.is_some_and(|place| list.get(place + 1).is_some_and(|next| next.text == "{"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_every_form_are_client_halves() {
        for text in [
            "function (primus, options) {}",
            "\u{feff}// first\n/* then */ function named() { return 1 }; // last",
            "function* () {}",
            "function \\u{61}() {}",
            "async function () {}",
            "function a() {}\nfunction b() {}",
            "function () {}.bind(null)",
            "function () {} instanceof Object, function () {}",
            "primus => primus.a = 1",
            "async => async",
            "async primus => {}",
            "async function named() {}",
            "async ({ a }, [b] = []) => {}",
            "(primus, { a = '}' } = {}) => { a(primus); }\n;",
            "() => ({})",
            "(function () {})",
            "(() => function () {})()",
            "function () { if (a) {} /'/.test(a) }",
            "function (a) { import('b'); return { export: a.import, import: 1 } }",
        ] {
            assert_eq!(check_client(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_is_no_function_is_no_client_half() {
        for (text, line, what) in [
            ("// nothing", 1, "ends before its function does"),
            ("\n some text", 2, "a function can't begin with `some`"),
            ("<!doctype html>", 1, "a function can't begin with `<`"),
            (
                "'use strict'",
                1,
                "a function can't begin with `'use strict'`",
            ),
            ("class A {}", 1, "a function can't begin with `class`"),
            ("plugin.js", 1, "a function can't begin with `plugin`"),
            (
                "var f = function () {}",
                1,
                "a function can't begin with `var`",
            ),
            (
                "functional (a) => {}",
                1,
                "a function can't begin with `functional`",
            ),
            (
                "client(primus) { primus.a = 1; }",
                1,
                "a method, as `client` may be, needs `function` before its name",
            ),
            ("function of a server", 1, "a function has no parameters"),
            ("function a", 1, "ends before its function does"),
            ("function (a) = {}", 1, "a function has no body"),
            ("function (a) {", 1, "`{` is not closed"),
            ("function (a) {\n}}", 2, "`}` closes nothing"),
            (
                "function (a) {\n(a]\n}",
                2,
                "`]` can't close the `(` of line 2",
            ),
            (
                "function a() {} b",
                1,
                "`b` follows a function on the same line",
            ),
            (
                "() => {} function b() {}",
                1,
                "`function` follows a function on the same line",
            ),
            ("a =>", 1, "ends before its function does"),
            ("()", 1, "ends before its function does"),
            ("isn't it", 1, "a function can't begin with `isn`"),
            (
                "<!-- a page -->",
                1,
                "a function can't begin with a comment of HTML",
            ),
            ("/* isn't it", 1, "a comment is not closed"),
            ("async 'a'", 1, "a function has no parameters"),
            ("async text", 1, "ends before its function does"),
            ("async (a) {}", 1, "a function has no `=>`"),
            ("function () {\na('b);\n}", 2, "a string is not closed"),
            (
                "function () {}\nexport default 1",
                2,
                "`export` belongs to a module",
            ),
        ] {
            assert_eq!(check_client(text), Err(Fault::new(line, what)), "{text}");
        }
    }

    #[test]
    fn library_code_is_statements() {
        for text in [
            "",
            "// c",
            "var a = 1",
            "'use strict'; (function () {}())",
            "/'/.a",
        ] {
            assert_eq!(check_library(text), Ok(()), "{text}");
        }
        for (text, what) in [
            ("<p>It isn't there</p>", "no statement begins with `<`"),
            ("import a from 'b';", "`import` belongs to a module"),
            ("export default 1", "`export` belongs to a module"),
            ("import 'b';", "`import` belongs to a module"),
            ("var a = {", "`{` is not closed"),
            ("}, function () {", "`}` closes nothing"),
            ("var a = `${b}", "a template literal is not closed"),
            ("a /* b", "a comment is not closed"),
        ] {
            assert_eq!(check_library(text), Err(Fault::new(1, what)), "{text}");
        }
    }
}
