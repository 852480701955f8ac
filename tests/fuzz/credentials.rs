//! Whatever can stand in the place of a token or a cookie: nothing makes a judge panic, and nobody
//! is let in with anything but what was signed.

use allspark::auth::{AuthorizationOptions, Judges, Secret, SessionKind};
use allspark_protocol::http::RequestHead;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use ring::hmac;

use crate::{below, noise, variable};

const TOKEN: &str = "0123456789abcdef-of-ann";
const SECRET: &str = "a secret of at least thirty-two bytes";
const NOW_MS: u64 = 1_700_000_000_000;

const ROUNDS: u64 = 4_000;

/// Calls `round` with the chance of each seed.
fn each_seed(round: impl Fn(&mut ChaCha12Rng)) {
    let first = variable("FUZZ_SEED", 1);
    for seed in first..first + variable("FUZZ_ROUNDS", ROUNDS) {
        println!("credentials FUZZ_SEED={seed} FUZZ_ROUNDS=1");
        round(&mut ChaCha12Rng::seed_from_u64(seed));
    }
}

fn judges(kind: SessionKind) -> Judges {
    let options = AuthorizationOptions {
        sources: "bearer,header:x-key,query:token,cookie:t".parse().unwrap(),
        tokens: Some(Secret::from(TOKEN.to_owned())),
        jwt_secret: Some(Secret::from(SECRET.to_owned())),
        session_secrets: Some(Secret::from(SECRET.to_owned())),
        session_kind: kind,
        session_cookie: Some("s".to_owned()),
        ..AuthorizationOptions::default()
    };
    Judges::try_from(&options).unwrap()
}

fn sign(algorithm: hmac::Algorithm, text: &str) -> hmac::Tag {
    hmac::sign(
        &hmac::Key::new(algorithm, SECRET.as_bytes()),
        text.as_bytes(),
    )
}

fn jwt(claims: &str) -> String {
    let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
    let message = format!("{}.{}", part(r#"{"alg":"HS256"}"#), part(claims));
    let signature = sign(hmac::HMAC_SHA256, &message);
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn express(id: &str) -> String {
    let signature = STANDARD.encode(sign(hmac::HMAC_SHA256, id));
    format!("s=s%3A{id}.{}", signature.trim_end_matches('='))
}

fn cookie_session(json: &str) -> String {
    let value = STANDARD.encode(json);
    let signature = sign(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &format!("s={value}"));
    format!("s={value}; s.sig={}", URL_SAFE_NO_PAD.encode(signature))
}

/// Changes some bytes into others that a head can have.
fn changed(text: &str, rng: &mut ChaCha12Rng) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..1 + below(rng, 3) {
        let at = below(rng, bytes.len());
        match below(rng, 4) {
            0 => bytes[at] = b' ' + below(rng, 95) as u8,
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, b".%=;s\" _A"[below(rng, 9)]),
            _ => bytes.truncate(at + 1),
        }
        if bytes.is_empty() {
            bytes.push(b'x');
        }
    }
    String::from_utf8(bytes).expect("ASCII")
}

fn judge(judges: &Judges, lines: &str) -> Option<String> {
    let head = format!("GET /primus HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n");
    let head = RequestHead::parse(head.as_bytes()).ok()?;
    let auth = judges.judge(&head, NOW_MS).ok()?;
    Some(auth.claims_json().to_owned())
}

#[test]
fn a_credential_that_was_changed_lets_nobody_in() {
    let claims = r#"{"exp":1700000060,"sub":"ann"}"#;
    let right = [
        (
            SessionKind::Express,
            format!("X-Key: {}", jwt(claims)),
            claims,
        ),
        (
            SessionKind::Express,
            format!("Authorization: Bearer {}", jwt(claims)),
            claims,
        ),
        (SessionKind::Express, format!("X-Key: {TOKEN}"), "{}"),
        (
            SessionKind::Express,
            format!("Cookie: {}", express("abc")),
            r#"{"sid":"abc"}"#,
        ),
        (
            SessionKind::CookieSession,
            format!("Cookie: {}", cookie_session(claims)),
            claims,
        ),
    ];
    for (kind, lines, claims) in right {
        let judges = judges(kind);
        assert_eq!(judge(&judges, &lines).as_deref(), Some(claims), "{lines}");
        each_seed(|rng| {
            let changed = changed(&lines, rng);
            // Quotes, spaces and another way to write %3A change nothing.
            if let Some(found) = judge(&judges, &changed) {
                assert_eq!(found, claims, "{changed}");
            }
        });
    }
}

#[test]
fn what_is_signed_may_be_anything() {
    let (express_judges, cookies) = (
        judges(SessionKind::Express),
        judges(SessionKind::CookieSession),
    );
    each_seed(|rng| {
        let text = match below(rng, 3) {
            0 => String::from_utf8_lossy(&noise(rng, 200)).into_owned(),
            1 => "[".repeat(below(rng, 2000)),
            _ => changed(
                r#"{"exp":1700000060,"nbf":1.5e9,"sub":["ann"],"aud":null}"#,
                rng,
            ),
        };
        judge(&express_judges, &format!("X-Key: {}", jwt(&text)));
        judge(&cookies, &format!("Cookie: {}", cookie_session(&text)));
    });
}

/// A file of keys is the operator's, but it is read anew while the server runs.
#[test]
fn a_file_of_keys_may_be_anything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let keys = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"a","x":"AAAA","y":"AAAA"},
        {"kty":"OKP","crv":"Ed25519","x":"AAAA"},{"kty":"oct","k":"AAAA","alg":"HS256"},
        {"kty":"RSA","n":"AAAA","e":"AQAB","use":"sig"}]}"#;
    each_seed(|rng| {
        // Each is written and read three times.
        if below(rng, 20) != 0 {
            return;
        }
        std::fs::write(&path, changed(keys, rng)).unwrap();
        for field in [0, 1, 2] {
            let mut options = AuthorizationOptions::default();
            let file = match field {
                0 => &mut options.jwks_file,
                1 => &mut options.jwt_key_file,
                _ => &mut options.tokens_file,
            };
            *file = Some(path.clone());
            drop(Judges::try_from(&options));
        }
    });
}
