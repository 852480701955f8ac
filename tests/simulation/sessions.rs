//! Sessions of express: whose session a spark has, and when it hears of it.

use std::sync::{Arc, Mutex};

use allspark::plugins::express_session::{ExpressSession, Found, SessionSpark, SessionStore};
use allspark_transformers::websockets::WebSockets;

use crate::stage::{Stage, handshake, quiet};

/// Signed with `tobiiscool` by npm's cookie-signature: the session `hello`.
const SIGNED: &str = "s%3Ahello.DGDUkGlIkCzPz%2BC0B064FNgHdEjox7ch8tOBGslZ5QI";

type Questions = Arc<Mutex<Vec<(String, Found)>>>;

/// Answers when the test says so.
struct Later(Questions);

impl SessionStore for Later {
    fn get(&self, id: &str, found: Found) {
        self.0.lock().unwrap().push((id.to_owned(), found));
    }
}

type Log = Arc<Mutex<Vec<String>>>;

fn stage(session: Option<ExpressSession>) -> (Stage<WebSockets>, Log) {
    let log = Log::default();
    let heard = Arc::clone(&log);
    let stage = quiet(|primus| {
        if let Some(session) = session {
            primus.plugin(Arc::new(session)).unwrap();
        }
        primus.on_connection(move |spark| {
            let heard = Arc::clone(&heard);
            spark.get_session(move |_, session| {
                let line = match session {
                    Ok(session) => session.to_string(),
                    Err(error) => error.to_string(),
                };
                heard.lock().unwrap().push(line);
            });
        });
    });
    (stage, log)
}

fn take(log: &Log) -> Vec<String> {
    std::mem::take(&mut *log.lock().unwrap())
}

fn with_store() -> (ExpressSession, Questions) {
    let questions = Questions::default();
    let session = ExpressSession::new(["tobiiscool"]).unwrap();
    (session.store(Later(Arc::clone(&questions))), questions)
}

#[test]
fn a_store_is_asked_for_the_session_that_the_cookie_names() {
    let (session, questions) = with_store();
    let (mut stage, log) = stage(Some(session));
    let answers = [
        (
            Ok(Some(serde_json::json!({"user": "ann"}))),
            "{\"user\":\"ann\"}",
        ),
        (Ok(None), "the session is gone"),
        (
            Err("no Redis".into()),
            "the store of sessions failed: no Redis",
        ),
    ];
    for (answer, expected) in answers {
        stage.upgrade(&format!("Cookie: a=b; connect.sid={SIGNED}\r\n"));
        assert_eq!(take(&log), [""; 0], "the store takes its time");
        let (id, found) = questions.lock().unwrap().pop().unwrap();
        assert_eq!(id, "hello");
        found.answer(answer);
        stage.turns(2);
        assert_eq!(take(&log), [expected]);
    }
    stage.upgrade(&format!("Cookie: connect.sid={SIGNED}\r\n"));
    questions.lock().unwrap().clear();
    stage.turns(2);
    let forgotten = "the store of sessions failed: it has forgotten the question";
    assert_eq!(take(&log), [forgotten]);
}

#[test]
fn without_a_cookie_that_the_application_has_signed_there_is_no_session() {
    let (session, questions) = with_store();
    let (mut stage, log) = stage(Some(session));
    let forged = SIGNED.replace("hello", "hella");
    let lines = [
        String::new(),
        format!("Cookie: other={SIGNED}\r\n"),
        format!("Cookie: connect.sid={forged}\r\n"),
        format!("Cookie: connect.sid={}\r\n", "x".repeat(9000)),
    ];
    for line in lines {
        stage.upgrade(&line);
        assert_eq!(take(&log), ["the client has no signed cookie"]);
    }
    // As npm's plugin it looks into the query where there is no header.
    let path = format!(
        "GET /primus?cookie=connect.sid%3D{} ",
        SIGNED.replace('%', "%25")
    );
    stage.connect(handshake("").replacen("GET /primus ", &path, 1).as_bytes());
    assert_eq!(questions.lock().unwrap().len(), 1);
}

#[test]
fn whoever_has_not_the_plugin_is_told_so() {
    let (mut stage, log) = stage(None);
    stage.upgrade("");
    assert_eq!(
        take(&log),
        ["the server has no plugin named express-session"]
    );
    assert!(ExpressSession::new([""; 0]).is_err() && ExpressSession::new(["a", ""]).is_err());
}
