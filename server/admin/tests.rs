//! The door and what is behind it, over sockets.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use allspark::auth::Secret;
use allspark::{Destroy, Place, Primus, Server};

use super::door::Door;
use super::inbox::{Event, Inbox};
use super::operators::Operators;
use super::options::AdminSettings;
use super::site;

const TOKEN: &str = "0123456789abcdef0123456789";

/// A dashboard without a server that it shows.
struct Site {
    primus: Primus,
    server: Server,
    door: Arc<Door>,
    events: Receiver<Event>,
}

impl Site {
    fn start(knock: Option<&str>) -> Self {
        let operators = operators(&format!("{TOKEN} ann"));
        let door = Arc::new(Door::new(operators, 3600, knock.map(str::to_owned)).unwrap());
        let (inbox, events) = Inbox::new();
        let primus = site::build(&door, &Arc::new(inbox), false).unwrap();
        let place = Place::first_of(&"127.0.0.1:0").unwrap();
        let server = site::start(&primus, place).unwrap();
        Self {
            primus,
            server,
            door,
            events,
        }
    }

    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        ask(self.server.address(), method, path, headers, body)
    }

    /// Logs in: the answer, and the cookies as they are sent back.
    fn log_in(&self, headers: &str) -> (String, String) {
        let body = format!("name=&secret={TOKEN}");
        let answer = self.ask("POST", "/admin/login", headers, &body);
        let cookies = answer
            .lines()
            .filter_map(|line| line.strip_prefix("Set-Cookie: "));
        let pairs: Vec<&str> = cookies
            .filter_map(|cookie| cookie.split(';').next())
            .collect();
        let cookies = format!("Cookie: {}\r\n", pairs.join("; "));
        (answer, cookies)
    }

    fn connect(&self, headers: &str) -> String {
        let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        self.ask("GET", "/admin/primus", &format!("{upgrade}{headers}"), "")
    }

    fn stop(self) {
        self.primus.destroy(Destroy::default());
        self.server.join().unwrap();
    }
}

fn operators(tokens: &str) -> Operators {
    let settings = AdminSettings {
        tokens: Some(Secret::from(tokens.to_owned())),
        ..AdminSettings::default()
    };
    Operators::read(&settings).unwrap()
}

