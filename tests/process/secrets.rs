//! Secrets of every kind, each with a mark, and everything that a server says to anybody: its log
//! at the level that says most, its answers, its refusals, its complaints about what is wrong. The
//! mark must be nowhere.

use std::fs;
use std::io::{Read, Write, pipe};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use rustix::process::Signal;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::server::{NEVER, Server, allspark, free_address};

/// What every secret here has in it.
const MARK: &str = "hush";

const TOKEN: &str = "hush-token-of-at-least-sixteen-bytes";
const JWT_SECRET: &str = "hush-secret-of-at-least-thirty-two-bytes";
const SESSION_SECRET: &str = "hush-session-secret-of-some-length";
const OMEGA_PASSWORD: &str = "hush-omega-password";
const REDIS: &str = "redis://:hush-redis-password@127.0.0.1:1/";
const API_KEY: &str = "hush-key-of-the-publishing-api";
const ADMIN_TOKEN: &str = "hush-token-of-the-dashboard";
const ADMIN_PASSWORD: &str = "hush-password-of-the-dashboard";
/// Base64, as all of them are.
const HOOKS_SECRET: &str = "whsec_hushhushhushhushhushhushhushhush";
/// Of the key in `p256-encrypted.pem`.
const PASSPHRASE: &str = "hush";
const TICKET_KEY: &[u8; 48] = b"hush-key-of-tickets-which-has-forty-eight-bytes-";
const TRACE_HEADER: &str = "Authorization: Bearer hush-key-of-the-collector";
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
    let ticket_key = STANDARD.encode(TICKET_KEY);
    [
        MARK,
        &signature[signature.len() - 20..],
        &encoded,
        &ticket_key,
    ]
    .iter()
    .any(|mark| text.contains(mark))
}

/// Requests for operators, publishers and the dashboard, with credentials that are right and ones
/// that are not, in the right place and in wrong ones.
fn requests_for_few() -> Vec<String> {
    let ask = |request: &str, headers: &str, body: &str| {
        let length = body.len();
        format!(
            "{request} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\
             Content-Length: {length}\r\n\r\n{body}"
        )
    };
    let mut requests = vec![ask("GET /metrics", "", ""), ask("GET /admin/login", "", "")];
    for key in [API_KEY, "hush-wrong-key-of-some-length", "hush"] {
        let headers = format!("Authorization: Bearer {key}\r\n");
        requests.push(ask("GET /api/v1/stats", &headers, ""));
        requests.push(ask("POST /api/v1/publish", &headers, "{}"));
        for path in ["/api/v1/sparks", "/api/v1/nothing", "/metrics", "/admin/"] {
            requests.push(ask(&format!("GET {path}?token={key}"), &headers, ""));
        }
    }
    for (name, secret) in [
        ("", ADMIN_TOKEN),
        ("ann", ADMIN_PASSWORD),
        ("", "hush-wrong-token-of-the-dashboard"),
        ("ann", "hush-wrong-password"),
        (ADMIN_TOKEN, ADMIN_PASSWORD),
    ] {
        let form = format!("name={name}&secret={secret}");
        requests.push(ask("POST /admin/login", "", &form));
        requests.push(ask(&format!("GET /admin/?secret={secret}"), "", ""));
    }
    requests
}

