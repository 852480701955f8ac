//! The header `Sec-WebSocket-Extensions` (RFC 6455, 9.1), read as the npm package `ws` reads it.

use std::borrow::Cow;

use crate::http::is_token;

/// One extension of the list, with its parameters in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension<'v> {
    /// The name of the extension.
    pub name: &'v str,
    /// Names of parameters and their values, which may stand in quotes.
    pub parameters: Vec<(&'v str, Option<Cow<'v, str>>)>,
}

/// Reads the list in one header. `None` if it breaks the grammar anywhere, an empty list included.
pub fn parse(value: &str) -> Option<Vec<Extension<'_>>> {
    let mut rest = Rest(value);
    let mut list = Vec::new();
    loop {
        let mut extension = Extension {
            name: rest.token()?,
            parameters: Vec::new(),
        };
        loop {
            rest.skip_space();
            if !rest.take(';') {
                break;
            }
            rest.skip_space();
            extension.parameters.push(rest.parameter()?);
        }
        list.push(extension);
        if rest.0.is_empty() {
            return Some(list);
        }
        if !rest.take(',') {
            return None;
        }
        rest.skip_space();
    }
}

/// What has not been read yet.
struct Rest<'v>(&'v str);

impl<'v> Rest<'v> {
    /// A name and, directly behind it, perhaps a value.
    fn parameter(&mut self) -> Option<(&'v str, Option<Cow<'v, str>>)> {
        let name = self.token()?;
        if !self.take('=') {
            return Some((name, None));
        }
        let value = match self.take('"') {
            true => self.quoted()?,
            false => Cow::Borrowed(self.token()?),
        };
        Some((name, Some(value)))
    }

    fn token(&mut self) -> Option<&'v str> {
        let is_part = |byte: &u8| is_token(&[*byte]);
        let bytes = self.0.as_bytes().iter().take_while(|byte| is_part(byte));
        let (token, rest) = self.0.split_at(bytes.count());
        self.0 = rest;
        (!token.is_empty()).then_some(token)
    }

    /// What stands before the closing quote. Unescaped it must be a token (RFC 6455, 9.1).
    fn quoted(&mut self) -> Option<Cow<'v, str>> {
        let mut unescaped = Cow::Borrowed("");
        while !self.take('"') {
            if self.take('\\') {
                let escaped = self.0.get(..1)?;
                self.0 = &self.0[1..];
                unescaped += escaped;
            } else {
                unescaped += self.token()?;
            }
        }
        is_token(unescaped.as_bytes()).then_some(unescaped)
    }

    fn take(&mut self, char: char) -> bool {
        let rest = self.0.strip_prefix(char);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn skip_space(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was read, written down again without quotes.
    fn read(value: &str) -> Option<String> {
        let extensions = parse(value)?;
        let written = extensions.iter().map(|extension| {
            let parameters = extension.parameters.iter();
            let written = parameters.map(|(name, value)| match value {
                Some(value) => format!(";{name}={value}"),
                None => format!(";{name}"),
            });
            written.fold(extension.name.to_owned(), |all, one| all + &one)
        });
        Some(written.collect::<Vec<_>>().join(","))
    }

    /// Each with what `ws` 8.23 makes of it.
    #[test]
    fn lists_are_read_as_ws_reads_them() {
        let cases = [
            ("foo", "foo"),
            ("foo,bar", "foo,bar"),
            ("foo ,\tbar", "foo,bar"),
            ("foo; bar", "foo;bar"),
            ("foo ;bar ; baz=1 , qux", "foo;bar;baz=1,qux"),
            ("foo; bar=\"1\"", "foo;bar=1"),
            ("foo; bar=\"b\\a\\z\" ;q", "foo;bar=baz;q"),
            ("foo; bar=\"\\b\"", "foo;bar=b"),
            ("foo; bar; bar=2, foo", "foo;bar;bar=2,foo"),
        ];
        for (value, expected) in cases {
            assert_eq!(read(value).as_deref(), Some(expected), "{value}");
        }
    }

    #[test]
    fn what_ws_refuses_is_refused() {
        let cases = [
            "",
            ",",
            ";",
            "foo,",
            "foo,,bar",
            "foo;",
            "foo;;bar",
            "foo; bar=",
            "foo; =1",
            "foo; bar =1",
            "foo; bar= 1",
            "foo bar",
            "foo; bar baz",
            "foo; bar=\"\"",
            "foo; bar=\"1",
            "foo; bar=\"1\"2",
            "foo; bar=\"a b\"",
            "foo; bar=\"\\ \"",
            "foo; bar=\"1\\",
            "foo; bar=1\"",
            "f\u{f6}o",
            "foo; bar=\"\u{f6}\"",
            "foo; bar=\"\\\u{f6}\"",
            "foo=1",
            "\"foo\"",
            "foo; bar=a=b",
            "foo; bar=\"\"1",
        ];
        for value in cases {
            assert_eq!(parse(value), None, "{value}");
        }
    }
}
