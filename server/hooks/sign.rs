//! Signs requests as the Standard Webhooks have it (standardwebhooks.com, version 1.0.0): an HMAC
//! with SHA-256 over id, time and body, which libraries for npm, PyPI and others verify.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

/// What a secret begins with, if it says what it is.
const PREFIX: &str = "whsec_";

/// Bytes of a secret, by the specification.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Signs with each of its secrets, so that a secret can be exchanged while both sides run.
#[derive(Clone, Default)]
pub(super) struct Signer(Vec<hmac::Key>);

impl Signer {
    /// Reads secrets, one per line, the newest first.
    ///
    /// # Errors
    /// Why one of them is none. It is not quoted.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let keys = lines.map(key).collect::<Result<Vec<_>, _>>()?;
        match keys.is_empty() {
            true => Err("it holds no secret".to_owned()),
            false => Ok(Self(keys)),
        }
    }

    /// The value of the header `webhook-signature`. `None` without a secret.
    pub(super) fn sign(&self, id: &str, unix_s: u64, body: &[u8]) -> Option<String> {
        let signatures = self.0.iter().map(|key| {
            let mut context = hmac::Context::with_key(key);
            context.update(format!("{id}.{unix_s}.").as_bytes());
            context.update(body);
            format!("v1,{}", STANDARD.encode(context.sign()))
        });
        let signatures: Vec<String> = signatures.collect();
        (!signatures.is_empty()).then(|| signatures.join(" "))
    }
}

fn key(line: &str) -> Result<hmac::Key, String> {
    let encoded = line.strip_prefix(PREFIX).unwrap_or(line);
    let secret = STANDARD.decode(encoded).ok();
    let secret = secret.filter(|secret| SECRET_BYTES.contains(&secret.len()));
    let secret = secret.ok_or(
        "a secret is 24 to 64 random bytes in base64, with or without whsec_ before it: \
         echo whsec_$(openssl rand -base64 32)",
    )?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &secret))
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that the libraries of the specification test themselves with.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: u64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn it_signs_as_the_specification_says() {
        let signer = Signer::read(SECRET).unwrap();
        assert_eq!(signer.sign(ID, AT, BODY).unwrap(), SIGNATURE);
        let bare = Signer::read(&SECRET[PREFIX.len()..]).unwrap();
        assert_eq!(bare.sign(ID, AT, BODY).unwrap(), SIGNATURE);
        assert_ne!(signer.sign(ID, AT + 1, BODY).unwrap(), SIGNATURE);
    }

    #[test]
    fn each_secret_signs_and_none_is_shown() {
        let newer = format!("whsec_{}", STANDARD.encode([7; 32]));
        let signer = Signer::read(&format!("{newer}\n\n {SECRET} \n")).unwrap();
        let signatures = signer.sign(ID, AT, BODY).unwrap();
        let signatures: Vec<&str> = signatures.split(' ').collect();
        assert_eq!((signatures.len(), signatures[1]), (2, SIGNATURE));
        assert_eq!(format!("{signer:?}"), "Signer(2)");
        assert_eq!(Signer::default().sign(ID, AT, BODY), None);
    }

    #[test]
    fn what_is_no_secret_is_refused_and_not_quoted() {
        let long = STANDARD.encode([1; 65]);
        for text in [
            "",
            "\n",
            "whsec_",
            "short",
            "whsec_c2hvcnQ=",
            "whsec_!!!!",
            &long,
        ] {
            let refused = Signer::read(text).unwrap_err();
            let secret = text.trim().trim_start_matches(PREFIX);
            assert!(secret.is_empty() || !refused.contains(secret), "{refused}");
        }
    }
}
