//! Tokens that are right, and every way in which one can be wrong.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use super::*;
use crate::auth::judges::Judges;

const NOW_MS: u64 = 1_700_000_000_000;
const NOW_S: u64 = NOW_MS / 1000;
const SECRET: &[u8] = b"a secret of at least thirty-two bytes";

/// A signer of one kind of token.
enum Issuer {
    Hmac(hmac::Algorithm, Vec<u8>),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Issuer {
    fn hs256() -> Self {
        Self::Hmac(hmac::HMAC_SHA256, SECRET.to_vec())
    }

    fn p256() -> Self {
        let rng = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &rng).unwrap();
        Self::P256(EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &rng).unwrap())
    }

    fn ed25519() -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed25519(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap())
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = match self {
            Self::Hmac(algorithm, secret) => {
                let key = hmac::Key::new(*algorithm, secret);
                hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
            }
            Self::P256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message.as_bytes());
                signature.unwrap().as_ref().to_vec()
            }
            Self::Ed25519(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn public(&self) -> &[u8] {
        match self {
            Self::Hmac(_, secret) => secret,
            Self::P256(pair) => pair.public_key().as_ref(),
            Self::Ed25519(pair) => pair.public_key().as_ref(),
        }
    }

    /// As one of a set of keys.
    fn jwk(&self, id: &str) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let public = self.public();
        match self {
            Self::Hmac(..) => json!({ "kty": "oct", "kid": id, "k": text(public) }),
            Self::P256(_) => json!({ "kty": "EC", "crv": "P-256", "kid": id, "use": "sig",
                "alg": "ES256", "x": text(&public[1..33]), "y": text(&public[33..]) }),
            Self::Ed25519(_) => json!({ "kty": "OKP", "crv": "Ed25519", "kid": id,
                "x": text(public) }),
        }
    }

    /// In PEM format: what DER says around such a key is always the same.
    fn pem(&self) -> String {
        let prefix: &[u8] = match self {
            Self::P256(_) => {
                b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\
                \x48\xce\x3d\x03\x01\x07\x03\x42\x00"
            }
            _ => b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00",
        };
        let der = STANDARD.encode([prefix, self.public()].concat());
        format!("-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n")
    }
}

fn jwt_of(keys: impl IntoIterator<Item = Key>, demands: &Demands) -> Jwt {
    let mut all = Keys::default();
    keys.into_iter().for_each(|key| all.add(key));
    Jwt::new(all, demands)
}

fn hs256() -> Jwt {
    jwt_of([Key::secret(SECRET).unwrap()], &Demands::default())
}

fn set(keys: &[Value]) -> Keys {
    let mut all = Keys::default();
    all.add_set(&json!({ "keys": keys }).to_string()).unwrap();
    all
}

fn claims() -> Value {
    json!({ "sub": "ann", "exp": NOW_S + 60, "role": "admin" })
}

fn header(algorithm: &str) -> Value {
    json!({ "alg": algorithm, "typ": "JWT" })
}

#[test]
fn a_token_of_each_kind_of_key_is_known() {
    for (algorithm, issuer) in [("ES256", Issuer::p256()), ("EdDSA", Issuer::ed25519())] {
        let jwt = jwt_of([Key::pem(&issuer.pem()).unwrap()], &Demands::default());
        let token = issuer.sign(&header(algorithm), &claims());
        let auth = jwt.judge(&token, NOW_MS).unwrap();
        assert_eq!(auth.subject(), Some("ann"));
        assert_eq!(auth.expires_at_ms(), Some(NOW_MS + 60_000));
        assert!(auth.claims_json().contains("\"role\":\"admin\""));
    }
    let token = Issuer::hs256().sign(&header("HS256"), &claims());
    assert!(hs256().judge(&token, NOW_MS).is_ok());
}

