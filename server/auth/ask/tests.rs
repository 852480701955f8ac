//! Who waits for a URL, and what for.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{self, Receiver, Sender};

use super::*;

/// A server that answers requests when it is told to.
struct Url {
    address: String,
    asked: Arc<AtomicUsize>,
    /// One word lets one answer go.
    go: Sender<()>,
}

impl Url {
    fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(AtomicUsize::new(0));
        let (go, gate) = mpsc::channel();
        let gate = Arc::new(Mutex::new(gate));
        let count = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (count, gate) = (Arc::clone(&count), Arc::clone(&gate));
                thread::spawn(move || serve(&stream.unwrap(), answer, &count, &gate));
            }
        });
        Self { address, asked, go }
    }

    fn asker(&self, at_once: usize, timeout: Duration) -> Asker {
        let url = format!("http://{}/authorize", self.address);
        let options = AskOptions {
            url: url.parse().unwrap(),
            timeout,
            at_once,
            cache: Duration::from_secs(3600),
        };
        Asker::start(options).unwrap()
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: &TcpStream, answer: &str, count: &AtomicUsize, gate: &Mutex<Receiver<()>>) {
    let mut lines = BufReader::new(stream).lines();
    loop {
        loop {
            match lines.next() {
                Some(Ok(line)) if line.is_empty() => break,
                Some(Ok(_)) => {}
                _ => return,
            }
        }
        count.fetch_add(1, Ordering::SeqCst);
        if locked(gate).recv().is_err() || stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

const ANN: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n\
    {\"sub\":\"ann\"}";

fn question(number: u32) -> Question {
    let mut mark = Mark::default();
    mark[..4].copy_from_slice(&number.to_le_bytes());
    let headers = vec![("X-Number".to_owned(), number.to_string().into_bytes())];
    Question { mark, headers }
}

/// Asks, with the answer going into a channel.
fn ask(asker: &Asker, number: u32, answers: &Sender<Answer>) -> Asked {
    let answers = answers.clone();
    asker.ask(question(number), || {
        Box::new(move |answer| answers.send(answer.clone()).unwrap())
    })
}

fn subject(answer: &Answer) -> Option<&str> {
    match answer {
        Answer::Allowed(auth) => auth.subject(),
        _ => None,
    }
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn the_same_question_is_asked_once_however_many_wait_for_it() {
    let url = Url::start(ANN);
    let asker = url.asker(4, LONG);
    let (sender, answers) = mpsc::channel();
    for _ in 0..1000 {
        assert!(matches!(ask(&asker, 1, &sender), Asked::Later));
    }
    url.go.send(()).unwrap();
    for _ in 0..1000 {
        assert_eq!(subject(&answers.recv().unwrap()), Some("ann"));
    }
    let known = ask(&asker, 1, &sender);
    assert!(matches!(known, Asked::Known(answer) if subject(&answer) == Some("ann")));
    assert_eq!(url.asked(), 1);
    assert_eq!(asker.shared.waiting.load(Ordering::SeqCst), 0);
}

#[test]
fn a_url_that_never_answers_holds_a_bounded_number_for_a_bounded_time() {
    let url = Url::start(ANN);
    // Two of these are the time in which more have to ask than may wait.
    let asker = url.asker(2, Duration::from_secs(2));
    let (sender, answers) = mpsc::channel();
    let mut full = 0;
    for number in 0..2 * WAITING_MAX as u32 {
        match ask(&asker, number, &sender) {
            Asked::Later => {}
            Asked::Full => full += 1,
            Asked::Known(_) => panic!("nothing is known"),
        }
    }
    // Some may have been told already.
    assert!(full > 0);
    for _ in 0..2 * WAITING_MAX - full {
        assert_eq!(answers.recv().unwrap(), Answer::Unavailable);
    }
    assert_eq!(asker.shared.waiting.load(Ordering::SeqCst), 0);
    // Those that waited for too long were not asked about.
    assert!(url.asked() < WAITING_MAX, "{}", url.asked());
    // It is no answer that counts: once the URL is back, so are the clients.
    drop(url);
    let back = Url::start(ANN);
    let asker = back.asker(1, LONG);
    back.go.send(()).unwrap();
    assert!(matches!(ask(&asker, 1, &sender), Asked::Later));
    assert_eq!(subject(&answers.recv().unwrap()), Some("ann"));
}

#[test]
fn who_refuses_is_quoted() {
    let url = Url::start(
        "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n\
         {\"error\":\"no\"}",
    );
    let asker = url.asker(1, LONG);
    let (sender, answers) = mpsc::channel();
    url.go.send(()).unwrap();
    assert!(matches!(ask(&asker, 1, &sender), Asked::Later));
    let Answer::Refused(refused) = answers.recv().unwrap() else {
        panic!()
    };
    let response = refused.response();
    let body = String::from_utf8_lossy(response.body_bytes()).into_owned();
    assert_eq!(
        (response.status(), body.as_str()),
        (403, r#"{"error":"no"}"#)
    );
}

#[test]
fn nobody_there_and_too_long_an_answer_are_no_answer() {
    let (sender, answers) = mpsc::channel();
    let gone = Url {
        address: "127.0.0.1:1".to_owned(),
        asked: Arc::default(),
        go: mpsc::channel().0,
    };
    let asker = gone.asker(1, LONG);
    assert!(matches!(ask(&asker, 1, &sender), Asked::Later));
    assert_eq!(answers.recv().unwrap(), Answer::Unavailable);
    let long = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 20000\r\n\r\n";
    let long: &'static str = String::leak(long.to_owned() + &"x".repeat(20_000));
    let url = Url::start(long);
    let asker = url.asker(1, LONG);
    url.go.send(()).unwrap();
    assert!(matches!(ask(&asker, 2, &sender), Asked::Later));
    assert_eq!(answers.recv().unwrap(), Answer::Unavailable);
}
