//! URLs of HTTP and HTTPS that an operator names to be asked.

use std::fmt;

use ureq::http::Uri;

/// Why a text is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Malformed,
    /// Flags are seen by everybody on the machine.
    Password,
}

/// Reads one. Who complains of it does not quote it, as it may hold a secret.
///
/// # Errors
/// See [`Wrong`].
pub(crate) fn read(text: &str) -> Result<Uri, Wrong> {
    let uri: Uri = text.parse().map_err(|_| Wrong::Malformed)?;
    let is_known = matches!(uri.scheme_str(), Some("http" | "https"));
    match uri.authority() {
        Some(authority) if authority.as_str().contains('@') => Err(Wrong::Password),
        Some(authority) if is_known && !authority.host().is_empty() => Ok(uri),
        _ => Err(Wrong::Malformed),
    }
}

/// Whether what it answers is encrypted.
pub(crate) fn is_https(uri: &Uri) -> bool {
    uri.scheme_str() == Some("https")
}

/// Writes it without a query, which may be a secret.
pub(crate) fn show(uri: &Uri, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let scheme = uri.scheme_str().unwrap_or_default();
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    write!(f, "{scheme}://{authority}{}", uri.path())
}
