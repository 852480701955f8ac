//! Streams that break no rule, what they mean, and ways to break them.

use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::Role;
use allspark_protocol::websocket::frame::{Header, Opcode};
use allspark_protocol::websocket::mask;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tungstenite::protocol::frame::{FrameHeader, coding};

use crate::decode::{End, Seen};

/// What a peer says.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    steps: Vec<Step>,
    close: Option<Option<(u16, String)>>,
    key: [u8; 4],
}

#[derive(Clone, Debug)]
enum Step {
    Message {
        kind: Kind,
        payload: Vec<u8>,
        cuts: Vec<Index>,
        /// What comes between the fragments.
        between: Vec<Control>,
    },
    Control(Control),
}

#[derive(Clone, Debug)]
struct Control {
    is_ping: bool,
    payload: Vec<u8>,
}

struct Frame {
    fin: bool,
    opcode: Opcode,
    payload: Vec<u8>,
}

impl Script {
    pub(crate) fn encoded_by_us(&self, receiver: Role) -> Vec<u8> {
        let mut out = Vec::new();
        for frame in self.frames() {
            let payload_bytes = frame.payload.len() as u64;
            let Frame { fin, opcode, .. } = frame;
            let mask = self.mask(receiver);
            Header {
                fin,
                rsv1: false,
                opcode,
                mask,
                payload_bytes,
            }
            .encode(&mut out);
            let begin = out.len();
            out.extend(frame.payload);
            mask::apply(&mut out[begin..], mask.unwrap_or_default(), 0);
        }
        out
    }

    pub(crate) fn encoded_by_them(&self, receiver: Role) -> Vec<u8> {
        let mut out = Vec::new();
        for frame in self.frames() {
            let header = FrameHeader {
                is_final: frame.fin,
                opcode: coding::OpCode::from(frame.opcode as u8),
                mask: self.mask(receiver),
                ..FrameHeader::default()
            };
            header
                .format(frame.payload.len() as u64, &mut out)
                .expect("a Vec takes every byte");
            let key = header.mask.unwrap_or_default().into_iter().cycle();
            out.extend(frame.payload.iter().zip(key).map(|(byte, key)| byte ^ key));
        }
        out
    }

    /// What a receiver is to see.
    pub(crate) fn means(&self) -> Vec<Seen> {
        let mut seen = Vec::new();
        for step in &self.steps {
            match step {
                Step::Control(control) => seen.push(control.means()),
                Step::Message {
                    kind,
                    payload,
                    cuts,
                    between,
                } => {
                    seen.extend(between.iter().take(cuts.len()).map(Control::means));
                    seen.push(match kind {
                        Kind::Text => Seen::Text(String::from_utf8_lossy(payload).into_owned()),
                        Kind::Binary => Seen::Binary(payload.clone()),
                    });
                }
            }
        }
        seen.extend(self.close.clone().map(Seen::Close));
        seen
    }

    pub(crate) fn end(&self) -> End {
        if self.close.is_some() {
            End::Closed
        } else {
            End::Open
        }
    }

    fn mask(&self, receiver: Role) -> Option<[u8; 4]> {
        (receiver == Role::Server).then_some(self.key)
    }

    fn frames(&self) -> Vec<Frame> {
        let mut frames = Vec::new();
        for step in &self.steps {
            match step {
                Step::Control(control) => frames.push(control.frame()),
                Step::Message {
                    kind,
                    payload,
                    cuts,
                    between,
                } => {
                    push_message(*kind, payload, cuts, between, &mut frames);
                }
            }
        }
        frames.extend(self.close.as_ref().map(close_frame));
        frames
    }
}

impl Control {
    fn means(&self) -> Seen {
        let payload = self.payload.clone();
        if self.is_ping {
            Seen::Ping(payload)
        } else {
            Seen::Pong(payload)
        }
    }

    fn frame(&self) -> Frame {
        let opcode = if self.is_ping {
            Opcode::Ping
        } else {
            Opcode::Pong
        };
        Frame {
            fin: true,
            opcode,
            payload: self.payload.clone(),
        }
    }
}

fn push_message(
    kind: Kind,
    payload: &[u8],
    cuts: &[Index],
    between: &[Control],
    frames: &mut Vec<Frame>,
) {
    let mut cuts: Vec<usize> = cuts
        .iter()
        .map(|cut| cut.index(payload.len() + 1))
        .collect();
    cuts.sort_unstable();
    let mut between = between.iter();
    let mut opcode = match kind {
        Kind::Text => Opcode::Text,
        Kind::Binary => Opcode::Binary,
    };
    let mut begin = 0;
    for cut in cuts {
        let part = payload[begin..cut].to_vec();
        frames.push(Frame {
            fin: false,
            opcode,
            payload: part,
        });
        frames.extend(between.next().map(Control::frame));
        opcode = Opcode::Continuation;
        begin = cut;
    }
    let part = payload[begin..].to_vec();
    frames.push(Frame {
        fin: true,
        opcode,
        payload: part,
    });
}

fn close_frame(close: &Option<(u16, String)>) -> Frame {
    let payload = close.as_ref().map_or_else(Vec::new, |(code, reason)| {
        [&code.to_be_bytes(), reason.as_bytes()].concat()
    });
    Frame {
        fin: true,
        opcode: Opcode::Close,
        payload,
    }
}