/// Everything in this folder that a server needs for the secrets that are files.
fn write_files(folder: &Path) {
    let write = |name: &str, content: &[u8]| fs::write(folder.join(name), content).unwrap();
    write("tokens", format!("{TOKEN} ann\n").as_bytes());
    write("ticket-key", TICKET_KEY);
    write("trace-headers", TRACE_HEADER.as_bytes());
    let mut command = allspark(&["admin-password", "ann"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut hasher = command.spawn().unwrap();
    let mut stdin = hasher.stdin.take().unwrap();
    stdin.write_all(ADMIN_PASSWORD.as_bytes()).unwrap();
    drop(stdin);
    write("users", &hasher.wait_with_output().unwrap().stdout);
}

fn keys() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("server/tls/tests/keys")
}

/// A server with a secret of each kind, and TLS at a second address.
fn with_secrets(folder: &Path, address: SocketAddr, encrypted: SocketAddr) -> Command {
    let mut command = allspark(&["--log", "trace", "--shards", "2", "--app", "echo"]);
    command
        .args(["--auth-url", URL, "--config"])
        .arg(file(folder));
    for (option, name) in [
        ("--auth-tokens-file", "tokens"),
        ("--tls-ticket-keys", "ticket-key"),
        ("--trace-headers-file", "trace-headers"),
        ("--admin-users-file", "users"),
        ("--access-log-file", "access-log"),
    ] {
        command.arg(option).arg(folder.join(name));
    }
    command.arg("--tls-cert").arg(keys().join("localhost.crt"));
    command
        .arg("--tls-key")
        .arg(keys().join("p256-encrypted.pem"));
    command
        .args(["--listen", &format!("{address}?tls=false")])
        .args(["--listen", &format!("{encrypted}?tls")])
        .args(["--access-log-query", "--hooks-url", "http://127.0.0.1:1/"])
        .args(["--hooks-events", "disconnect", "--hooks-retries", "1"])
        .args([
            "--trace-url",
            "http://127.0.0.1:1/",
            "--trace-sample",
            "100%",
        ])
        .env("ALLSPARK_AUTH_JWT_SECRET", JWT_SECRET)
        .env("ALLSPARK_AUTH_SESSION_SECRETS", SESSION_SECRET)
        .env("ALLSPARK_API_KEYS", format!("{API_KEY} publish,read bob"))
        .env("ALLSPARK_ADMIN_TOKENS", format!("{ADMIN_TOKEN} ann"))
        .env("ALLSPARK_HOOKS_SECRET", HOOKS_SECRET)
        .env("ALLSPARK_TLS_PASSPHRASE", PASSPHRASE);
    command
}

/// What a server answers over TLS to two clients, of whom the second resumes the session of the
/// first.
fn answers_over_tls(address: SocketAddr) -> String {
    let authority = fs::read(keys().join("authority.crt")).unwrap();
    let authority = pem::parse(authority).unwrap().into_contents();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority)).unwrap();
    let builder = ClientConfig::builder_with_provider(default_provider().into());
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(builder.with_root_certificates(roots).with_no_client_auth());
    let mut answers = String::new();
    for _ in 0..2 {
        let name = ServerName::try_from("localhost").unwrap();
        let client = ClientConnection::new(config.clone(), name).unwrap();
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(NEVER)).unwrap();
        let mut stream = StreamOwned::new(client, socket);
        let request =
            format!("GET /primus?token={TOKEN} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        stream.read_to_string(&mut answers).unwrap();
    }
    answers
}

#[test]
fn no_secret_is_told_to_anybody() {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path());
    let (address, encrypted) = (free_address(), free_address());
    let mut command = with_secrets(folder.path(), address, encrypted);
    let (mut reader, writer) = pipe().unwrap();
    let log = thread::spawn(move || {
        let mut log = String::new();
        reader.read_to_string(&mut log).map(|_| log)
    });
    let mut server = Server::spawn(&mut command, address, writer);
    drop(command);

    let mut client = server.connect_to(&format!("/primus?token={TOKEN}"));
    client.send(b"\"primus::authorization::hush-is-no-token\"");
    let mut told = vec![client.rest().join("\n"), answers_over_tls(encrypted)];
    let mut client = server.connect_to(&format!("/primus?token={}", jwt(JWT_SECRET)));
    client.send_frame(0x83, b"hush");
    for request in requests().into_iter().chain(requests_for_few()) {
        told.push(server.whole_answer(&request));
    }
    for path in [
        "/stats",
        "/",
        "/primus/spec",
        "/primus/primus.js",
        "/primus/primus.js?legacy",
        "/api/v1/openapi.json",
    ] {
        told.push(server.get(path));
    }
    // Keys that can't be used are complained about, and so is what stands in their place.
    for keys in [
        "hush",
        "hush-token-of-at-least-sixteen-bytes \u{0}",
        "sha256:hush",
    ] {
        fs::write(folder.path().join("tokens"), keys).unwrap();
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
    told.push(fs::read_to_string(folder.path().join("access-log")).unwrap());
    // Everything that has a secret was there, and was asked for with right ones and wrong ones.
    for words in [
        "sub=\"ann\"",
        "401 Unauthorized",
        "\n# EOF\n",
        "{\"sparks\":[",
        "\"code\":\"unauthorized\"",
        "location: /admin/\r\n",
        "location: /admin/login?why=wrong\r\n",
        "\"GET /api/v1/sparks?",
    ] {
        assert!(
            told.iter().any(|text| text.contains(words)),
            "{words}: {told:#?}"
        );
    }
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
        [
            flag("--tls-cert", &path("cert", "hush")),
            flag(
                "--tls-key",
                &path("tls-key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nhush"),
            ),
            flag("--tls-passphrase-file", &path("passphrase", "hush")),
        ]
        .concat(),
        [
            flag("--tls-pfx", &path("pfx", "hush")),
            flag("--tls-passphrase-file", &path("passphrase", "hush")),
        ]
        .concat(),
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
