use allspark_protocol::transformer::ClientOutput;

use super::*;

/// An agent, and everything it wanted done so far.
struct Rig {
    agent: Agent,
    out: ClientOutputs,
}

impl Rig {
    fn new() -> Self {
        Self {
            agent: Agent::new("h:80"),
            out: ClientOutputs::default(),
        }
    }

    fn get(&mut self, target: &str) -> RequestId {
        let id = self.agent.request("GET", target, &[], None, &mut self.out);
        id.unwrap()
    }

    fn post(&mut self, target: &str, body: &[u8]) -> RequestId {
        let id = self
            .agent
            .request("POST", target, &[], Some(body), &mut self.out);
        id.unwrap()
    }

    /// What became of the requests when these bytes came in, cut into pieces of `step`.
    fn receive(&mut self, link: u32, bytes: &[u8], step: usize) -> Vec<(RequestId, Seen)> {
        let mut seen = Vec::new();
        for piece in bytes.chunks(step) {
            let mut piece = piece.to_vec();
            let mut input = Input::new(&mut piece);
            while let Some((id, part)) = self.agent.receive(Link(link), &mut input, &mut self.out) {
                Seen::from(part).join(id, &mut seen);
            }
            assert!(input.is_empty(), "all bytes are consumed");
        }
        seen
    }

    fn lost(&mut self, link: u32) -> Option<(RequestId, Seen)> {
        let part = self.agent.lost(Link(link), &mut self.out);
        part.map(|(id, part)| (id, Seen::from(part)))
    }

    /// What the agent wanted done since the last call, in short.
    fn wanted(&mut self) -> Vec<String> {
        let short = |output: &ClientOutput| match output {
            ClientOutput::Connect(Link(link)) => format!("connect {link}"),
            ClientOutput::Close(Link(link)) => format!("close {link}"),
            ClientOutput::Write(Link(link), bytes) => {
                let text = String::from_utf8(self.out.bytes(bytes.clone()).to_vec()).unwrap();
                let line = text.lines().next().unwrap().trim_end_matches(" HTTP/1.1");
                format!("{link}: {line}")
            }
            other => panic!("an agent does not say {other:?}"),
        };
        let wanted = self.out.list().iter().map(short).collect();
        self.out.clear();
        wanted
    }
}

/// A part, copied out.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Head(u16),
    Data(Vec<u8>),
    End,
    Failed(&'static str),
}

impl From<Part<'_>> for Seen {
    fn from(part: Part<'_>) -> Self {
        match part {
            Part::Head(head) => Self::Head(head.status()),
            Part::Data(data) => Self::Data(data.to_vec()),
            Part::End => Self::End,
            Part::Failed(reason) => Self::Failed(reason),
        }
    }
}

