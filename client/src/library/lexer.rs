//! The words, literals and brackets of a JavaScript text, as far as they can be told without
//! parsing it (ECMA-262, 12).
//!
//! Whether a `/` divides or begins a regular expression is decided by what stands before it. Where
//! that is not certain the rest of the text is left unread: code that could be right is never
//! called wrong.

#[cfg(test)]
mod tests;

/// What a text consists of.
#[derive(Debug)]
pub(super) struct Tokens<'t> {
    pub(super) list: Vec<Token<'t>>,
    /// Whether the whole text was read.
    pub(super) is_whole: bool,
    /// The first literal, comment or bracket that is not closed, or that closes what it can't;
    /// nothing behind it was read.
    pub(super) fault: Option<Fault>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind,
    pub(super) text: &'t str,
    /// Counted from 1.
    pub(super) line: usize,
    /// Whether a line begins between the token before and the end of this one.
    pub(super) begins_line: bool,
    /// How many brackets are open around it.
    pub(super) depth: usize,
    /// Of an opening bracket: the place of the one that closes it.
    pub(super) closed_by: Option<usize>,
    /// Of a closing bracket: the place of the one that it closes.
    opened_by: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Word,
    /// A name behind a dot, which may look like a keyword.
    Property,
    /// A number, a string, the end of a template literal, or a regular expression.
    Literal,
    /// A bracket or an operator.
    Mark,
}

/// Why a text can't be JavaScript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) what: String,
}

impl Fault {
    pub(super) fn new(line: usize, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { line, what }
    }
}

/// Takes a text apart.
pub(super) fn tokens(text: &str) -> Tokens<'_> {
    let mut lexer = Lexer {
        text,
        at: 0,
        line: 1,
        begins_line: true,
        list: Vec::new(),
        open: Vec::new(),
    };
    let end = lexer.run();
    Tokens {
        list: lexer.list,
        is_whole: end == Ok(true),
        fault: end.err(),
    }
}

struct Lexer<'t> {
    text: &'t str,
    /// The place of the next character.
    at: usize,
    line: usize,
    begins_line: bool,
    list: Vec<Token<'t>>,
    /// Places of the brackets that are open.
    open: Vec<usize>,
}

/// What a `/` means.
enum Slash {
    Divides,
    BeginsLiteral,
    Unknown,
}