/// The modulus of a key of 2048 bits that was made for these tests and thrown away.
const RSA_N: &str = "\
        wIITvKh9KZFZ9WOVYwSaQLNFENa8llr5jWtXIxbP8Cv7CG-TMw7_rTQwngqGE95swe4LRV1hf3ji20Z6HJvxNx\
        z2cmjwUZ7ysdAmArmS8RhKPg9UZmXRG9qU3mrIguAr95tfhQjYswvDw9ccMN1Hv5hF-TLyB3u9QQ7mTGR0hbeZ\
        CZJvGT4eEVm_5woxbrkyVkmT_GdyW32P0vkV_xCWSZyIDtgkrWhWF6k7hqFY0sSedRMyZPhGdhj5GJmq173Eai\
        guiEikt8HQvwnuBSE6jpRd-TwlbyHB5KzaTXn_h3R_TRrpGdVLHYOExv0_Yfp4UPLGgI8CMMGb2OSP0bHOpQ";

/// `{"sub":"joe","exp":1300819380}`, signed with RS256 by Node.js.
const RS256: &str = "\
        eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJqb2UiLCJleHAiOjEzMDA4MTkzODB9.JANBHu0dbk6HHp8Q5ltV34NX\
        nWceQ2JSLXel1EKgCUYxZOH7uV2_DAKCWwIcyTHLwyObDMkxYEdmxAnVYxhXZhhgFVHE2Jcixi8slr4VrwnLW-\
        XsJX3-p8RgqyjuTHX6Q13TW5srBBWSxgpeeJpst2nIS5dSqqDV-jlczIIaOJBFbsDxtaV1QBy-kQSDNs1D6M9T\
        2-7IHToybNupshASdveRJ22w_e2NOOl7gPSbHoV-ZBDs-NVwB_zbdH-2N73TaqlU9hC_IFozt1b4TRrRRWCPCn\
        pEa9OZNzQ7pIUYjtDhkDfXEPw7uF_kKNBdAjWO5Hk3X14GP17-l39t-w-9tw";

/// The same with PS256.
const PS256: &str = "\
        eyJhbGciOiJQUzI1NiJ9.eyJzdWIiOiJqb2UiLCJleHAiOjEzMDA4MTkzODB9.O4zeh6elIFIBWBCv8Fw2CiXw\
        aDl96yrq5lDciEpzpwilnpxpVFMDffRy3wqOjL6c6_Pr3QY5F_gNxF9f_RNWF_wohMDQidNLuqGg_pJiqFqCji\
        TDRSJLjhu0TX0rMpjK-vQc2VX0GvbJPFLRAzFqx3ECF1hv3g2Kgpmdmw4nIC44Kcdddy7h0ZNKkUcm-dlpvA-6\
        K1IyXD4gO6uPuXvWG7YWI8rV4YcvHi275W4194rhMWx-38IUT3PxwKSs1uApLt4JprKgkY4hnxP3Lnpn4YJgj3\
        D9sOq5TTxP-LAbQWCFtc0rgnb1kz7HkP1r5d39Oss7h-hEwU--PhkvJoFsvw";

const RSA_PEM: &str = "\
-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAwIITvKh9KZFZ9WOVYwSa
QLNFENa8llr5jWtXIxbP8Cv7CG+TMw7/rTQwngqGE95swe4LRV1hf3ji20Z6HJvx
Nxz2cmjwUZ7ysdAmArmS8RhKPg9UZmXRG9qU3mrIguAr95tfhQjYswvDw9ccMN1H
v5hF+TLyB3u9QQ7mTGR0hbeZCZJvGT4eEVm/5woxbrkyVkmT/GdyW32P0vkV/xCW
SZyIDtgkrWhWF6k7hqFY0sSedRMyZPhGdhj5GJmq173EaiguiEikt8HQvwnuBSE6
jpRd+TwlbyHB5KzaTXn/h3R/TRrpGdVLHYOExv0/Yfp4UPLGgI8CMMGb2OSP0bHO
pQIDAQAB
-----END PUBLIC KEY-----
";

