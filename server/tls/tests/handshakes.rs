//! What clients of rustls get: names, versions, protocols, certificates of their own, sessions.

use std::sync::Arc;

use allspark_protocol::options::Bounded;
use rcgen::KeyPair;
use rustls::pki_types::UnixTime;
use rustls::version::TLS12;
use rustls::{
    ALL_VERSIONS, AlertDescription, CertificateError, ClientConfig, Error, HandshakeKind,
    PeerIncompatible, ProtocolVersion, ServerConfig,
};

use super::super::config::{Built, Sessions, build};
use super::super::options::{CertificateOptions, TlsOptions, UnknownNames, Version};
use super::super::source::Source;
use super::pki::{Authority, Issued, options, shake, text};

fn built(options: &TlsOptions) -> Built {
    build(options, &Sessions::new(options)).unwrap_or_else(|error| panic!("{error}"))
}

fn server(options: &TlsOptions) -> Arc<ServerConfig> {
    Arc::new(built(options).config)
}

fn further(issued: &Issued) -> CertificateOptions {
    CertificateOptions {
        cert: text(&issued.cert),
        key: text(&issued.key),
        ..CertificateOptions::default()
    }
}

#[test]
fn a_client_gets_the_certificate_of_the_name_that_it_asks_for() {
    let authority = Authority::new("authority");
    let names = [&["a.org"][..], &["b.org", "*.b.org"], &["c.org"]];
    let issued = names.map(|names| authority.issue(names));
    let mut of = options(&issued[0]);
    of.certificates = issued[1..].iter().map(further).collect();
    let client = Arc::new(authority.client(None));
    let all = server(&of);
    for (name, expected) in [("a.org", 0), ("b.org", 1), ("x.b.org", 1), ("C.org", 2)] {
        let pair = shake(&client, &all, name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let shown = pair.client.peer_certificates().unwrap();
        assert_eq!(shown, issued[expected].ders, "{name}");
        assert_eq!(
            pair.server.server_name(),
            Some(name.to_lowercase().as_str())
        );
    }
    // The first one is shown to who asks for another name, and that client does not like it.
    let wrong = |error: Error| match error {
        Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. }) => "shown",
        Error::AlertReceived(AlertDescription::AccessDenied) => "refused",
        Error::General(_) => "refused",
        _ => "otherwise",
    };
    for (unknown_names, expected) in [
        (UnknownNames::First, "shown"),
        (UnknownNames::Refuse, "refused"),
    ] {
        let of = TlsOptions {
            unknown_names,
            ..of.clone()
        };
        let server = server(&of);
        assert_eq!(
            shake(&client, &server, "d.org").err().map(wrong),
            Some(expected)
        );
        // Who comes by an address asks for no name.
        let error = shake(&client, &server, "127.0.0.1").err().map(wrong);
        assert_eq!(error, Some("shown"));
    }
}

/// A name may have a key of each kind, and whoever can't verify the first one gets the second.
#[test]
fn a_client_gets_a_certificate_that_it_can_verify() {
    let authority = Authority::new("authority");
    let key = include_str!("keys/rsa-pkcs8.pem");
    let rsa = authority.issue_for(&["a.org"], 4096, KeyPair::from_pem(key).unwrap());
    let ecdsa = authority.issue(&["a.org"]);
    let mut of = options(&ecdsa);
    of.certificates = vec![further(&rsa)];
    let server = server(&of);
    let shown = |client: ClientConfig| {
        let pair = shake(&Arc::new(client), &server, "a.org").unwrap();
        pair.client.peer_certificates().unwrap().to_vec()
    };
    assert_eq!(shown(authority.client(None)), ecdsa.ders);
    assert_eq!(shown(authority.client_of_rsa()), rsa.ders);
}

#[test]
fn versions_and_protocols_are_those_that_were_said() {
    let authority = Authority::new("authority");
    let issued = authority.issue(&["a.org"]);
    let of = options(&issued);
    let new = Arc::new(authority.client(None));
    let old = Arc::new(authority.client_of(None, &[&TLS12]));
    let both = server(&of);
    let version = |client: &Arc<ClientConfig>, server: &Arc<ServerConfig>| {
        let pair = shake(client, server, "a.org");
        pair.map(|pair| pair.server.protocol_version().unwrap())
    };
    assert_eq!(version(&old, &both), Ok(ProtocolVersion::TLSv1_2));
    assert_eq!(version(&new, &both), Ok(ProtocolVersion::TLSv1_3));
    let of_1_3 = server(&TlsOptions {
        min_version: Version::V1_3,
        ..of.clone()
    });
    let none = Error::PeerIncompatible(PeerIncompatible::Tls12NotOfferedOrEnabled);
    assert_eq!(version(&old, &of_1_3), Err(none));
    let offer = |protocols: &[&str]| {
        let mut client = authority.client(None);
        client.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        let pair = shake(&Arc::new(client), &both, "a.org");
        pair.map(|pair| pair.server.alpn_protocol().map(<[u8]>::to_vec))
    };
    assert_eq!(offer(&["h2", "http/1.1"]), Ok(Some(b"http/1.1".to_vec())));
    assert_eq!(offer(&[]), Ok(None));
    assert_eq!(offer(&["h2"]), Err(Error::NoApplicationProtocol));
}

