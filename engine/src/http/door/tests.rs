use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Mutex;

use allspark_protocol::Instant;
use allspark_protocol::http::{Cors, CorsOptions, ForwardedHeader, StaticBody};

use super::*;
use crate::layers::{Layer, LayerError, function_of};

const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

fn options() -> Options {
    let file = StaticBody::new("text/javascript; charset=utf-8", b"script".to_vec());
    Options {
        files: Arc::new([("/primus.js", file)]),
        ..Options::default()
    }
}

fn door(options: &Options, change: impl FnOnce(&mut Chain)) -> Door {
    let mut chain = Chain::default();
    change(&mut chain);
    Door::new(options, "websockets", Arc::new(chain))
}

/// What was decided later, as soon as it was.
type Decided = Mutex<Option<Decision>>;

fn with_case<R>(
    options: &Options,
    head: &str,
    decided: &Arc<Decided>,
    call: impl FnOnce(&Case<'_>) -> R,
) -> R {
    let head = format!("{head}\r\nHost: a.example\r\n\r\n");
    let head = RequestHead::parse(head.as_bytes()).unwrap();
    let ticket = Cell::new(0);
    let later = || {
        ticket.set(7);
        let decided = Arc::clone(decided);
        LayerTicket::new(move |decision| *decided.lock().unwrap() = Some(decision))
    };
    call(&Case {
        options,
        head: &head,
        peer: PEER,
        known: None,
        is_destroyed: false,
        is_upgrade: head.wants_upgrade(),
        is_script: &|_| false,
        later: &later,
        ticket: &ticket,
        executor: &Executor::new(Instant::ZERO),
        tell_panic: &|_| {},
    })
}

fn judge_by(door: &Door, options: &Options, head: &str) -> Way {
    with_case(options, head, &Arc::default(), |case| door.judge(case))
}

fn judge(options: &Options, head: &str) -> Way {
    judge_by(&door(options, |_| {}), options, head)
}

fn status(way: &Way) -> Option<u16> {
    match way {
        Way::Answer(response) | Way::LastAnswer(response) => Some(response.status()),
        Way::Elsewhere | Way::Transport(_) | Way::Route(_) | Way::Later(_) => None,
    }
}

fn header(way: &Way, name: &str) -> Option<String> {
    let (Way::Answer(response) | Way::LastAnswer(response)) = way else {
        return None;
    };
    let mut headers = response.headers();
    let (_, value) = headers.find(|(other, _)| *other == name)?;
    Some(String::from_utf8(value.to_vec()).unwrap())
}

#[test]
fn a_request_goes_where_its_path_says() {
    let options = options();
    let elsewhere = judge(&options, "GET /other HTTP/1.1");
    assert!(matches!(elsewhere, Way::Elsewhere), "{elsewhere:?}");
    let transport = judge(&options, "GET /primus/0/s/xhr HTTP/1.1");
    assert!(matches!(transport, Way::Transport(_)), "{transport:?}");
    for own in ["/primus/spec", "/primus/primus.js"] {
        let way = judge(&options, &format!("PUT {own} HTTP/1.1"));
        assert_eq!(status(&way), Some(200), "{own}");
        assert_ne!(header(&way, "Pragma").as_deref(), Some("no-cache"), "{own}");
    }
}

#[test]
fn a_file_may_be_for_those_who_say_a_word() {
    let file = |text: &'static str| StaticBody::new("text/plain", text.as_bytes());
    let options = Options {
        files: Arc::new([("/a?old", file("older")), ("/a", file("a"))]),
        ..Options::default()
    };
    for (query, length) in [("", 1), ("?old", 5), ("?v=1&old=", 5), ("?older", 1)] {
        let Way::Answer(response) = judge(&options, &format!("GET /primus/a{query} HTTP/1.1"))
        else {
            panic!("{query}")
        };
        assert_eq!(response.body_bytes().len(), length, "{query}");
    }
}

#[test]
fn upgrades_over_http_1_0_can_be_forbidden() {
    let ask = |is_allowed, head: &str| {
        let options = Options {
            upgrades_of_http_1_0: is_allowed,
            ..options()
        };
        let way = judge(&options, head);
        (status(&way), matches!(way, Way::LastAnswer(_)))
    };
    let upgrade = "GET /primus/ HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket";
    assert_eq!(ask(true, upgrade), (None, false));
    assert_eq!(ask(false, upgrade), (Some(400), true));
    assert_eq!(ask(false, &upgrade.replace("1.0", "1.1")), (None, false));
    assert_eq!(ask(false, "GET /primus/spec HTTP/1.0"), (Some(200), false));
}

#[test]
fn an_upgrade_is_never_answered_with_a_file() {
    let options = options();
    let head = "GET /primus/primus.js HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket";
    let way = judge(&options, head);
    assert!(matches!(way, Way::Transport(_)), "{way:?}");
}

#[test]
fn who_is_not_listed_gets_no_further() {
    let mut options = options();
    let listed = CorsOptions {
        origins: "http://good.example".to_owned(),
        ..CorsOptions::default()
    };
    options.cors = Cors::new(&listed).unwrap();
    let evil = "GET /primus/x HTTP/1.1\r\nOrigin: http://evil.example";
    assert_eq!(status(&judge(&options, evil)), Some(403));
    let upgrade = format!("{evil}\r\nConnection: upgrade\r\nUpgrade: websocket");
    let way = judge(&options, &upgrade);
    assert!(matches!(way, Way::LastAnswer(_)), "{way:?}");
    let good = "GET /primus/x HTTP/1.1\r\nOrigin: http://good.example";
    assert_eq!(status(&judge(&options, good)), None);
    // Without the layer nobody is asked.
    let door = door(&options, |chain| assert!(chain.enable("cors", false)));
    assert_eq!(status(&judge_by(&door, &options, evil)), None);
    assert_eq!(status(&judge_by(&door, &options, &upgrade)), None);
}

#[test]
fn a_refusal_has_what_the_layers_before_have_said() {
    let options = options();
    let refuse = |_: &mut LayerRequest<'_>| Err(LayerError::new("who?").authenticate("Basic"));
    let door = door(&options, |chain| {
        chain.authorize(function_of(refuse));
        let first = Layer::new("first", |request| request.set_header("X-First", "1"));
        chain.add(Some(0), first);
        chain.add(
            None,
            Layer::new("last", |_| -> Verdict { panic!("nobody asks it") }),
        );
    });
    let head = "GET /primus/x HTTP/1.1\r\nOrigin: http://a.example";
    let way = judge_by(&door, &options, head);
    assert_eq!(status(&way), Some(401));
    for (name, value) in [
        ("WWW-Authenticate", "Basic"),
        ("Access-Control-Allow-Origin", "http://a.example"),
        ("Pragma", "no-cache"),
        ("X-First", "1"),
    ] {
        assert_eq!(header(&way, name).as_deref(), Some(value), "{name}");
    }
    let upgrade = format!("{head}\r\nConnection: upgrade\r\nUpgrade: websocket");
    let way = judge_by(&door, &options, &upgrade);
    assert!(matches!(way, Way::LastAnswer(_)), "{way:?}");
    assert_eq!((status(&way), header(&way, "Pragma")), (Some(401), None));
    assert_eq!(header(&way, "X-First"), None);
    let spec = judge_by(&door, &options, "GET /primus/spec HTTP/1.1");
    assert_eq!(
        status(&spec),
        Some(200),
        "it comes before the authorization"
    );
}

#[test]
fn a_layer_that_fails_or_panics_is_no_more_than_an_answer() {
    let options = options();
    let by = |layer: Layer| {
        let door = door(&options, |chain| chain.add(None, layer));
        status(&judge_by(&door, &options, "GET /primus/x HTTP/1.1"))
    };
    assert_eq!(by(Layer::new("x", |_| Err("no"))), Some(500));
    let teapot = || LayerError::new("no").status(418);
    assert_eq!(by(Layer::new("x", move |_| teapot())), Some(418));
    assert_eq!(by(Layer::new("x", |_| Response::new(202))), Some(202));
    assert_eq!(
        by(Layer::new("x", |_| -> Verdict { panic!("oh") })),
        Some(500)
    );
    assert_eq!(
        by(Layer::new("x", |_| Verdict::Later)),
        Some(503),
        "no ticket"
    );
}

#[test]
fn a_request_goes_on_where_it_waited() {
    let options = options();
    let decided: Arc<Decided> = Arc::default();
    let calls = Arc::new(Mutex::new(Vec::new()));
    let door = {
        let note = |name: &'static str| {
            let calls = Arc::clone(&calls);
            move |request: &mut LayerRequest<'_>| {
                calls
                    .lock()
                    .unwrap()
                    .push((name, request.attached::<u8>().copied()));
            }
        };
        door(&options, |chain| {
            chain.add(None, Layer::new("before", note("before")));
            chain.add(
                None,
                Layer::new("later", |request| {
                    request.attach(1_u8);
                    let mut ticket = request.later();
                    ticket.attach(2_u8);
                    ticket.next();
                    Verdict::Later
                }),
            );
            chain.add(None, Layer::new("after", note("after")));
        })
    };
    let head = "GET /primus/x HTTP/1.1";
    let way = with_case(&options, head, &decided, |case| {
        let Way::Later(walk) = door.judge(case) else {
            panic!("it waits");
        };
        let decision = decided
            .lock()
            .unwrap()
            .take()
            .expect("it is decided at once");
        door.go_on(*walk, decision, case)
    });
    assert!(matches!(way, Way::Transport(_)), "{way:?}");
    assert_eq!(
        *calls.lock().unwrap(),
        [("before", None), ("after", Some(2))]
    );
}