/// The head of the answer, and as much of the body as comes before the connection is closed or
/// upgraded.
fn ask(at: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(at).unwrap();
    let close = if headers.contains("Upgrade") {
        ""
    } else {
        "Connection: close\r\n"
    };
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {at}\r\n{close}Content-Length: {length}\r\n{headers}\r\n\
         {body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    while !(answer.starts_with(b"HTTP/1.1 101") && answer.ends_with(b"\r\n\r\n")) {
        match stream.read(&mut part) {
            Ok(0) | Err(_) => break,
            Ok(length) => answer.extend_from_slice(&part[..length]),
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or_default()
}

#[test]
fn nobody_sees_anything_without_having_logged_in() {
    let site = Site::start(None);
    let answer = site.ask("GET", "/admin/", "", "");
    assert_eq!(status(&answer), "303");
    assert!(answer.contains("Location: /admin/login\r\n"), "{answer}");
    assert_eq!(status(&site.ask("GET", "/admin/session", "", "")), "401");
    assert_eq!(status(&site.connect("")), "401");
    assert_eq!(
        status(&site.connect("Cookie: allspark_admin=a.9999999999.YQ.YQ\r\n")),
        "401"
    );
    for path in [
        "/admin/login",
        "/admin/admin.css",
        "/admin/dashboard.js",
        "/admin/",
    ] {
        let answer = site.ask("GET", path, "", "");
        for header in [
            "frame-ancestors 'none'",
            "X-Frame-Options: DENY",
            "X-Content-Type-Options: nosniff",
            "default-src 'none'",
        ] {
            assert!(answer.contains(header), "{path}: {answer}");
        }
    }
    // Pages are given out by the door alone.
    assert_eq!(
        status(&site.ask("GET", "/admin/dashboard.html", "", "")),
        "404"
    );
    site.stop();
}

#[test]
fn a_token_opens_the_door_for_its_browser_alone() {
    let site = Site::start(None);
    let (answer, cookies) = site.log_in("");
    assert!(answer.contains("Location: /admin/\r\n"), "{answer}");
    let set: Vec<&str> = answer
        .lines()
        .filter(|line| line.starts_with("Set-Cookie"))
        .collect();
    assert_eq!(set.len(), 2, "{answer}");
    for cookie in set {
        assert!(
            cookie.contains("; Path=/admin; HttpOnly; SameSite=Strict; Max-Age="),
            "{cookie}"
        );
        assert!(!cookie.contains("Secure") && !cookie.contains(TOKEN));
    }
    assert_eq!(
        status(&site.ask("GET", "/admin/session", &cookies, "")),
        "204"
    );
    let page = site.ask("GET", "/admin/", &cookies, "");
    assert!(status(&page) == "200" && page.contains(">ann<"), "{page}");
    assert_eq!(status(&site.connect(&cookies)), "101");
    let event = site.events.recv().unwrap();
    assert!(matches!(event, Event::Opened(_, session) if session.operator == "ann"));
    let (answer, _) = site.log_in("X-Forwarded-Proto: https\r\n");
    assert!(answer.contains("; Secure\r\n"), "{answer}");

    let answer = site.ask("POST", "/admin/logout", &cookies, "");
    assert!(answer.contains("allspark_admin=; "), "{answer}");
    assert_eq!(
        status(&site.ask("GET", "/admin/session", &cookies, "")),
        "401"
    );
    assert_eq!(status(&site.connect(&cookies)), "401");
    site.stop();
}

/// Other ports of this host are the same site, so their pages send the cookie along.
#[test]
fn pages_of_other_origins_can_do_nothing_with_the_cookie() {
    let site = Site::start(None);
    let (_, cookies) = site.log_in("");
    let own = format!("{cookies}Origin: http://{}\r\n", site.server.address());
    assert_eq!(status(&site.connect(&own)), "101");
    for strange in [
        "Origin: http://127.0.0.1:1\r\n",
        "Origin: null\r\n",
        "Origin: https://evil.example\r\n",
        "Sec-Fetch-Site: same-site\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
    ] {
        let headers = format!("{cookies}{strange}");
        assert_eq!(status(&site.connect(&headers)), "403", "{strange}");
        assert_eq!(
            status(&site.ask("POST", "/admin/logout", &headers, "")),
            "403",
            "{strange}"
        );
        let (answer, _) = site.log_in(strange);
        assert_eq!(status(&answer), "403", "{strange}");
    }
    assert_eq!(
        status(&site.ask("GET", "/admin/session", &cookies, "")),
        "204"
    );
    site.stop();
}

#[test]
fn who_guesses_waits_and_a_browser_that_is_known_does_not() {
    let site = Site::start(None);
    let (_, cookies) = site.log_in("");
    let guess = |headers: &str, secret: &str| {
        let body = format!("name=&secret={secret}");
        site.ask("POST", "/admin/login", headers, &body)
    };
    for _ in 0..5 {
        assert!(guess("", "wrong").contains("why=wrong\r\n"));
    }
    let right = guess("", TOKEN);
    assert!(
        right.contains("why=wait\r\n") && !right.contains("Set-Cookie"),
        "{right}"
    );
    assert!(guess(&cookies, TOKEN).contains("Location: /admin/\r\n"));
    // A form that is no form, or too long for one.
    assert_eq!(status(&guess(&cookies, &"x".repeat(5_000))), "413");
    assert!(guess(&cookies, "%ff%fe\u{0}").contains("why=wrong\r\n"));
    site.stop();
}

#[test]
fn others_who_may_log_in_end_the_sessions_of_those_before() {
    let site = Site::start(None);
    let (_, cookies) = site.log_in("");
    assert!(
        !site.door.change(operators(&format!("{TOKEN} ann"))),
        "they are the same"
    );
    assert_eq!(
        status(&site.ask("GET", "/admin/session", &cookies, "")),
        "204"
    );
    assert!(site.door.change(operators(&format!("{TOKEN} bob"))));
    assert_eq!(
        status(&site.ask("GET", "/admin/session", &cookies, "")),
        "401"
    );
    site.stop();
}

/// Whoever may connect to the socket between the two servers is not heard for that.
#[test]
fn who_does_not_come_through_the_server_that_is_shown_is_not_let_in() {
    let site = Site::start(Some("a secret of the process"));
    assert_eq!(status(&site.ask("GET", "/admin/login", "", "")), "403");
    assert_eq!(status(&site.connect("")), "403");
    let knock = "X-AllSpark-Admin-Door: a secret of the process\r\n";
    assert_eq!(status(&site.ask("GET", "/admin/login", knock, "")), "200");
    assert_eq!(status(&site.connect(knock)), "401");
    site.stop();
}
