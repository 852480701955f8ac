//! Strangers who want to harm the servers. They speak every transport, well enough to get a
//! session, and then one of the vices: to ask without end, to begin and not to finish, to send
//! behind a request, to have much written and not to read it, or to send what means nothing.
//!
//! In an encrypted world some of them encrypt what they say as clients do, some come in through a
//! listener without encryption, and some do all of this in place of a handshake.
//!
//! They are nobody's clients: what becomes of them is nobody's business, but what they cost is.
//! After every tick it is looked what each server holds; see [`World::judge_memory`].

use allspark_engine::io::sim::EndpointId;
use allspark_protocol::Dice;
use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::encode;

use super::purpose::{Purpose, between_ms};
use super::script::Act;
use super::world::World;
use crate::auditor::Fault;

/// What every request of a stranger has in its query, so that the application of a server knows
/// whom it need not tell of.
pub(super) const MARK: &str = "villain";

/// Strangers at the same time, in a world that has some.
const VILLAINS: usize = 24;

/// Addresses that they come from, where servers count that.
const ADDRESSES: u64 = 3;

/// Bytes that one of them sends at once, about.
const BURST_BYTES: u64 = 48 * 1024;

/// The listeners of servers: that of clients, and beside it one without encryption.
const LISTENER: u8 = 0;
const PLAIN_LISTENER: u8 = 1;

/// A stranger stays for so many ticks on average, unless it is thrown out.
const STAY_TICKS: u64 = 60;

/// Bytes of an answer in which the id of a session must be found.
const HEARD_BYTES_MAX: usize = 1024;

#[derive(Clone, Copy, Debug)]
enum Transport {
    WebSocket,
    SockJs,
    EngineIo,
    BrowserChannel,
    Http,
    /// Handshakes of TLS, none of which ends well.
    Handshake,
}

/// Those above TLS.
const TRANSPORTS: [Transport; 5] = [
    Transport::WebSocket,
    Transport::SockJs,
    Transport::EngineIo,
    Transport::BrowserChannel,
    Transport::Http,
];

#[derive(Clone, Copy, Debug)]
enum Vice {
    /// Wants answers that no policy drops.
    Asks,
    /// Begins something large, and does not finish it.
    Unfinished,
    /// Sends behind a request that is not answered.
    Behind,
    /// Has written to it what it does not read.
    Deaf,
    /// Sends what means nothing.
    Garbage,
}

const VICES: [Vice; 5] = [
    Vice::Asks,
    Vice::Unfinished,
    Vice::Behind,
    Vice::Deaf,
    Vice::Garbage,
];

/// All strangers of a world.
pub(super) struct Villains {
    dice: Dice,
    list: Vec<Villain>,
}

/// One of them, with its connection.
struct Villain {
    end: EndpointId,
    transport: Transport,
    /// Whether it has shaken hands as clients do, and encrypts what it says.
    is_secret: bool,
    /// What a handshake begins with, for who does not go on as one should.
    hello: Vec<u8>,
    vice: Vice,
    /// Of its session, where it chooses that; otherwise 0.
    name: u64,
    /// What it was told that its session is called.
    session: Option<String>,
    heard: Vec<u8>,
    /// What there was no room for.
    rest: Vec<u8>,
    /// How often it has sent something.
    step: u64,
}

impl Villains {
    pub(super) fn of(seed: u64) -> Self {
        Self {
            dice: Purpose::Villains.dice(seed),
            list: Vec::new(),
        }
    }
}

impl World {
    /// Lets strangers come, act and go, and plans the next time.
    pub(super) fn villainy(&mut self) {
        let mut villains = std::mem::take(&mut self.villains.list);
        villains.retain_mut(|villain| self.plague(villain));
        while villains.len() < VILLAINS
            && let Some(villain) = self.new_villain()
        {
            villains.push(villain);
        }
        self.villains.list = villains;
        self.settle();
        self.judge_memory();
        self.plan_in(super::faults::VILLAIN_TICK, Act::Villainy);
    }

