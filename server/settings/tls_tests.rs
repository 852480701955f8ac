//! What each option of TLS takes, on the command line and in a file.

use std::path::{Path, PathBuf};

use allspark::tls::{CertificateOptions, Source, TlsOptions, UnknownNames, Version};

use super::*;
use crate::file;
use crate::origin::{Origin, Problem};
use crate::table::find;

fn of_words(words: &[(&str, &str)]) -> Result<Settings, String> {
    let mut said = Said::nothing();
    for (name, text) in words {
        said.say(find(name).unwrap(), *text, Origin::of_flag(name));
    }
    let settings = Settings::read(&said)?;
    settings.check(&said).map(|()| settings)
}

fn of_file(text: &str) -> Result<Settings, String> {
    let mut said = Said::nothing();
    let problems = file::read(&mut said, "a.toml", text).into_iter();
    match problems.map(Problem::into_line).next() {
        Some(problem) => Err(problem),
        None => Settings::read(&said),
    }
}

fn sources(names: &[&str]) -> Vec<Source> {
    names.iter().copied().map(Source::from).collect()
}

#[test]
fn every_option_of_tls_reaches_its_field() {
    let expected = TlsOptions {
        root: Some(PathBuf::from("/tls")),
        key: Some("key.pem".into()),
        cert: Some("cert.pem".into()),
        passphrase_file: Some(PathBuf::from("passphrase")),
        ocsp: Some("ocsp.der".into()),
        certificates: vec![CertificateOptions {
            cert: Some("b.pem".into()),
            key: Some("b.key".into()),
            ..CertificateOptions::default()
        }],
        unknown_names: UnknownNames::Refuse,
        ca: sources(&["a.ca", "b.ca"]),
        crl: sources(&["a.crl"]),
        request_cert: true,
        reject_unauthorized: false,
        ciphers: "TLS_AES_128_GCM_SHA256".parse().unwrap(),
        min_version: Version::V1_3,
        max_version: Version::V1_3,
        ecdh_curve: "P-256".parse().unwrap(),
        honor_cipher_order: false,
        alpn_protocols: "http/1.1,a".parse().unwrap(),
        session_timeout: "300".parse().unwrap(),
        ticket_keys: sources(&["new", "old"]),
        hsts: Some("60; includeSubDomains".parse().unwrap()),
        ..TlsOptions::default()
    };
    let text = "[tls]\nroot = '/tls'\nkey = 'key.pem'\ncert = 'cert.pem'\n\
        passphrase-file = 'passphrase'\nocsp = 'ocsp.der'\nunknown-names = 'refuse'\n\
        ca = ['a.ca', 'b.ca']\ncrl = 'a.crl'\nrequest-cert = true\nreject-unauthorized = false\n\
        ciphers = 'TLS_AES_128_GCM_SHA256'\nmin-version = 'TLSv1.3'\nmax-version = 'TLSv1.3'\n\
        ecdh-curve = 'P-256'\nhonor-cipher-order = false\nalpn-protocols = ['http/1.1', 'a']\n\
        session-timeout = 300\nticket-keys = ['new', 'old']\nhsts = '60; includeSubDomains'\n\
        [[tls.certificates]]\ncert = 'b.pem'\nkey = 'b.key'\n[tls.inner]\npfx = 'c.p12'\n\
        request-cert = true\n[[tls.inner.certificates]]\npfx = 'd.p12'\n";
    let settings = of_file(text).unwrap();
    assert_eq!(settings.options.tls, expected);
    let inner = settings.tls.sections.options("inner");
    assert!(inner.request_cert && inner.pfx == Some("c.p12".into()));
    assert_eq!(inner.certificates.len(), 1);
    assert_eq!(settings.tls.sections.names().collect::<Vec<_>>(), ["inner"]);
    let pfx = of_file("[tls]\npfx = 'a.p12'").unwrap().options.tls.pfx;
    assert_eq!(pfx, Some("a.p12".into()));
    assert!(
        of_file("iknowhttpsisbetter = true")
            .unwrap()
            .iknowhttpsisbetter
    );
}

#[test]
fn a_refusal_names_its_place() {
    for (text, expected) in [
        (
            "[tls]\npassphrase = 'x'",
            "a.toml:2: tls.passphrase: a secret belongs into a file",
        ),
        (
            "[tls]\ncerts = 'x'",
            "a.toml:2: tls.certs: no such option; did you mean cert?",
        ),
        ("key = 'x'", "a.toml:1: key: no such option: write tls-key"),
        (
            "[tls.a]\ncerts = 'x'",
            "a.toml:2: tls.a.certs: no such option; did you mean cert?",
        ),
        (
            "[tls.a]\nrequest-cert = 'x'",
            "a.toml:1: tls.a: \"x\" is not known",
        ),
        (
            "[tls]\nmin-version = 'TLSv1'",
            "a.toml:2: tls.min-version: \"TLSv1\" is not spoken",
        ),
        (
            "[tls]\ncertificates = 'x'",
            "write [[tls.certificates]] for each",
        ),
        (
            "[[tls.certificates]]\nx = 'y'",
            "tls.certificates: unknown field `x`",
        ),
        ("[tls]\nsections = 'x'", "write [tls.NAME] with its options"),
        (
            "[tls]\nkey = '-----BEGIN PRIVATE KEY-----'",
            "tls.key: it is not the name of a file",
        ),
    ] {
        let error = of_file(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn files_are_judged_before_the_server_starts() {
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("server/tls/tests/keys");
    let keys = keys.to_str().unwrap();
    let right = [
        ("tls-root", keys),
        ("tls-cert", "p256.crt"),
        ("tls-key", "p256-sec1.pem"),
        ("tls-certificates", "cert=rsa.crt,key=rsa-pkcs1.pem"),
    ];
    of_words(&right).unwrap();
    let with = |name, text| of_words(&[&right[..], &[(name, text)]].concat()).map(drop);
    for (name, text, expected) in [
        (
            "tls-key",
            "rsa-pkcs1.pem",
            "it does not belong to the certificate",
        ),
        ("tls-key", "p521-sec1.pem", "it is a key on the curve P-521"),
        ("tls-certificates", "cert=rsa.crt", "its key is missing"),
        ("tls-request-cert", "true", "name authorities in tls-ca"),
        (
            "tls-sections",
            "a={\"cert\":\"/no/such\",\"key\":\"b\"}",
            "cert: /no/such: No such file",
        ),
        ("tls-sections", "a={}", "no certificate"),
    ] {
        let error = with(name, text).unwrap_err();
        let place = format!("--{name}");
        assert!(
            error.starts_with(&place) && error.contains(expected),
            "{text}: {error}"
        );
    }
    let error = of_words(&[("tls-hsts", "60")]).map(drop).unwrap_err();
    assert!(
        error.contains("there are options of TLS, but no certificate"),
        "{error}"
    );
}
