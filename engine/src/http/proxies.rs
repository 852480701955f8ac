//! What the operator should know of a proxy in front of the server.

use std::net::SocketAddr;
use std::sync::Once;

use allspark_protocol::http::RequestHead;

/// Says once per process that WebSockets are asked for over HTTP/1.0. They are let in, as by npm's
/// servers, but RFC 6455, 4.1 wants HTTP/1.1, and such a proxy opens a new connection here for
/// every poll of the other transports.
pub(crate) fn look_at_proxy(head: &RequestHead<'_>, peer: SocketAddr) {
    static SAID: Once = Once::new();
    if head.minor_version() == 0 && head.wants_upgrade() {
        SAID.call_once(|| {
            tracing::warn!(
                %peer,
                "a WebSocket is asked for over HTTP/1.0: let the proxy speak HTTP/1.1 \
                 (nginx: proxy_http_version 1.1)"
            );
        });
    }
}
