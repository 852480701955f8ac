//! A hierarchical timing wheel: one timer per connection, no allocation when it is set or fires.
//!
//! Five levels of 64 slots with a tick of one millisecond reach twelve days ahead. A timer moves
//! to a finer level as its time comes near, so setting, cancelling and firing cost a few memory
//! accesses whatever the number of timers. (G. Varghese, A. Lauck: Hashed and Hierarchical Timing
//! Wheels, scheme 6.)
//!
//! # Invariants
//! - A timer fires at or after its deadline, never before, and once.
//! - Timers are named by small indexes; each index has at most one timer.

use allspark_protocol::Instant;

/// Slots per level; each level's occupancy is one `u64`.
const SLOTS: u64 = 64;
const SLOT_BITS: u32 = 6;
const LEVELS: usize = 5;
/// The furthest that a timer can lie ahead; a later one is cut to this.
const HORIZON_MS: u64 = (1 << (SLOT_BITS * LEVELS as u32)) - 1;

/// No timer: the end of a list, or not in the wheel.
const NONE: u32 = u32::MAX;

/// Timers per page. Growing by pages moves nothing and leaves no hole behind, and a page in which
/// no timer is set gives its memory back.
const PAGE_TIMERS: usize = 64;

/// Pages that keep their memory for the next timer: most timers are set anew as soon as they fire,
/// and where few are left that must not cost an allocation each time.
const SPARE_PAGES: usize = 64;

#[derive(Clone, Copy, Debug)]
struct Node {
    /// When to fire: the lower half of the tick. The upper half follows from the present, because
    /// no timer lies further ahead than the horizon.
    deadline_low: u32,
    next: u32,
    previous: u32,
    /// The list it is in, `level * SLOTS + slot`; `NONE` when it is in none.
    list: u32,
}

/// A timer that is not set.
const UNSET: Node = Node {
    deadline_low: 0,
    next: NONE,
    previous: NONE,
    list: NONE,
};

const _: () = assert!(size_of::<Node>() == 16, "there is one for each connection");

/// The timers of neighbouring indexes.
#[derive(Debug, Default)]
struct Page {
    /// None if no timer is set.
    nodes: Option<Box<[Node; PAGE_TIMERS]>>,
    /// How many are set.
    len: usize,
}

/// All timers of a shard.
#[derive(Debug)]
pub struct Wheel {
    now_ms: u64,
    heads: [u32; LEVELS * SLOTS as usize],
    occupied: [u64; LEVELS],
    pages: Vec<Page>,
    /// Memory of pages that had to give it back; no timer is set there.
    #[expect(clippy::vec_box, reason = "the boxes themselves are used again")]
    spare: Vec<Box<[Node; PAGE_TIMERS]>>,
    len: usize,
}

impl Wheel {
    /// A wheel without timers, at this moment.
    pub fn new(now: Instant) -> Self {
        Self {
            now_ms: now.as_ms(),
            heads: [NONE; LEVELS * SLOTS as usize],
            occupied: [0; LEVELS],
            pages: Vec::new(),
            spare: Vec::new(),
            len: 0,
        }
    }

    /// How many timers are set.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Sets the timer of `index`, replacing the one it has.
    pub fn set(&mut self, index: u32, deadline: Instant) {
        self.take_page(index);
        self.cancel_in_page(index);
        // Rounded up, so that it never fires early; at least one tick ahead, so that a timer that
        // is set while timers fire waits for the next turn.
        let deadline_ms = deadline.as_ns().div_ceil(1_000_000);
        let deadline_ms = deadline_ms.clamp(self.now_ms + 1, self.now_ms + HORIZON_MS);
        self.node_mut(index).deadline_low = deadline_ms as u32;
        self.link(index);
        self.page_mut(index).len += 1;
        self.len += 1;
    }

    /// Whether the timer of `index` is set.
    pub(crate) fn is_set(&self, index: u32) -> bool {
        let page = self.pages.get(index as usize / PAGE_TIMERS);
        page.is_some_and(|page| page.nodes.is_some()) && self.node(index).list != NONE
    }

    /// Cancels the timer of `index`, if it has one.
    pub fn cancel(&mut self, index: u32) {
        let page = self.pages.get(index as usize / PAGE_TIMERS);
        if page.is_some_and(|page| page.nodes.is_some()) {
            self.cancel_in_page(index);
            self.leave_page(index);
        }
    }

    fn cancel_in_page(&mut self, index: u32) {
        if self.node(index).list != NONE {
            self.unlink(index);
            self.page_mut(index).len -= 1;
            self.len -= 1;
        }
    }

    /// Gives the page of `index` memory.
    fn take_page(&mut self, index: u32) {
        let number = index as usize / PAGE_TIMERS;
        if self.pages.len() <= number {
            self.pages.resize_with(number + 1, Page::default);
        }
        let page = &mut self.pages[number];
        if page.nodes.is_none() {
            let spare = self.spare.pop();
            page.nodes = Some(spare.unwrap_or_else(|| Box::new([UNSET; PAGE_TIMERS])));
        }
    }

