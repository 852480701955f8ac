//! Every kind of key that there is.

use std::path::{Path, PathBuf};

use super::super::key::in_pem;
use super::super::options::TlsOptions;
use super::super::pfx::Pfx;
use super::super::{Secret, Tls};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("server/tls/tests/keys")
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap()
}

fn read(name: &str, passphrase: Option<&str>) -> Result<(), String> {
    in_pem(&bytes(name), passphrase.map(str::as_bytes)).map(drop)
}

#[test]
fn every_kind_that_ring_signs_with_is_read() {
    for name in [
        "rsa-pkcs1.pem",
        "rsa-pkcs8.pem",
        "p256-sec1.pem",
        "p256-pkcs8.pem",
        "p384-sec1.pem",
        "p384-pkcs8.pem",
        "ed25519.pem",
    ] {
        assert_eq!(read(name, None), Ok(()), "{name}");
    }
}

#[test]
fn an_encrypted_key_needs_its_passphrase() {
    for name in ["p256-encrypted.pem", "p256-scrypt.pem"] {
        assert_eq!(read(name, Some("hush")), Ok(()), "{name}");
        let reason = read(name, Some("quiet")).unwrap_err();
        assert!(
            reason.contains("another one") && !reason.contains("quiet"),
            "{reason}"
        );
        let reason = read(name, None).unwrap_err();
        assert!(reason.contains("ALLSPARK_TLS_PASSPHRASE"), "{reason}");
    }
}

#[test]
fn every_other_kind_is_refused_with_its_reason() {
    for (name, expected) in [
        ("rsa-1024.pem", "less than 2048 bits"),
        ("rsa-4104.pem", "more than 4096 bits"),
        ("rsa-pss.pem", "for RSA-PSS alone"),
        ("p521-sec1.pem", "on the curve P-521"),
        ("ed448.pem", "for Ed448"),
        ("x25519.pem", "signs nothing"),
        ("p256-old.pem", "openssl pkcs8 -topk8"),
        ("p256-traditional.pem", "openssl pkcs8 -topk8"),
        ("rsa.crt", "no private key, but CERTIFICATE"),
        ("p256.p12", "not in PEM format"),
    ] {
        let reason = read(name, Some("hush")).unwrap_err();
        assert!(reason.contains(expected), "{name}: {reason}");
        assert!(
            !reason.contains("hush") && !reason.contains('\n'),
            "{reason}"
        );
    }
    let two = [bytes("p256-pkcs8.pem"), bytes("ed25519.pem")].concat();
    let reason = in_pem(&two, None).err().unwrap();
    assert!(reason.contains("2 private keys"), "{reason}");
}

/// No prefix of a key and no changed byte of it brings anything down.
#[test]
fn a_damaged_key_is_refused() {
    let whole = pem::parse(bytes("p256-encrypted.pem")).unwrap();
    for at in 0..whole.contents().len() {
        let damaged = pem::Pem::new(whole.tag(), &whole.contents()[..at]);
        let damaged = pem::encode(&damaged).into_bytes();
        assert!(in_pem(&damaged, Some(b"hush")).is_err());
    }
}

#[test]
fn a_pkcs_12_file_holds_both() {
    for name in ["p256.p12", "p256-legacy.p12"] {
        let pfx =
            Pfx::open(&bytes(name), Some("hush")).map_err(|reason| format!("{name}: {reason}"));
        assert_eq!(pfx.unwrap().chain.len(), 1, "{name}");
        let reason = Pfx::open(&bytes(name), Some("quiet")).err().unwrap();
        assert!(reason.contains("another one"), "{reason}");
        let reason = Pfx::open(&bytes(name), None).err().unwrap();
        assert!(reason.contains("tls-passphrase-file"), "{reason}");
    }
    let reason = Pfx::open(&bytes("certs.p12"), Some("hush")).err().unwrap();
    assert!(reason.contains("no private key"), "{reason}");
    let tls = Tls::start(TlsOptions {
        root: Some(folder()),
        pfx: Some("p256.p12".into()),
        passphrase: Some(Secret::from("hush".to_owned())),
        ..TlsOptions::default()
    });
    assert!(!format!("{:?}", tls.unwrap()).contains("hush"));
}

/// As the readme of Primus has it: one file for both.
#[test]
fn key_and_certificate_may_stand_in_one_file() {
    let both = [bytes("rsa.crt"), bytes("rsa-pkcs1.pem")].concat();
    let source = Some(both.into());
    let tls = Tls::start(TlsOptions {
        cert: source.clone(),
        key: source,
        ..TlsOptions::default()
    });
    tls.unwrap();
}
