//! Why a plugin can't be added.

use std::error::Error;

use crate::routes::RouteError;

/// Why a plugin can't be added.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    /// It has no name.
    #[error("a plugin has no name")]
    Unnamed,
    /// There is another one of this name.
    #[error("there is a plugin named {0:?} already")]
    Duplicate(String),
    /// There is no plugin of this name among those that AllSpark brings.
    #[error("there is no plugin named {0:?}")]
    Unknown(String),
    /// It needs another one, which must be added before it.
    #[error("the plugin {plugin:?} needs the plugin {needs:?}, which has to be added before it")]
    Needs {
        /// Its name.
        plugin: String,
        /// The name of the other one.
        needs: String,
    },
    /// An option of it means nothing.
    #[error("{}{reason}", in_option(.option))]
    Option {
        /// Which option, with the names that lead to it: `redis.url`. Empty if it is all of them.
        option: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A route of it can't be added.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// It says something else.
    #[error("{0}")]
    Other(Box<dyn Error + Send + Sync>),
}

fn in_option(option: &str) -> String {
    match option.is_empty() {
        true => String::new(),
        false => format!("`{option}`: "),
    }
}

impl PluginError {
    /// A reason of the plugin's own.
    pub fn other(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Other(reason.into())
    }
}
