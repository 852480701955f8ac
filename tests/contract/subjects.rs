//! The transformers that are tested, and what is special about each.

use allspark_protocol::transformer::ClientTransport;
use allspark_transformers::contract::{Setup, Traits};
use allspark_transformers::{AnyTransformer, CommonOptions, TransformerKind};

use crate::websocket::websocket;
use crate::{on_epoll, on_sim, on_uring};

/// A transformer, and the client half that speaks to it.
pub(crate) struct Subject {
    /// As the tests are named.
    pub(crate) name: &'static str,
    /// What the server is told to serve.
    pub(crate) kind: TransformerKind,
    pub(crate) traits: Traits,
    /// Makes a client half for this host and target with this seed.
    pub(crate) client: fn(&str, &str, u64) -> Box<dyn ClientTransport>,
}

impl Subject {
    /// The server half.
    pub(crate) fn transformer(&self, setup: &Setup) -> AnyTransformer {
        let common = CommonOptions {
            message_bytes_max: setup.message_bytes_max,
            ..CommonOptions::default()
        };
        AnyTransformer::new(self.kind, &common, &[]).expect("the defaults are fine")
    }
}

/// One test per subject and driver, and [`SUBJECTS`].
macro_rules! subjects {
    ($($name:ident: $kind:ident, $traits:expr, $client:expr;)*) => {
        $(mod $name {
            use super::*;

            static SUBJECT: Subject = Subject {
                name: stringify!($name),
                kind: TransformerKind::$kind,
                traits: $traits,
                client: $client,
            };

            #[test]
            fn sim() {
                on_sim(&SUBJECT);
            }

            #[test]
            fn epoll() {
                on_epoll(&SUBJECT);
            }

            #[test]
            fn uring() {
                on_uring(&SUBJECT);
            }
        })*

        const SUBJECTS: &[TransformerKind] = &[$(TransformerKind::$kind),*];
    };
}

subjects! {
    websockets: WebSockets, Traits::WEBSOCKET, websocket;
    any_with_websockets: Any, Traits::WEBSOCKET, websocket;
}

#[test]
fn every_transformer_is_a_subject() {
    for kind in TransformerKind::ALL {
        assert!(SUBJECTS.contains(&kind), "{} is not tested", kind.name());
    }
}