    /// Takes the memory of the page of `index` if no timer is set there.
    fn leave_page(&mut self, index: u32) {
        let page = self.page_mut(index);
        if page.len == 0
            && let Some(nodes) = page.nodes.take()
            && self.spare.len() < SPARE_PAGES
        {
            self.spare.push(nodes);
        }
    }

    /// A moment by which [`Wheel::expire`] must be called again: the next deadline, or earlier,
    /// when timers have to move to a finer level. `None` when no timer is set.
    pub fn next_deadline(&self) -> Option<Instant> {
        let next_ms = (0..LEVELS)
            .filter_map(|level| self.next_in_level(level))
            .min()?;
        Some(Instant::from_ms(next_ms))
    }

    /// Advances to `now` and appends the indexes of at most `count_max` timers that are due, oldest
    /// tick first. Returns whether time has caught up, that is, whether none was left over.
    pub fn expire(&mut self, now: Instant, count_max: usize, due: &mut Vec<u32>) -> bool {
        let target_ms = now.as_ms();
        let count_max = due.len() + count_max;
        loop {
            let Some(next_ms) = (0..LEVELS)
                .filter_map(|level| self.next_in_level(level))
                .min()
            else {
                self.now_ms = self.now_ms.max(target_ms);
                return true;
            };
            if next_ms > target_ms {
                self.now_ms = self.now_ms.max(target_ms);
                return true;
            }
            self.now_ms = self.now_ms.max(next_ms);
            self.cascade();
            if !self.fire(count_max, due) {
                return false;
            }
        }
    }

    /// Moves the timers of coarse slots that begin now to finer levels.
    fn cascade(&mut self) {
        for level in (1..LEVELS).rev() {
            let unit = SLOT_BITS * level as u32;
            if self.now_ms & ((1 << unit) - 1) != 0 {
                continue;
            }
            let slot = (self.now_ms >> unit) & (SLOTS - 1);
            let list = level * SLOTS as usize + slot as usize;
            while self.heads[list] != NONE {
                let index = self.heads[list];
                self.unlink(index);
                self.link(index);
            }
        }
    }

    /// Takes the timers of the current tick. Returns false when `count_max` stopped it.
    fn fire(&mut self, count_max: usize, due: &mut Vec<u32>) -> bool {
        let list = (self.now_ms & (SLOTS - 1)) as usize;
        while self.heads[list] != NONE {
            let index = self.heads[list];
            assert!(
                self.deadline_ms(index) == self.now_ms,
                "a timer fires at its time"
            );
            if due.len() >= count_max {
                return false;
            }
            self.cancel(index);
            due.push(index);
        }
        true
    }

    /// When the next occupied slot of a level begins.
    fn next_in_level(&self, level: usize) -> Option<u64> {
        let occupied = self.occupied[level];
        if occupied == 0 {
            return None;
        }
        let unit = SLOT_BITS * level as u32;
        let current = self.now_ms >> unit;
        let slot = (current & (SLOTS - 1)) as u32;
        let ahead = u64::from(occupied.rotate_right(slot).trailing_zeros());
        // Slot 0 of a coarse level is the one that time is in: it was emptied when it began, so
        // what it holds lies a whole round ahead.
        let ahead = if ahead == 0 && level > 0 {
            SLOTS
        } else {
            ahead
        };
        Some((current + ahead) << unit)
    }

    fn page_mut(&mut self, index: u32) -> &mut Page {
        &mut self.pages[index as usize / PAGE_TIMERS]
    }

    #[inline]
    fn node(&self, index: u32) -> &Node {
        let nodes = self.pages[index as usize / PAGE_TIMERS].nodes.as_deref();
        &nodes.expect("a page with timers has memory")[index as usize % PAGE_TIMERS]
    }

    #[inline]
    fn node_mut(&mut self, index: u32) -> &mut Node {
        let nodes = self.page_mut(index).nodes.as_deref_mut();
        &mut nodes.expect("a page with timers has memory")[index as usize % PAGE_TIMERS]
    }

    fn deadline_ms(&self, index: u32) -> u64 {
        let ahead = self
            .node(index)
            .deadline_low
            .wrapping_sub(self.now_ms as u32);
        self.now_ms + u64::from(ahead)
    }

    fn link(&mut self, index: u32) {
        let deadline_ms = self.deadline_ms(index);
        // The level is the highest group of bits in which the deadline differs from now.
        let differing = (deadline_ms ^ self.now_ms) | 1;
        let level = ((63 - differing.leading_zeros()) / SLOT_BITS).min(LEVELS as u32 - 1);
        let slot = (deadline_ms >> (SLOT_BITS * level)) & (SLOTS - 1);
        let list = level as usize * SLOTS as usize + slot as usize;
        let head = self.heads[list];
        if head != NONE {
            self.node_mut(head).previous = index;
        }
        let node = self.node_mut(index);
        (node.next, node.previous, node.list) = (head, NONE, list as u32);
        self.heads[list] = index;
        self.occupied[level as usize] |= 1 << slot;
    }

