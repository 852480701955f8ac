//! Who may log in: users with passwords, of which only hashes are known, and holders of tokens.

use std::path::Path;

use ring::hmac;
use scrypt::Scrypt;
use scrypt::password_hash::{PasswordHash, PasswordVerifier};

use super::bounds::{FILE_BYTES_MAX, PASSWORD_BYTES_MAX, SCRYPT_LOG_N_HIGHEST};
use super::chance::random_bytes;
use super::options::AdminSettings;
use crate::digests;

/// Shorter tokens are refused when they are read: they can be guessed.
const TOKEN_BYTES_MIN: usize = 22;

/// Who has a token without a name.
const NAMELESS: &str = "operator";

/// A hash that no password has, for names that nobody has: they take as long as others.
const NOBODYS: &str = "$scrypt$ln=15,r=8,p=3$c29tZSBzYWx0IGZvciBub2JvZHk$\
                       AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Who may log in. Nothing in it gives a password or a token away.
pub(super) struct Operators {
    users: Vec<(String, String)>,
    key: hmac::Key,
    tokens: Vec<(hmac::Tag, String)>,
    /// Of everything that was read: another one means that something has changed.
    pub(super) digest: [u8; 32],
}

impl Operators {
    /// Reads the files and the variable.
    ///
    /// # Errors
    /// The name of an option and what is wrong, in one line that quotes nothing.
    pub(super) fn read(settings: &AdminSettings) -> Result<Self, (&'static str, String)> {
        let users = text_of("admin-users-file", settings.users_file.as_deref())?;
        let (option, tokens) = match &settings.tokens {
            Some(tokens) => ("admin-tokens", Some(tokens.expose().to_owned())),
            None => {
                let option = "admin-tokens-file";
                (option, text_of(option, settings.tokens_file.as_deref())?)
            }
        };
        let users_of = |error| ("admin-users-file", error);
        let mut operators = Self {
            users: Vec::new(),
            key: hmac::Key::new(hmac::HMAC_SHA256, &random_bytes::<32>()),
            tokens: Vec::new(),
            digest: digest_of(&[users.as_deref(), tokens.as_deref()]),
        };
        if let Some(users) = users {
            operators.add_users(&users).map_err(users_of)?;
        }
        if let Some(tokens) = tokens {
            let of_tokens = |error| (option, error);
            operators.add_tokens(&tokens).map_err(of_tokens)?;
        }
        Ok(operators)
    }

    fn add_users(&mut self, text: &str) -> Result<(), String> {
        for (number, line) in meaningful_lines(text) {
            let wrong = |reason: &str| format!("line {number}: {reason}");
            let (name, hash) = line
                .split_once(':')
                .ok_or_else(|| wrong("it is no name, colon and hash"))?;
            if name.is_empty() || name.len() > 64 || name.contains(char::is_control) {
                return Err(wrong("a name has 1 to 64 bytes"));
            }
            if self.users.iter().any(|(known, _)| known == name) {
                return Err(wrong("this name stands in an earlier line already"));
            }
            if !is_payable(hash) {
                let reason =
                    "behind the name is no hash of scrypt; allspark admin-password makes one";
                return Err(wrong(reason));
            }
            self.users.push((name.to_owned(), hash.to_owned()));
        }
        match self.users.is_empty() {
            true => Err("there is no user in it".to_owned()),
            false => Ok(()),
        }
    }

    fn add_tokens(&mut self, text: &str) -> Result<(), String> {
        for (number, line) in meaningful_lines(text) {
            let (token, name) = line.split_once([' ', '\t']).unwrap_or((line, ""));
            let digest = match token.strip_prefix("sha256:") {
                Some(digits) => digests::from_hex(digits).ok_or_else(|| {
                    format!("line {number}: behind sha256: there are not 64 hexadecimal digits")
                })?,
                None if token.len() < TOKEN_BYTES_MIN => {
                    return Err(format!(
                        "line {number}: a token has at least {TOKEN_BYTES_MIN} bytes, or it can be \
                         guessed"
                    ));
                }
                None => digests::of_secret(token),
            };
            let name = match name.trim() {
                "" => NAMELESS,
                name => name,
            };
            let tag = hmac::sign(&self.key, &digest);
            self.tokens.push((tag, name.to_owned()));
        }
        match self.tokens.is_empty() {
            true => Err("there is no token in it".to_owned()),
            false => Ok(()),
        }
    }

    /// Whether somebody logs in with a name and a password.
    pub(super) fn has_users(&self) -> bool {
        !self.users.is_empty()
    }

    /// Whether somebody logs in with a token.
    pub(super) fn has_tokens(&self) -> bool {
        !self.tokens.is_empty()
    }

    /// Who has this token. How long it takes says nothing of any token.
    pub(super) fn of_token(&self, token: &str) -> Option<&str> {
        let digest = digests::of_secret(token);
        let mut found = None;
        for (tag, name) in &self.tokens {
            if hmac::verify(&self.key, &digest, tag.as_ref()).is_ok() {
                found = Some(name.as_str());
            }
        }
        found
    }

    /// Whether this is the user's password. It takes a while and much memory, on purpose, whether
    /// there is such a user or not.
    pub(super) fn is_password(&self, name: &str, password: &str) -> bool {
        let known = self.users.iter().find(|(known, _)| known == name);
        let hash = known.map_or(NOBODYS, |(_, hash)| hash);
        let hash = PasswordHash::new(hash).expect("it was judged when it was read");
        let is_right = password.len() <= PASSWORD_BYTES_MAX
            && Scrypt.verify_password(password.as_bytes(), &hash).is_ok();
        known.is_some() && is_right
    }
}

/// Whether it is a hash whose cost can be paid.
fn is_payable(text: &str) -> bool {
    let Ok(hash) = PasswordHash::new(text) else {
        return false;
    };
    let is_at_most = |(name, most): (&str, u32)| {
        let value = hash.params.get_decimal(name);
        value.is_some_and(|value| (1..=most).contains(&value))
    };
    let is_whole = hash.salt.is_some() && hash.hash.is_some();
    let bounds = [("ln", SCRYPT_LOG_N_HIGHEST), ("r", 8), ("p", 16)];
    hash.algorithm == scrypt::ALG_ID && is_whole && bounds.into_iter().all(is_at_most)
}

/// Lines that are neither empty nor begin with a `#`, counted from 1.
fn meaningful_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().map(str::trim).enumerate();
    let meant = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    meant.map(|(index, line)| (index + 1, line))
}

fn text_of(
    option: &'static str,
    path: Option<&Path>,
) -> Result<Option<String>, (&'static str, String)> {
    let Some(path) = path else { return Ok(None) };
    let read = || {
        let bytes = crate::file_bytes::read(path, FILE_BYTES_MAX)?;
        String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
    };
    let text = read().map_err(|reason| (option, format!("{}: {reason}", path.display())));
    text.map(Some)
}

fn digest_of(texts: &[Option<&str>]) -> [u8; 32] {
    let joined: Vec<&str> = texts.iter().map(|text| text.unwrap_or("\0")).collect();
    digests::of_secret(&joined.join("\0"))
}