#[test]
fn a_token_of_rsa_is_known() {
    let jwk = |n: &str| json!({ "kty": "RSA", "n": n, "e": "AQAB", "kid": "joe" });
    let jwt = Jwt::new(set(&[jwk(RSA_N)]), &Demands::default());
    let then_ms = 1_300_819_000_000;
    let verdict = jwt.judge(RS256, then_ms);
    assert_eq!(
        verdict.map(|auth| auth.expires_at_ms()),
        Ok(Some(1_300_819_380_000))
    );
    assert_eq!(jwt.judge(RS256, NOW_MS), Err(Reason::Expired));
    let (message, signature) = RS256.rsplit_once('.').unwrap();
    let changed = format!("{message}.A{}", &signature[1..]);
    assert_eq!(jwt.judge(&changed, then_ms), Err(Reason::Invalid));
    // Another padding of the signature has to be allowed.
    assert_eq!(jwt.judge(PS256, then_ms), Err(Reason::Invalid));
    let mut keys = Keys::default();
    keys.add(Key::pem(RSA_PEM).unwrap());
    keys.allow(&["PS256".parse().unwrap()]).unwrap();
    let of_pem = Jwt::new(keys, &Demands::default());
    assert!(of_pem.judge(PS256, then_ms).is_ok());
    assert_eq!(of_pem.judge(RS256, then_ms), Err(Reason::Invalid));
    // A padded modulus is the same one.
    let padded = [&[0][..], &URL_SAFE_NO_PAD.decode(RSA_N).unwrap()].concat();
    let padded = set(&[jwk(&URL_SAFE_NO_PAD.encode(padded))]);
    let padded = Jwt::new(padded, &Demands::default());
    assert!(padded.judge(RS256, then_ms).is_ok());
}

#[test]
fn a_token_that_is_not_signed_is_refused() {
    let jwt = hs256();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    for name in ["none", "None", "NONE", "nOnE", ""] {
        let unsigned = format!("{}.{}.", part(&header(name)), part(&claims()));
        assert_eq!(jwt.judge(&unsigned, NOW_MS), Err(Reason::Invalid), "{name}");
        let signed = Issuer::hs256().sign(&header(name), &claims());
        assert_eq!(jwt.judge(&signed, NOW_MS), Err(Reason::Invalid), "{name}");
    }
    let right = Issuer::hs256().sign(&header("HS256"), &claims());
    let (message, _) = right.rsplit_once('.').unwrap();
    for wrong in [
        message.to_owned(),
        format!("{message}."),
        format!("{right}."),
        format!(".{right}"),
        format!("{right}="),
        String::new(),
        "..".to_owned(),
        "a.b.c".to_owned(),
    ] {
        assert_eq!(jwt.judge(&wrong, NOW_MS), Err(Reason::Invalid), "{wrong}");
    }
}

/// What is public must never be taken for a secret.
#[test]
fn a_public_key_is_no_secret() {
    let issuer = Issuer::p256();
    let pem = issuer.pem();
    let jwt = jwt_of([Key::pem(&pem).unwrap()], &Demands::default());
    for secret in [pem.as_bytes(), pem.trim().as_bytes(), issuer.public()] {
        for (name, algorithm) in [("HS256", hmac::HMAC_SHA256), ("HS512", hmac::HMAC_SHA512)] {
            let forger = Issuer::Hmac(algorithm, secret.to_vec());
            let token = forger.sign(&header(name), &claims());
            assert_eq!(jwt.judge(&token, NOW_MS), Err(Reason::Invalid), "{name}");
        }
    }
    // Nor may the token choose another digest, bring a key, or name where one is.
    let stranger = Issuer::p256();
    let mut with_key = header("ES256");
    with_key["jwk"] = stranger.jwk("x");
    with_key["jku"] = json!("https://evil.example/keys");
    let token = stranger.sign(&with_key, &claims());
    assert_eq!(jwt.judge(&token, NOW_MS), Err(Reason::Invalid));
    let longer = Issuer::Hmac(hmac::HMAC_SHA512, SECRET.to_vec());
    let token = longer.sign(&header("HS512"), &claims());
    assert_eq!(hs256().judge(&token, NOW_MS), Err(Reason::Invalid));
    let mut critical = header("HS256");
    critical["crit"] = json!(["exp"]);
    critical["exp"] = json!(1);
    let token = Issuer::hs256().sign(&critical, &claims());
    assert_eq!(hs256().judge(&token, NOW_MS), Err(Reason::Invalid));
}

