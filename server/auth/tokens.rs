//! Static tokens: a list that an operator keeps.
//!
//! Each line is a token, or `sha256:` and the digest of one in hexadecimal digits, so that the file
//! gives nobody away; behind it may stand who has it. Empty lines and those with `#` in front mean
//! nothing.

use std::collections::HashMap;
use std::fmt;

use super::verdict::{Auth, Method};
use crate::digests::{self, Digest, Places, SECRET_BYTES_MIN, Wrong};

/// Tokens, and who has each.
pub(super) struct Tokens {
    places: Places,
    subjects: HashMap<Digest, Option<Box<str>>>,
}

/// A list that can't be used. Lines are counted from 1; none is quoted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TokensError {
    #[error("line {0}: a token has at least {SECRET_BYTES_MIN} bytes, or it can be guessed")]
    Short(usize),
    #[error("line {0}: behind sha256: there are not 64 hexadecimal digits")]
    Digest(usize),
    #[error("line {0}: this token stands in an earlier line already")]
    Twice(usize),
    #[error("there is no token in it")]
    Empty,
}

impl Tokens {
    /// Reads a list.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub(super) fn read(text: &str) -> Result<Self, TokensError> {
        let mut tokens = Self {
            places: Places::new(),
            subjects: HashMap::new(),
        };
        for (index, line) in text.lines().enumerate() {
            let (number, line) = (index + 1, line.trim());
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (token, subject) = line.split_once([' ', '\t']).unwrap_or((line, ""));
            let digest = digests::of_word(token).map_err(|wrong| match wrong {
                Wrong::Short => TokensError::Short(number),
                Wrong::Digest => TokensError::Digest(number),
            })?;
            let subject = subject.trim();
            let subject = (!subject.is_empty()).then(|| subject.into());
            let place = tokens.places.of(&digest);
            if tokens.subjects.insert(place, subject).is_some() {
                return Err(TokensError::Twice(number));
            }
        }
        match tokens.subjects.is_empty() {
            true => Err(TokensError::Empty),
            false => Ok(tokens),
        }
    }

    /// Who has this token, if it is one.
    pub(super) fn judge(&self, token: &str) -> Option<Auth> {
        let subject = self.places.of(&digests::of_secret(token));
        let subject = self.subjects.get(&subject)?;
        Some(Auth::new(Method::Token).subject_of(subject.as_deref()))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.subjects.len()
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens({})", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "# of the shop\n\n  0123456789abcdef0  Ann of sales\nfedcba9876543210\n\
        sha256:9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08\tb\n";

    #[test]
    fn a_token_is_known_by_itself_or_by_its_digest() {
        let tokens = Tokens::read(LIST).unwrap();
        assert_eq!(tokens.len(), 3);
        let subject = |token| {
            tokens
                .judge(token)
                .map(|auth| auth.subject().map(str::to_owned))
        };
        assert_eq!(
            subject("0123456789abcdef0"),
            Some(Some("Ann of sales".into()))
        );
        assert_eq!(subject("fedcba9876543210"), Some(None));
        assert_eq!(subject("test"), Some(Some("b".into())));
        for wrong in [
            "",
            "0123456789abcdef",
            "0123456789abcdef0 ",
            "Ann of sales",
            "# of the shop",
        ] {
            assert_eq!(subject(wrong), None, "{wrong}");
        }
        assert_eq!(format!("{tokens:?}"), "Tokens(3)");
    }

    #[test]
    fn a_list_that_is_wrong_is_refused_without_a_word_of_it() {
        for (text, expected) in [
            ("", TokensError::Empty),
            ("# only a remark", TokensError::Empty),
            ("\nshort", TokensError::Short(2)),
            ("sha256:12", TokensError::Digest(1)),
            (
                &format!("sha256:{}", "é".repeat(32)),
                TokensError::Digest(1),
            ),
            (
                "0123456789abcdef a\n0123456789abcdef b",
                TokensError::Twice(2),
            ),
        ] {
            assert_eq!(Tokens::read(text).unwrap_err(), expected, "{text}");
            assert!(!expected.to_string().contains("short"));
        }
    }
}
