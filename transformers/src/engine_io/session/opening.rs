//! The first request of a session.

use allspark_protocol::http::Request;
use allspark_protocol::primus::SparkId;
use allspark_protocol::transformer::{Carrier, Context, End, Kind, Outputs};
use allspark_protocol::websocket::encode;

use super::super::options::EngineIoOptions;
use super::super::payload::Payload;
use super::socket::Socket;
use super::{EngineIoSession, Phase, Shared, Transport};

impl EngineIoSession {
    /// Answers the request with the open packet and begins the heartbeat.
    pub(super) fn open(
        &mut self,
        shared: &Shared,
        context: Context,
        carrier: Carrier,
        request: &Request<'_>,
        out: &mut Outputs,
    ) {
        self.phase = Phase::Open;
        self.start_heartbeat(shared, context.now);
        match &self.transport {
            Transport::Polling(polling) => {
                let mut payload = Payload::new(polling.encoding(self.format));
                payload.push(&open_packet(shared, context.id, true));
                let mut response = polling.response(payload);
                if let Some(name) = &shared.options.cookie {
                    let cookie = format!("{name}={}; Path=/; HttpOnly; SameSite=Lax", context.id);
                    response = response.header("Set-Cookie", &cookie);
                }
                out.respond(carrier, response);
            }
            Transport::Awaited | Transport::WebSocket(_) => {
                self.open_websocket(shared, context, carrier, request, out);
            }
        }
    }

    fn open_websocket(
        &mut self,
        shared: &Shared,
        context: Context,
        carrier: Carrier,
        request: &Request<'_>,
        out: &mut Outputs,
    ) {
        match shared.upgrade(&request.head) {
            Ok(upgrade) => {
                out.upgrade(carrier, upgrade.response());
                self.is_compressed = upgrade.deflate().is_some();
                let packet = open_packet(shared, context.id, false);
                out.write(carrier, |out| {
                    encode::message(Kind::Text, &packet, None, out);
                });
                self.transport = Transport::WebSocket(Socket::new(shared, carrier));
                out.stream(carrier);
            }
            Err(refusal) => {
                // The server half has checked it, so this is another request than it saw.
                out.respond(carrier, refusal.response());
                self.end(End::Violation(NO_WEBSOCKET), out);
            }
        }
    }
}

const NO_WEBSOCKET: &str = "the request does not ask for a WebSocket";

/// The open packet. A session that begins with a WebSocket can't change to anything better.
fn open_packet(shared: &Shared, id: SparkId, is_polling: bool) -> Vec<u8> {
    let options = &shared.options;
    let offers_websocket = is_polling && options.allow_upgrades && options.transports.websocket;
    let upgrades = if offers_websocket {
        r#""websocket""#
    } else {
        ""
    };
    let EngineIoOptions {
        ping_interval_ms,
        ping_timeout_ms,
        ..
    } = options;
    let terms =
        format!(r#"0{{"sid":"{id}","upgrades":[{upgrades}],"pingInterval":{ping_interval_ms},"#);
    let bytes_max = shared.buffer_bytes_max;
    let limits = format!(r#""pingTimeout":{ping_timeout_ms},"maxPayload":{bytes_max}}}"#);
    (terms + &limits).into_bytes()
}
