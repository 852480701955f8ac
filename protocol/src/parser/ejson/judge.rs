//! Whether what a text says makes sense, without building what it says. It agrees with
//! [`super::read`], with one exception: if an object has several members of one name, this looks at
//! all of them, and `read` only at the last.
//!
//! The text has passed the scan of JSON, so it is not nested deeper than
//! [`crate::limits::VALUE_DEPTH_MAX`], and neither is this recursion. If something is missing all
//! the same, it is skipped.

use super::forms::{Form, NAMES, form_of_names};
use super::read::{self, Nonsense};
use crate::parser::{Json, Parser, Scratch};
use crate::transformer::Kind;
use crate::value::Value;

/// Bytes of the longest name that matters, with its quotes and every character escaped.
const ESCAPED_NAME_BYTES_MAX: usize = 8 * 6 + 2;

/// Judges a text.
///
/// # Errors
/// The first thing that makes no sense.
pub(super) fn judge(text: &[u8]) -> Result<(), Nonsense> {
    let mut reader = Reader { text, at: 0 };
    reader.value().nonsense.map_or(Ok(()), Err)
}

/// What was found of a value.
#[derive(Clone, Copy)]
struct Found<'t> {
    shape: Shape<'t>,
    /// What makes no sense about it.
    nonsense: Option<Nonsense>,
    /// An object that stands for nothing: what makes no sense about its members.
    inside: Option<Nonsense>,
}

/// What a form has to know of a value.
#[derive(Clone, Copy)]
enum Shape<'t> {
    Null,
    Number(f64),
    /// With its quotes.
    Text(&'t [u8]),
    Object,
    Other,
}

impl<'t> Found<'t> {
    const fn plain(shape: Shape<'t>) -> Self {
        Self {
            shape,
            nonsense: None,
            inside: None,
        }
    }

    /// The value itself, if it is small: what forms hold.
    fn value(&self) -> Value {
        match self.shape {
            Shape::Number(number) => number.into(),
            Shape::Text(quoted) => text(quoted),
            Shape::Null => Value::Null,
            // Neither of these is in any form but `$escape` and `$value`.
            Shape::Object | Shape::Other => false.into(),
        }
    }
}

fn text(quoted: &[u8]) -> Value {
    let text = Json.decode(Kind::Text, quoted, &mut Scratch::default());
    text.unwrap_or_default()
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Reader<'t> {
    /// Skips white space, and shows what follows.
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.text.get(self.at) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    /// Takes the next character if it is this one.
    fn takes(&mut self, char: u8) -> bool {
        let is_next = self.peek() == Some(char);
        self.at += usize::from(is_next);
        is_next
    }

    fn value(&mut self) -> Found<'t> {
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => Found::plain(Shape::Text(self.string())),
            _ => Found::plain(self.scalar()),
        }
    }

    fn array(&mut self) -> Found<'t> {
        let mut found = Found::plain(Shape::Other);
        self.at += 1;
        while !self.takes(b']') && self.at < self.text.len() {
            let nonsense = self.value().nonsense;
            found.nonsense = found.nonsense.or(nonsense);
            self.takes(b',');
        }
        found
    }

    fn object(&mut self) -> Found<'t> {
        let mut members = Members::default();
        let mut inside = None;
        self.at += 1;
        while !self.takes(b'}') && self.at < self.text.len() {
            self.peek();
            let name = self.string();
            self.takes(b':');
            let value = self.value();
            inside = inside.or(value.nonsense);
            members.add(name, value);
            self.takes(b',');
        }
        Found {
            shape: Shape::Object,
            nonsense: match members.form() {
                Some(form) => members.judge(form).err(),
                None => inside,
            },
            inside,
        }
    }

    fn string(&mut self) -> &'t [u8] {
        let begin = self.at;
        self.at += 1;
        while let Some(&byte) = self.text.get(self.at) {
            self.at += 1;
            match byte {
                b'"' => break,
                b'\\' => self.at += 1,
                _ => {}
            }
        }
        self.at = self.at.min(self.text.len());
        &self.text[begin.min(self.at)..self.at]
    }

    /// A number, or a word.
    fn scalar(&mut self) -> Shape<'t> {
        let rest = &self.text[self.at..];
        let is_inside = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        // It takes at least one character, so the walk ends whatever the text is.
        let length = rest.iter().take_while(is_inside).count().max(1);
        self.at = self.text.len().min(self.at + length);
        let scalar = rest
            .get(..length)
            .and_then(|bytes| str::from_utf8(bytes).ok());
        match scalar.unwrap_or_default() {
            "null" => Shape::Null,
            "true" | "false" => Shape::Other,
            number => number.parse().map_or(Shape::Other, Shape::Number),
        }
    }
}

/// The members of an object, as long as it may be a form.
#[derive(Default)]
struct Members<'t> {
    /// Numbers of names, and their values.
    known: [Option<(usize, Found<'t>)>; 2],
    /// There is a member of another name, or there are too many.
    is_none: bool,
}

impl<'t> Members<'t> {
    fn add(&mut self, quoted: &[u8], value: Found<'t>) {
        let name = number_of(quoted);
        let is_same = |member: &&mut Option<(usize, _)>| {
            member
                .as_ref()
                .is_none_or(|(number, _)| Some(*number) == name)
        };
        match (name, self.known.iter_mut().find(is_same)) {
            (Some(name), Some(member)) => *member = Some((name, value)),
            _ => self.is_none = true,
        }
    }

    fn form(&self) -> Option<Form> {
        let mut names = self
            .known
            .iter()
            .flatten()
            .map(|(number, _)| NAMES[*number]);
        let found = form_of_names((names.next()?, names.next(), None));
        found.filter(|_| !self.is_none)
    }

    fn get(&self, name: &str) -> Found<'t> {
        let mut members = self.known.iter().flatten();
        let member = members.find(|(number, _)| NAMES[*number] == name);
        member.map_or(Found::plain(Shape::Null), |(_, found)| *found)
    }

    /// What [`read`] would say about what the form holds.
    fn judge(&self, form: Form) -> Result<(), Nonsense> {
        let escaped = self.get(super::forms::ESCAPE);
        if form == Form::Escape && matches!(escaped.shape, Shape::Object) {
            return escaped.inside.map_or(Ok(()), Err);
        }
        read::form(form, &mut |name| self.get(name).value()).map(drop)
    }
}

fn number_of(quoted: &[u8]) -> Option<usize> {
    let inside = quoted.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if quoted.len() > ESCAPED_NAME_BYTES_MAX {
        return None;
    }
    let find = |name: &[u8]| NAMES.iter().position(|known| known.as_bytes() == name);
    match inside.contains(&b'\\') {
        true => find(text(quoted).as_str()?.as_bytes()),
        false => find(inside),
    }
}
