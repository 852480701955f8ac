//! The options of a load of rooms.

use clap::Args;

use crate::load::rooms::plan::{Members, RoomsPlan};
use crate::workload::Scenario;

#[derive(Debug, Args)]
pub(super) struct RoomsArguments {
    /// In a load of rooms, how many there are. By default 100; of values 1.
    #[arg(long)]
    rooms: Option<u32>,
    /// In a load of rooms, how many of the clients are in each: a number, 1-10 for each of these in
    /// turn, or all. By default 10; of values all.
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
        if ![Scenario::Rooms, Scenario::Conflation].contains(&scenario) {
            let is_given = self.rooms.is_some() || self.members.is_some() || self.others.is_some();
            return match is_given {
                true => Err(
                    "these options belong to a load of rooms: --rooms, --members, --others"
                        .to_owned(),
                ),
                false => Ok(None),
            };
        }
        let has_values = scenario == Scenario::Conflation;
        if has_values && self.others.is_some() {
            return Err("--others belongs to the scenario rooms".to_owned());
        }
        let (rooms, members) = match has_values {
            true => (1, Members::All),
            false => (100, Members::Between(10, 10)),
        };
        Ok(Some(RoomsPlan {
            rooms: self.rooms.unwrap_or(rooms),
            members: self.members.unwrap_or(members),
            others_one_in: self.others.unwrap_or(0),
        }))
    }
}