    /// All strangers leave, without a word.
    pub(super) fn banish_villains(&mut self) {
        for villain in std::mem::take(&mut self.villains.list) {
            self.dismiss(villain.end);
        }
    }

    fn dismiss(&mut self, end: EndpointId) {
        self.forget_end(end);
        self.net.close(end);
    }

    fn new_villain(&mut self) -> Option<Villain> {
        let up: Vec<u16> = (0..self.nodes.count())
            .filter(|node| self.nodes.is_up(*node))
            .collect();
        let dice = &mut self.villains.dice;
        let node = *up.get(dice.below(up.len() as u64) as usize)?;
        let shard = dice.below(u64::from(self.plan.shards)) as u16;
        let latency = between_ms(dice, 1, 50);
        let mut transport = TRANSPORTS[dice.below(TRANSPORTS.len() as u64) as usize];
        let vice = VICES[dice.below(VICES.len() as u64) as usize];
        let name = dice.roll();
        let is_secret = match &self.secrecy {
            None => false,
            Some(_) if dice.once_in(3) => {
                transport = Transport::Handshake;
                false
            }
            Some(_) => dice.once_in(2),
        };
        let is_plain = !is_secret && !matches!(transport, Transport::Handshake);
        let listener = match self.secrecy.is_some() && is_plain {
            true => PLAIN_LISTENER,
            false => LISTENER,
        };
        let driver = self.nodes.driver(node, shard);
        let end = self.net.connect_to(driver, listener, latency)?;
        let (mut hello, mut rest) = (Vec::new(), Vec::new());
        match &mut self.secrecy {
            Some(secrecy) if is_secret => rest = secrecy.begin(end),
            Some(secrecy) if !is_plain => hello = secrecy.hello(),
            _ => {}
        }
        if self.weights.limits > 0 {
            // They share few addresses, and nobody else has one of those.
            let ip = [203, 0, 113, 1 + (name % ADDRESSES) as u8];
            self.net.set_address(end, (ip, 666).into());
        }
        self.tally.villains += 1;
        Some(Villain {
            end,
            transport,
            is_secret,
            hello,
            vice,
            name,
            session: None,
            heard: Vec::new(),
            rest,
            step: 0,
        })
    }

    /// One of them acts. Returns whether it is still there.
    fn plague(&mut self, villain: &mut Villain) -> bool {
        if self.villains.dice.once_in(STAY_TICKS) || !self.listen(villain) {
            self.dismiss(villain.end);
            return false;
        }
        if villain.rest.is_empty() {
            villain.rest = villain.speak(&mut self.villains.dice);
            if villain.is_secret
                && let Some(secrecy) = &mut self.secrecy
            {
                villain.rest = secrecy.seal(villain.end, &villain.rest);
            }
        }
        match self.net.send(villain.end, &villain.rest) {
            Some(taken) => drop(villain.rest.drain(..taken)),
            None => villain.rest.clear(),
        }
        true
    }

    /// Reads, if it is one who reads. Returns whether the connection is still there.
    fn listen(&mut self, villain: &mut Villain) -> bool {
        let must_know = villain.session.is_none() && villain.step < 4;
        if matches!(villain.vice, Vice::Deaf) && !must_know {
            return true;
        }
        while let Some(mut bytes) = self.net.receive(villain.end, usize::MAX) {
            if bytes.is_empty() {
                return true;
            }
            if villain.is_secret
                && let Some(secrecy) = &mut self.secrecy
            {
                let (plain, mut answer) = secrecy.open(villain.end, &bytes);
                villain.rest.append(&mut answer);
                bytes = plain;
            }
            villain.hear(&bytes);
        }
        false
    }

