//! Files that are read anew.

use std::fs;
use std::sync::Arc;

use allspark_protocol::options::Bounded;

use super::super::Tls;
use super::super::options::TlsOptions;
use super::pki::{Authority, Issued, shake};

#[test]
fn a_new_certificate_is_shown_and_a_wrong_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let write = |issued: &Issued| {
        fs::write(folder.path().join("cert.pem"), &issued.cert).unwrap();
        fs::write(folder.path().join("key.pem"), &issued.key).unwrap();
    };
    let authority = Authority::new("authority");
    let client = Arc::new(authority.client(None));
    let (first, second) = (authority.issue(&["a.org"]), authority.issue(&["a.org"]));
    write(&first);
    let tls = Tls::start(TlsOptions {
        root: Some(folder.path().to_owned()),
        cert: Some("cert.pem".into()),
        key: Some("key.pem".into()),
        session_timeout: Bounded::of(0),
        ..TlsOptions::default()
    });
    let tls = tls.unwrap();
    let acceptor = tls.acceptor();
    let shown = || {
        let pair = shake(&client, &acceptor.config(), "a.org").unwrap();
        pair.client.peer_certificates().unwrap().to_vec()
    };
    let mut before = shake(&client, &acceptor.config(), "a.org").unwrap();
    assert_eq!(shown(), first.ders);
    fs::write(folder.path().join("cert.pem"), &second.cert).unwrap();
    let error = tls.reload().unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("does not belong to the certificate"),
        "{error}"
    );
    assert_eq!(shown(), first.ders);
    write(&second);
    tls.reload().unwrap();
    assert_eq!(shown(), second.ders);
    // Who was there goes on.
    before.client.send_close_notify();
    let mut bytes = Vec::new();
    before.client.write_tls(&mut bytes).unwrap();
    before.server.read_tls(&mut &bytes[..]).unwrap();
    let state = before.server.process_new_packets().unwrap();
    assert!(state.peer_has_closed());
}