#[test]
fn ciphers_and_curves_are_those_that_were_said_in_the_server_s_order() {
    let authority = Authority::new("authority");
    let of = TlsOptions {
        ciphers: "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"
            .parse()
            .unwrap(),
        ecdh_curve: "P-384".parse().unwrap(),
        ..options(&authority.issue(&["a.org"]))
    };
    let client = Arc::new(authority.client(None));
    let suite = |of: &TlsOptions| {
        let pair = shake(&client, &server(of), "a.org").unwrap();
        let group = pair.server.negotiated_key_exchange_group().unwrap().name();
        assert_eq!(group, rustls::NamedGroup::secp384r1);
        let suite = pair.server.negotiated_cipher_suite().unwrap().suite();
        suite.as_str().unwrap().to_owned()
    };
    assert_eq!(suite(&of), "TLS13_CHACHA20_POLY1305_SHA256");
    let of = TlsOptions {
        honor_cipher_order: false,
        ..of
    };
    assert_eq!(suite(&of), "TLS13_AES_128_GCM_SHA256");
}

/// The authority of `ca` leads to the certificate, as OpenSSL does it for Node.
#[test]
fn what_is_missing_of_a_chain_is_taken_from_ca() {
    let root = Authority::new("root");
    let between = root.below("between");
    let issued = between.issue(&["a.org"]);
    let client = Arc::new(root.client(None));
    let of = options(&issued);
    let error = shake(&client, &server(&of), "a.org").err();
    let expected = Error::InvalidCertificate(CertificateError::UnknownIssuer);
    assert_eq!(error, Some(expected));
    let both = root.pem.clone() + &between.pem;
    let of = TlsOptions {
        ca: Vec::from_iter(text(&both)),
        ..of
    };
    let pair = shake(&client, &server(&of), "a.org").unwrap();
    let shown = pair.client.peer_certificates().unwrap();
    assert_eq!(shown, [issued.ders[0].clone(), between.der.clone()]);
}

fn with_clients(of: &TlsOptions, authority: &Authority) -> TlsOptions {
    TlsOptions {
        request_cert: true,
        ca: Vec::from_iter(text(&authority.pem)),
        ..of.clone()
    }
}

/// What becomes of a client with this certificate, and whether it is found valid.
fn outcome(
    of: &TlsOptions,
    authority: &Authority,
    own: Option<&Issued>,
) -> Result<&'static str, Error> {
    let built = built(of);
    let client = Arc::new(authority.client(own));
    let pair = shake(&client, &Arc::new(built.config), "a.org")?;
    let Some(shown) = pair.server.peer_certificates() else {
        return Ok("nobody");
    };
    assert_eq!(shown, own.unwrap().ders);
    let judged = built
        .judge
        .map(|judge| judge.verify_client_cert(&shown[0], &[], UnixTime::now()));
    Ok(match judged {
        None | Some(Ok(_)) => "valid",
        Some(Err(_)) => "invalid",
    })
}

#[test]
fn a_client_needs_a_certificate_of_an_authority_if_that_was_said() {
    let (authority, others) = (Authority::new("authority"), Authority::new("others"));
    let (ann, eve) = (authority.issue(&["ann"]), others.issue(&["eve"]));
    let of = with_clients(&options(&authority.issue(&["a.org"])), &authority);
    let outcome = |of: &TlsOptions, own: Option<&Issued>| outcome(of, &authority, own);
    assert_eq!(outcome(&of, Some(&ann)), Ok("valid"));
    assert_eq!(outcome(&of, None), Err(Error::NoCertificatesPresented));
    let unknown = Error::InvalidCertificate(CertificateError::UnknownIssuer);
    assert_eq!(outcome(&of, Some(&eve)), Err(unknown));
    let lenient = TlsOptions {
        reject_unauthorized: false,
        ..of.clone()
    };
    assert_eq!(outcome(&lenient, Some(&ann)), Ok("valid"));
    assert_eq!(outcome(&lenient, Some(&eve)), Ok("invalid"));
    assert_eq!(outcome(&lenient, None), Ok("nobody"));
    let nobody = TlsOptions {
        ca: Vec::new(),
        ..lenient.clone()
    };
    assert_eq!(outcome(&nobody, Some(&ann)), Ok("invalid"));
    let silent = TlsOptions {
        request_cert: false,
        ..of.clone()
    };
    assert_eq!(outcome(&silent, Some(&ann)), Ok("nobody"));
}