    /// Whether every server keeps to what it may hold.
    fn judge_memory(&mut self) {
        for (node, held) in self.nodes.held_bytes() {
            let held_max = self.nodes.held_bytes_max();
            self.tally.held_bytes_max = self.tally.held_bytes_max.max(held);
            if held > held_max {
                self.auditor.note(Fault::Hoarded, || {
                    format!("server {node} holds {held} bytes; it may hold {held_max}")
                });
            }
        }
    }
}

impl Villain {
    /// Looks for the id of its session in what it hears.
    fn hear(&mut self, bytes: &[u8]) {
        if self.session.is_some() || self.heard.len() > HEARD_BYTES_MAX {
            return;
        }
        self.heard.extend_from_slice(bytes);
        let heard = String::from_utf8_lossy(&self.heard);
        let before = match self.transport {
            Transport::EngineIo => "\"sid\":\"",
            Transport::BrowserChannel => "\"c\",\"",
            Transport::WebSocket | Transport::SockJs | Transport::Http | Transport::Handshake => {
                return;
            }
        };
        let id = heard
            .split_once(before)
            .and_then(|(_, id)| id.split_once('"'));
        self.session = id.map(|(id, _)| id.to_owned());
    }

    /// What it sends next.
    fn speak(&mut self, dice: &mut Dice) -> Vec<u8> {
        let step = self.step;
        self.step += 1;
        let bytes = 1 + dice.below(BURST_BYTES) as usize;
        if matches!(self.vice, Vice::Garbage) && step > 0 {
            return (0..bytes).map(|_| dice.roll() as u8).collect();
        }
        match self.transport {
            Transport::WebSocket => self.speak_websocket(step, bytes),
            Transport::SockJs => self.speak_sockjs(step, bytes),
            Transport::EngineIo => self.speak_engine_io(step, bytes),
            Transport::BrowserChannel => self.speak_browserchannel(step, bytes),
            Transport::Http => self.speak_http(step, bytes),
            Transport::Handshake => self.speak_of_handshakes(step, bytes),
        }
    }

    /// What comes first is the beginning of a handshake, whole unless that is what is never
    /// finished.
    fn speak_of_handshakes(&self, step: u64, bytes: usize) -> Vec<u8> {
        let hello = &self.hello;
        match (step, self.vice) {
            (_, Vice::Unfinished) => {
                // All but its last byte, in a minute and a half.
                let share = hello.len().div_ceil(90);
                let most = hello.len() - 1;
                let begin = (step as usize * share).min(most);
                hello[begin..(begin + share).min(most)].to_vec()
            }
            (_, Vice::Asks) => hello.clone(),
            (0, _) => hello.clone(),
            // Records that look encrypted, before there are keys.
            (_, Vice::Behind) => {
                let len = bytes.min(16 * 1024);
                let [high, low] = (len as u16).to_be_bytes();
                [&[23, 3, 3, high, low][..], &vec![b'x'; len][..]].concat()
            }
            (_, _) => Vec::new(),
        }
    }

    fn speak_websocket(&self, step: u64, bytes: usize) -> Vec<u8> {
        let key = Some([1, 2, 3, 4]);
        let mut out = Vec::new();
        match (step, self.vice) {
            (0, _) => {
                let request = format!(
                    "GET /primus?{MARK}=1 HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
                     Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
                );
                out = request.into_bytes();
            }
            (_, Vice::Asks) => {
                while out.len() < bytes {
                    encode::ping(b"ping", key, &mut out);
                    encode::message(Kind::Text, b"\"primus::id::\"", key, &mut out);
                }
            }
            (_, Vice::Unfinished) => {
                // A text frame, then continuations, none of them the last; each claims and brings
                // one byte.
                for frame in 0..bytes / 7 {
                    let opcode = u8::from(step == 1 && frame == 0);
                    out.extend_from_slice(&[opcode, 0x81, 0, 0, 0, 0, b'x']);
                }
            }
            (_, _) => {
                let text = format!("\"{}\"", "x".repeat(bytes));
                encode::message(Kind::Text, text.as_bytes(), key, &mut out);
            }
        }
        out
    }

