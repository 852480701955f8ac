//! Secrets of every kind, each with a mark, and everything that a server says to anybody: its log
//! at the level that says most, its answers, its refusals, its complaints about what is wrong. The
//! mark must be nowhere.

use std::fs;
use std::io::{Read, pipe};
use std::path::Path;
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use rustix::process::Signal;

use crate::server::{Server, allspark};

/// What every secret here has in it.
const MARK: &str = "hush";

const TOKEN: &str = "hush-token-of-at-least-sixteen-bytes";
const JWT_SECRET: &str = "hush-secret-of-at-least-thirty-two-bytes";
const SESSION_SECRET: &str = "hush-session-secret-of-some-length";
const OMEGA_PASSWORD: &str = "hush-omega-password";
const REDIS: &str = "redis://:hush-redis-password@127.0.0.1:1/";
const URL: &str = "http://127.0.0.1:1/authorize?key=hush-key-of-the-url";

/// A configuration with a password of each plugin that has one.
fn file(folder: &Path) -> String {
    let text = format!(
        "[plugins.omega-supreme]\npassword = '{OMEGA_PASSWORD}'\n\
         [plugins.metroplex]\nredis = '{REDIS}'\n"
    );
    let path = folder.join("allspark.toml");
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// A JWT that counts, or one that does not.
fn jwt(secret: &str) -> String {
    let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
    let claims = r#"{"sub":"ann","exp":33000000000}"#;
    let message = format!("{}.{}", part(r#"{"alg":"HS256"}"#), part(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, message.as_bytes()));
    format!("{message}.{signature}")
}

/// Requests that carry a secret, or nearly one, in every place that has some, well-formed or not.
fn requests() -> Vec<String> {
    let omega = |password: &str| STANDARD.encode(format!("omega:{password}"));
    let put = |credentials: &str| {
        format!(
            "PUT /primus/omega/supreme HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
             Authorization: Basic {credentials}\r\nContent-Length: 9\r\n\r\n{{\"msg\":1}}"
        )
    };
    let session = format!("connect.sid=s%3Aabc.{MARK}");
    let mut requests = vec![
        put(&omega(OMEGA_PASSWORD)),
        put(&omega("hush-wrong")),
        put("hush"),
        format!("hush {TOKEN}\r\n\r\n"),
        format!("GET /primus HTTP/1.1\r\nHost: a\r\nHost: {TOKEN}\r\n\r\n"),
        format!("POST /primus HTTP/1.1\r\nHost: a\r\nContent-Length: {TOKEN}\r\n\r\n"),
    ];
    for credential in [
        TOKEN,
        "hush-wrong-token",
        &jwt(JWT_SECRET),
        &jwt("hush-wrong-secret"),
    ] {
        for path in [
            "/primus",
            "/nothing",
            "/primus/?EIO=4&transport=polling",
            "/primus/bind?VER=8",
        ] {
            let gap = if path.contains('?') { '&' } else { '?' };
            let target = format!("{path}{gap}token={credential}");
            for header in ["Authorization: Bearer", "X-Other:"] {
                requests.push(format!(
                    "GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
                     {header} {credential}\r\nCookie: {session}\r\n\r\n"
                ));
            }
        }
    }
    requests
}

/// Whether a text tells of a secret: as it is, or as what it became in a header or a token.
fn tells(text: &str) -> bool {
    let signature = jwt(JWT_SECRET);
    let encoded = STANDARD.encode(format!("omega:{OMEGA_PASSWORD}"));
    [MARK, &signature[signature.len() - 20..], &encoded]
        .iter()
        .any(|mark| text.contains(mark))
}

#[test]
fn no_secret_is_told_to_anybody() {
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens");
    fs::write(&tokens, format!("{TOKEN} ann\n")).unwrap();
    let args = [
        "--log",
        "trace",
        "--shards",
        "2",
        "--auth-url",
        URL,
        "--config",
    ];
    let mut command = allspark(&args);
    command
        .arg(file(folder.path()))
        .arg("--auth-tokens-file")
        .arg(&tokens)
        .env("ALLSPARK_AUTH_JWT_SECRET", JWT_SECRET)
        .env("ALLSPARK_AUTH_SESSION_SECRETS", SESSION_SECRET);
    let (mut reader, writer) = pipe().unwrap();
    let log = thread::spawn(move || {
        let mut log = String::new();
        reader.read_to_string(&mut log).map(|_| log)
    });
    let mut server = Server::start_with(&mut command, writer);
    drop(command);

    let mut client = server.connect_to(&format!("/primus?token={TOKEN}"));
    client.send(b"\"primus::authorization::hush-is-no-token\"");
    let mut told = vec![client.rest().join("\n")];
    let mut client = server.connect_to(&format!("/primus?token={}", jwt(JWT_SECRET)));
    client.send_frame(0x83, b"hush");
    for request in requests() {
        told.push(server.whole_answer(&request));
    }
    for path in [
        "/stats",
        "/",
        "/primus/spec",
        "/primus/primus.js",
        "/primus/primus.js?legacy",
    ] {
        told.push(server.get(path));
    }
    // Keys that can't be used are complained about, and so is what stands in their place.
    for keys in [
        "hush",
        "hush-token-of-at-least-sixteen-bytes \u{0}",
        "sha256:hush",
    ] {
        fs::write(&tokens, keys).unwrap();
        server.signal(Signal::HUP);
    }
    // What others of this machine see of a process: its words, and the names of its threads.
    // (Its environment only its user sees, and root.)
    told.push(fs::read_to_string(format!("/proc/{}/cmdline", server.pid())).unwrap());
    for thread in fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap() {
        told.push(fs::read_to_string(thread.unwrap().path().join("comm")).unwrap());
    }
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(), Some(0));
    told.push(log.join().unwrap().unwrap());
    assert!(
        told.iter().any(|text| text.contains("sub=\"ann\"")),
        "{told:?}"
    );
    assert!(
        told.iter().any(|text| text.contains("401 Unauthorized")),
        "{told:?}"
    );
    for text in told {
        // The words name the URL, of which AUTHORIZATION.md says what that means.
        assert!(!tells(&text.replace(URL, "")), "{text}");
    }
}

/// What can't be used is complained about without being quoted.
#[test]
fn no_complaint_quotes_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let config = |name: &str, text: &str| vec!["--config".to_owned(), path(name, text)];
    let flag = |flag: &str, value: &str| vec![flag.to_owned(), value.to_owned()];
    let omega = "[plugins.omega-supreme]\npassword =";
    let wrong = [
        config("unclosed", &format!("{omega} 'hush\nusername = 'a'")),
        config("array", &format!("{omega} ['hush']")),
        config("table", &format!("{omega} {{ a = 'hush' }}")),
        config("bare", &format!("{omega} hush")),
        config("twice", &format!("{omega} 'hush'\npassword = 'hush'")),
        config(
            "colon",
            "[plugins.omega-supreme]\nusername = 'a:b'\npassword = 'hush'",
        ),
        config("redis", "[plugins.metroplex]\nredis = 'redis//:hush@a'"),
        config("tls", "[plugins.metroplex]\nredis = 'rediss://:hush@a'"),
        config(
            "secret",
            "[authorization]\ntokens = 'hush-token-of-at-least-sixteen-bytes'",
        ),
        flag("--auth-tokens-file", &path("tokens", "hush")),
        flag("--auth-jwt-secret-file", &path("secret-short", "hush")),
        flag(
            "--auth-jwt-key-file",
            &path("key", "-----BEGIN PRIVATE KEY-----\nhush"),
        ),
        flag(
            "--auth-jwks-file",
            &path("jwks", "{\"keys\":[{\"k\":\"hush\"}]}"),
        ),
        flag(
            "--auth-session-secrets-file",
            &path("sessions", "hush\n\u{0}"),
        ),
        flag("--auth-url", "http://ann:hush@a/"),
        flag("--plugin", "omega-supreme.password=hush"),
        flag("--plugin", "metroplex.redis=redis://:hush@a"),
    ];
    for args in wrong {
        let output = allspark(&[])
            .args(&args)
            .args(["--listen", "127.0.0.1:0"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            matches!(output.status.code(), Some(1 | 2)),
            "{args:?}: {said}"
        );
        assert!(!said.is_empty() && !said.contains(MARK), "{args:?}: {said}");
    }
}