#[test]
fn a_client_whose_certificate_is_revoked_is_refused() {
    let authority = Authority::new("authority");
    let ann = authority.issue(&["ann"]);
    let of = with_clients(&options(&authority.issue(&["a.org"])), &authority);
    let outcome = |of: &TlsOptions| outcome(of, &authority, Some(&ann));
    // Revoked, and by a list that says nothing any more.
    for (list, expected) in [
        (authority.revoke(&[&ann], 4096), CertificateError::Revoked),
        (
            authority.revoke(&[], 2021),
            CertificateError::ExpiredRevocationListContext {
                time: UnixTime::since_unix_epoch(std::time::Duration::ZERO),
                next_update: UnixTime::since_unix_epoch(std::time::Duration::ZERO),
            },
        ),
    ] {
        let of = TlsOptions {
            crl: Vec::from_iter(text(&list)),
            ..of.clone()
        };
        let error = outcome(&of).unwrap_err();
        let Error::InvalidCertificate(found) = error else {
            panic!("{error}")
        };
        assert_eq!(
            std::mem::discriminant(&found),
            std::mem::discriminant(&expected)
        );
        let of = TlsOptions {
            reject_unauthorized: false,
            ..of
        };
        assert_eq!(outcome(&of), Ok("invalid"));
    }
    let list = authority.revoke(&[], 4096);
    let of = TlsOptions {
        crl: Vec::from_iter(text(&list)),
        ..of
    };
    assert_eq!(outcome(&of), Ok("valid"));
}

/// How a client that comes again shakes hands.
fn again(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> HandshakeKind {
    let pair = shake(client, server, "a.org").unwrap_or_else(|error| panic!("{error}"));
    pair.server.handshake_kind().unwrap()
}

#[test]
fn sessions_are_resumed_under_each_configuration_of_a_server() {
    let authority = Authority::new("authority");
    let of = options(&authority.issue(&["a.org"]));
    let sessions = Sessions::new(&of);
    let server = |of: &TlsOptions| Arc::new(build(of, &sessions).ok().unwrap().config);
    for versions in [ALL_VERSIONS, &[&TLS12]] {
        let client = Arc::new(authority.client_of(None, versions));
        // Another configuration of the same process: its certificate was renewed.
        let renewed = options(&authority.issue(&["a.org"]));
        assert_eq!(again(&client, &server(&of)), HandshakeKind::Full);
        assert_eq!(again(&client, &server(&renewed)), HandshakeKind::Resumed);
        assert_eq!(again(&client, &server(&of)), HandshakeKind::Resumed);
        // Another process knows nothing of it.
        let other = Arc::new(built(&of).config);
        assert_eq!(again(&client, &other), HandshakeKind::Full);
        // Nobody who is asked for a certificate by now gets around it.
        let asked = with_clients(&of, &authority);
        let lenient = TlsOptions {
            reject_unauthorized: false,
            ..asked.clone()
        };
        assert_eq!(again(&client, &server(&of)), HandshakeKind::Full);
        assert_eq!(again(&client, &server(&lenient)), HandshakeKind::Full);
        let error = shake(&client, &server(&asked), "a.org").err();
        assert_eq!(error, Some(Error::NoCertificatesPresented));
    }
}

#[test]
fn machines_with_the_same_ticket_keys_resume_each_others_sessions() {
    let authority = Authority::new("authority");
    let of = TlsOptions {
        ticket_keys: vec![vec![7; 48].into()],
        ..options(&authority.issue(&["a.org"]))
    };
    let client = Arc::new(authority.client(None));
    assert_eq!(again(&client, &server(&of)), HandshakeKind::Full);
    assert_eq!(again(&client, &server(&of)), HandshakeKind::Resumed);
    let newer: Source = vec![8; 80].into();
    let rotated = TlsOptions {
        ticket_keys: vec![newer, vec![7; 48].into()],
        ..of.clone()
    };
    assert_eq!(again(&client, &server(&rotated)), HandshakeKind::Resumed);
    let never = TlsOptions {
        session_timeout: Bounded::of(0),
        ..of
    };
    assert_eq!(again(&client, &server(&never)), HandshakeKind::Full);
    assert_eq!(again(&client, &server(&never)), HandshakeKind::Full);
}

/// Who is resumed shows no certificate, and is known nevertheless; until it is revoked.
#[test]
fn a_client_that_is_resumed_is_still_known() {
    let authority = Authority::new("authority");
    let ann = authority.issue(&["ann"]);
    let of = with_clients(&options(&authority.issue(&["a.org"])), &authority);
    let sessions = Sessions::new(&of);
    let server = |of: &TlsOptions| Arc::new(build(of, &sessions).ok().unwrap().config);
    let client = Arc::new(authority.client(Some(&ann)));
    assert_eq!(again(&client, &server(&of)), HandshakeKind::Full);
    let pair = shake(&client, &server(&of), "a.org").unwrap();
    assert_eq!(pair.server.handshake_kind(), Some(HandshakeKind::Resumed));
    assert_eq!(pair.server.peer_certificates().unwrap(), ann.ders);
    let list = authority.revoke(&[&ann], 4096);
    let of = TlsOptions {
        crl: Vec::from_iter(text(&list)),
        ..of
    };
    let error = shake(&client, &server(&of), "a.org").err();
    assert_eq!(
        error,
        Some(Error::InvalidCertificate(CertificateError::Revoked))
    );
}
