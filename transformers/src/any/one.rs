//! Transports as [`AnyTransformer`] serves them alone. All tests of transports have their servers
//! of this one type, so the engine is compiled for them once.

use super::*;

/// Such a server of one transport, which was made before.
macro_rules! alone {
    ($transport:ident, $field:ident) => {
        impl From<$transport> for AnyTransformer {
            fn from(transport: $transport) -> Self {
                let kind = TransformerKind::$transport;
                let server = Self::new(kind, &CommonOptions::default(), &[]);
                Self {
                    $field: transport,
                    ..server.expect("there are no options")
                }
            }
        }
    };
}

alone!(WebSockets, websockets);
alone!(Uws, uws);
alone!(EngineIo, engine_io);
alone!(SockJs, sockjs);
alone!(BrowserChannel, browserchannel);
