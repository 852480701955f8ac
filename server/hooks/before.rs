//! Clients that are asked about before they have a spark (`hooks-connect = "before"`): for how long
//! they wait, and what is done once there is one.

use std::sync::Arc;

use allspark::{LayerRequest, Spark, Verdict as LayerVerdict};

use super::asking::{Asking, LetIn, come_again};
use super::event::Event;
use super::hooked::{Hooked, Stands, settle};
use super::hooks::{Hooks, count};
use super::options::WhenDown;
use super::verdict::Verdict;

/// How many time-outs of a request somebody waits to be let in.
const TIMEOUTS: u32 = 2;

/// Asks about a request that opens a spark.
pub(super) fn ask(hooks: &Arc<Hooks>, request: &LayerRequest<'_>) -> LayerVerdict {
    let when_down = hooks.options.when_down;
    let lane = hooks.next_lane();
    match when_down {
        // It is told once there is a spark.
        WhenDown::Accept if lane.is_failing() => return LayerVerdict::Next,
        WhenDown::Refuse if lane.is_failing() => return turn_away(hooks),
        _ if lane.is_full() => return turn_away(hooks),
        _ => {}
    }
    let asking = Asking::new(request.later());
    lane.push(Event::asks(request, &hooks.options.headers, &asking));
    // It may have begun to fail just now.
    match when_down {
        WhenDown::Accept if lane.is_failing() => hooks.decide(&asking, Verdict::default()),
        WhenDown::Refuse if lane.is_failing() => hooks.decide(&asking, Verdict::later()),
        _ => {}
    }
    let wait = TIMEOUTS * hooks.timeout();
    let (hooks, waited) = (Arc::clone(hooks), request.executor().sleep(wait));
    request.spawn(async move {
        waited.await;
        hooks.decide(&asking, Verdict::later());
    });
    LayerVerdict::Later
}

fn turn_away(hooks: &Hooks) -> LayerVerdict {
    count(&hooks.counts.turned_away, 1);
    come_again().into()
}

/// Does what was said about a client that has a spark now, and tells the application of that.
/// Returns whether it was asked about.
pub(super) fn opened(hooks: &Hooks, spark: &mut Spark<'_>) -> bool {
    let Some(LetIn(mut verdict)) = spark.attached_mut::<LetIn>().map(std::mem::take) else {
        return false;
    };
    let (id, number) = (spark.id(), hooks.lane_of(spark.id()));
    let open = Event::open(id, verdict.answered.take().as_deref());
    hooks.lane(number).push(open);
    spark.set_own(Hooked::new(number, Stands::LetIn));
    let messages = std::mem::take(&mut verdict.write);
    settle(spark, verdict, &hooks.warnings);
    for message in messages {
        spark.write(message);
    }
    true
}
