//! Against a server that says which app it runs.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use super::load_at;

/// Says to one client which app it runs, and then serves nobody.
fn one_answer(app: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        assert!(request.starts_with(b"GET /stats HTTP/1.1\r\n"));
        let body = format!(r#"{{"app":"{app}","sparks":0}}"#);
        let length = body.len();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all((head + &body).as_bytes()).unwrap();
    });
    url
}

#[test]
fn an_app_that_the_scenario_is_not_about_is_refused_in_one_sentence() {
    for (app, options, words) in [
        (
            "broadcast",
            &[][..],
            "start it with `allspark serve --app echo`, or load it with --scenario broadcast",
        ),
        (
            "none",
            &["--scenario", "broadcast"],
            "start it with `allspark serve --app broadcast`\n",
        ),
        (
            "echo",
            &["--scenario", "mixed"],
            "start it with `allspark serve --app mixed`, or load it with --scenario echo",
        ),
    ] {
        let run = load_at(&one_answer(app), options);
        assert_eq!(run.code, 2, "{app}: {}", run.complaints);
        assert_eq!(run.complaints.lines().count(), 1, "{}", run.complaints);
        assert!(run.complaints.contains(words), "{}", run.complaints);
        assert!(run.output.is_empty(), "{}", run.output);
    }
}

/// It is loaded, and found not to serve.
#[test]
fn an_app_that_nobody_knows_is_loaded() {
    let run = load_at(&one_answer("chat"), &["--clients", "1"]);
    assert_eq!(run.code, 1, "{}", run.complaints);
}
