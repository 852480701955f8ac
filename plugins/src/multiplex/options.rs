//! What an operator says of channels.

use serde::Deserialize;

/// The options of [`super::Multiplex`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct MultiplexOptions {
    /// Subscriptions that a spark may have at a time; several may be to one channel. Default: 256.
    /// The protocol has no word for a refusal, so further ones are ignored.
    pub subscriptions_max: usize,
    /// Bytes that the id of a subscription may have, which the client makes. Default: 64. npm's
    /// client makes 13 of them at most.
    pub id_bytes_max: usize,
    /// Channels that there are from the beginning, for a server without code: names. Default:
    /// none.
    pub channels: Vec<String>,
    /// What happens with what is written to them. Default: `none`.
    pub app: MultiplexApp,
}

impl Default for MultiplexOptions {
    fn default() -> Self {
        Self {
            subscriptions_max: 256,
            id_bytes_max: 64,
            channels: Vec::new(),
            app: MultiplexApp::None,
        }
    }
}

/// What happens with what clients write to the channels that [`MultiplexOptions::channels`] names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MultiplexApp {
    /// Nothing.
    #[default]
    None,
    /// It is written back.
    Echo,
    /// It is written to all subscriptions of the channel.
    Broadcast,
}