#[test]
fn only_trusted_proxies_name_the_client() {
    let address = |trusted: &str, header: ForwardedHeader| {
        let options = Options {
            trusted_proxies: trusted.parse().unwrap(),
            forwarded_header: header,
            ..options()
        };
        let head = "GET /primus/x HTTP/1.1\r\nX-Forwarded-For: 203.0.113.7\r\nForwarded: for=::7";
        match judge(&options, head) {
            Way::Transport(pass) => pass.address().map(|address| address.to_string()),
            way => panic!("{way:?}"),
        }
    };
    let x = ForwardedHeader::XForwardedFor;
    assert_eq!(address("", x), None);
    assert_eq!(address("10.0.0.0/8", x), None);
    assert_eq!(address("127.0.0.1", x).as_deref(), Some("203.0.113.7:0"));
    let forwarded = address("127.0.0.0/8", ForwardedHeader::Forwarded);
    assert_eq!(forwarded.as_deref(), Some("[::7]:0"));
}

#[test]
fn a_route_among_the_layers_decides_by_the_head_and_is_asked_in_its_place() {
    let options = options();
    let decide = |head: &RequestHead<'_>| match head.target() {
        "/primus/take" => Decide::Take,
        "/primus/answer" => Decide::Answer(Response::text(418, "")),
        "/primus/panic" => panic!("on purpose"),
        _ => Decide::Pass,
    };
    let mut asked = 0;
    let door = door(&options, |chain| {
        let nobody = |_: &crate::routes::RouteRequest<'_>| panic!("the door calls no handler");
        let place = chain.index("authorization");
        chain.add(place, Layer::route("own", 7, decide, nobody).upgrade(true));
        chain.authorize(function_of(|_| LayerError::new("who?")));
        asked = chain.index("own").unwrap();
    });
    assert_eq!((asked, door.body_bytes_max()), (6, 7));
    let judge = |head: &str| judge_by(&door, &options, head);
    let taken = judge("POST /primus/take HTTP/1.1\r\nOrigin: http://a.example");
    let Way::Route(taken) = taken else {
        panic!("{taken:?}")
    };
    let response = taken.pass.complete(&options.cors, Response::new(204));
    let names: Vec<&str> = response.headers().map(|(name, _)| name).collect();
    assert!(names.contains(&"Cache-Control"), "{names:?}");
    assert!(names.contains(&"Access-Control-Allow-Origin"), "{names:?}");
    let answered = judge("GET /primus/answer HTTP/1.1");
    assert_eq!(status(&answered), Some(418));
    assert!(header(&answered, "Cache-Control").is_some());
    assert_eq!(status(&judge("GET /primus/panic HTTP/1.1")), Some(500));
    assert_eq!(status(&judge("GET /primus/other HTTP/1.1")), Some(401));
    let upgrade = "GET /primus/take HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade";
    assert_eq!(
        status(&judge(upgrade)),
        Some(401),
        "a route takes no upgrade"
    );
}

