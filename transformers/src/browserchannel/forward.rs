//! The order of what a client sends.
//!
//! Requests are numbered (`RID`, from a random number on), and so are maps (`ofs`, from 0 on).
//! A client of the package has one request of the forward channel under way at a time and repeats
//! it with the same number if it is not answered, perhaps with more maps. So a request that comes
//! early, or again, is rare, but it happens when a connection is slow to die.

use std::borrow::Cow;
use std::collections::BTreeMap;

use allspark_protocol::limits::BROWSERCHANNEL_EARLY_BYTES;
use allspark_protocol::transformer::{Carrier, Kind};

use super::json::Message;
use super::maps::Maps;

/// What is due next, and what has come too early.
#[derive(Debug)]
pub(super) struct Forward {
    next_request: u64,
    next_map: u64,
    early: Option<Box<Early>>,
}

/// What waits, and what has come too early. Most sessions have none of it.
#[derive(Debug, Default)]
struct Early {
    /// The request whose maps are being handed on.
    work: Option<Work>,
    /// By number. `None` brings nothing but its number.
    requests: BTreeMap<u64, Option<Body<'static>>>,
    /// The messages of maps, by number.
    maps: BTreeMap<u64, Kept>,
    /// The client says goodbye with this request.
    goodbye: Option<u64>,
    bytes: usize,
}

/// The message of a map, if it brings one.
type Kept = Option<(Kind, Box<[u8]>)>;

/// A request whose maps are being handed on, over several turns.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) request: u64,
    pub(super) body: Option<Body<'static>>,
    /// What waits for the answer, unless it was lost or has been given already.
    pub(super) carrier: Option<Carrier>,
    /// Whether it is the request that opened the session.
    pub(super) is_first: bool,
}

/// A body, and how many of its maps have been handed on.
#[derive(Clone, Debug)]
pub(super) struct Body<'b> {
    text: Cow<'b, str>,
    maps: Maps,
    next: usize,
}

/// Why a session cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// What came early takes more than is kept.
    TooEarly,
    /// A map is not JSON, although it says so.
    InvalidJson,
    /// A message is longer than `maxLength`.
    TooLong,
}

impl Broken {
    /// What happened, as a sentence for logs.
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::TooEarly => "too many requests or maps came before their turn",
            Self::InvalidJson => "a map is not JSON",
            Self::TooLong => "a message is longer than maxLength",
        }
    }
}

impl<'b> Body<'b> {
    pub(super) fn new(text: &'b str, maps: Maps) -> Self {
        Self {
            text: Cow::Borrowed(text),
            maps,
            next: 0,
        }
    }

    /// Copies what it borrows.
    pub(super) fn into_owned(self) -> Body<'static> {
        Body {
            text: Cow::Owned(self.text.into_owned()),
            maps: self.maps,
            next: self.next,
        }
    }

    fn kept_bytes(&self) -> usize {
        self.text.len() + self.maps.kept_bytes()
    }
}

impl Forward {
    /// Bytes of what is being handed on, and of what came early.
    pub(super) fn held_bytes(&self) -> usize {
        self.early.as_ref().map_or(0, |early| {
            let work = early.work.as_ref().and_then(|work| work.body.as_ref());
            early.bytes + work.map_or(0, Body::kept_bytes)
        })
    }

    /// Expects the request with this number.
    pub(super) fn new(first_request: u64) -> Self {
        Self {
            next_request: first_request,
            next_map: 0,
            early: None,
        }
    }

    /// Whether a request has to wait for its turn. One that was here before does not: it may bring
    /// more maps this time.
    pub(super) fn is_early(&self, request: u64) -> bool {
        let is_busy = self
            .early
            .as_ref()
            .is_some_and(|early| early.work.is_some());
        is_busy || request > self.next_request
    }

    /// Keeps a request until it is its turn.
    pub(super) fn keep(&mut self, request: u64, body: Option<Body<'_>>) -> Result<(), Broken> {
        let early = self.early.get_or_insert_default();
        if let Some(before) = early.requests.remove(&request) {
            early.bytes -= request_bytes(before.as_ref());
        }
        early.reserve(request_bytes(body.as_ref()))?;
        early.requests.insert(request, body.map(Body::into_owned));
        Ok(())
    }

