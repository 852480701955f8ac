//! The order of what a client sends.
//!
//! Requests are numbered (`RID`, from a random number on), and so are maps (`ofs`, from 0 on).
//! A client of the package has one request of the forward channel under way at a time and repeats
//! it with the same number if it is not answered, perhaps with more maps. So a request that comes
//! early, or again, is rare, but it happens when a connection is slow to die.

use std::collections::BTreeMap;

use allspark_protocol::limits::BROWSERCHANNEL_EARLY_BYTES;

use super::maps::{Map, Maps};

/// What is due next, and what has come too early.
#[derive(Debug)]
pub(super) struct Forward {
    next_request: u64,
    next_map: u64,
    early: Option<Box<Early>>,
}

#[derive(Debug, Default)]
struct Early {
    /// By number. `None` brings nothing but its number.
    requests: BTreeMap<u64, Option<Maps<'static>>>,
    /// By number.
    maps: BTreeMap<u64, Map<'static>>,
    /// The client says goodbye with this request.
    goodbye: Option<u64>,
    bytes: usize,
}

/// What came early takes more than is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooEarly;

impl Forward {
    /// Bytes of what came early.
    pub(super) fn held_bytes(&self) -> usize {
        self.early.as_ref().map_or(0, |early| early.bytes)
    }

    /// Expects the request with this number.
    pub(super) fn new(first_request: u64) -> Self {
        Self {
            next_request: first_request,
            next_map: 0,
            early: None,
        }
    }

    /// Takes a request. Appends the maps to `due` whose turn it is now, with those that waited for
    /// it.
    pub(super) fn take<'b>(
        &mut self,
        request: u64,
        maps: Option<Maps<'b>>,
        due: &mut Vec<Map<'b>>,
    ) -> Result<(), TooEarly> {
        if request > self.next_request {
            return self.keep_request(request, maps);
        }
        // One that was here before may bring more maps this time.
        self.take_maps(maps, due)?;
        if request == self.next_request {
            self.next_request += 1;
            while let Some(maps) = self.early_request() {
                self.take_maps(maps, due)?;
                self.next_request += 1;
            }
        }
        if let Some(early) = &self.early
            && early.is_empty()
        {
            self.early = None;
        }
        Ok(())
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

    fn take_maps<'b>(
        &mut self,
        maps: Option<Maps<'b>>,
        due: &mut Vec<Map<'b>>,
    ) -> Result<(), TooEarly> {
        let Some(Maps { first, list }) = maps else {
            return Ok(());
        };
        for (number, map) in (first..).zip(list) {
            if number > self.next_map {
                self.keep_map(number, map)?;
            } else if number == self.next_map {
                due.push(map);
                self.next_map += 1;
                while let Some(map) = self.early_map() {
                    due.push(map);
                    self.next_map += 1;
                }
            }
        }
        Ok(())
    }

    fn early_request(&mut self) -> Option<Option<Maps<'static>>> {
        let early = self.early.as_mut()?;
        let maps = early.requests.remove(&self.next_request)?;
        early.bytes -= request_bytes(&maps);
        Some(maps)
    }

    fn early_map(&mut self) -> Option<Map<'static>> {
        let early = self.early.as_mut()?;
        let map = early.maps.remove(&self.next_map)?;
        early.bytes -= map_bytes(&map);
        Some(map)
    }

    fn keep_request(&mut self, request: u64, maps: Option<Maps<'_>>) -> Result<(), TooEarly> {
        let early = self.early.get_or_insert_default();
        if let Some(before) = early.requests.remove(&request) {
            early.bytes -= request_bytes(&before);
        }
        early.reserve(request_bytes(&maps))?;
        let maps = maps.map(|maps| Maps {
            first: maps.first,
            list: maps.list.into_iter().map(Map::into_owned).collect(),
        });
        early.requests.insert(request, maps);
        Ok(())
    }

    fn keep_map(&mut self, number: u64, map: Map<'_>) -> Result<(), TooEarly> {
        let early = self.early.get_or_insert_default();
        if early.maps.contains_key(&number) {
            return Ok(());
        }
        early.reserve(map_bytes(&map))?;
        early.maps.insert(number, map.into_owned());
        Ok(())
    }
}

impl Early {
    fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.maps.is_empty() && self.goodbye.is_none()
    }

    fn reserve(&mut self, bytes: usize) -> Result<(), TooEarly> {
        self.bytes += bytes;
        match self.bytes <= BROWSERCHANNEL_EARLY_BYTES {
            true => Ok(()),
            false => Err(TooEarly),
        }
    }
}

/// About what an entry takes beside what it holds.
const ENTRY_BYTES: usize = 128;

fn request_bytes(maps: &Option<Maps<'_>>) -> usize {
    let list = maps.as_ref().map_or(&[][..], |maps| &maps.list);
    ENTRY_BYTES + list.iter().map(map_bytes).sum::<usize>()
}

fn map_bytes(map: &Map<'_>) -> usize {
    ENTRY_BYTES + map.bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A body with the maps `range`, whose messages are their numbers.
    fn body(range: std::ops::Range<u64>) -> String {
        let mut body = format!("count={}&ofs={}", range.end - range.start, range.start);
        for (index, number) in range.enumerate() {
            body += &format!("&req{index}__S={number}");
        }
        body
    }

    fn take(forward: &mut Forward, request: u64, range: std::ops::Range<u64>) -> Vec<u64> {
        let body = body(range);
        let mut due = Vec::new();
        let maps = Maps::parse(None, &body).unwrap();
        forward.take(request, maps, &mut due).unwrap();
        let number = |map: &Map<'_>| {
            let (_, bytes) = map.message().unwrap().unwrap();
            str::from_utf8(&bytes).unwrap().parse().unwrap()
        };
        due.iter().map(number).collect()
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
        let taken = (1..).map_while(|request| forward.take(request, None, &mut Vec::new()).ok());
        assert_eq!(taken.count(), BROWSERCHANNEL_EARLY_BYTES / ENTRY_BYTES);
        let mut forward = Forward::new(0);
        let text = format!(
            "count=1&ofs=1&req0__S={}",
            "x".repeat(BROWSERCHANNEL_EARLY_BYTES)
        );
        let maps = Maps::parse(None, &text).unwrap();
        assert_eq!(forward.take(0, maps, &mut Vec::new()), Err(TooEarly));
    }

    proptest! {
        #[test]
        fn every_map_is_due_once_and_in_order(
            sizes in prop::collection::vec(0..4_u64, 1..12),
            order in any::<prop::sample::Index>(),
            seed in any::<u64>(),
        ) {
            let mut start = 0;
            let mut requests: Vec<_> = sizes.iter().zip(100..).map(|(size, request)| {
                start += size;
                (request, start - size..start)
            }).collect();
            // A few come again; then all are mixed.
            requests.push(requests[order.index(requests.len())].clone());
            let mut random = seed;
            for at in (1..requests.len()).rev() {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                requests.swap(at, (random >> 33) as usize % (at + 1));
            }
            let mut forward = Forward::new(100);
            let mut due = Vec::new();
            for (request, range) in requests {
                due.extend(take(&mut forward, request, range));
            }
            prop_assert_eq!(due, (0..start).collect::<Vec<_>>());
            prop_assert!(forward.early.is_none());
        }
    }
}
