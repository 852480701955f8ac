use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::thread;

use super::*;

fn target(text: &str) -> String {
    let target: Target = text.parse().unwrap();
    target.to_string()
}

#[test]
fn a_url_needs_no_port_and_no_path() {
    for (text, expected) in [
        ("http://a", "http://a:80/healthz"),
        ("http://a/", "http://a:80/healthz"),
        ("http://[::1]", "http://[::1]:80/healthz"),
        ("http://[::1]:81/readyz", "http://[::1]:81/readyz"),
        (
            "http://127.0.0.1:8080/readyz",
            "http://127.0.0.1:8080/readyz",
        ),
        ("unix:@allspark", "unix:@allspark"),
        ("unix:/run/a.sock", "unix:/run/a.sock"),
    ] {
        assert_eq!(target(text), expected, "{text}");
    }
    for text in [
        "",
        "a",
        "unix:",
        "http://",
        "http:///x",
        "http://a b",
        "http://a/\r\nX: y",
    ] {
        let refusal = text.parse::<Target>().unwrap_err();
        assert!(
            refusal.contains("can't be asked: write"),
            "{text}: {refusal}"
        );
    }
    let refusal = "https://a".parse::<Target>().unwrap_err();
    assert!(refusal.contains("without TLS only"), "{refusal}");
}

#[test]
fn a_server_is_asked_where_it_answers_what_operators_ask() {
    for (listeners, has_tls, expected) in [
        ("8080", false, "http://127.0.0.1:8080/healthz"),
        (":8080", false, "http://127.0.0.1:8080/healthz"),
        ("0.0.0.0:80", false, "http://127.0.0.1:80/healthz"),
        ("[::]:80", false, "http://[::1]:80/healthz"),
        ("a.example:80", false, "http://a.example:80/healthz"),
        ("8080,8081?internal", false, "http://127.0.0.1:8081/healthz"),
        (":443,unix:@ops?internal", true, "unix:@ops"),
        (
            ":443,tcp://:80?redirect,tcp://8080",
            true,
            "http://127.0.0.1:8080/healthz",
        ),
        (
            "systemd:web,8080?proxy-protocol=required,8081",
            false,
            "http://127.0.0.1:8081/healthz",
        ),
    ] {
        let places: Places = listeners.parse().unwrap();
        let target = Target::of_server(&places, has_tls).unwrap();
        assert_eq!(target.to_string(), expected, "{listeners}");
    }
    for (listeners, has_tls) in [("8443", true), ("systemd:", false)] {
        let places: Places = listeners.parse().unwrap();
        let refusal = Target::of_server(&places, has_tls).unwrap_err();
        assert!(refusal.contains("no listener can be asked"), "{refusal}");
    }
}

/// What it makes of a server that answers so, and then closes.
fn verdict(answer: &'static [u8]) -> Result<(), String> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 512];
        let length = stream.read(&mut request).unwrap();
        stream.write_all(answer).unwrap();
        request[..length].to_vec()
    });
    let verdict = run(&target.parse().unwrap());
    let request = String::from_utf8(server.join().unwrap()).unwrap();
    assert!(
        request.starts_with("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:"),
        "{request}"
    );
    verdict
}

#[test]
fn only_200_is_well() {
    assert_eq!(verdict(b"HTTP/1.1 200 OK\r\n\r\nok\n"), Ok(()));
    let refusal = verdict(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").unwrap_err();
    assert!(
        refusal.ends_with("/healthz answers 503 Service Unavailable"),
        "{refusal}"
    );
    let refusal = verdict(b"SSH-2.0-x\r\n").unwrap_err();
    assert!(refusal.contains("as a server of HTTP"), "{refusal}");
    let refusal = verdict(&[b'x'; 2 * ANSWER_BYTES_MAX]).unwrap_err();
    assert!(
        refusal.contains("as a server of HTTP") || refusal.contains("reset"),
        "{refusal}"
    );
}

#[test]
fn a_unix_socket_is_asked_by_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let target: Target = format!("unix:{}", path.display()).parse().unwrap();
    let refusal = run(&target).unwrap_err();
    assert!(refusal.contains("No such file"), "{refusal}");
    let listener = UnixListener::bind(&path).unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let mut request = [0; 512];
        stream.read(&mut request).unwrap()
    });
    assert_eq!(run(&target), Ok(()));
    assert!(server.join().unwrap() > 0);
}