impl<'t> Lexer<'t> {
    /// Reads as far as possible; says whether that is the whole text.
    fn run(&mut self) -> Result<bool, Fault> {
        while self.skip_space()? {
            if !self.token()? {
                return Ok(false);
            }
        }
        self.open.last().map_or(Ok(true), |open| {
            let Token { text, line, .. } = self.list[*open];
            Err(Fault::new(line, format!("`{text}` is not closed")))
        })
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn take(&mut self) -> Option<char> {
        let char = self.rest().chars().next()?;
        self.at += char.len_utf8();
        if char == '\n' {
            self.line += 1;
        }
        self.begins_line |= is_line_end(char);
        Some(char)
    }

    /// Takes `text`, which has no line ends, if it comes next.
    fn take_text(&mut self, text: &str) -> bool {
        let is_next = self.rest().starts_with(text);
        if is_next {
            self.at += text.len();
        }
        is_next
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) {
        while self.rest().starts_with(&belongs) {
            self.take();
        }
    }

    /// Skips white space and comments; says whether something follows.
    fn skip_space(&mut self) -> Result<bool, Fault> {
        loop {
            self.take_while(is_space);
            if self.take_text("//") {
                self.take_while(|char| !is_line_end(char));
            } else if self.rest().starts_with("/*") {
                self.block_comment()?;
            } else {
                return Ok(!self.rest().is_empty());
            }
        }
    }

    fn block_comment(&mut self) -> Result<(), Fault> {
        let line = self.line;
        self.take_text("/*");
        while !self.take_text("*/") {
            let next = self.take();
            next.ok_or_else(|| Fault::new(line, "a comment is not closed"))?;
        }
        Ok(())
    }

    /// Reads a token; says whether the text can be read on.
    fn token(&mut self) -> Result<bool, Fault> {
        let rest = self.rest();
        // Comments of scripts in pages, but operators in modules.
        if rest.starts_with("<!--") || self.begins_line && rest.starts_with("-->") {
            return Ok(false);
        }
        let (start, line) = (self.at, self.line);
        match rest.chars().next().expect("something follows") {
            '"' | '\'' => self.string()?,
            '`' => {
                self.take();
                self.template(line)?;
            }
            '/' => match self.slash() {
                Slash::Divides => self.mark("/"),
                Slash::BeginsLiteral => self.regular_expression()?,
                Slash::Unknown => return Ok(false),
            },
            '0'..='9' => {
                self.take_while(|char| is_word(char) || char == '.');
                self.push(Kind::Literal, start, line);
            }
            char if is_word(char) => self.word(),
            '(' | '[' | '{' => self.open(1, line),
            ')' | ']' | '}' => self.close()?,
            _ => self.operator(),
        }
        Ok(true)
    }

    fn push(&mut self, kind: Kind, start: usize, line: usize) {
        self.list.push(Token {
            kind,
            text: &self.text[start..self.at],
            line,
            begins_line: self.begins_line,
            depth: self.open.len(),
            closed_by: None,
            opened_by: None,
        });
        self.begins_line = false;
    }

    fn mark(&mut self, text: &str) {
        let start = self.at;
        self.at += text.len();
        self.push(Kind::Mark, start, self.line);
    }

    fn operator(&mut self) {
        const LONG: [&str; 5] = ["...", "=>", "++", "--", "?."];
        let rest = self.rest();
        let long = LONG.into_iter().find(|text| rest.starts_with(text));
        let short = rest.chars().next().map_or(0, char::len_utf8);
        self.mark(long.unwrap_or(&rest[..short]));
    }

    fn word(&mut self) {
        let (start, line) = (self.at, self.line);
        loop {
            self.take_while(is_word);
            // A letter may be written as `\u{61}`.
            if !self.text[start..self.at].ends_with("\\u") || !self.take_text("{") {
                break;
            }
            self.take_while(|char| char.is_ascii_hexdigit());
            self.take_text("}");
        }
        let dots = [".", "?."];
        let kind = match self.list.last() {
            Some(before) if before.kind == Kind::Mark && dots.contains(&before.text) => {
                Kind::Property
            }
            _ => Kind::Word,
        };
        self.push(kind, start, line);
    }

    fn string(&mut self) -> Result<(), Fault> {
        let (start, line) = (self.at, self.line);
        let quote = self.take();
        loop {
            match self.take() {
                Some('\\') => self.escaped(),
                None | Some('\n' | '\r') => return Err(Fault::new(line, "a string is not closed")),
                char if char == quote => break,
                _ => {}
            }
        }
        self.push(Kind::Literal, start, line);
        Ok(())
    }

    /// Takes what a backslash stands before; a line may end with two characters.
    fn escaped(&mut self) {
        if self.take() == Some('\r') && self.rest().starts_with('\n') {
            self.take();
        }
    }

    /// Reads a template literal from behind its "`", or from behind the end of a `${}` in it, to
    /// its end or to the next `${`. `line` is where it begins.
    fn template(&mut self, line: usize) -> Result<(), Fault> {
        loop {
            let start = self.at;
            if self.take_text("`") {
                self.push(Kind::Literal, start, line);
                return Ok(());
            }
            if self.rest().starts_with("${") {
                self.open(2, line);
                return Ok(());
            }
            match self.take() {
                Some('\\') => self.escaped(),
                Some(_) => {}
                None => return Err(Fault::new(line, "a template literal is not closed")),
            }
        }
    }

    /// What the next `/` means, which begins no comment.
    fn slash(&self) -> Slash {
        let Some(before) = self.list.last() else {
            return Slash::BeginsLiteral;
        };
        match (before.kind, before.text) {
            (Kind::Word, text) if BEFORE_EXPRESSION.contains(&text) => Slash::BeginsLiteral,
            // Keywords in some places, names in others.
            (Kind::Word, "await" | "of" | "yield") => Slash::Unknown,
            (Kind::Word | Kind::Property | Kind::Literal, _) | (Kind::Mark, "]") => Slash::Divides,
            (Kind::Mark, ")") if self.ends_condition(before) => Slash::BeginsLiteral,
            (Kind::Mark, ")") => Slash::Divides,
            // The end of a block or of an object; behind an operand or before one.
            (Kind::Mark, "}" | "++" | "--") => Slash::Unknown,
            (Kind::Mark, _) => Slash::BeginsLiteral,
        }
    }

    /// Whether a `)` ends what stands between `if` and a statement, or the like.
    fn ends_condition(&self, close: &Token<'_>) -> bool {
        let before = &self.list[..close.opened_by.unwrap_or(0)];
        let is_statement = |token: &Token<'_>| {
            token.kind == Kind::Word && matches!(token.text, "for" | "if" | "while" | "with")
        };
        match before {
            [.., first, last] if last.kind == Kind::Word && last.text == "await" => {
                is_statement(first)
            }
            [.., last] => is_statement(last),
            [] => false,
        }
    }

