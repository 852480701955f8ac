//! Files and the application behind, as options of the server.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::thread;

use crate::server::{Server, allspark};

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\n\r\n")
}

/// Says what it was asked, with the body.
fn application() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut head, mut length) = (String::new(), 0);
            while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).unwrap() > 0 {}
            for line in head.lines() {
                if let Some(text) = line.strip_prefix("content-length: ") {
                    length = text.parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let answer = format!("{head}{}", String::from_utf8(body).unwrap());
            let length = answer.len();
            let head =
                format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
            let stream = stream.get_mut();
            stream.write_all((head + &answer).as_bytes()).unwrap();
        }
    });
    format!("http://{address}")
}

#[test]
fn files_and_the_application_stand_where_the_page_was() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("index.html"), "<p>mine").unwrap();
    let (upstream, root) = (application(), folder.path().display().to_string());
    let args = ["--static-root", &root, "--proxy-upstreams", &upstream];
    let server = Server::start(&args, Stdio::null());
    assert!(server.whole_answer(&get("/")).ends_with("<p>mine"));
    let answer = server.whole_answer(&get("/api/users?x=1"));
    for line in [
        "GET /api/users?x=1 HTTP/1.1",
        "host: site.example",
        "x-forwarded-for: 127.0.0.1",
    ] {
        assert!(answer.contains(line), "{line}: {answer}");
    }
    let post =
        "POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\na=b&c";
    assert!(server.whole_answer(post).ends_with("a=b&c"));
    assert!(
        server
            .whole_answer(&get("/primus/spec"))
            .contains("transformer")
    );
    assert!(
        server
            .head_of(&get("/%70rimus/spec"))
            .starts_with("HTTP/1.1 404 ")
    );
    assert!(
        server
            .whole_answer(&get("/metrics"))
            .contains("allspark_proxy_requests_total 2")
    );
    server.assert_serves();
}

#[test]
fn what_can_not_be_served_is_said_at_the_start() {
    for (args, said) in [
        (&["--static-root", "/nowhere/at/all"][..], "can't be opened"),
        (&["--proxy-upstreams", "ftp://a"], "is no upstream"),
        (
            &["--proxy-upstreams", "a:1", "--proxy-path", "/primus/x"],
            "belongs to Primus",
        ),
        (
            &["--static-root", "/", "--static-path", "files"],
            "it has to be /",
        ),
        (
            &["--static-root", "/", "--static-index", "../x"],
            "no file of the folder",
        ),
    ] {
        let output = allspark(args).arg("--listen=127.0.0.1:0").output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success() && text.contains(said),
            "{args:?} {text}"
        );
    }
}
