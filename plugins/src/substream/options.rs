//! The plugin, and what it is told.

use serde::Deserialize;

/// Named streams within a connection.
///
/// ```
/// use allspark_plugins::substream::{Substream, SubstreamSpark};
///
/// fn add(primus: &allspark_engine::Primus) -> Result<(), allspark_engine::PluginError> {
///     primus.plugin(std::sync::Arc::new(Substream::new()))?;
///     primus.on_connection(|spark| {
///         let Ok(mut foo) = spark.substream("foo") else {
///             return;
///         };
///         foo.on_data(|foo, data| drop(foo.write(data)));
///         foo.on_end(|foo| println!("{} has ended", foo.name()));
///     });
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Substream {
    options: SubstreamOptions,
}

impl Substream {
    /// Its name.
    pub const NAME: &'static str = "substream";

    /// The plugin with its default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// The plugin with these options.
    pub fn with_options(options: SubstreamOptions) -> Self {
        Self { options }
    }

    /// What it was told.
    pub fn options(&self) -> &SubstreamOptions {
        &self.options
    }
}

/// The options of [`super::Substream`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct SubstreamOptions {
    /// Streams that a spark may have at a time. Default: 256. An application that makes a stream
    /// because a client has asked for it needs the bound.
    pub streams_max: usize,
    /// Streams that each spark has from its connection on, for a server without code: names.
    /// Default: none.
    pub streams: Vec<String>,
    /// What happens with what comes on them. Default: `none`.
    pub app: SubstreamApp,
}

impl Default for SubstreamOptions {
    fn default() -> Self {
        Self {
            streams_max: 256,
            streams: Vec::new(),
            app: SubstreamApp::None,
        }
    }
}

/// What happens with what comes on the streams that [`SubstreamOptions::streams`] names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubstreamApp {
    /// Nothing.
    #[default]
    None,
    /// It is written back.
    Echo,
}
