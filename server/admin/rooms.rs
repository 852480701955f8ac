//! The largest rooms: all of them are listed, in portions, and few are kept.

use allspark::{Handle, ListCursor, RoomSize};

use super::bounds::{ROOMS_MAX, ROOMS_PER_PORTION};
use super::chronicle::shortened;
use super::words::RoomRow;

/// A portion of the list, and where it goes on.
pub(super) type Portion = (Vec<RoomSize>, Option<ListCursor>);

/// Asks for a portion.
pub(super) fn list(
    server: &Handle,
    from: Option<ListCursor>,
    then: impl FnOnce(Portion) + Send + 'static,
) {
    server.list_rooms(from, ROOMS_PER_PORTION, move |rooms, next| {
        then((rooms, next));
    });
}

/// Those that were the largest so far.
#[derive(Debug, Default)]
pub(super) struct Largest {
    pub(super) rows: Vec<RoomRow>,
    pub(super) total: u64,
}

impl Largest {
    /// Takes a portion in.
    pub(super) fn add(&mut self, rooms: Vec<RoomSize>) {
        self.total += rooms.len() as u64;
        for room in rooms {
            let sparks = room.sparks as u64;
            let place = self.rows.partition_point(|row| row.sparks >= sparks);
            if place < ROOMS_MAX {
                let name = shortened(&room.name).into();
                self.rows.insert(place, RoomRow { name, sparks });
                self.rows.truncate(ROOMS_MAX);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_of_all_portions_are_kept_in_order() {
        let mut largest = Largest::default();
        for portion in 0..10 {
            let rooms = (0..100).map(|n| RoomSize {
                name: format!("{portion} {n}"),
                sparks: (portion * 37 + n * 13) % 997,
            });
            largest.add(rooms.collect());
        }
        assert_eq!((largest.rows.len(), largest.total), (ROOMS_MAX, 1_000));
        let sizes: Vec<u64> = largest.rows.iter().map(|row| row.sparks).collect();
        assert!(
            sizes.is_sorted_by(|a, b| a >= b) && sizes[0] > 980,
            "{sizes:?}"
        );
    }
}