    /// Hands on the messages of a body whose turn it is, with those of maps that waited for them.
    /// `deliver` says whether it takes more. The result says whether the body is done with.
    pub(super) fn hand_on(
        &mut self,
        body: &mut Body<'_>,
        mut deliver: impl FnMut(Option<Message<'_>>) -> bool,
    ) -> Result<bool, Broken> {
        while body.next < body.maps.len() {
            let number = body.maps.first + body.next as u64;
            let message = match number < self.next_map {
                true => None,
                false => body
                    .maps
                    .message(body.next, &body.text)
                    .map_err(|_| Broken::InvalidJson)?,
            };
            body.next += 1;
            if number > self.next_map {
                self.keep_map(number, message)?;
            } else if number == self.next_map {
                self.next_map += 1;
                let mut takes_more = deliver(message);
                while let Some(message) = self.early_map() {
                    self.next_map += 1;
                    takes_more = deliver(message.as_ref().map(|(kind, bytes)| {
                        let bytes: &[u8] = bytes;
                        (*kind, Cow::Borrowed(bytes))
                    }));
                }
                if !takes_more {
                    return Ok(body.next == body.maps.len());
                }
            }
        }
        Ok(true)
    }

    /// A request is done with. Returns one that waited for it.
    pub(super) fn done(&mut self, request: u64) -> Option<Work> {
        self.next_request += u64::from(request == self.next_request);
        let early = self.early.as_mut()?;
        if let Some(entry) = early.requests.first_entry()
            && *entry.key() <= self.next_request
        {
            let (request, body) = entry.remove_entry();
            early.bytes -= request_bytes(body.as_ref());
            return Some(Work {
                request,
                body,
                carrier: None,
                is_first: false,
            });
        }
        if early.is_empty() {
            self.early = None;
        }
        None
    }

    /// Goes on with this request in a later turn. What follows it waits.
    pub(super) fn put_off(&mut self, work: Work) {
        self.early.get_or_insert_default().work = Some(work);
    }

    /// The request that was put off.
    pub(super) fn take_work(&mut self) -> Option<Work> {
        self.early.as_mut()?.work.take()
    }

    /// A request was lost. What it brought has arrived all the same.
    pub(super) fn lost(&mut self, lost: Carrier) {
        if let Some(work) = self.early.as_mut().and_then(|early| early.work.as_mut()) {
            work.carrier.take_if(|carrier| *carrier == lost);
        }
    }

    /// The client says goodbye with this request.
    pub(super) fn goodbye(&mut self, request: u64) {
        self.early.get_or_insert_default().goodbye = Some(request);
    }

    /// Whether the client has said goodbye, and everything that it sent before has come.
    pub(super) fn is_over(&self) -> bool {
        let goodbye = self.early.as_ref().and_then(|early| early.goodbye);
        goodbye.is_some_and(|request| request <= self.next_request)
    }

    fn early_map(&mut self) -> Option<Kept> {
        let early = self.early.as_mut()?;
        let map = early.maps.remove(&self.next_map)?;
        early.bytes -= map_bytes(map.as_ref().map(|(_, bytes)| bytes.len()));
        Some(map)
    }

    fn keep_map(&mut self, number: u64, message: Option<Message<'_>>) -> Result<(), Broken> {
        let early = self.early.get_or_insert_default();
        if early.maps.contains_key(&number) {
            return Ok(());
        }
        early.reserve(map_bytes(message.as_ref().map(|(_, bytes)| bytes.len())))?;
        let message = message.map(|(kind, bytes)| (kind, Box::from(&*bytes)));
        early.maps.insert(number, message);
        Ok(())
    }
}

impl Early {
    fn is_empty(&self) -> bool {
        self.work.is_none()
            && self.requests.is_empty()
            && self.maps.is_empty()
            && self.goodbye.is_none()
    }

    fn reserve(&mut self, bytes: usize) -> Result<(), Broken> {
        self.bytes += bytes;
        match self.bytes <= BROWSERCHANNEL_EARLY_BYTES {
            true => Ok(()),
            false => Err(Broken::TooEarly),
        }
    }
}

/// About what an entry takes beside what it holds.
const ENTRY_BYTES: usize = 128;

fn request_bytes(body: Option<&Body<'_>>) -> usize {
    ENTRY_BYTES + body.map_or(0, Body::kept_bytes)
}

fn map_bytes(message_bytes: Option<usize>) -> usize {
    ENTRY_BYTES + message_bytes.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use allspark_protocol::Dice;

    /// A body with the maps `range`, whose messages are their numbers.
    fn body(range: std::ops::Range<u64>) -> String {
        let mut body = format!("count={}&ofs={}", range.end - range.start, range.start);
        for (index, number) in range.enumerate() {
            body += &format!("&req{index}__S={number}");
        }
        body
    }

    fn maps(text: &str) -> Option<Body<'_>> {
        let maps = Maps::parse(None, text).unwrap();
        maps.map(|maps| Body::new(text, maps))
    }