    fn unlink(&mut self, index: u32) {
        let Node {
            next,
            previous,
            list,
            ..
        } = *self.node(index);
        if next != NONE {
            self.node_mut(next).previous = previous;
        }
        if previous == NONE {
            self.heads[list as usize] = next;
            if next == NONE {
                let level = list as usize / SLOTS as usize;
                self.occupied[level] &= !(1 << (u64::from(list) % SLOTS));
            }
        } else {
            self.node_mut(previous).next = next;
        }
        self.node_mut(index).list = NONE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn ms(ms: u64) -> Instant {
        Instant::from_ms(ms)
    }

    #[test]
    fn fires_at_the_deadline_and_not_before() {
        for delay in [1, 2, 63, 64, 65, 4095, 4096, 30_000, 1 << 20, HORIZON_MS] {
            let mut wheel = Wheel::new(ms(12_345));
            wheel.set(7, ms(12_345 + delay));
            let mut due = Vec::new();
            assert!(wheel.expire(ms(12_345 + delay - 1), 9, &mut due));
            assert!(due.is_empty(), "{delay}");
            assert!(wheel.next_deadline().unwrap() <= ms(12_345 + delay));
            assert!(wheel.expire(ms(12_345 + delay), 9, &mut due));
            assert_eq!((due, wheel.len()), (vec![7], 0), "{delay}");
        }
    }

    #[test]
    fn a_fraction_of_a_tick_is_not_early() {
        let mut wheel = Wheel::new(ms(0));
        wheel.set(0, Instant::from_ns(5_000_001));
        let mut due = Vec::new();
        wheel.expire(ms(5), 9, &mut due);
        assert!(due.is_empty());
        wheel.expire(ms(6), 9, &mut due);
        assert_eq!(due, [0]);
    }

    #[test]
    fn a_cap_leaves_the_rest_for_the_next_call() {
        let mut wheel = Wheel::new(ms(0));
        for index in 0..10 {
            wheel.set(index, ms(3));
        }
        let mut due = Vec::new();
        assert!(!wheel.expire(ms(100), 4, &mut due));
        assert_eq!((due.len(), wheel.len()), (4, 6));
        assert!(
            wheel.next_deadline().unwrap() <= ms(3),
            "the rest is still due"
        );
        assert!(wheel.expire(ms(100), 6, &mut due));
        due.sort_unstable();
        assert_eq!(due, (0..10).collect::<Vec<u32>>());
    }

    /// After a peak only those pages have memory in which a timer is set, and a few for the next.
    #[test]
    fn the_memory_of_a_peak_is_given_back() {
        let mut wheel = Wheel::new(ms(0));
        for index in 0..1_000_000 {
            wheel.set(index, ms(u64::from(index % 5_000)));
        }
        wheel.set(700_000, ms(1_000_000));
        let mut due = Vec::new();
        assert!(wheel.expire(ms(10_000), usize::MAX / 2, &mut due));
        let with_memory = wheel.pages.iter().filter(|page| page.nodes.is_some());
        assert_eq!((wheel.len(), with_memory.count()), (1, 1));
        assert_eq!(wheel.spare.len(), SPARE_PAGES);
        assert!(wheel.expire(ms(1_000_000), 1, &mut due));
        assert_eq!(due.pop(), Some(700_000));
    }

    proptest! {
        #[test]
        fn agrees_with_a_sorted_map(
            steps in proptest::collection::vec((0..4u8, 0..200u32, 0..10_000u64), 1..300),
        ) {
            let mut wheel = Wheel::new(ms(1000));
            let mut model: BTreeMap<u32, u64> = BTreeMap::new();
            let mut now = 1000;
            for (action, index, amount) in steps {
                match action {
                    0 | 1 => {
                        let amount = if action == 0 { amount % 100 } else { amount };
                        wheel.set(index, ms(now + amount));
                        model.insert(index, now + amount.max(1));
                    }
                    2 => {
                        wheel.cancel(index);
                        model.remove(&index);
                    }
                    _ => {
                        now += amount;
                        let mut due = Vec::new();
                        prop_assert!(wheel.expire(ms(now), usize::MAX / 2, &mut due));
                        due.sort_unstable();
                        let expected: Vec<u32> =
                            model.iter().filter(|(_, at)| **at <= now).map(|(i, _)| *i).collect();
                        prop_assert_eq!(due, expected);
                        model.retain(|_, at| *at > now);
                    }
                }
                prop_assert_eq!(wheel.len(), model.len());
                let pages = wheel.pages.iter();
                prop_assert!(pages.into_iter().all(|page| page.nodes.is_some() == (page.len > 0)));
                let next = wheel.next_deadline().map(Instant::as_ms);
                let first = model.values().min().copied();
                prop_assert_eq!(next.is_some(), first.is_some());
                prop_assert!(next <= first);
            }
        }
    }
}