impl Seen {
    /// Appends the part; data is joined, because where it was cut does not matter.
    fn join(self, id: RequestId, seen: &mut Vec<(RequestId, Self)>) {
        match (seen.last_mut(), self) {
            (Some((last, Self::Data(before))), Self::Data(data)) if *last == id => {
                before.extend_from_slice(&data);
            }
            (_, part) => seen.push((id, part)),
        }
    }
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn answer(id: RequestId, body: &[u8]) -> Vec<(RequestId, Seen)> {
    vec![
        (id, Seen::Head(200)),
        (id, Seen::Data(body.to_vec())),
        (id, Seen::End),
    ]
}

#[test]
fn a_request_is_written_whole() {
    let mut rig = Rig::new();
    let headers = [("Content-Type", "text/plain")];
    let id = rig
        .agent
        .request("POST", "/a?b", &headers, Some(b"body"), &mut rig.out);
    assert!(id.is_ok());
    let [
        ClientOutput::Connect(Link(1)),
        ClientOutput::Write(Link(1), bytes),
    ] = rig.out.list()
    else {
        panic!("{:?}", rig.out.list());
    };
    let expected = "POST /a?b HTTP/1.1\r\nHost: h:80\r\nContent-Type: text/plain\r\n\
        Content-Length: 4\r\n\r\nbody";
    assert_eq!(rig.out.bytes(bytes.clone()), expected.as_bytes());
}

#[test]
fn what_would_change_the_structure_is_not_sent() {
    let mut rig = Rig::new();
    let headers = [("X", "a\r\nY: b")];
    let refused = rig.agent.request("GET", "/", &headers, None, &mut rig.out);
    assert_eq!(refused, Err(Misuse::HeaderValue));
    let refused = rig.agent.request("GET", "/ x", &[], None, &mut rig.out);
    assert_eq!(refused, Err(Misuse::Target));
    assert!(rig.out.list().is_empty());
}

#[test]
fn an_idle_link_is_used_again() {
    let mut rig = Rig::new();
    let first = rig.get("/1");
    assert_eq!(rig.receive(1, OK, 7), answer(first, b"ok"));
    let second = rig.post("/2", b"");
    assert_eq!(rig.receive(1, OK, 7), answer(second, b"ok"));
    assert_eq!(rig.wanted(), ["connect 1", "1: GET /1", "1: POST /2"]);
}

#[test]
fn a_second_link_is_opened_while_the_first_is_busy() {
    let mut rig = Rig::new();
    let poll = rig.get("/poll");
    let send = rig.post("/send", b"x");
    assert_eq!(
        rig.wanted(),
        ["connect 1", "1: GET /poll", "connect 2", "2: POST /send"]
    );
    assert_eq!(rig.receive(2, OK, 9), answer(send, b"ok"));
    rig.post("/send", b"y");
    assert_eq!(rig.wanted(), ["2: POST /send"]);
    assert_eq!(rig.receive(1, OK, 9), answer(poll, b"ok"));
}

#[test]
fn of_several_idle_links_the_one_used_last_is_taken() {
    let mut rig = Rig::new();
    rig.get("/1");
    rig.get("/2");
    rig.receive(2, OK, 99);
    rig.receive(1, OK, 99);
    rig.wanted();
    rig.get("/3");
    assert_eq!(rig.wanted(), ["2: GET /3"]);
}

#[test]
fn bodies_stream_however_they_are_framed_and_cut() {
    let by_length = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world";
    let chunked = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\
        Transfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n";
    for bytes in [&by_length[..], chunked] {
        for step in 1..=bytes.len() {
            let mut rig = Rig::new();
            let id = rig.get("/");
            let seen = rig.receive(1, bytes, step);
            assert_eq!(seen, answer(id, b"hello world"), "by {step}");
            assert_eq!(rig.wanted(), ["connect 1", "1: GET /"], "the link stays");
        }
    }
}

#[test]
fn a_body_may_last_until_the_connection_ends() {
    let bytes = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello world";
    for step in 1..=bytes.len() {
        let mut rig = Rig::new();
        let id = rig.get("/");
        let seen = rig.receive(1, bytes, step);
        assert_eq!(seen, answer(id, b"hello world")[..2], "by {step}");
        assert_eq!(rig.lost(1), Some((id, Seen::End)));
        rig.wanted();
        rig.get("/next");
        assert_eq!(rig.wanted(), ["connect 2", "2: GET /next"]);
    }
}

#[test]
fn data_is_told_before_the_answer_is_complete() {
    let mut rig = Rig::new();
    let id = rig.get("/stream");
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc";
    let expected = [(id, Seen::Head(200)), (id, Seen::Data(b"abc".to_vec()))];
    assert_eq!(rig.receive(1, head, 1000), expected);
    assert_eq!(rig.receive(1, b"de", 2), [(id, Seen::Data(b"de".to_vec()))]);
}

#[test]
fn an_answer_to_head_has_no_body() {
    let mut rig = Rig::new();
    let id = rig.agent.request("HEAD", "/", &[], None, &mut rig.out);
    let id = id.unwrap();
    let seen = rig.receive(1, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 5);
    assert_eq!(seen, [(id, Seen::Head(200)), (id, Seen::End)]);
}

#[test]
fn a_link_that_the_server_will_close_is_closed() {
    let last = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    let mut rig = Rig::new();
    let first = rig.get("/1");
    assert_eq!(rig.receive(1, last, 99), answer(first, b"ok"));
    rig.get("/2");
    let expected = [
        "connect 1",
        "1: GET /1",
        "close 1",
        "connect 2",
        "2: GET /2",
    ];
    assert_eq!(rig.wanted(), expected);
}

#[test]
fn a_link_that_says_more_than_was_asked_is_closed() {
    let twice = [OK, OK].concat();
    let mut rig = Rig::new();
    let id = rig.get("/");
    assert_eq!(rig.receive(1, &twice, 1000), answer(id, b"ok"));
    assert_eq!(rig.wanted().last().unwrap(), "close 1");

    let id = rig.get("/");
    assert_eq!(rig.receive(2, &twice, OK.len()), answer(id, b"ok"));
    assert_eq!(rig.wanted().last().unwrap(), "close 2");
    assert_eq!(
        rig.receive(2, OK, 3),
        [],
        "of a closed link nothing is heard"
    );
    assert_eq!(rig.wanted(), [""; 0]);
}

#[test]
fn a_get_on_a_reused_link_that_the_server_closes_is_sent_once_more() {
    let mut rig = Rig::new();
    rig.get("/1");
    rig.receive(1, OK, 99);
    let second = rig.get("/2");
    rig.wanted();
    assert_eq!(rig.lost(1), None);
    assert_eq!(rig.wanted(), ["connect 2", "2: GET /2"]);
    assert_eq!(rig.lost(2), Some((second, Seen::Failed(UNANSWERED))));
    assert_eq!(rig.wanted(), [""; 0]);
}

#[test]
fn a_get_that_takes_messages_is_not_sent_twice() {
    let mut rig = Rig::new();
    rig.agent = Agent::new("h:80").never_again();
    rig.get("/1");
    rig.receive(1, OK, 99);
    let second = rig.get("/2");
    rig.wanted();
    assert_eq!(rig.lost(1), Some((second, Seen::Failed(UNANSWERED))));
    assert_eq!(
        rig.wanted(),
        [""; 0],
        "the messages may be lost, and its owner knows"
    );
    let third = rig.get("/3");
    assert_eq!(
        rig.wanted(),
        ["connect 2", "2: GET /3"],
        "the agent goes on"
    );
    assert_eq!(rig.receive(2, OK, 99), answer(third, b"ok"));
}

#[test]
fn nothing_else_is_sent_twice() {
    let mut rig = Rig::new();
    let first = rig.get("/1");
    assert_eq!(rig.lost(1), Some((first, Seen::Failed(UNANSWERED))));

    let second = rig.post("/2", b"x");
    rig.receive(2, OK, 99);
    let third = rig.post("/3", b"x");
    assert_eq!(rig.lost(2), Some((third, Seen::Failed(UNANSWERED))));
    assert_ne!(second, third);

    rig.get("/4");
    rig.receive(3, OK, 99);
    let fifth = rig.get("/5");
    rig.receive(3, b"H", 1);
    assert_eq!(rig.lost(3), Some((fifth, Seen::Failed(TRUNCATED))));
    let requests = rig.wanted();
    let expected = [
        "connect 1",
        "1: GET /1",
        "connect 2",
        "2: POST /2",
        "2: POST /3",
    ];
    assert_eq!(requests[..5], expected);
    assert_eq!(requests[5..], ["connect 3", "3: GET /4", "3: GET /5"]);
}

#[test]
fn a_broken_answer_fails_once_and_closes_the_link() {
    let cases: [(&[u8], &str); 4] = [
        (b"HTTP/1.1 OK\r\n\r\n", MALFORMED),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", MALFORMED),
        (b"SSH-2.0-x\r\n\r\n", MALFORMED),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", SWITCHED),
    ];
    for (bytes, reason) in cases {
        for step in [1, 3, bytes.len()] {
            let mut rig = Rig::new();
            let id = rig.get("/");
            let seen = rig.receive(1, bytes, step);
            assert_eq!(seen, [(id, Seen::Failed(reason))]);
            assert_eq!(rig.wanted(), ["connect 1", "1: GET /", "close 1"]);
            assert_eq!(rig.lost(1), None);
        }
    }
}

#[test]
fn an_answer_cut_short_fails() {
    let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab";
    let mut rig = Rig::new();
    let id = rig.get("/");
    let seen = rig.receive(1, bytes, 4);
    assert_eq!(
        seen,
        [(id, Seen::Head(200)), (id, Seen::Data(b"ab".to_vec()))]
    );
    assert_eq!(rig.lost(1), Some((id, Seen::Failed(TRUNCATED))));
}

#[test]
fn an_aborted_request_is_never_heard_of() {
    let mut rig = Rig::new();
    let id = rig.get("/");
    rig.receive(1, b"HTTP/1.1 200 OK\r\n\r\nab", 99);
    rig.agent.abort(id, &mut rig.out);
    rig.agent.abort(id, &mut rig.out);
    assert_eq!(rig.wanted(), ["connect 1", "1: GET /", "close 1"]);
    assert_eq!(rig.receive(1, b"cd", 1), []);
    assert_eq!(rig.lost(1), None);
}

#[test]
fn close_lets_requests_end() {
    let mut rig = Rig::new();
    let first = rig.get("/1");
    rig.get("/2");
    rig.receive(2, OK, 99);
    rig.wanted();
    rig.agent.close(&mut rig.out);
    assert_eq!(rig.wanted(), ["close 2"]);
    assert_eq!(rig.receive(1, OK, 99), answer(first, b"ok"));
    assert_eq!(rig.wanted(), ["close 1"]);
    let last = rig.post("/goodbye", b"");
    assert_eq!(rig.receive(3, OK, 99), answer(last, b"ok"));
    assert_eq!(rig.wanted(), ["connect 3", "3: POST /goodbye", "close 3"]);
}