#[test]
fn times_are_judged_with_leeway() {
    let demands = Demands {
        leeway_s: 10,
        ..Demands::default()
    };
    let jwt = jwt_of([Key::secret(SECRET).unwrap()], &demands);
    let judge = |times: Value| {
        let token = Issuer::hs256().sign(&header("HS256"), &times);
        jwt.judge(&token, NOW_MS)
            .map(|auth| auth.expires_at_ms().unwrap())
    };
    let late = NOW_S + 1000;
    assert_eq!(judge(json!({ "exp": NOW_S - 9 })), Ok(NOW_MS + 1000));
    assert_eq!(judge(json!({ "exp": NOW_S - 10 })), Err(Reason::Expired));
    assert_eq!(
        judge(json!({ "exp": NOW_S as f64 + 0.5 })),
        Ok(NOW_MS + 10_500)
    );
    assert_eq!(judge(json!({ "exp": u64::MAX })), Ok(u64::MAX));
    assert!(judge(json!({ "exp": late, "nbf": NOW_S + 10 })).is_ok());
    let early = judge(json!({ "exp": late, "nbf": NOW_S + 11 }));
    assert_eq!(early, Err(Reason::TooEarly));
    for wrong in [
        json!({}),
        json!({ "exp": null }),
        json!({ "exp": late.to_string() }),
        json!({ "exp": [late] }),
        json!({ "exp": -1 }),
        json!({ "exp": late, "nbf": "now" }),
        json!({ "exp": late, "nbf": null }),
        json!([1]),
        json!("text"),
    ] {
        assert_eq!(judge(wrong.clone()), Err(Reason::Invalid), "{wrong}");
    }
}

#[test]
fn a_token_may_be_endless_where_that_is_said() {
    let demands = Demands {
        may_be_endless: true,
        ..Demands::default()
    };
    let jwt = jwt_of([Key::secret(SECRET).unwrap()], &demands);
    let judge = |claims: Value| {
        let token = Issuer::hs256().sign(&header("HS256"), &claims);
        let judged = jwt.judge(&token, NOW_MS);
        judged.map(|auth| auth.expires_at_ms())
    };
    assert_eq!(judge(json!({ "sub": "ann" })), Ok(None));
    let until = judge(json!({ "exp": NOW_S + 60 }));
    assert_eq!(until, Ok(Some(NOW_MS + 60_000)));
    assert_eq!(judge(json!({ "exp": NOW_S })), Err(Reason::Expired));
    assert_eq!(judge(json!({ "exp": null })), Err(Reason::Invalid));
    assert_eq!(judge(json!({ "nbf": NOW_S + 1 })), Err(Reason::TooEarly));
}