    fn speak_sockjs(&self, step: u64, bytes: usize) -> Vec<u8> {
        let path = format!("/primus/0/{:x}", self.name);
        match (step, self.vice) {
            (0, Vice::Behind) => post(&format!("{path}/xhr_streaming"), "", 0),
            (0, _) => post(&format!("{path}/xhr"), "", 0),
            (_, Vice::Behind) => vec![b'x'; bytes],
            (1, Vice::Unfinished) => post(&format!("{path}/xhr_send"), "[\"", 900_000),
            (_, Vice::Unfinished) => vec![b'x'; bytes],
            (_, vice) => {
                let message = match vice {
                    Vice::Asks => "\"\\\"primus::id::\\\"\"",
                    _ => "\"1\"",
                };
                let body = format!("[{}]", vec![message; 1 + bytes / message.len()].join(","));
                post(&format!("{path}/xhr_send"), &body, 0)
            }
        }
    }

    fn speak_engine_io(&self, step: u64, bytes: usize) -> Vec<u8> {
        let path = "/primus/?EIO=4&transport=polling";
        let Some(sid) = &self.session else {
            return match step {
                0 => get(path),
                _ => Vec::new(),
            };
        };
        let path = format!("{path}&sid={sid}");
        match (step % 64, self.vice) {
            (_, Vice::Behind) => [get(&path), vec![b'x'; bytes]].concat(),
            (1..3, Vice::Unfinished) => post(&path, "4\"", 900_000),
            (_, Vice::Unfinished) => vec![b'x'; bytes],
            (_, vice) => {
                let packet = match vice {
                    Vice::Asks => "4\"primus::id::\"",
                    _ => "41",
                };
                let body = vec![packet; 1 + bytes / packet.len()].join("\u{1e}");
                post(&path, &body, 0)
            }
        }
    }

    fn speak_browserchannel(&self, step: u64, bytes: usize) -> Vec<u8> {
        let Some(sid) = &self.session else {
            return match step {
                0 => post("/primus/bind?VER=8&RID=1&CVER=3", "count=0", 0),
                _ => Vec::new(),
            };
        };
        let path = format!("/primus/bind?VER=8&SID={sid}&AID=0");
        match self.vice {
            Vice::Behind => [
                get(&format!("{path}&RID=rpc&CI=0&TYPE=xmlhttp")),
                vec![b'x'; bytes],
            ]
            .concat(),
            Vice::Unfinished => {
                // Requests that are never next: what they bring must wait.
                let body = format!("count=1&ofs={}&req0_a={}", 1_000 + step, "x".repeat(bytes));
                post(&format!("{path}&RID={}", 1_000 + step), &body, 0)
            }
            _ => {
                let body = format!("count=1&ofs={}&req0_JSON=\"primus::id::\"", step - 1);
                post(&format!("{path}&RID={}", step + 1), &body, 0)
            }
        }
    }

    fn speak_http(&self, step: u64, bytes: usize) -> Vec<u8> {
        match (step, self.vice) {
            (_, Vice::Asks | Vice::Deaf) => get("/primus/spec").repeat(1 + bytes / 64),
            (0, Vice::Unfinished) => b"GET /primus HTTP/1.1\r\nHost: a\r\nX: ".to_vec(),
            (_, Vice::Unfinished) => vec![b'x'; 1 + bytes % 64],
            (0, _) => post("/elsewhere", "", 900_000),
            (_, _) => vec![b'\n'; bytes],
        }
    }
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {} HTTP/1.1\r\nHost: a\r\n\r\n", marked(path)).into_bytes()
}

/// A POST with this body, or with the beginning of one that is to have more bytes.
fn post(path: &str, body: &str, more: usize) -> Vec<u8> {
    format!(
        "POST {} HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        marked(path),
        body.len() + more
    )
    .into_bytes()
}

fn marked(path: &str) -> String {
    let separator = if path.contains('?') { '&' } else { '?' };
    format!("{path}{separator}{MARK}=1")
}
