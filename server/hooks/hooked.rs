//! What is kept with a spark of which an application is told, and what that says about it.

use allspark::{EndOptions, Spark, TransformTicket};
use serde_json::Value;

use super::pace::Pace;
use super::part::Waiting;
use super::verdict::Verdict;
use super::warnings::Warnings;

/// What is kept with each spark of which an application is told.
pub(super) struct Hooked {
    pub(super) lane: usize,
    pub(super) stands: Stands,
    /// What the application keeps with it, and how many bytes that is.
    data: Option<(Value, usize)>,
    pub(super) pace: Option<Pace>,
    /// What waits of it.
    pub(super) waiting: Waiting,
    /// What its message costs that waits, which counts as memory that is held for its client.
    held: usize,
}

/// What a message costs that waits, besides its bytes, of which the ticket has a copy.
const HELD_BYTES: usize = 256;

/// How far its connect is.
pub(super) enum Stands {
    /// The application has not answered. Its first message waits.
    Asked(Option<Box<TransformTicket>>),
    LetIn,
    Refused,
}

impl Hooked {
    pub(super) fn new(lane: usize, stands: Stands) -> Self {
        Self {
            lane,
            stands,
            data: None,
            pace: None,
            waiting: Waiting::default(),
            held: 0,
        }
    }
}

/// A message of so many bytes waits.
pub(super) fn hold(spark: &mut Spark<'_>, bytes: usize) {
    let held = HELD_BYTES + bytes;
    if let Some(hooked) = spark.own_mut::<Hooked>() {
        hooked.held = held;
        spark.charge(held);
    }
}

/// It waits no more.
pub(super) fn let_go(spark: &mut Spark<'_>) {
    let held = spark
        .own_mut::<Hooked>()
        .map(|hooked| std::mem::take(&mut hooked.held));
    if let Some(held) = held.filter(|held| *held > 0) {
        spark.discharge(held);
    }
}

/// What the application keeps with a spark (the member `data` of its answers).
pub(crate) fn data_of<'s>(spark: &'s Spark<'_>) -> Option<&'s Value> {
    let hooked = spark.own::<Hooked>()?;
    hooked.data.as_ref().map(|(data, _)| data)
}

/// Does what the application has said about a spark.
pub(super) fn settle(spark: &mut Spark<'_>, verdict: Verdict, warnings: &Warnings) {
    let Verdict {
        refuse,
        data,
        rooms,
        rate,
        ..
    } = verdict;
    let Some(hooked) = spark.own_mut::<Hooked>() else {
        return;
    };
    if let Some(refuse) = refuse {
        hooked.stands = Stands::Refused;
        if refuse.status.is_some() || refuse.message.is_some() {
            spark.write(serde_json::json!({
                "authorization": "refused",
                "status": refuse.status,
                "message": refuse.message,
            }));
        }
        let reconnect = refuse.reconnect;
        spark.end_with(EndOptions { reconnect });
        return;
    }
    if let Some(rate) = rate {
        hooked.pace = Pace::new(rate);
    }
    if let Some(data) = data {
        let bytes = data.to_string().len();
        let before = hooked.data.replace((data, bytes));
        spark.discharge(before.map_or(0, |(_, bytes)| bytes));
        spark.charge(bytes);
    }
    if !rooms.is_empty()
        && let Err(error) = spark.join(&rooms[..])
    {
        let id = spark.id();
        warnings.warn(&format!(
            "a room of the answer is not joined by spark {id}: {error}"
        ));
    }
    let Some(hooked) = spark.own_mut::<Hooked>() else {
        return;
    };
    if let Stands::Asked(first) = &mut hooked.stands {
        let first = first.take();
        hooked.stands = Stands::LetIn;
        if let Some(first) = first {
            let_go(spark);
            first.next();
        }
    }
}