/// Scripts with messages of up to 64 KiB and a bit, around the lengths at which headers change.
pub(crate) fn large_script() -> impl Strategy<Value = Script> {
    let edges = select(vec![
        0, 1, 124, 125, 126, 127, 128, 65534, 65535, 65536, 65537,
    ]);
    script(prop_oneof![edges, 0..2000_usize], 0..6)
}

/// Scripts with short messages, of which headers are a large part.
pub(crate) fn any_script() -> impl Strategy<Value = Script> {
    script(prop_oneof![8 => 0..9_usize, 1 => 120..130_usize], 0..5)
}

fn script(
    payload_bytes: impl Strategy<Value = usize> + Clone + 'static,
    steps: std::ops::Range<usize>,
) -> impl Strategy<Value = Script> {
    let close = proptest::option::of(proptest::option::of((close_code(), "[a-zé]{0,20}")));
    (vec(step(payload_bytes), steps), close, any::<[u8; 4]>())
        .prop_map(|(steps, close, key)| Script { steps, close, key })
}

/// The codes on which we and `tungstenite` agree.
fn close_code() -> impl Strategy<Value = u16> {
    prop_oneof![1000..=1003_u16, 1007..=1013_u16, 3000..=4999_u16]
}

fn step(
    payload_bytes: impl Strategy<Value = usize> + Clone + 'static,
) -> impl Strategy<Value = Step> {
    let cuts = prop_oneof![Just(Vec::new()), vec(any::<Index>(), 1..5)];
    let text = (payload_bytes.clone(), any::<Index>()).prop_map(text);
    let binary = (payload_bytes, any::<u8>()).prop_map(binary);
    let payload = prop_oneof![
        text.prop_map(|payload| (Kind::Text, payload)),
        binary.prop_map(|payload| (Kind::Binary, payload)),
    ];
    let message = (payload, cuts, vec(control(), 0..3)).prop_map(|(payload, cuts, between)| {
        let (kind, payload) = payload;
        Step::Message {
            kind,
            payload,
            cuts,
            between,
        }
    });
    prop_oneof![4 => message, 1 => control().prop_map(Step::Control)]
}

fn control() -> impl Strategy<Value = Control> {
    let payload_bytes = prop_oneof![4 => 0..6_usize, 1 => select(vec![124, 125])];
    (any::<bool>(), payload_bytes, any::<u8>()).prop_map(|(is_ping, bytes, seed)| Control {
        is_ping,
        payload: binary((bytes, seed)),
    })
}

/// Text of so many bytes, of characters of every length, from some point of a cycle on.
fn text((bytes, start): (usize, Index)) -> Vec<u8> {
    const CYCLE: [char; 7] = ['a', 'é', '世', '🦀', '"', '\u{7ff}', '\u{10ffff}'];
    let characters = CYCLE.iter().cycle().skip(start.index(CYCLE.len()));
    let mut text = String::new();
    for &character in characters {
        if text.len() + character.len_utf8() > bytes {
            break;
        }
        text.push(character);
    }
    text.extend(std::iter::repeat_n('x', bytes - text.len()));
    text.into_bytes()
}

fn binary((bytes, seed): (usize, u8)) -> Vec<u8> {
    (0..bytes).map(|index| (index % 251) as u8 ^ seed).collect()
}

/// One way to damage a stream.
#[derive(Clone, Debug)]
pub(crate) enum Mutation {
    Replace(Index, u8),
    FlipBit(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Truncate(Index),
}

impl Mutation {
    pub(crate) fn apply(&self, stream: &mut Vec<u8>) {
        if stream.is_empty() {
            return;
        }
        let bytes = stream.len();
        match self {
            Self::Replace(at, byte) => stream[at.index(bytes)] = *byte,
            Self::FlipBit(at, bit) => stream[at.index(bytes)] ^= 1 << bit,
            Self::Insert(at, byte) => stream.insert(at.index(bytes), *byte),
            Self::Remove(at) => {
                stream.remove(at.index(bytes));
            }
            Self::Truncate(at) => stream.truncate(at.index(bytes)),
        }
    }
}

/// One to three mutations.
pub(crate) fn mutated() -> impl Strategy<Value = Vec<Mutation>> {
    let at = any::<Index>;
    let byte = || prop_oneof![header_byte(), any::<u8>()];
    let mutation = prop_oneof![
        2 => (at(), byte()).prop_map(|(at, byte)| Mutation::Replace(at, byte)),
        4 => (at(), 0..8_u8).prop_map(|(at, bit)| Mutation::FlipBit(at, bit)),
        1 => (at(), byte()).prop_map(|(at, byte)| Mutation::Insert(at, byte)),
        1 => at().prop_map(Mutation::Remove),
        1 => at().prop_map(Mutation::Truncate),
    ];
    vec(mutation, 1..4)
}

/// A byte that means something at the begin of a frame, or in text.
pub(crate) fn header_byte() -> impl Strategy<Value = u8> {
    select(vec![
        0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8a, 0x7d, 0x7e, 0x7f, 0xfe, 0xc3, 0xa9,
        0x03, 0xe8,
    ])
}
