//! Connections whose request is for a session of another shard.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use allspark_engine::io::sim::SimNet;
use allspark_engine::sim::SimServer;
use allspark_engine::{Options, Verdict};
use allspark_protocol::Input;
use allspark_protocol::http::{Cors, CorsOptions, Request, RequestHead, Response};
use allspark_protocol::transformer::{
    Answer, Carrier, Context, End, Event, Kind, Outputs, SessionName, Transformer, Wire,
};
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
    let mut most = 0;
    run_for(&net, &mut server, Duration::from_secs(180), |server| {
        most = most.max(server.connections());
    });
    assert_eq!((most, server.connections()), (16, 0));
}

/// Lets time pass, and looks at the server at each moment.
fn run_for<T: Transformer>(
    net: &SimNet,
    server: &mut SimServer<T>,
    time: Duration,
    mut look: impl FnMut(&SimServer<T>),
) {
    let end = net.now() + time;
    loop {
        server.settle();
        look(server);
        let next = [net.next_event(), server.next_deadline()];
        match next.into_iter().flatten().min() {
            Some(next) if next <= end => net.advance_to(next),
            _ => break,
        }
        while net.next_client_notice().is_some() {}
    }
}

/// A transport whose sessions have the name that their path is. It counts what it is asked.
#[derive(Clone, Default)]
struct Counting {
    routed: Arc<AtomicUsize>,
    named: Arc<AtomicUsize>,
    absent: Arc<AtomicUsize>,
    judged_by_cors: Arc<AtomicUsize>,
}

impl Transformer for Counting {
    type Session = ();

    const WIRES: u8 = 1;

    fn name(&self) -> &'static str {
        "counting"
    }

    fn finds_sessions(&self) -> bool {
        true
    }

    fn request<'r>(&mut self, request: &'r Request<'_>) -> Answer<'r, ()> {
        self.routed.fetch_add(1, Ordering::Relaxed);
        Answer::Find(SessionName::Chosen(request.head.path()))
    }

    fn addressee<'r>(&self, head: &RequestHead<'r>) -> Option<SessionName<'r>> {
        self.named.fetch_add(1, Ordering::Relaxed);
        Some(SessionName::Chosen(head.path()))
    }

    fn absent<'r>(&mut self, request: &'r Request<'_>) -> Answer<'r, ()> {
        self.absent.fetch_add(1, Ordering::Relaxed);
        let (head, body) = (request.head, &request.body[..]);
        let text = format!("{} {} {body:?}\n", head.path(), head.query().as_str());
        Answer::Respond(Response::text(200, &text))
    }

    /// The layer `cors` asks this about a request whose `Referer` is of another site.
    fn is_script(&self, _head: &RequestHead<'_>) -> bool {
        self.judged_by_cors.fetch_add(1, Ordering::Relaxed);
        false
    }

    fn wire(&self, (): &()) -> Wire {
        Wire(0)
    }

    fn frame(&mut self, _wire: Wire, _kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(payload);
    }

    fn receive<'i>(
        &mut self,
        (): &mut (),
        _context: Context,
        _carrier: Carrier,
        _input: &mut Input<'i>,
        _out: &mut Outputs,
    ) -> Option<Event<'i>> {
        None
    }

    fn exchange(
        &mut self,
        (): &mut (),
        _context: Context,
        _carrier: Carrier,
        _request: &Request<'_>,
        _out: &mut Outputs,
    ) {
    }

    fn close(&mut self, (): &mut (), _context: Context, out: &mut Outputs) {
        out.ended(End::Goodbye);
    }
}

/// What was found out about a request goes with it: no layer, neither CORS nor the transport is
/// asked again on the shard where it arrives, and the answer is what they decided.
#[test]
fn a_moved_request_is_judged_once() {
    judge_once(false);
}

/// The same, if it moves before its body is there.
#[test]
fn a_request_that_moves_at_its_head_is_judged_once() {
    judge_once(true);
}

fn judge_once(is_slow: bool) {
    const REQUESTS: usize = 16;
    let net = SimNet::default();
    let listed = CorsOptions {
        origins: "http://good.example".to_owned(),
        ..CorsOptions::default()
    };
    let options = Options {
        cors: Cors::new(&listed).unwrap(),
        fallback: Some(Arc::new(|_| panic!("nobody asks for it"))),
        ..Options::default()
    };
    let (transformer, layer) = (Counting::default(), Arc::<AtomicUsize>::default());
    let mut server = SimServer::new(&net, options, &transformer, 2, 7, |primus| {
        let layer = Arc::clone(&layer);
        primus.authorize(move |_| {
            layer.fetch_add(1, Ordering::Relaxed);
            Verdict::Next
        });
    });
    server.settle();
    let mut clients = Vec::new();
    for name in 0..REQUESTS {
        let client = net.connect(0, Duration::from_millis(1)).unwrap();
        let request = format!(
            "POST /primus/{name}?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\
             Origin: http://good.example\r\nReferer: http://evil.example/\r\n\r\nhi"
        );
        let (begin, rest) = request.split_at(request.len() - usize::from(is_slow));
        assert!(net.send(client, begin.as_bytes()).is_some());
        clients.push((client, rest.to_owned()));
    }
    run_for(&net, &mut server, Duration::from_secs(1), |_| {});
    for (client, rest) in &clients {
        assert!(net.send(*client, rest.as_bytes()).is_some());
    }
    run_for(&net, &mut server, Duration::from_secs(1), |_| {});
    for (name, (client, _)) in clients.into_iter().enumerate() {
        let answer = String::from_utf8(net.receive(client, usize::MAX).unwrap()).unwrap();
        let expected = format!("/primus/{name} a=b [104, 105]\n");
        assert!(answer.ends_with(&expected), "{answer}");
        let granted = "\r\nAccess-Control-Allow-Origin: http://good.example\r\n";
        assert!(answer.contains(granted), "{answer}");
    }
    let moved = server.handle().stats().connections_adopted;
    assert!(moved > 2, "{moved} sessions belong to the other shard");
    let Counting {
        routed,
        named,
        absent,
        judged_by_cors,
    } = transformer;
    let (asked, not_asked) = match is_slow {
        true => (named, routed),
        false => (routed, named),
    };
    assert_eq!(not_asked.load(Ordering::Relaxed), 0);
    for count in [asked, absent, judged_by_cors, layer] {
        assert_eq!(count.load(Ordering::Relaxed), REQUESTS);
    }
}
