//! A client without a WebSocket that does what it should, as slowly as a test wants.

use allspark_engine::io::sim::EndpointId;

use crate::by_hand::ByHand;

/// How a client receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    SockJsPolling,
    SockJsStreaming,
    EngineIo,
    BrowserChannelPolling,
    BrowserChannelStreaming,
}

pub(crate) const WAYS: [Way; 5] = [
    Way::SockJsPolling,
    Way::SockJsStreaming,
    Way::EngineIo,
    Way::BrowserChannelPolling,
    Way::BrowserChannelStreaming,
];

pub(crate) struct Poller {
    way: Way,
    path: String,
    /// The connection on which it receives.
    receiver: EndpointId,
    /// What came of the answer that it receives.
    answer: String,
    /// The number of the last array of browserchannel, and of the maps that were sent.
    array: u64,
    maps: u64,
    owes_pong: bool,
    owes_transport_pong: bool,
}

impl Poller {
    /// Opens a session with a request that receives, for a server of every transport.
    pub(crate) fn open(stage: &mut ByHand, way: Way) -> Self {
        let end = stage.connect(0);
        let path = match way {
            Way::SockJsPolling | Way::SockJsStreaming => "/primus/000/session".to_owned(),
            Way::EngineIo => {
                let path = "/primus/?EIO=4&transport=polling";
                let answer = ask(stage, end, &get(path));
                format!("{path}&sid={}", quoted(&answer, "\"sid\":\""))
            }
            Way::BrowserChannelPolling | Way::BrowserChannelStreaming => {
                let open = post("/primus/bind?VER=8&RID=1&CVER=3", "count=0");
                let answer = ask(stage, end, &open);
                format!("/primus/bind?VER=8&SID={}", quoted(&answer, "\"c\",\""))
            }
        };
        let mut poller = Self {
            way,
            path,
            receiver: end,
            answer: String::new(),
            array: 0,
            maps: 0,
            owes_pong: false,
            owes_transport_pong: false,
        };
        poller.poll(stage);
        if way == Way::SockJsPolling {
            // The first poll opens the session.
            poller.read(stage, usize::MAX);
        }
        poller
    }

    fn poll(&mut self, stage: &mut ByHand) {
        self.answer.clear();
        let (path, array) = (&self.path, self.array);
        let request = match self.way {
            Way::SockJsPolling => post(&format!("{path}/xhr"), ""),
            Way::SockJsStreaming => post(&format!("{path}/xhr_streaming"), ""),
            Way::EngineIo => get(path),
            Way::BrowserChannelPolling | Way::BrowserChannelStreaming => {
                let ci = u8::from(self.way == Way::BrowserChannelPolling);
                get(&format!("{path}&RID=rpc&CI={ci}&AID={array}&TYPE=xmlhttp"))
            }
        };
        stage.send_all(self.receiver, request.as_bytes());
    }

    /// Reads at most so many bytes of what it is sent. Once it has an answer it asks again. Returns
    /// how many bytes that were.
    pub(crate) fn read(&mut self, stage: &mut ByHand, bytes_max: usize) -> usize {
        let part = stage.read(self.receiver, bytes_max).unwrap_or_default();
        if part.is_empty() {
            return 0;
        }
        self.answer.push_str(&part);
        // It may be cut in two.
        let from = (self.answer.len() - part.len()).saturating_sub("primus::ping::".len());
        self.owes_pong |= self.answer[from..].contains("primus::ping::");
        if is_whole(&self.answer) {
            self.array = self.array.max(last_array(&self.answer));
            let (_, body) = self.answer.split_once("\r\n\r\n").expect("it has a body");
            let is_eio = self.way == Way::EngineIo;
            self.owes_transport_pong |= is_eio && body.split('\u{1e}').any(|packet| packet == "2");
            self.poll(stage);
        }
        part.len()
    }

    /// Whether it was pinged and has not answered.
    pub(crate) fn owes_pong(&self) -> bool {
        self.owes_pong
    }

    /// Answers the pings that came.
    pub(crate) fn pong(&mut self, stage: &mut ByHand) {
        if std::mem::take(&mut self.owes_transport_pong) {
            self.say(stage, &post(&self.path, "3"));
        }
        if std::mem::take(&mut self.owes_pong) {
            let request = self.message("primus::pong::1");
            self.say(stage, &request);
        }
    }

    fn say(&mut self, stage: &mut ByHand, request: &str) {
        let end = stage.connect(0);
        let answer = ask(stage, end, request);
        assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
        stage.net.close(end);
    }

    /// A request with this word.
    pub(crate) fn message(&mut self, word: &str) -> String {
        let path = &self.path;
        match self.way {
            Way::SockJsPolling | Way::SockJsStreaming => post(
                &format!("{path}/xhr_send"),
                &format!("[\"\\\"{word}\\\"\"]"),
            ),
            Way::EngineIo => post(path, &format!("4\"{word}\"")),
            Way::BrowserChannelPolling | Way::BrowserChannelStreaming => {
                let (first, array) = (self.maps, self.array);
                self.maps += 1;
                let path = format!("{path}&RID={}&AID={array}", self.maps + 1);
                let map = format!("req0__S=%22{word}%22");
                post(&path, &format!("count=1&ofs={first}&{map}"))
            }
        }
    }
}

/// Whether an answer has come to its end.
fn is_whole(answer: &str) -> bool {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.split_once("Content-Length: ").map(|(_, after)| {
        let digits = after.split("\r\n").next().unwrap_or_default();
        digits.parse::<usize>().expect("it is a number")
    });
    match length {
        Some(length) => body.len() == length,
        None => body.ends_with("\r\n0\r\n\r\n"),
    }
}

/// The number of the last array in an answer of browserchannel.
fn last_array(answer: &str) -> u64 {
    let numbers = answer.split('[').filter_map(|part| {
        let (number, _) = part.split_once(',')?;
        number.parse::<u64>().ok()
    });
    numbers.max().unwrap_or(0)
}

fn ask(stage: &mut ByHand, end: EndpointId, request: &str) -> String {
    stage.send_all(end, request.as_bytes());
    stage.read_all(end).0
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
}

fn post(path: &str, body: &str) -> String {
    let kind = match path.contains("/bind?") {
        true => "application/x-www-form-urlencoded",
        false => "text/plain",
    };
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

/// What stands behind these characters, up to a quotation mark.
fn quoted(text: &str, before: &str) -> String {
    let (_, after) = text.split_once(before).expect(before);
    after.split('"').next().unwrap_or_default().to_owned()
}
