//! What a plugin is.

use std::any::Any;
use std::borrow::Cow;

use super::plugin_error::PluginError;
use super::setup::Setup;

/// What adds something to a server under a name: Primus's plugin.
///
/// ```
/// use allspark_engine::{ClientPlugin, Plugin, PluginError, Setup};
///
/// /// Tells each client what it is called.
/// struct Name;
///
/// impl Plugin for Name {
///     fn name(&self) -> &str {
///         "name"
///     }
///
///     fn server(&self, setup: &mut Setup<'_>) -> Result<(), PluginError> {
///         setup.on_connection(|spark| {
///             let name = spark.id().to_string();
///             spark.write(name);
///         });
///         Ok(())
///     }
///
///     fn client(&self) -> ClientPlugin {
///         "function client(primus) { primus.on('data', function (name) { this.name = name; }); }"
///             .into()
///     }
/// }
/// ```
pub trait Plugin: Any + Send + Sync {
    /// Its name. Two plugins of one name are refused.
    fn name(&self) -> &str;

    /// Is called once, when the plugin is added, on the thread that adds it: attaches what it does.
    /// It counts once this has returned, all at once.
    ///
    /// # Errors
    /// What keeps the plugin from being added. Then nothing of it is attached.
    fn server(&self, setup: &mut Setup<'_>) -> Result<(), PluginError> {
        let _ = setup;
        Ok(())
    }

    /// What clients need of it. It is compiled into the client library. Default: nothing.
    fn client(&self) -> ClientPlugin {
        ClientPlugin::default()
    }

    /// It was removed: Primus's `plugout`. What it had attached is detached by then; a shard that
    /// was busy may call a function of it once more.
    fn removed(&self) {}
}

/// What clients need of a plugin, in JavaScript.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientPlugin {
    /// The source of a function, which the constructor of each client calls with the client and its
    /// options. Nothing if it is empty.
    pub client: Cow<'static, str>,
    /// Statements that run once, with the class as `Primus`, for code that the function needs.
    pub library: Cow<'static, str>,
}

impl ClientPlugin {
    /// Whether clients need nothing.
    pub fn is_empty(&self) -> bool {
        self.client.trim().is_empty() && self.library.trim().is_empty()
    }
}

impl From<&'static str> for ClientPlugin {
    /// A function without further code.
    fn from(client: &'static str) -> Self {
        Self {
            client: client.into(),
            library: "".into(),
        }
    }
}
