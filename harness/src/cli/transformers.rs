//! The options of `harness compare transformers`.

use std::time::Duration;

use allspark_transformers::TransformerKind;
use clap::Args;

use super::compare::CommonArguments;
use super::times::parse_duration;
use crate::load::dialect::Dialect;
use crate::peers::transformers::TransformersPlan;

#[derive(Debug, Args)]
pub(crate) struct TransformersArguments {
    /// Only this transformer; may be given several times.
    #[arg(long = "transformer")]
    transformers: Vec<TransformerKind>,
    /// Every carrier of each transformer, not only the one that clients usually take.
    #[arg(long)]
    every_carrier: bool,
    /// Idle sessions of which AllSpark's memory is measured. It takes memory in steps of megabytes,
    /// so that few sessions show the step rather than what they cost.
    #[arg(long, default_value_t = 2000)]
    idle_clients: u32,
    /// Idle sessions of which the memory of Primus on Node.js is measured.
    #[arg(long, default_value_t = 2000)]
    idle_clients_node: u32,
    /// How long sessions are idle before memory is read.
    #[arg(long, default_value = "3s", value_parser = parse_duration)]
    idle_duration: Duration,
    /// Clients that send and await their own messages.
    #[arg(long, default_value_t = 100)]
    echo_clients: u32,
    /// Messages that each of them keeps under way; may be given several times. Default: 1 and 16.
    #[arg(long = "depth")]
    depths: Vec<u16>,
    #[command(flatten)]
    pub(crate) common: CommonArguments,
}

/// Messages that each client keeps under way by default: one at a time, and many.
const DEPTHS: [u16; 2] = [1, 16];

impl TransformersArguments {
    /// What to compare.
    pub(crate) fn plan(&self) -> Result<TransformersPlan, String> {
        let depths = if self.depths.is_empty() {
            &DEPTHS[..]
        } else {
            &self.depths
        };
        Ok(TransformersPlan {
            dialects: self.dialects()?,
            rounds: self.common.rounds,
            idle_clients: self.idle_clients,
            idle_clients_node: self.idle_clients_node,
            idle_duration: self.idle_duration,
            echo_clients: self.echo_clients,
            depths: depths.to_vec(),
            warm_up: self.common.warm_up,
            duration: self.common.duration,
            message_bytes: self.common.message_bytes,
            stage: self.common.stage(),
        })
    }

    fn dialects(&self) -> Result<Vec<Dialect>, String> {
        let spoken = |kind: &TransformerKind| *kind != TransformerKind::Any;
        let kinds = if self.transformers.is_empty() {
            TransformerKind::ALL.into_iter().filter(spoken).collect()
        } else {
            self.transformers.clone()
        };
        let mut dialects = Vec::new();
        for kind in kinds {
            let usual = Dialect::find(kind, None)?;
            if self.every_carrier {
                dialects.extend(Dialect::of(kind));
            } else {
                dialects.push(usual);
            }
        }
        Ok(dialects)
    }
}
