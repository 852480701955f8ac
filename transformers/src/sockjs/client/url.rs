//! The URLs of one session.

use super::options::SockJsTransport;
use crate::chance::Chance;

/// The URLs of one session. The query of the user goes with each of them.
#[derive(Debug)]
pub(super) struct Urls {
    /// Where the client receives, or the WebSocket is.
    pub(super) receive: String,
    /// Where messages are sent to, without WebSocket.
    pub(super) send: String,
}

/// The function that responses of `jsonp` and `htmlfile` call.
pub(super) const CALLBACK: &str = "c";

impl Urls {
    /// Puts a random server number and session name behind the path.
    pub(super) fn new(target: &str, transport: SockJsTransport, chance: &mut Chance) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = path.trim_end_matches('/');
        let (server, session) = names(chance);
        let url = |end: &str, own_query: &str| {
            let queries = [query, own_query].map(str::to_owned);
            let queries: Vec<_> = queries.into_iter().filter(|q| !q.is_empty()).collect();
            let mark = if queries.is_empty() { "" } else { "?" };
            let query = queries.join("&");
            format!("{path}/{server:03}/{session}/{end}{mark}{query}")
        };
        let callback = format!("c={CALLBACK}");
        let (receive, send) = match transport {
            SockJsTransport::Websocket => (url("websocket", ""), String::new()),
            SockJsTransport::XhrStreaming => (url("xhr_streaming", ""), url("xhr_send", "")),
            SockJsTransport::XhrPolling => (url("xhr", ""), url("xhr_send", "")),
            SockJsTransport::EventSource => (url("eventsource", ""), url("xhr_send", "")),
            SockJsTransport::HtmlFile => (url("htmlfile", &callback), url("xhr_send", "")),
            SockJsTransport::JsonpPolling => (url("jsonp", &callback), url("jsonp_send", "")),
        };
        Self { receive, send }
    }
}

/// A number of three digits and a name of eight characters, as those of sockjs-client.
fn names(chance: &mut Chance) -> (u64, String) {
    const CHARS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz012345";
    let random = chance.number();
    let char = |index: u32| char::from(CHARS[(random >> (index * 5)) as usize % CHARS.len()]);
    ((random >> 40) % 1000, (0..8).map(char).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(target: &str, transport: SockJsTransport, seed: u64) -> Urls {
        Urls::new(target, transport, &mut Chance::new(seed))
    }

    #[test]
    fn the_session_stands_between_path_and_query() {
        for (target, path, query) in [
            ("/primus", "/primus/", ""),
            ("/primus/?a=b?c", "/primus/", "?a=b?c"),
            ("/", "/", ""),
            ("/x//?", "/x/", ""),
        ] {
            let Urls { receive, send } = urls(target, SockJsTransport::XhrPolling, 3);
            let rest = receive.strip_prefix(path).unwrap();
            let (names, end) = rest.split_at("123/abcdefgh".len());
            assert_eq!(end, format!("/xhr{query}"));
            let (server, session) = names.split_once('/').unwrap();
            assert!(server.parse::<u16>().unwrap() < 1000 && session.len() == 8);
            assert_eq!(send, receive.replace("/xhr", "/xhr_send"));
        }
    }

    #[test]
    fn a_callback_is_added_to_the_query() {
        let receive = |target| urls(target, SockJsTransport::JsonpPolling, 1).receive;
        assert!(receive("/p").ends_with("/jsonp?c=c"));
        assert!(receive("/p?x=1").ends_with("/jsonp?x=1&c=c"));
    }

    #[test]
    fn another_seed_is_another_session() {
        let receive = |seed| urls("/p", SockJsTransport::Websocket, seed).receive;
        assert_eq!(receive(1), receive(1));
        assert_ne!(receive(1), receive(2));
    }
}
