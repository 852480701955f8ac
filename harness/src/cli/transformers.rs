//! The options of `harness compare transformers`.

use std::path::PathBuf;
use std::time::Duration;

use allspark_transformers::TransformerKind;
use clap::Args;

use super::compare::StageArguments;
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
    /// How often each server has its turn.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
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
    /// How long each echo is measured.
    #[arg(long, default_value = "3s", value_parser = parse_duration)]
    duration: Duration,
    /// How long traffic runs before that.
    #[arg(long, default_value = "1s", value_parser = parse_duration)]
    warm_up: Duration,
    /// Bytes of each message.
    #[arg(long, default_value_t = 128)]
    message_bytes: usize,
    #[command(flatten)]
    stage: StageArguments,
    /// Write the report there as JSON.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
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
            rounds: self.rounds,
            idle_clients: self.idle_clients,
            idle_clients_node: self.idle_clients_node,
            idle_duration: self.idle_duration,
            echo_clients: self.echo_clients,
            depths: depths.to_vec(),
            warm_up: self.warm_up,
            duration: self.duration,
            message_bytes: self.message_bytes,
            stage: self.stage.stage(),
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
