//! Which rooms there are, and who is in them.

use std::fmt;
use std::str::FromStr;

use allspark_protocol::Dice;

use crate::auditor::Receivers;

/// Memberships that a load may have: the auditor and the clients remember some twenty bytes for
/// each of them.
const MEMBERSHIPS_MAX: u64 = 1 << 25;

/// Rooms, and whom they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RoomsPlan {
    /// How many rooms there are.
    pub(crate) rooms: u32,
    pub(crate) members: Members,
    /// One of so many messages is for everyone, and one of so many for its sender alone, instead of
    /// a room; never if it is 0.
    pub(crate) others_one_in: u32,
}

/// How many members a room has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Members {
    /// All clients.
    All,
    /// From the first number to the second: the first room has the least, the next one more, and
    /// after the room with the most it begins anew.
    Between(u32, u32),
}

impl FromStr for Members {
    type Err = String;

    /// Reads `all`, `10` or `1-10`.
    fn from_str(text: &str) -> Result<Self, String> {
        let complain = || format!("{text:?} is not all, a number, or two numbers as in 1-10");
        if text == "all" {
            return Ok(Self::All);
        }
        let (least, most) = text.split_once('-').unwrap_or((text, text));
        let number = |text: &str| text.parse::<u32>().map_err(|_| complain());
        let (least, most) = (number(least)?, number(most)?);
        if least == 0 || most < least {
            return Err(complain());
        }
        Ok(Self::Between(least, most))
    }
}

impl fmt::Display for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => write!(f, "all"),
            Self::Between(least, most) if least == most => write!(f, "{most}"),
            Self::Between(least, most) => write!(f, "{least} to {most}"),
        }
    }
}

impl RoomsPlan {
    /// Says in one sentence what cannot be done with so many clients.
    pub(crate) fn check(&self, clients: u32) -> Result<(), String> {
        if self.rooms == 0 {
            return Err("a load of rooms needs at least one room".to_owned());
        }
        if let Members::Between(_, most) = self.members
            && most > clients
        {
            return Err(format!("a room can't have {most} of {clients} clients"));
        }
        let sizes = (0..self.rooms).map(|room| u64::from(self.size(room, clients)));
        if sizes.sum::<u64>() > MEMBERSHIPS_MAX {
            return Err(format!(
                "all rooms together may have {MEMBERSHIPS_MAX} members at most"
            ));
        }
        Ok(())
    }

    /// Whether every client gets every message.
    pub(crate) fn reaches_everyone(&self) -> bool {
        self.members == Members::All && self.others_one_in == 0
    }

    /// Who is in a room: clients next to each other, from one on that every room has another of.
    pub(super) fn members_of(&self, room: u32, clients: u32) -> Receivers {
        let first = Dice::new(u64::from(room)).below(u64::from(clients));
        let size = u64::from(self.size(room, clients));
        let members = (first..first + size).map(|place| (place % u64::from(clients)) as u32);
        let mut members: Vec<u32> = members.collect();
        members.sort_unstable();
        members.into()
    }

    fn size(&self, room: u32, clients: u32) -> u32 {
        match self.members {
            Members::All => clients,
            Members::Between(least, most) => least + room % (most - least + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(rooms: u32, members: &str) -> RoomsPlan {
        RoomsPlan {
            rooms,
            members: members.parse().unwrap(),
            others_one_in: 0,
        }
    }

    #[test]
    fn rooms_have_as_many_members_as_was_said() {
        let small = plan(20, "1-10");
        small.check(10).unwrap();
        for room in 0..20 {
            let members = small.members_of(room, 10);
            assert_eq!(members.len() as u32, 1 + room % 10);
            assert!(members.is_sorted_by(|a, b| a < b) && members.iter().all(|one| *one < 10));
        }
        assert_eq!(plan(2, "all").members_of(1, 7).len(), 7);
        assert!(small.check(9).is_err());
        assert!(plan(0, "1").check(5).is_err());
        assert!(plan(1 << 20, "all").check(1_000).is_err());
    }

    #[test]
    fn members_are_read_as_people_write_them() {
        assert_eq!("7".parse(), Ok(Members::Between(7, 7)));
        assert_eq!("2-5".parse(), Ok(Members::Between(2, 5)));
        for wrong in ["", "0", "5-2", "0-3", "-", "everybody", "1-2-3"] {
            assert!(wrong.parse::<Members>().is_err(), "{wrong}");
        }
    }
}
