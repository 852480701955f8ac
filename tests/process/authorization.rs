//! Who may come in, where that is configured: on every way in, by keys that change, and for as long
//! as a credential counts.

use std::fs;
use std::io::{BufRead, BufReader, PipeReader, Read, Write, pipe};
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::signature::{Ed25519KeyPair, KeyPair};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::server::{Client, Server, allspark};

const OLD: &str = "an-old-token-of-ann";
const NEW: &str = "a-new-token-of-ann";

/// A server whose keys lie in a folder, and its log.
struct Rig {
    server: Server,
    log: BufReader<PipeReader>,
    folder: TempDir,
}

impl Rig {
    /// The file `keys` has this text, and stands behind the last of `args`.
    fn start(text: &str, args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        fs::write(&path, text).unwrap();
        let (reader, writer) = pipe().unwrap();
        let mut command = allspark(args);
        command.arg(&path).args(["--shards", "2"]);
        Self {
            server: Server::start_with(&mut command, writer),
            log: BufReader::new(reader),
            folder,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    /// The first word of the answer's head is its version, the second this.
    fn status(&self, head: &str) -> u16 {
        let answer = self.server.head_of(head);
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }

    fn status_with(&self, token: &str) -> u16 {
        self.status(&upgrade(&format!("/primus?token={token}")))
    }

    /// Reads the log until a line has these words.
    fn await_line(&mut self, words: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.log.read_line(&mut line).unwrap() > 0, "never: {words}");
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Everything that was logged, once it has ended.
    fn end(mut self) -> String {
        self.server.signal(Signal::TERM);
        assert_eq!(self.server.exit_code(), Some(0));
        let mut log = String::new();
        self.log.read_to_string(&mut log).unwrap();
        log
    }
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")
}

fn upgrade(target: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
}

/// The ways in of all transports.
fn ways_in() -> Vec<String> {
    vec![
        get("/primus"),
        get("/primus/?EIO=4&transport=polling"),
        get("/primus/0/session/xhr_streaming"),
        "POST /primus/0/session/xhr HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".to_owned(),
        get("/primus/bind?VER=8&RID=rpc"),
        upgrade("/primus"),
        upgrade("/primus/?EIO=4&transport=websocket"),
        upgrade("/primus/0/session/websocket"),
    ]
}

#[test]
fn who_has_no_token_is_refused_on_every_way_in() {
    let rig = Rig::start(&format!("{OLD} ann"), &["--auth-tokens-file"]);
    for request in ways_in() {
        let answer = rig.server.head_of(&request).to_lowercase();
        assert!(answer.starts_with("http/1.1 401 "), "{request}{answer}");
        assert!(
            answer.contains("www-authenticate: bearer realm=\"allspark\"\r\n"),
            "{answer}"
        );
        assert!(
            answer.contains("content-type: application/json"),
            "{answer}"
        );
        let is_closed = answer.contains("connection: close");
        assert_eq!(is_closed, request.contains("Upgrade"), "{request}{answer}");
        let wrong = request.replace("Host:", "Authorization: Bearer wrong\r\nHost:");
        let answer = rig.server.head_of(&wrong);
        assert!(answer.contains("error=\"invalid_token\""), "{answer}");
    }
    let body = rig.server.get("/primus/?EIO=4&transport=polling");
    assert_eq!(body, r#"{"error":"authorization required"}"#);
    let header = format!("Authorization: Bearer {OLD}\r\nHost:");
    let with_header = upgrade("/primus").replace("Host:", &header);
    assert_eq!(rig.status(&with_header), 101);
    assert_eq!(rig.status_with(OLD), 101);
    let polling = format!("/primus/?EIO=4&transport=polling&token={OLD}");
    assert_eq!(rig.status(&get(&polling)), 200);
    // What everybody may know, as in Primus; clients are told not to try again and again.
    assert_eq!(rig.status(&get("/primus/spec")), 200);
    assert!(
        rig.server
            .get("/primus/primus.js")
            .contains("authorization: true")
    );
    assert_eq!(rig.status(&get("/stats")), 200);
}

/// Two credentials, and files of keys by which the first, the second and both of them count.
struct Keys {
    option: &'static str,
    credentials: [String; 2],
    files: [String; 3],
    /// What the log says of a file with one key, and of the one with both.
    said: [&'static str; 2],
}

/// Keys are replaced, and what can't be used changes nothing. Returns the server, where both count.
fn change(keys: &Keys) -> Rig {
    let ([old, new], [file, other_file, file_of_both]) = (&keys.credentials, &keys.files);
    let mut rig = Rig::start(file, &[keys.option]);
    let status = |rig: &Rig| (rig.status_with(old), rig.status_with(new));
    assert_eq!(status(&rig), (101, 401));
    fs::write(rig.path(), other_file).unwrap();
    rig.server.signal(Signal::HUP);
    rig.await_line(&format!(
        "the keys of authorization were read anew: {}",
        keys.said[0]
    ));
    assert_eq!(status(&rig), (401, 101));
    // A file that can't be used changes nothing.
    fs::write(rig.path(), "hush").unwrap();
    rig.server.signal(Signal::HUP);
    let line = rig.await_line("stay");
    assert!(line.contains(" ERROR ") && !line.contains("hush"), "{line}");
    assert_eq!(status(&rig), (401, 101));
    // And a change is seen without a signal: the file is replaced, as Kubernetes does.
    let other = rig.folder.path().join("other");
    fs::write(&other, file_of_both).unwrap();
    fs::rename(&other, rig.path()).unwrap();
    rig.await_line(&format!("read anew: {}", keys.said[1]));
    assert_eq!(status(&rig), (101, 101));
    rig
}

#[test]
fn keys_change_while_the_server_runs() {
    change(&Keys {
        option: "--auth-tokens-file",
        credentials: [OLD, NEW].map(str::to_owned),
        files: [OLD, NEW, &format!("{OLD} ann\n{NEW} bob")].map(str::to_owned),
        said: ["1 tokens", "2 tokens"],
    });
}

/// A key of Ed25519, by which an issuer signs tokens.
fn signing_key(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

/// It in a set of keys (RFC 7517), under a name.
fn jwk(id: &str, key: &Ed25519KeyPair) -> String {
    let x = URL_SAFE_NO_PAD.encode(key.public_key());
    format!(r#"{{"kty":"OKP","crv":"Ed25519","use":"sig","kid":"{id}","x":"{x}"}}"#)
}

/// A token that this key has signed and that names its key so.
fn jwt_of(id: &str, key: &Ed25519KeyPair) -> String {
    let header = format!(r#"{{"alg":"EdDSA","kid":"{id}"}}"#);
    signed(&header, unix_s() + 600, |message| {
        key.sign(message).as_ref().to_vec()
    })
}

#[test]
fn a_set_of_keys_changes_while_the_server_runs() {
    let (old, new) = (signing_key(1), signing_key(2));
    let set = |keys: &[String]| format!("{{\"keys\":[{}]}}", keys.join(","));
    let (old_jwk, new_jwk) = (jwk("old", &old), jwk("new", &new));
    let rig = change(&Keys {
        option: "--auth-jwks-file",
        credentials: [jwt_of("old", &old), jwt_of("new", &new)],
        files: [
            set(std::slice::from_ref(&old_jwk)),
            set(std::slice::from_ref(&new_jwk)),
            set(&[old_jwk, new_jwk]),
        ],
        said: ["1 JWT keys", "2 JWT keys"],
    });
    // The name says which key of the set a token means: it is not tried with others.
    assert_eq!(rig.status_with(&jwt_of("old", &new)), 401);
    assert_eq!(rig.status_with(&jwt_of("other", &new)), 401);
}

const SECRET: &str = "a secret of at least thirty-two bytes";

fn unix_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

fn jwt(expires_at_s: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    signed("{\"alg\":\"HS256\"}", expires_at_s, |message| {
        hmac::sign(&key, message).as_ref().to_vec()
    })
}

/// A token of Ann's with this header, signed so.
fn signed(header: &str, expires_at_s: u64, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
    let claims = format!("{{\"sub\":\"ann\",\"exp\":{expires_at_s}}}");
    let message = format!("{}.{}", part(header), part(&claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

const JWT: [&str; 3] = ["--auth-jwt-leeway", "0", "--auth-jwt-secret-file"];

/// A client whose token expires soon, after so many seconds, but after it was let in, and that
/// token.
fn short_lived(server: &Server, mut seconds: u64) -> (Client, String) {
    loop {
        let token = jwt(unix_s() + seconds);
        match server.try_connect_to(&format!("/primus?token={token}")) {
            Ok(client) => return (client, token),
            // This machine is slow at the moment.
            Err(_) => seconds *= 2,
        }
        assert!(seconds < 100, "nobody is let in");
    }
}

#[test]
fn a_spark_ends_with_its_token() {
    let cases = [
        ("end", &["primus::server::close"][..]),
        ("reconnect", &[]),
        ("refresh", &["{\"authorization\":\"refresh\",\"expires\":"]),
    ];
    thread::scope(|scope| {
        for (expiry, expected) in cases {
            scope.spawn(move || assert_ends(expiry, expected));
        }
    });
}

/// The last messages of a spark whose token expires hold these texts.
fn assert_ends(expiry: &str, expected: &[&str]) {
    let rig = Rig::start(SECRET, &[&["--auth-expiry", expiry], &JWT[..]].concat());
    let (mut client, token) = short_lived(&rig.server, 2);
    let texts = client.rest();
    assert_eq!(texts.len(), expected.len(), "{expiry}: {texts:?}");
    for (text, expected) in texts.iter().zip(expected) {
        assert!(text.contains(expected), "{expiry}: {text}");
    }
    assert_eq!(rig.status_with(&token), 401);
    rig.end();
}

/// A client that was asked for a new token and gave it, its old one, and what it said.
fn renewed(server: &Server) -> (Client, String, String) {
    for seconds in [2, 4, 8, 16, 32, 64] {
        let (mut client, token) = short_lived(server, seconds);
        let asked = client.try_receive().unwrap_or_default();
        let asked = String::from_utf8(asked).unwrap();
        let expires_at_s = unix_s() + 600;
        let renewal = format!("\"primus::authorization::{}\"", jwt(expires_at_s));
        client.send(renewal.as_bytes());
        if let Some(answer) = client.try_receive() {
            let asks = "{\"authorization\":\"refresh\"";
            assert!(asked.starts_with(asks), "{asked}");
            let renewed =
                format!("{{\"authorization\":\"renewed\",\"expires\":{expires_at_s}000}}");
            assert_eq!(answer, renewed.as_bytes());
            return (client, token, renewal);
        }
        // This machine is slow at the moment.
    }
    panic!("nobody renews a token in time");
}

#[test]
fn a_client_that_is_asked_stays_with_a_new_token() {
    let args = [&["--auth-expiry", "refresh"], &JWT[..]].concat();
    let rig = Rig::start(SECRET, &args);
    let (mut client, token, renewal) = renewed(&rig.server);
    while rig.status_with(&token) != 401 {}
    // The same one again is no reason for anything, and the application sees none of them.
    client.send(renewal.as_bytes());
    client.send(b"\"still here\"");
    assert_eq!(client.receive(), b"\"still here\"");
    client.send(b"\"primus::authorization::wrong\"");
    assert_eq!(client.rest(), [""; 0]);
}

#[test]
fn a_spark_may_outlive_its_token() {
    let rig = Rig::start(SECRET, &[&["--auth-expiry", "ignore"], &JWT[..]].concat());
    let (mut client, token) = short_lived(&rig.server, 2);
    while rig.status_with(&token) != 401 {}
    client.send(b"\"still here\"");
    assert_eq!(client.receive(), b"\"still here\"");
}

/// A person who looks at logs, `/spec` or `/stats` can't connect as somebody else.
#[test]
fn no_credential_is_told_to_anybody() {
    let args = [&["--log", "trace"], &JWT[..]].concat();
    let rig = Rig::start(SECRET, &args);
    let (token, old) = (jwt(unix_s() + 600), jwt(1));
    let mut client = rig.server.connect_to(&format!("/primus?token={token}"));
    client.send(b"\"hello\"");
    assert_eq!(client.receive(), b"\"hello\"");
    assert_eq!(rig.status_with(&old), 401);
    let told = [rig.server.get("/primus/spec"), rig.server.get("/stats")];
    let refusal = rig
        .server
        .head_of(&upgrade(&format!("/primus?token={old}")));
    drop(client);
    let log = rig.end();
    assert!(log.contains("sub=\"ann\""), "{log}");
    for credential in [&token, &old, SECRET] {
        let signature = credential.rsplit('.').next().unwrap();
        for text in told.iter().chain([&refusal, &log]) {
            assert!(!text.contains(signature), "{text}");
        }
    }
}

/// Answers each connection with what `answer` says to the head of its request.
fn url(answer: impl Fn(&str) -> String + Send + 'static) -> (String, mpsc::Receiver<String>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/authorize", listener.local_addr().unwrap());
    let (sender, heads) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = String::new();
            let mut lines = BufReader::new(&stream);
            while !head.ends_with("\r\n\r\n") && lines.read_line(&mut head).unwrap() > 0 {}
            let answer = answer(&head);
            // First, so that it is known by the time of the answer. Who has ended asks no more.
            let _ = sender.send(head);
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (url, heads)
}

#[test]
fn a_url_decides() {
    let (url, heads) = url(|head| {
        let (status, body) = match head.contains("token=ann") {
            true => ("200 OK", r#"{"sub":"ann"}"#),
            false => ("403 Forbidden", r#"{"error":"not you"}"#),
        };
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    });
    let (reader, writer) = pipe().unwrap();
    let mut command = allspark(&["--auth-url", &url, "--log", "debug", "--shards", "2"]);
    let server = Server::start_with(&mut command, writer);
    let mut rig = Rig {
        server,
        log: BufReader::new(reader),
        folder: tempfile::tempdir().unwrap(),
    };
    assert_eq!(rig.status_with("bob"), 403);
    assert_eq!(
        rig.server.get("/primus?token=bob"),
        r#"{"error":"not you"}"#
    );
    let mut client = rig.server.connect_to("/primus?token=ann");
    client.send(b"\"hello\"");
    assert_eq!(client.receive(), b"\"hello\"");
    rig.await_line("by=\"url\" sub=\"ann\"");
    let polling = "/primus/?EIO=4&transport=polling&token=ann";
    assert_eq!(rig.status(&get(polling)), 200);
    let asked: Vec<String> = heads.try_iter().collect();
    // Each question once, although it came as an upgrade and as a poll.
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked[0].contains(" /primus?token=bob\r\n"), "{}", asked[0]);
}

#[test]
fn a_url_that_is_gone_lets_nobody_in() {
    let args = ["--auth-url", "http://127.0.0.1:1/", "--shards", "1"];
    let (_reader, writer) = pipe().unwrap();
    let server = Server::start_with(&mut allspark(&args), writer);
    for request in ways_in() {
        let answer = server.head_of(&request);
        assert!(answer.starts_with("HTTP/1.1 503 "), "{request}{answer}");
        assert!(answer.contains("Retry-After: "), "{answer}");
    }
}