/// Nothing but what the same person was given, and nothing that brings no more time.
#[test]
fn a_renewal_is_a_later_token_of_the_same_person() {
    let judges = Judges {
        jwt: Some(hs256()),
        ..Judges::default()
    };
    let token = |claims: Value| Issuer::hs256().sign(&header("HS256"), &claims);
    let ann = |exp: u64| token(json!({ "sub": "ann", "exp": exp }));
    let jwt = judges.jwt.as_ref().unwrap();
    let auth = jwt.judge(&ann(NOW_S + 60), NOW_MS).unwrap();
    let renew = |token: &str| judges.renew(&auth, token, NOW_MS);
    let renewed = renew(&ann(NOW_S + 61)).unwrap().unwrap();
    assert_eq!(renewed.expires_at_ms(), Some(NOW_MS + 61_000));
    assert_eq!(renew(&ann(NOW_S + 60)), Ok(None), "no more time");
    let forged = ann(NOW_S + 61) + "x";
    let long = format!("{}.{}", ann(NOW_S + 61), "x".repeat(8 * 1024));
    let early = token(json!({ "sub": "ann", "exp": NOW_S + 61, "nbf": NOW_S + 1 }));
    assert_eq!(renew(&early), Err(Reason::TooEarly));
    for wrong in [
        forged.as_str(),
        &long,
        &token(json!({ "sub": "bob", "exp": NOW_S + 61 })),
        &token(json!({ "exp": NOW_S + 61 })),
        &token(json!({ "sub": "ann" })),
        "",
        "..",
        "a.b.c",
    ] {
        assert_eq!(renew(wrong), Err(Reason::Invalid), "{wrong}");
    }
    // Who came in by something else has nothing that a token could renew.
    let other = Auth::new(Method::Url)
        .subject_of(Some("ann"))
        .until(Some(1));
    let renewed = judges.renew(&other, &ann(NOW_S + 61), NOW_MS);
    assert_eq!(renewed, Err(Reason::Invalid));
    let none = Judges::default().renew(&auth, &ann(NOW_S + 61), NOW_MS);
    assert_eq!(none, Err(Reason::Invalid));
}

#[test]
fn issuer_and_audience_must_be_those_that_are_asked_for() {
    let demands = Demands {
        issuers: vec!["login".to_owned()],
        audiences: vec!["chat".to_owned(), "game".to_owned()],
        ..Demands::default()
    };
    let jwt = jwt_of([Key::secret(SECRET).unwrap()], &demands);
    let judge = |jwt: &Jwt, iss: Value, aud: Value| {
        let mut all = claims();
        for (name, value) in [("iss", iss), ("aud", aud)] {
            if !value.is_null() {
                all[name] = value;
            }
        }
        let token = Issuer::hs256().sign(&header("HS256"), &all);
        jwt.judge(&token, NOW_MS).is_ok()
    };
    assert!(judge(&jwt, json!("login"), json!("chat")));
    assert!(judge(&jwt, json!("login"), json!(["x", "game"])));
    assert!(!judge(&jwt, json!("other"), json!("chat")));
    assert!(!judge(&jwt, Value::Null, json!("chat")));
    assert!(!judge(&jwt, json!("login"), json!("other")));
    assert!(!judge(&jwt, json!("login"), json!([])));
    assert!(!judge(&jwt, json!("login"), Value::Null));
    assert!(!judge(&jwt, json!(7), json!("chat")));
    // Who was not told for whom tokens are takes none that are for somebody.
    assert!(judge(&hs256(), json!("any"), Value::Null));
    assert!(!judge(&hs256(), Value::Null, json!("other")));
}

#[test]
fn a_token_names_its_key() {
    let (old, new, secret) = (Issuer::p256(), Issuer::p256(), Issuer::hs256());
    let keys = set(&[old.jwk("old"), new.jwk("new"), secret.jwk("shared")]);
    let jwt = Jwt::new(keys, &Demands::default());
    let named = |issuer: &Issuer, algorithm: &str, id: &str| {
        let mut header = header(algorithm);
        header["kid"] = json!(id);
        jwt.judge(&issuer.sign(&header, &claims()), NOW_MS).is_ok()
    };
    assert!(named(&old, "ES256", "old") && named(&new, "ES256", "new"));
    assert!(named(&secret, "HS256", "shared"));
    assert!(!named(&old, "ES256", "new") && !named(&old, "ES256", "gone"));
    assert!(!named(&old, "ES256", "shared"));
    // Without a name there must be only one that it can mean.
    let token = |issuer: &Issuer, algorithm| issuer.sign(&header(algorithm), &claims());
    assert!(jwt.judge(&token(&secret, "HS256"), NOW_MS).is_ok());
    assert!(jwt.judge(&token(&old, "ES256"), NOW_MS).is_err());
}

