//! Connections whose request is for a session of another shard.

use std::sync::Arc;
use std::time::Duration;

use allspark_engine::Options;
use allspark_engine::io::sim::SimNet;
use allspark_engine::sim::SimServer;
use allspark_protocol::http::Response;
use allspark_transformers::CommonOptions;
use allspark_transformers::sockjs::{SockJs, SockJsOptions};

/// A connection changes its shard once everything is sent. A peer that reads nothing must not keep
/// it waiting for ever.
#[test]
fn a_peer_that_reads_nothing_is_given_up() {
    let net = SimNet::default();
    let options = Options {
        fallback: Some(Arc::new(|_| Response::text(200, &"x".repeat(1 << 20)))),
        ..Options::default()
    };
    let transformer = SockJs::new(&CommonOptions::default(), SockJsOptions::default());
    let mut server = SimServer::new(&net, options, &transformer, 2, 7, |_| {});
    server.settle();
    // Some of these sessions belong to either shard.
    for name in 0..16 {
        let endpoint = net.connect(0, Duration::from_millis(1));
        let requests = format!(
            "GET /large HTTP/1.1\r\nHost: x\r\n\r\n\
             POST /primus/000/session{name}/xhr HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        );
        let endpoint = endpoint.expect("the server listens");
        assert!(net.send(endpoint, requests.as_bytes()).is_some());
    }
    let end = net.now() + Duration::from_secs(180);
    let mut most = 0;
    loop {
        server.settle();
        most = most.max(server.connections());
        let next = [net.next_event(), server.next_deadline()];
        match next.into_iter().flatten().min() {
            Some(next) if next <= end => net.advance_to(next),
            _ => break,
        }
        while net.next_client_notice().is_some() {}
    }
    assert_eq!((most, server.connections()), (16, 0));
}
