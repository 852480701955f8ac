//! Which rooms each spark is in. It is kept apart from the sparks, so that one that is in no room
//! has no byte of it.
//!
//! Sparks are known by the index of their slot. They lie in pages, in order, and a page holds those
//! only that are in a room: a list of at most 256 is searched and shifted as fast as a map would
//! be, and never moves as a whole because somebody comes.

/// Sparks of one page. A slot within it fits into a byte.
const PAGE_SPARKS: u32 = 256;

/// A room that a spark is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Joined {
    pub(super) room: u32,
    /// Where the spark stands in the list of the room's members.
    pub(super) place: u32,
}

/// One spark. Most are in one room, and then own no memory.
#[derive(Debug)]
enum Member {
    One { slot: u8, joined: Joined },
    Many { slot: u8, joined: ManyJoined },
}

/// By room. In a box, as a member is to be small.
type ManyJoined = Box<Vec<Joined>>;

const _: () = assert!(size_of::<Member>() == 16);

const JOINS_ONCE: &str = "a spark joins a room once";

/// The sparks that are in rooms.
#[derive(Debug, Default)]
pub(super) struct Members {
    pages: Vec<Vec<Member>>,
    sparks: usize,
}

impl Member {
    fn slot(&self) -> u8 {
        match self {
            Self::One { slot, .. } | Self::Many { slot, .. } => *slot,
        }
    }

    fn joined(&self) -> &[Joined] {
        match self {
            Self::One { joined, .. } => std::slice::from_ref(joined),
            Self::Many { joined, .. } => joined,
        }
    }

    fn joined_mut(&mut self) -> &mut [Joined] {
        match self {
            Self::One { joined, .. } => std::slice::from_mut(joined),
            Self::Many { joined, .. } => joined,
        }
    }

    fn add(&mut self, new: Joined) {
        match self {
            Self::One { slot, joined } => {
                assert!(joined.room != new.room, "{JOINS_ONCE}");
                let mut both = vec![*joined, new];
                both.sort_unstable_by_key(|joined| joined.room);
                *self = Self::Many {
                    slot: *slot,
                    joined: Box::new(both),
                };
            }
            Self::Many { joined, .. } => {
                let place = joined.partition_point(|one| one.room < new.room);
                let behind = joined.get(place);
                assert!(
                    behind.is_none_or(|one| one.room != new.room),
                    "{JOINS_ONCE}"
                );
                joined.insert(place, new);
            }
        }
    }

    /// Removes one of several rooms.
    fn remove(&mut self, index: usize) {
        let Self::Many { slot, joined } = self else {
            unreachable!("who is in one room is removed with it");
        };
        joined.remove(index);
        if let [last] = joined[..] {
            *self = Self::One {
                slot: *slot,
                joined: last,
            };
        } else if joined.len() < joined.capacity() / 4 {
            joined.shrink_to(2 * joined.len());
        }
    }
}

impl Members {
    /// How many sparks are in a room.
    pub(super) fn len(&self) -> usize {
        self.sparks
    }

    /// The rooms of a spark, in order.
    pub(super) fn joined(&self, spark: u32) -> &[Joined] {
        let (page, slot) = split(spark);
        let Some(page) = self.pages.get(page) else {
            return &[];
        };
        match search(page, slot) {
            Ok(index) => page[index].joined(),
            Err(_) => &[],
        }
    }

    /// The room, if the spark is in it.
    pub(super) fn find(&self, spark: u32, room: u32) -> Option<Joined> {
        let joined = self.joined(spark);
        let index = joined.binary_search_by_key(&room, |one| one.room).ok()?;
        Some(joined[index])
    }

    /// A spark joins a room that it is not in.
    pub(super) fn add(&mut self, spark: u32, joined: Joined) {
        let (page, slot) = split(spark);
        if page >= self.pages.len() {
            self.pages.resize_with(page + 1, Vec::new);
        }
        let page = &mut self.pages[page];
        match search(page, slot) {
            Ok(index) => page[index].add(joined),
            Err(index) => {
                if page.len() == page.capacity() {
                    // By a quarter: twice as much would be wasted on many.
                    page.reserve_exact((page.len() / 4).max(4));
                }
                page.insert(index, Member::One { slot, joined });
                self.sparks += 1;
            }
        }
    }

    /// A spark leaves a room. Returns where it stood there.
    pub(super) fn remove(&mut self, spark: u32, room: u32) -> Option<u32> {
        let (page, slot) = split(spark);
        let page = self.pages.get_mut(page)?;
        let index = search(page, slot).ok()?;
        let joined = page[index].joined();
        let at = joined.binary_search_by_key(&room, |one| one.room).ok()?;
        let place = joined[at].place;
        if joined.len() > 1 {
            page[index].remove(at);
            return Some(place);
        }
        page.remove(index);
        if page.is_empty() {
            *page = Vec::new();
        } else if page.len() < page.capacity() / 4 {
            page.shrink_to(2 * page.len());
        }
        self.sparks -= 1;
        if self.sparks == 0 {
            self.pages = Vec::new();
        }
        Some(place)
    }

    /// A spark stands elsewhere in the list of a room.
    pub(super) fn moved(&mut self, spark: u32, room: u32, place: u32) {
        let (page, slot) = split(spark);
        let page = &mut self.pages[page];
        let index = search(page, slot).expect("a member of a room is in it");
        let joined = page[index].joined_mut();
        let at = joined.binary_search_by_key(&room, |one| one.room);
        joined[at.expect("a member of a room is in it")].place = place;
    }

    /// The first spark in a room whose index is not below this one.
    pub(super) fn next_from(&self, spark: u32) -> Option<u32> {
        let (first, slot) = split(spark);
        let page = self.pages.get(first)?;
        let index = search(page, slot).unwrap_or_else(|index| index);
        let here = page.get(index).map(|member| (first, member.slot()));
        let (number, slot) = here.or_else(|| {
            let mut behind = self.pages.iter().enumerate().skip(first + 1);
            behind.find_map(|(number, page)| Some((number, page.first()?.slot())))
        })?;
        Some(number as u32 * PAGE_SPARKS + u32::from(slot))
    }
}

fn search(page: &[Member], slot: u8) -> Result<usize, usize> {
    page.binary_search_by_key(&slot, Member::slot)
}

fn split(spark: u32) -> (usize, u8) {
    ((spark / PAGE_SPARKS) as usize, (spark % PAGE_SPARKS) as u8)
}
