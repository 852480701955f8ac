//! Who may ask: a name and a password, as basic authorization sends them (RFC 7617).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;
use ring::hmac;
use ring::rand::SystemRandom;

/// The header `Authorization` that is right. A wrong one is told apart in a time that says nothing
/// about how far, or how long, the right one is: what is compared are keyed hashes.
pub(super) struct Credentials {
    header: String,
    key: hmac::Key,
    tag: hmac::Tag,
}

impl Credentials {
    /// # Errors
    /// The system has no random numbers.
    pub(super) fn new(username: &str, password: &str) -> Result<Self, ring::error::Unspecified> {
        let header = format!(
            "Basic {}",
            STANDARD.encode(format!("{username}:{password}"))
        );
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())?;
        let tag = hmac::sign(&key, header.as_bytes());
        Ok(Self { header, key, tag })
    }

    /// Whether this header is right. As in npm's plugin it is compared as it is.
    pub(super) fn are(&self, header: &str) -> bool {
        // One that is longer by far costs no more than one that is as long.
        let is_long = header.len() > self.header.len() + digest::SHA256_OUTPUT_LEN;
        !is_long && hmac::verify(&self.key, header.as_bytes(), self.tag.as_ref()).is_ok()
    }

    /// The header that this server shows to others.
    pub(super) fn header(&self) -> &str {
        &self.header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_header_is_right() {
        let credentials = Credentials::new("omega", "supreme").unwrap();
        let right = "Basic b21lZ2E6c3VwcmVtZQ==";
        assert_eq!(credentials.header(), right);
        assert!(credentials.are(right));
        let long = right.repeat(10_000);
        for wrong in [
            "",
            "Basic",
            "basic b21lZ2E6c3VwcmVtZQ==",
            "Basic b21lZ2E6c3VwcmVtZQ",
            &long,
        ] {
            assert!(!credentials.are(wrong), "{wrong:.40}");
        }
        let text = Credentials::new("ö", "ü:x").unwrap();
        assert!(text.are(&format!("Basic {}", STANDARD.encode("ö:ü:x"))));
    }
}