    /// Takes a request, `portion` maps at once.
    fn take_in_portions(
        forward: &mut Forward,
        request: u64,
        range: std::ops::Range<u64>,
        portion: usize,
    ) -> Vec<u64> {
        let text = body(range);
        if forward.is_early(request) {
            forward.keep(request, maps(&text)).unwrap();
            return Vec::new();
        }
        let mut due = Vec::new();
        let mut next = Some(Work {
            request,
            body: maps(&text).map(Body::into_owned),
            carrier: None,
            is_first: false,
        });
        while let Some(mut work) = next {
            let mut count = 0;
            let deliver = |message: Option<Message<'_>>| {
                let (_, bytes) = message.unwrap();
                due.push(str::from_utf8(&bytes).unwrap().parse().unwrap());
                count += 1;
                count < portion
            };
            let body = work.body.as_mut();
            if body.is_none_or(|body| forward.hand_on(body, deliver).unwrap()) {
                next = forward.done(work.request);
            } else {
                forward.put_off(work);
                assert!(forward.is_early(0) && !forward.is_over());
                next = forward.take_work();
            }
        }
        due
    }

    fn take(forward: &mut Forward, request: u64, range: std::ops::Range<u64>) -> Vec<u64> {
        take_in_portions(forward, request, range, usize::MAX)
    }

    #[test]
    fn in_order_everything_is_due_at_once() {
        let mut forward = Forward::new(70);
        assert_eq!(take(&mut forward, 70, 0..0), [0; 0]);
        assert_eq!(take(&mut forward, 71, 0..2), [0, 1]);
        assert_eq!(take(&mut forward, 72, 2..3), [2]);
        assert!(forward.early.is_none());
    }

    #[test]
    fn a_repeated_request_may_bring_more() {
        let mut forward = Forward::new(70);
        assert_eq!(take(&mut forward, 70, 0..2), [0, 1]);
        assert_eq!(take(&mut forward, 70, 0..4), [2, 3]);
        assert_eq!(take(&mut forward, 70, 0..4), [0; 0]);
        assert_eq!(take(&mut forward, 71, 4..5), [4]);
    }

    #[test]
    fn early_requests_and_early_maps_wait() {
        let mut forward = Forward::new(70);
        assert_eq!(take(&mut forward, 72, 3..4), [0; 0]);
        assert_eq!(take(&mut forward, 71, 1..3), [0; 0]);
        assert_eq!(take(&mut forward, 71, 1..3), [0; 0], "it came again");
        assert_eq!(take(&mut forward, 70, 0..1), [0, 1, 2, 3]);
        assert_eq!(take(&mut forward, 73, 5..7), [0; 0]);
        assert_eq!(take(&mut forward, 74, 4..6), [4, 5, 6]);
        assert!(forward.early.is_none());
    }

    #[test]
    fn a_goodbye_waits_for_what_was_sent_before() {
        let mut forward = Forward::new(70);
        take(&mut forward, 70, 0..0);
        forward.goodbye(72);
        assert!(!forward.is_over());
        assert_eq!(take(&mut forward, 71, 0..1), [0]);
        assert!(forward.is_over());
        let mut forward = Forward::new(70);
        take(&mut forward, 70, 0..0);
        forward.goodbye(5);
        assert!(forward.is_over());
    }

    #[test]
    fn what_comes_too_early_is_bounded() {
        let mut forward = Forward::new(0);
        let taken = (1..).map_while(|request| forward.keep(request, None).ok());
        assert_eq!(taken.count(), BROWSERCHANNEL_EARLY_BYTES / ENTRY_BYTES);
        let mut forward = Forward::new(0);
        let text = format!(
            "count=1&ofs=1&req0__S={}",
            "x".repeat(BROWSERCHANNEL_EARLY_BYTES)
        );
        let mut body = maps(&text).unwrap();
        let result = forward.hand_on(&mut body, |_| panic!("it is not its turn"));
        assert_eq!(result, Err(Broken::TooEarly));
        assert_eq!(forward.keep(9, maps(&text)), Err(Broken::TooEarly));
    }

    proptest! {
        #[test]
        fn every_map_is_due_once_and_in_order(
            sizes in prop::collection::vec(0..4_u64, 1..12),
            order in any::<prop::sample::Index>(),
            seed in any::<u64>(),
            portion in 1..4_usize,
        ) {
            let mut start = 0;
            let mut requests: Vec<_> = sizes.iter().zip(100..).map(|(size, request)| {
                start += size;
                (request, start - size..start)
            }).collect();
            // A few come again; then all are mixed.
            requests.push(requests[order.index(requests.len())].clone());
            let mut dice = Dice::new(seed);
            for at in (1..requests.len()).rev() {
                requests.swap(at, dice.index(at + 1));
            }
            let mut forward = Forward::new(100);
            let mut due = Vec::new();
            for (request, range) in requests {
                due.extend(take_in_portions(&mut forward, request, range, portion));
            }
            prop_assert_eq!(due, (0..start).collect::<Vec<_>>());
            prop_assert!(forward.early.is_none());
        }
    }
}
