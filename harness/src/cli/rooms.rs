//! The options of a load of rooms.

use clap::Args;

use crate::load::rooms::plan::{Members, RoomsPlan};
use crate::workload::Scenario;

#[derive(Debug, Args)]
pub(super) struct RoomsArguments {
    /// In a load of rooms, how many there are. By default 100.
    #[arg(long)]
    rooms: Option<u32>,
    /// In a load of rooms, how many of the clients are in each: a number, 1-10 for each of these in
    /// turn, or all. By default 10.
    #[arg(long)]
    members: Option<Members>,
    /// In a load of rooms, one of so many messages of a client goes back to it alone or to everyone
    /// instead, to see whether their order is kept. The server's app must be mixed. By default 0,
    /// for none.
    #[arg(long)]
    others: Option<u32>,
}

impl RoomsArguments {
    /// Which rooms a load has; none if it is to be another one.
    pub(super) fn plan(&self, scenario: Scenario) -> Result<Option<RoomsPlan>, String> {
        if scenario != Scenario::Rooms {
            let is_given = self.rooms.is_some() || self.members.is_some() || self.others.is_some();
            return match is_given {
                true => Err(
                    "these options belong to a load of rooms: --rooms, --members, --others"
                        .to_owned(),
                ),
                false => Ok(None),
            };
        }
        Ok(Some(RoomsPlan {
            rooms: self.rooms.unwrap_or(100),
            members: self.members.unwrap_or(Members::Between(10, 10)),
            others_one_in: self.others.unwrap_or(0),
        }))
    }
}