    fn regular_expression(&mut self) -> Result<(), Fault> {
        let (start, line) = (self.at, self.line);
        let mut in_class = false;
        self.take();
        loop {
            let mut next = self.take();
            if next == Some('\\') {
                next = self.take().filter(|char| is_line_end(*char)).or(Some(' '));
            }
            match next {
                None => break,
                Some(char) if is_line_end(char) => break,
                Some('[') => in_class = true,
                Some(']') => in_class = false,
                Some('/') if !in_class => {
                    self.take_while(is_word);
                    self.push(Kind::Literal, start, line);
                    return Ok(());
                }
                Some(_) => {}
            }
        }
        Err(Fault::new(line, "a regular expression is not closed"))
    }

    /// Takes an opening bracket of some bytes.
    fn open(&mut self, bytes: usize, line: usize) {
        let start = self.at;
        self.at += bytes;
        self.push(Kind::Mark, start, line);
        self.open.push(self.list.len() - 1);
    }

    fn close(&mut self) -> Result<(), Fault> {
        let (start, line) = (self.at, self.line);
        self.take();
        let text = &self.text[start..self.at];
        let Some(place) = self.open.pop() else {
            return Err(Fault::new(line, format!("`{text}` closes nothing")));
        };
        let opening = self.list[place];
        let expected = match opening.text {
            "(" => ")",
            "[" => "]",
            _ => "}",
        };
        if text != expected {
            let (open, begun) = (opening.text, opening.line);
            let what = format!("`{text}` can't close the `{open}` of line {begun}");
            return Err(Fault::new(line, what));
        }
        self.list[place].closed_by = Some(self.list.len());
        self.push(Kind::Mark, start, line);
        if let Some(close) = self.list.last_mut() {
            close.opened_by = Some(place);
        }
        if opening.text == "${" {
            self.template(opening.line)?;
        }
        Ok(())
    }
}

/// Keywords after which an expression begins.
const BEFORE_EXPRESSION: &[&str] = &[
    "case",
    "delete",
    "do",
    "else",
    "extends",
    "in",
    "instanceof",
    "new",
    "return",
    "throw",
    "typeof",
    "void",
];

fn is_line_end(char: char) -> bool {
    matches!(char, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

fn is_space(char: char) -> bool {
    char.is_whitespace() || char == '\u{feff}'
}

/// Whether a character can be one of a name. Beyond ASCII that is taken for granted.
fn is_word(char: char) -> bool {
    char.is_ascii_alphanumeric()
        || matches!(char, '_' | '$' | '\\' | '#')
        || !char.is_ascii() && !is_space(char)
}
