//! What happens with events on a server without code.

use allspark_engine::Spark;

use super::plugin::{Emitter, EmitterApp};
use super::to::SendSpark;
use crate::events::Args;

impl Emitter {
    /// Does what an operator wants to be done with events: with those that nobody has acknowledged
    /// yet, or that want no acknowledgement.
    pub(super) fn play(&self, spark: &mut Spark<'_>, event: &str, args: Args<'_>, wants_ack: bool) {
        if self.options().app == EmitterApp::None {
            return;
        }
        match args.take_ack() {
            None if wants_ack => {}
            None => {
                spark.send(event, args);
            }
            Some(ack) if self.options().app == EmitterApp::Ask => {
                spark.send_with_ack(event, args, move |spark, answer| {
                    let results = answer.unwrap_or_else(|_| Args::new(&[]));
                    ack.send(spark, results);
                });
            }
            Some(ack) => {
                ack.send(spark, args);
            }
        }
    }
}