#[test]
fn keys_for_other_purposes_are_passed_over() {
    let issuer = Issuer::p256();
    let mut encrypts = issuer.jwk("a");
    encrypts["use"] = json!("enc");
    let unknown = json!({ "kty": "future", "kid": "b" });
    let keys = set(&[encrypts.clone(), unknown, Issuer::ed25519().jwk("c")]);
    assert_eq!(keys.len(), 1);
    let error = |keys: Value| {
        let mut all = Keys::default();
        all.add_set(&keys.to_string()).unwrap_err()
    };
    assert_eq!(error(json!({ "keys": [encrypts] })), KeyError::NoKey);
    assert_eq!(error(json!({ "keys": [] })), KeyError::NoKey);
    let many = vec![issuer.jwk("a"); 65];
    assert_eq!(error(json!({ "keys": many })), KeyError::TooMany);
    let short = json!({ "kty": "oct", "k": "aHVzaA" });
    let short = error(json!({ "keys": [short] }));
    assert_eq!(
        short.to_string(),
        "key 0 in it: a secret has at least 32 bytes (RFC 7518, 3.2)"
    );
    let weak = json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" });
    assert!(
        error(json!({ "keys": [weak] }))
            .to_string()
            .contains("2048")
    );
    let no_json = Keys::default().add_set("{\"keys\": hush}").unwrap_err();
    assert!(!no_json.to_string().contains("hush"), "{no_json}");
}

#[test]
fn only_what_is_allowed_goes() {
    let allow = |keys: &Keys, names: &str| {
        let names: Vec<JwtAlgorithm> = names.split(',').map(|n| n.parse().unwrap()).collect();
        let mut keys = keys.clone();
        keys.allow(&names)
            .map(|()| Jwt::new(keys, &Demands::default()))
    };
    let mut keys = Keys::default();
    keys.add(Key::secret(SECRET).unwrap());
    let longer = Issuer::Hmac(hmac::HMAC_SHA512, SECRET.to_vec());
    let long = longer.sign(&header("HS512"), &claims());
    let usual = Issuer::hs256().sign(&header("HS256"), &claims());
    let jwt = allow(&keys, "HS512,RS256").unwrap();
    assert!(jwt.judge(&long, NOW_MS).is_ok());
    assert_eq!(jwt.judge(&usual, NOW_MS), Err(Reason::Invalid));
    assert_eq!(
        allow(&keys, "RS256,ES256").unwrap_err(),
        KeyError::NoAlgorithm
    );
    // The curve of a key decides: ES384 goes with none of P-256.
    let curve = set(&[Issuer::p256().jwk("a")]);
    assert_eq!(allow(&curve, "ES384").unwrap_err(), KeyError::NoAlgorithm);
}

#[test]
fn a_key_that_is_none_is_refused_without_a_word_of_it() {
    assert_eq!(Key::secret(b"hush").unwrap_err(), KeyError::ShortSecret);
    let private = "-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----";
    assert_eq!(Key::pem(private).unwrap_err(), KeyError::Private);
    for text in [
        "",
        "hush",
        "-----BEGIN PUBLIC KEY-----\naHVzaA==\n-----END PUBLIC KEY-----",
    ] {
        assert_eq!(Key::pem(text).unwrap_err(), KeyError::NotPem, "{text}");
    }
    let key = format!("{:?}", Key::secret(SECRET).unwrap());
    assert!(!key.contains("secret of"), "{key}");
}
