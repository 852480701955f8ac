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

/// Options that are changed so are refused, by the option of this name.
fn refused(of: &TlsOptions, change: impl FnOnce(&mut TlsOptions), option: &str, expected: &str) {
    let mut wrong = of.clone();
    change(&mut wrong);
    let (name, reason) = refusal(&wrong);
    assert!(reason.contains(expected), "{expected}: {reason}");
    assert_eq!(name, option, "{reason}");
}

#[test]
fn a_key_and_a_certificate_that_are_no_pair_are_refused() {
    let authority = Authority::new("authority");
    let (a, b) = (authority.issue(&["a.org"]), authority.issue(&["b.org"]));
    let of = &options(&a);
    let swapped = authority.pem.clone() + &a.cert;
    refused(
        of,
        |of| *of = TlsOptions::default(),
        "tls-cert",
        "but no certificate",
    );
    refused(of, |of| of.key = None, "tls-cert", "its key is missing");
    refused(
        of,
        |of| of.cert = None,
        "tls-key",
        "its certificate is missing",
    );
    refused(
        of,
        |of| of.key = text(&b.key),
        "tls-key",
        "does not belong to the certificate",
    );
    refused(
        of,
        |of| of.cert = text(&swapped),
        "tls-key",
        "the server's own comes first",
    );
    let what = "holds no certificate, but PRIVATE KEY";
    refused(of, |of| of.cert = text(&a.key), "tls-cert", what);
    refused(
        of,
        |of| of.cert = text("x"),
        "tls-cert",
        "not in PEM format",
    );
    refused(
        of,
        |of| of.cert = Some("/no/such".into()),
        "tls-cert",
        "/no/such: ",
    );
    refused(
        of,
        |of| of.pfx = text("x"),
        "tls-pfx",
        "no other file can be named",
    );
    let alone = |of: &mut TlsOptions| {
        (of.key, of.cert, of.pfx) = (None, None, text("x"));
    };
    refused(of, alone, "tls-pfx", "no PKCS #12 file");
    let pair = CertificateOptions {
        cert: text(&b.cert),
        key: text(&a.key),
        ..CertificateOptions::default()
    };
    let change = |of: &mut TlsOptions| of.certificates = vec![pair];
    refused(of, change, "tls-certificates", "does not belong");
}

#[test]
fn other_options_that_can_t_be_used_are_refused() {
    let authority = Authority::new("authority");
    let of = &options(&authority.issue(&["a.org"]));
    refused(of, |of| of.ocsp = text("x"), "tls-ocsp", "no OCSP response");
    let what = "name authorities in tls-ca";
    refused(of, |of| of.request_cert = true, "tls-request-cert", what);
    refused(
        of,
        |of| of.ca = Vec::from_iter(text("x")),
        "tls-ca",
        "not in PEM format",
    );
    let what = "no list of revoked certificates";
    refused(of, |of| of.crl = Vec::from_iter(text("x")), "tls-crl", what);
    let list = text(&authority.revoke(&[], 4096));
    let what = "tls-request-cert is missing";
    refused(of, |of| of.crl = Vec::from_iter(list), "tls-crl", what);
    let short = |of: &mut TlsOptions| of.ticket_keys = vec![vec![0; 47].into()];
    refused(of, short, "tls-ticket-keys", "less than 48 bytes");
    let none = |of: &mut TlsOptions| {
        (of.min_version, of.max_version) = (Version::V1_3, Version::V1_2);
    };
    refused(of, none, "tls-max-version", "older than tls-min-version");
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