/// A session that is there may go on; nobody knows here whether the request is for one.
#[test]
fn a_layer_behind_one_that_refuses_newcomers_is_not_asked() {
    let options = options();
    let lapsed = || {
        function_of(|request: &mut LayerRequest<'_>| {
            request.refuse_newcomers(LayerError::new("expired"));
        })
    };
    let alone = door(&options, |chain| chain.authorize(lapsed()));
    let Way::Transport(mut pass) = judge_by(&alone, &options, "GET /primus/x HTTP/1.1") else {
        panic!("it goes on");
    };
    let refusal = pass.take_refusal().map(|response| response.status());
    assert_eq!((refusal, pass.take_refusal().is_some()), (Some(401), false));
    let decide = |head: &RequestHead<'_>| match head.target() {
        "/primus/take" => Decide::Take,
        _ => Decide::Pass,
    };
    let routed = door(&options, |chain| {
        chain.authorize(lapsed());
        let nobody = |_: &crate::routes::RouteRequest<'_>| panic!("the door calls no handler");
        chain.add(None, Layer::route("own", 7, decide, nobody));
    });
    let by_route = |head: &str| status(&judge_by(&routed, &options, head));
    assert_eq!(by_route("GET /primus/take HTTP/1.1"), Some(401));
    assert_eq!(by_route("GET /primus/x HTTP/1.1"), None);
    let behind = door(&options, |chain| {
        chain.authorize(lapsed());
        chain.add(
            None,
            Layer::new("own", |_| -> Verdict { panic!("it is asked") }),
        );
    });
    let upgrade = "GET /primus/x HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade";
    for head in ["GET /primus/x HTTP/1.1", upgrade] {
        assert_eq!(status(&judge_by(&behind, &options, head)), Some(401));
    }
}
