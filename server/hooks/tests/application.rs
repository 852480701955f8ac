//! An application: a small HTTP server that can be held up, stopped, and made to misbehave.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// What is said to an event: a reply without its id, or null.
type Reply = fn(&Value) -> Value;

/// Says nothing, which lets everybody in.
pub(super) fn accept(_: &Value) -> Value {
    Value::Null
}

/// How it misbehaves.
#[derive(Clone)]
pub(super) enum Answer {
    Never,
    /// This once, and that again and again.
    Raw(String, String),
}

#[derive(Clone)]
pub(super) struct Request {
    pub(super) headers: HashMap<String, String>,
    pub(super) body: Vec<u8>,
}

pub(super) struct Application {
    address: SocketAddr,
    shared: Arc<Shared>,
    reply: Reply,
    accepting: Mutex<Option<thread::JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    requests: Vec<Request>,
    events: Vec<Value>,
    is_held: bool,
    is_stopped: bool,
    answer: Option<Answer>,
    connections: Vec<TcpStream>,
}

impl Application {
    pub(super) fn start(reply: Reply) -> Self {
        Self::listen(own_address(), reply, Arc::default())
    }

    fn listen(address: SocketAddr, reply: Reply, shared: Arc<Shared>) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let own = Arc::clone(&shared);
        let accepting = thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let mut state = own.state.lock().unwrap();
                if state.is_stopped {
                    return;
                }
                state.connections.push(stream.try_clone().unwrap());
                drop(state);
                let shared = Arc::clone(&own);
                thread::spawn(move || serve(&stream, reply, &shared));
            }
        });
        Self {
            address,
            shared,
            reply,
            accepting: Mutex::new(Some(accepting)),
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hooks", self.address)
    }

    /// Answers nothing until it is told to.
    pub(super) fn hold(&self) {
        self.shared.state.lock().unwrap().is_held = true;
    }

    pub(super) fn go(&self) {
        self.shared.state.lock().unwrap().is_held = false;
        self.shared.changed.notify_all();
    }

    pub(super) fn answer(&self, answer: Option<Answer>) {
        self.shared.state.lock().unwrap().answer = answer;
    }

    /// Its process has ended, with all of its connections.
    pub(super) fn stop(&self) {
        let mut state = self.shared.state.lock().unwrap();
        state.is_stopped = true;
        for connection in state.connections.drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
        drop(state);
        // The listener is gone once it has seen this.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.lock().unwrap().take() {
            accepting.join().unwrap();
        }
    }

    /// Another process with the same address.
    pub(super) fn start_again(self) -> Self {
        let (address, reply, shared) = (self.address, self.reply, Arc::clone(&self.shared));
        shared.state.lock().unwrap().is_stopped = false;
        Self::listen(address, reply, shared)
    }

    pub(super) fn events(&self) -> Vec<Value> {
        self.shared.state.lock().unwrap().events.clone()
    }

    /// How many events of a kind it has heard of, each once.
    pub(super) fn kinds(&self, kind: &str) -> usize {
        let events = self
            .events()
            .into_iter()
            .filter(|event| event["event"] == kind);
        let ids: HashSet<String> = events.map(|event| event["id"].to_string()).collect();
        ids.len()
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.shared.state.lock().unwrap().requests.clone()
    }

    /// Waits for an event.
    pub(super) async fn wait_for(&self, is_it: impl Fn(&Value) -> bool) {
        while !self.events().iter().any(&is_it) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Any port of an address that nobody else has, so that it is still free when the application
/// starts again.
fn own_address() -> SocketAddr {
    static APPLICATIONS: AtomicU8 = AtomicU8::new(1);
    let [high, low] = (std::process::id() as u16).to_be_bytes();
    let number = APPLICATIONS.fetch_add(1, Ordering::Relaxed);
    (Ipv4Addr::new(127, high, low, number), 0).into()
}

fn serve(stream: &TcpStream, reply: Reply, shared: &Shared) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let events = body["events"].as_array().unwrap().clone();
        let mut state = shared.state.lock().unwrap();
        while state.is_held {
            state = shared.changed.wait(state).unwrap();
        }
        if state.is_stopped {
            return;
        }
        let answer = match state.answer.clone() {
            Some(answer) => {
                drop(state);
                return misbehave(stream, &answer);
            }
            None => answered(&events, reply),
        };
        state.requests.push(request);
        state.events.extend(events);
        drop(state);
        let head = match answer.is_empty() {
            true => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
            false => {
                let length = answer.len();
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")
            }
        };
        let mut stream = stream;
        if stream
            .write_all(format!("{head}{answer}").as_bytes())
            .is_err()
        {
            return;
        }
    }
}

fn answered(events: &[Value], reply: Reply) -> String {
    let replies = events.iter().filter_map(|event| {
        let mut reply = reply(event);
        reply
            .as_object_mut()?
            .insert("id".to_owned(), event["id"].clone());
        Some(reply)
    });
    let replies: Vec<Value> = replies.collect();
    match replies.is_empty() {
        true => String::new(),
        false => json!({ "replies": replies }).to_string(),
    }
}

/// Until the other side has had enough.
fn misbehave(mut stream: &TcpStream, answer: &Answer) {
    let Answer::Raw(once, again) = answer else {
        let _ = stream.read(&mut [0]);
        return;
    };
    let mut sent = stream.write_all(once.as_bytes());
    while sent.is_ok() && !again.is_empty() {
        if again.len() < 100 {
            thread::sleep(Duration::from_millis(10));
        }
        sent = stream.write_all(again.as_bytes());
    }
    let _ = stream.read(&mut [0]);
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end() {
            "" if line.is_empty() => return None,
            "" => break,
            line => {
                if let Some((name, value)) = line.split_once(": ") {
                    headers.insert(name.to_ascii_lowercase(), value.to_owned());
                }
            }
        }
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Some(Request { headers, body })
}
