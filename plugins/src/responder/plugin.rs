//! The plugin: questions and answers come in.

use std::sync::Arc;
use std::time::Duration;

use allspark_engine::{
    ClientPlugin, Packet, Plugin, PluginError, Setup, Spark, Transformed, Value,
};
use arc_swap::ArcSwapOption;
use serde::Deserialize;

use super::answer::Answer;
use super::asked;
use super::wire::{self, Read};
use crate::look::Look;

type OnRequest = dyn Fn(&mut Spark<'_>, &Value, Answer) + Send + Sync;

/// The plugin primus-responder. Clones are the same plugin.
#[derive(Clone, Default)]
pub struct Responder {
    /// Who answers. It is an `Arc` in an `Arc`, because only what has a size can be swapped.
    on_request: Arc<ArcSwapOption<Box<OnRequest>>>,
    options: ResponderOptions,
}

/// What can be told to [`Responder`].
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ResponderOptions {
    /// How long a client may take to answer, in milliseconds. 0: as long as it likes. The npm
    /// plugin knows no such bound. Default: 30,000.
    #[serde(alias = "requestTimeout")]
    pub request_timeout: u64,
    /// How many answers of one client may be waited for at a time. Default: 1,024.
    #[serde(alias = "requestsMax")]
    pub requests_max: usize,
}

impl Default for ResponderOptions {
    fn default() -> Self {
        Self {
            request_timeout: 30_000,
            requests_max: 1024,
        }
    }
}

impl ResponderOptions {
    pub(super) fn timeout(&self) -> Option<Duration> {
        (self.request_timeout > 0).then(|| Duration::from_millis(self.request_timeout))
    }
}

impl Responder {
    /// Its name.
    pub const NAME: &'static str = "responder";

    /// The plugin with its default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// The plugin with these options.
    pub fn with_options(options: ResponderOptions) -> Self {
        let on_request = Arc::default();
        Self {
            on_request,
            options,
        }
    }

    /// Calls `answer` with every question of a client: the event `request` of JavaScript. A later
    /// one takes the place of an earlier one, as a question has one answer.
    pub fn on_request(
        &self,
        answer: impl Fn(&mut Spark<'_>, &Value, Answer) + Send + Sync + 'static,
    ) -> &Self {
        let answer: Box<OnRequest> = Box::new(answer);
        self.on_request.store(Some(Arc::new(answer)));
        self
    }

    /// What it was told.
    pub fn options(&self) -> &ResponderOptions {
        &self.options
    }

    fn incoming(&self, spark: &mut Spark<'_>, packet: &Packet<'_>) -> Transformed {
        let Ok(message) = packet.value() else {
            return Transformed::Next;
        };
        match wire::read(message) {
            Read::Request(id, data) => {
                if let Some(answer) = &*self.on_request.load() {
                    answer(spark, data, Answer::new(id));
                }
            }
            Read::Response(id, data) => asked::answered(spark, id, data),
            Read::Nothing => {}
            Read::Other => return Transformed::Next,
        }
        Transformed::Drop
    }
}

impl Plugin for Responder {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn server(&self, setup: &mut Setup<'_>) -> Result<(), PluginError> {
        let responder = self.clone();
        let look = Look::new(setup.options().parser, "plugin");
        setup.transform_incoming(move |spark, packet| match look.may_have(&packet.data()) {
            true => responder.incoming(spark, packet),
            false => Transformed::Next,
        });
        setup.on_disconnection(asked::ended);
        Ok(())
    }

    fn client(&self) -> ClientPlugin {
        include_str!("client.js").into()
    }
}

impl std::fmt::Debug for Responder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Responder")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
