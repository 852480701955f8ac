//! Secrets and keys, read from files and the environment.

use std::path::{Path, PathBuf};

use super::judges::Judges;
use super::jwt::{Demands, Jwt, Key, KeyError, Keys};
use super::options::AuthorizationOptions;
use super::sessions::{SecretsError, Sessions};
use super::tokens::{Tokens, TokensError};
use crate::file_bytes;

/// Bytes of a file of keys, at the most: 1 MiB are some ten thousand tokens.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// A file of keys, or a variable of the environment, that can't be used. Nothing of it is quoted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", self.place())]
pub struct KeyFileError {
    option: &'static str,
    path: Option<PathBuf>,
    reason: String,
}

impl KeyFileError {
    pub(super) fn of(option: &'static str, reason: String) -> Self {
        Self {
            option,
            path: None,
            reason,
        }
    }

    /// Which option it is about, by its name on the command line or in the environment.
    pub fn option(&self) -> &'static str {
        self.option
    }

    fn place(&self) -> String {
        let path = self.path.as_deref().map(Path::display);
        path.map_or_else(String::new, |path| format!("{path}: "))
    }
}

/// Reads everything that is judged by.
///
/// # Errors
/// The first file or variable that can't be used.
impl TryFrom<&AuthorizationOptions> for Judges {
    type Error = KeyFileError;

    fn try_from(options: &AuthorizationOptions) -> Result<Self, KeyFileError> {
        Ok(Self {
            sources: options.sources.clone(),
            tokens: tokens(options)?,
            jwt: jwt(options)?,
            sessions: sessions(options)?,
        })
    }
}

fn tokens(options: &AuthorizationOptions) -> Result<Option<Tokens>, KeyFileError> {
    let text = Text::of("auth-tokens-file", options.tokens_file.as_deref())?;
    let own = Text::given("auth-tokens", options.tokens.as_ref().map(|t| t.expose()));
    if text.is_some() && own.is_some() {
        return Err(twice("auth-tokens"));
    }
    let tokens = text.or(own).map(|text| {
        let tokens = Tokens::read(&text.text);
        tokens.map_err(|error: TokensError| text.error(error))
    });
    tokens.transpose()
}

fn jwt(options: &AuthorizationOptions) -> Result<Option<Jwt>, KeyFileError> {
    if !options.takes_jwt() {
        return Ok(None);
    }
    let mut keys = Keys::default();
    if let Some(path) = &options.jwt_secret_file {
        keys.add(secret(path).map_err(|reason| KeyFileError {
            option: "auth-jwt-secret-file",
            path: Some(path.clone()),
            reason,
        })?);
    }
    let own = options.jwt_secret.as_ref().map(|secret| secret.expose());
    if let Some(text) = Text::given("auth-jwt-secret", own) {
        keys.add(text.key(Key::secret(text.text.as_bytes()))?);
    }
    if let Some(text) = Text::of("auth-jwt-key-file", options.jwt_key_file.as_deref())? {
        keys.add(text.key(Key::pem(&text.text))?);
    }
    if let Some(text) = Text::of("auth-jwks-file", options.jwks_file.as_deref())? {
        text.key(keys.add_set(&text.text))?;
    }
    if !options.jwt_algorithms.is_empty() {
        let allowed = keys.allow(&options.jwt_algorithms);
        allowed.map_err(|error| KeyFileError::of("auth-jwt-algorithms", error.to_string()))?;
    }
    let demands = Demands {
        issuers: options.jwt_issuer.clone(),
        audiences: options.jwt_audience.clone(),
        leeway_s: options.jwt_leeway.get(),
        may_be_endless: !options.jwt_require_exp,
    };
    Ok(Some(Jwt::new(keys, &demands)))
}

/// A secret may be any bytes. A line's end behind it is the editor's.
fn secret(path: &Path) -> Result<Key, String> {
    let bytes = read(path)?;
    let end = bytes.iter().rposition(|byte| !b"\r\n".contains(byte));
    let secret = &bytes[..end.map_or(0, |end| end + 1)];
    Key::secret(secret).map_err(|error| error.to_string())
}

fn sessions(options: &AuthorizationOptions) -> Result<Option<Sessions>, KeyFileError> {
    let file = options.session_secrets_file.as_deref();
    let text = Text::of("auth-session-secrets-file", file)?;
    let own = options.session_secrets.as_ref();
    let own = Text::given("auth-session-secrets", own.map(|secrets| secrets.expose()));
    if text.is_some() && own.is_some() {
        return Err(twice("auth-session-secrets"));
    }
    let cookie = options.session_cookie.as_deref();
    let sessions = text.or(own).map(|text| {
        let sessions = Sessions::new(options.session_kind, cookie, &text.text);
        sessions.map_err(|error: SecretsError| text.error(error))
    });
    sessions.transpose()
}

/// Two lists would be one more than anybody looks at when a token is to be taken away.
fn twice(option: &'static str) -> KeyFileError {
    let reason = format!("{option}-file is there, too: write only one of them");
    KeyFileError::of(option, reason)
}

/// A text and where it comes from.
struct Text<'o> {
    option: &'static str,
    path: Option<&'o Path>,
    text: String,
}

impl<'o> Text<'o> {
    fn of(option: &'static str, path: Option<&'o Path>) -> Result<Option<Self>, KeyFileError> {
        let Some(path) = path else { return Ok(None) };
        let text = read(path).and_then(|bytes| {
            let text = String::from_utf8(bytes);
            text.map_err(|_| "it is not UTF-8".to_owned())
        });
        let text = text.map_err(|reason| KeyFileError {
            option,
            path: Some(path.to_owned()),
            reason,
        })?;
        let path = Some(path);
        Ok(Some(Self { option, path, text }))
    }

    fn given(option: &'static str, text: Option<&str>) -> Option<Self> {
        Some(Self {
            option,
            path: None,
            text: text?.to_owned(),
        })
    }

    fn error(&self, reason: impl ToString) -> KeyFileError {
        KeyFileError {
            option: self.option,
            path: self.path.map(Path::to_owned),
            reason: reason.to_string(),
        }
    }

    fn key<T>(&self, result: Result<T, KeyError>) -> Result<T, KeyFileError> {
        result.map_err(|error| self.error(error))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    file_bytes::read(path, FILE_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_secret_may_be_any_bytes_and_everything_else_is_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let bytes = [&[0xff; 32][..], b"\r\n"].concat();
        fs::write(&path, &bytes).unwrap();
        let options = AuthorizationOptions {
            jwt_secret_file: Some(path.clone()),
            ..AuthorizationOptions::default()
        };
        assert!(Judges::try_from(&options).is_ok());
        // Line ends do not make a secret longer.
        fs::write(&path, &bytes[1..]).unwrap();
        let error = Judges::try_from(&options).unwrap_err();
        assert_eq!(error.option(), "auth-jwt-secret-file");
        assert!(error.to_string().ends_with("(RFC 7518, 3.2)"), "{error}");
        let options = AuthorizationOptions {
            tokens_file: Some(path),
            ..AuthorizationOptions::default()
        };
        let error = Judges::try_from(&options).unwrap_err();
        assert!(error.to_string().ends_with("it is not UTF-8"), "{error}");
    }
}
