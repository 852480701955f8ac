//! What can't be used is one clear sentence; what deserves a word gets one.

use std::fs;
use std::path::Path;

use super::super::config::{Sessions, build};
use super::super::options::{CertificateOptions, TlsOptions, Version};
use super::super::source::Source;
use super::pki::{Authority, options, text};

/// What is said about options.
fn refusal(options: &TlsOptions) -> (&'static str, String) {
    let error = build(options, &Sessions::new(options)).err();
    let error = error.expect("they are refused");
    let text = error.to_string();
    assert!(
        !text.contains('\n') && !text.contains("PRIVATE KEY-----"),
        "{text}"
    );
    (error.option(), text)
}

fn notes(options: &TlsOptions) -> Vec<String> {
    let built = build(options, &Sessions::new(options));
    built.unwrap_or_else(|error| panic!("{error}")).notes
}

#[test]
fn what_can_t_be_used_is_refused() {
    let authority = Authority::new("authority");
    let (a, b) = (authority.issue(&["a.org"]), authority.issue(&["b.org"]));
    let of = options(&a);
    let swapped = authority.pem.clone() + &a.cert;
    for (wrong, option, expected) in [
        (TlsOptions::default(), "tls-cert", "but no certificate"),
        (
            TlsOptions {
                key: None,
                ..of.clone()
            },
            "tls-cert",
            "its key is missing",
        ),
        (
            TlsOptions {
                cert: None,
                ..of.clone()
            },
            "tls-key",
            "its certificate is missing",
        ),
        (
            TlsOptions {
                key: text(&b.key),
                ..of.clone()
            },
            "tls-key",
            "does not belong to the certificate",
        ),
        (
            TlsOptions {
                cert: text(&swapped),
                ..of.clone()
            },
            "tls-key",
            "the server's own comes first",
        ),
        (
            TlsOptions {
                cert: text(&a.key),
                ..of.clone()
            },
            "tls-cert",
            "holds no certificate, but PRIVATE KEY",
        ),
        (
            TlsOptions {
                cert: text("x"),
                ..of.clone()
            },
            "tls-cert",
            "not in PEM format",
        ),
        (
            TlsOptions {
                pfx: text("x"),
                ..of.clone()
            },
            "tls-pfx",
            "no other file can be named",
        ),
        (
            TlsOptions {
                key: None,
                cert: None,
                pfx: text("x"),
                ..of.clone()
            },
            "tls-pfx",
            "no PKCS #12 file",
        ),
        (
            TlsOptions {
                cert: Some("/no/such".into()),
                ..of.clone()
            },
            "tls-cert",
            "/no/such: ",
        ),
        (
            TlsOptions {
                ocsp: text("x"),
                ..of.clone()
            },
            "tls-ocsp",
            "no OCSP response",
        ),
        (
            TlsOptions {
                request_cert: true,
                ..of.clone()
            },
            "tls-request-cert",
            "name authorities in tls-ca",
        ),
        (
            TlsOptions {
                crl: Vec::from_iter(text("x")),
                ..of.clone()
            },
            "tls-crl",
            "no list of revoked certificates",
        ),
        (
            TlsOptions {
                crl: Vec::from_iter(text(&authority.revoke(&[], 4096))),
                ..of.clone()
            },
            "tls-crl",
            "tls-request-cert is missing",
        ),
        (
            TlsOptions {
                ticket_keys: vec![vec![0; 47].into()],
                ..of.clone()
            },
            "tls-ticket-keys",
            "less than 48 bytes",
        ),
        (
            TlsOptions {
                min_version: Version::V1_3,
                max_version: Version::V1_2,
                ..of.clone()
            },
            "tls-max-version",
            "older than tls-min-version",
        ),
        (
            TlsOptions {
                certificates: vec![CertificateOptions {
                    cert: text(&b.cert),
                    key: text(&a.key),
                    ..CertificateOptions::default()
                }],
                ..of.clone()
            },
            "tls-certificates",
            "does not belong",
        ),
    ] {
        let (name, reason) = refusal(&wrong);
        assert!(reason.contains(expected), "{expected}: {reason}");
        assert_eq!(name, option, "{reason}");
    }
}

#[test]
fn a_passphrase_stands_in_one_place() {
    let folder = tempfile::tempdir().unwrap();
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("server/tls/tests/keys");
    fs::write(folder.path().join("passphrase"), "hush\r\n").unwrap();
    let key: Source = keys.join("p256-encrypted.pem").into();
    let of = TlsOptions {
        root: Some(folder.path().to_owned()),
        key: Some(key),
        cert: Some(keys.join("p256.crt").into()),
        passphrase_file: Some("passphrase".into()),
        ..TlsOptions::default()
    };
    assert!(build(&of, &Sessions::new(&of)).is_ok());
    let twice = TlsOptions {
        passphrase: Some("hush".to_owned().into()),
        ..of
    };
    let (option, reason) = refusal(&twice);
    assert_eq!(option, "tls-passphrase-file");
    assert!(reason.contains("write one of them"), "{reason}");
}

#[test]
fn what_is_not_wrong_but_odd_is_noted() {
    let authority = Authority::new("authority");
    let of = options(&authority.issue(&["a.org"]));
    assert_eq!(notes(&of), [""; 0]);
    let expired = options(&authority.issue_until(&["a.org"], 2020));
    assert!(notes(&expired)[0].contains("tls-cert: it has expired"));
    let unnamed = rcgen::CertificateParams::new([]).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let unnamed = unnamed.self_signed(&key).unwrap();
    let unnamed = TlsOptions {
        cert: text(&unnamed.pem()),
        key: text(&key.serialize_pem()),
        ..TlsOptions::default()
    };
    assert!(notes(&unnamed)[0].contains("no name (subjectAltName)"));
    let (a, other) = (authority.issue(&["a.org"]), Authority::new("other"));
    let broken = TlsOptions {
        cert: text(&(a.cert.clone() + &other.pem)),
        ..options(&a)
    };
    assert!(notes(&broken)[0].contains("certificate 2 of it has not issued certificate 1"));
    let whole = TlsOptions {
        cert: text(&(a.cert.clone() + &authority.pem)),
        ..options(&a)
    };
    assert_eq!(notes(&whole), [""; 0]);
}
