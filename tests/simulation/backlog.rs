//! What waits for clients: how it leaves, what it costs, and who is too slow.

use allspark_engine::{Data, Options, SendPolicy, Spark};
use allspark_protocol::parser::ParserKind;
use allspark_protocol::primus::PingInterval;
use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::deflate::{Deflater, Effort, WindowBits};
use allspark_protocol::websocket::encode;
use allspark_transformers::CommonOptions;
use allspark_transformers::sockjs::{SockJs, SockJsOptions};
use allspark_transformers::websockets::{WebSockets, WebSocketsOptions};

use crate::stage::{Client, Stage, WIDE, frame};

const POLICIES: [SendPolicy; 4] = [
    SendPolicy::Disconnect,
    SendPolicy::DropNewest,
    SendPolicy::DropOldest,
    SendPolicy::KeepLatest,
];

const MIB: usize = 1024 * 1024;

fn options(send_policy: SendPolicy) -> Options {
    Options {
        ping_interval: PingInterval::OFF,
        parser: ParserKind::Raw,
        send_policy,
        ..Options::default()
    }
}

fn websockets(options: Options) -> Stage<WebSockets> {
    Stage::new(options, WebSockets::uncompressed(10 * MIB), |_| {})
}

/// A server that answers each message by what `answer` writes.
fn answering(
    options: Options,
    transformer: WebSockets,
    answer: impl Fn(&mut Spark<'_>, Data<'_>) + Clone + Send + Sync + 'static,
) -> Stage<WebSockets> {
    Stage::new(options, transformer, |primus| {
        primus.on_connection(move |spark| {
            let answer = answer.clone();
            spark.on_data(move |spark, data| answer(spark, data));
        });
    })
}

fn echoing(options: Options, transformer: WebSockets) -> Stage<WebSockets> {
    answering(options, transformer, |spark, data| {
        spark.write(data);
    })
}

/// A message of so many bytes that says its number.
fn message(number: usize, bytes: usize) -> String {
    let digits = number.to_string();
    "0".repeat(bytes - digits.len()) + &digits
}

/// Says it through an open window, and then takes next to nothing.
fn say_and_stall(client: &mut Client, said: &[u8]) {
    client.set_window(WIDE);
    client.say(said);
    client.set_window(100);
}

fn ends_with(client: &Client, text: &str) -> bool {
    client.heard.ends_with(text.as_bytes())
}

/// A client stalls while others write; then its kernel takes everything. From the next turn on it
/// is up to date, although something is written to everybody in each turn.
#[test]
fn a_client_that_reads_again_is_up_to_date() {
    for policy in POLICIES {
        for bytes in [10, 1_000, 40_000, 60_000, 100_000, 2_000_000] {
            let mut stage = websockets(options(policy));
            let mut client = stage.upgrade("");
            client.set_window(2_000);
            for number in 0..8 + 20_000 / bytes {
                stage.primus.write(message(number, bytes)).unwrap();
                stage.turn();
            }
            stage.turn();
            assert!(stage.primus.stats().waiting_cost_bytes > 0, "it stalls");
            client.set_window(WIDE);
            for number in 0..20 {
                client.read();
                stage.primus.write(message(number, bytes)).unwrap();
                stage.turn();
            }
            // The last message is under way.
            stage.turn();
            client.read();
            let waiting = stage.primus.stats().waiting_cost_bytes;
            assert_eq!(waiting, 0, "{policy:?}, {bytes} bytes");
            assert!(ends_with(&client, &message(19, bytes)));
            assert_eq!(stage.primus.stats().sparks_ended, 0);
            assert_eq!(stage.primus.stats().messages_dropped, 0);
        }
    }
}

/// Large messages at once, to clients that read as fast as a narrow network lets them.
#[test]
fn clients_that_read_are_never_too_slow_for_two_large_messages() {
    for policy in POLICIES {
        let mut stage = websockets(options(policy));
        let mut clients: Vec<Client> = (0..10).map(|_| stage.upgrade("")).collect();
        for number in 0..2 {
            stage.primus.write(message(number, 5 * MIB)).unwrap();
        }
        while stage.primus.stats().waiting_cost_bytes > 0 || clients[9].heard.is_empty() {
            stage.turn();
            clients.iter_mut().for_each(|client| {
                client.read();
            });
        }
        stage.turns(2);
        for client in &mut clients {
            client.read();
            assert!(client.heard.len() > 10 * MIB && ends_with(client, &message(1, 5 * MIB)));
        }
        let stats = stage.primus.stats();
        assert_eq!(
            (stats.sparks_ended, stats.messages_dropped),
            (0, 0),
            "{policy:?}"
        );
    }
}

/// Nobody is too slow before the kernel has refused something: more than the bound is written in
/// one turn, and taken at its end.
#[test]
fn what_is_written_in_one_turn_is_not_slowness() {
    for policy in POLICIES {
        let options = Options {
            send_queue_bytes_max: MIB.try_into().unwrap(),
            ..options(policy)
        };
        let transformer = WebSockets::uncompressed(MIB);
        let mut stage = answering(options, transformer, |spark, _| {
            (0..15).for_each(|number| {
                spark.write(message(number, MIB / 10));
            });
        });
        let mut client = stage.upgrade("");
        client.set_window(WIDE);
        client.say(&frame("!"));
        stage.turns(4);
        client.read();
        assert!(client.heard.len() > 15 * MIB / 10, "{policy:?}");
        assert!(client.is_open() && ends_with(&client, &message(14, MIB / 10)));
    }
}

/// What counts is what is queued: two messages of 5 MiB in one small write, echoed compressed.
#[test]
fn compressed_output_is_counted_compressed() {
    for extension in [
        "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n",
        "Sec-WebSocket-Extensions: permessage-deflate\r\n",
    ] {
        let common = CommonOptions {
            compression: true,
            ..CommonOptions::default()
        };
        let transformer = WebSockets::new(&common, WebSocketsOptions::default());
        let options = Options {
            send_queue_bytes_max: (4 * MIB).try_into().unwrap(),
            ..options(SendPolicy::Disconnect)
        };
        let mut stage = echoing(options, transformer);
        let mut client = stage.upgrade(extension);
        let text = "x".repeat(5 * MIB);
        let mut deflater = Deflater::new(WindowBits::MAX, Effort::DEFAULT, false);
        let (mut scratch, mut said) = (Vec::new(), Vec::new());
        let compressed = deflater.message(text.as_bytes(), &mut scratch).unwrap();
        for _ in 0..2 {
            let mask = Some([1, 2, 3, 4]);
            encode::compressed(Kind::Text, compressed, mask, &mut said);
        }
        assert!(said.len() < 20_000, "{} bytes", said.len());
        client.say(&said);
        for _ in 0..10 {
            stage.turn();
            client.read();
        }
        let stats = stage.primus.stats();
        assert_eq!((stats.sparks_overflowed, stats.sparks_ended), (0, 0));
        assert!(client.heard.len() > 5_000, "both were echoed");
    }
}

/// Whoever pings and asks for its id without reading has one answer of each kind waiting.
#[test]
fn answers_that_nobody_reads_do_not_pile_up() {
    let options = Options {
        parser: ParserKind::Json,
        ..options(SendPolicy::DropNewest)
    };
    let mut stage = websockets(options);
    let mut client = stage.upgrade("");
    client.set_window(100);
    let ask = frame("\"primus::id::\"");
    let mut said = Vec::new();
    (0..50).for_each(|_| {
        encode::ping(&[7; 100], Some([1, 2, 3, 4]), &mut said);
        said.extend_from_slice(&ask);
    });
    say_and_stall(&mut client, &said);
    for _ in 0..200 {
        stage.turns(2);
        say_and_stall(&mut client, &said);
    }
    stage.turns(4);
    let waiting = stage.primus.stats().waiting_cost_bytes;
    assert!(waiting > 0 && waiting < 20_000, "{waiting}");
    client.set_window(WIDE);
    for _ in 0..10 {
        client.read();
        stage.turn();
    }
    client.read();
    let heard = String::from_utf8_lossy(&client.heard);
    assert!(
        heard.contains("primus::id::"),
        "the answer comes all the same"
    );
    assert!(client.is_open());
}

/// Answers that can't stand for each other end the spark when they become too many.
#[test]
fn a_client_that_never_reads_its_answers_is_ended() {
    for policy in POLICIES {
        let options = Options {
            send_queue_bytes_max: MIB.try_into().unwrap(),
            ..options(policy)
        };
        let transformer = WebSockets::uncompressed(MIB);
        let mut stage = echoing(options, transformer);
        let mut client = stage.upgrade("");
        let mut said = Vec::new();
        // No pong can stand for those before the echo, and there is room for all these echoes.
        (0..20).for_each(|_| {
            encode::ping(&[7; 100], Some([1, 2, 3, 4]), &mut said);
            said.extend_from_slice(&frame(&message(1, 100)));
        });
        let mut most = 0;
        for _ in 0..1_000 {
            if !client.is_open() {
                break;
            }
            say_and_stall(&mut client, &said);
            stage.turn();
            most = most.max(stage.primus.stats().waiting_cost_bytes);
        }
        assert!(most < 3 * MIB as u64, "{policy:?}: {most} bytes wait");
        assert!(!client.is_open(), "{policy:?}: {most} bytes wait");
        assert_eq!(stage.primus.stats().sparks_overflowed, 1, "{policy:?}");
    }
}

fn sockjs(options: Options) -> Stage<SockJs> {
    let common = CommonOptions::default();
    Stage::new(
        options,
        SockJs::new(&common, SockJsOptions::default()),
        |_| {},
    )
}

fn post(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!("POST /primus/0/{path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}");
    format!("{head}\r\n\r\n{body}").into_bytes()
}

/// A session that asks for its id as often as it likes, and never polls.
#[test]
fn a_session_that_never_polls_gets_one_answer() {
    let options = Options {
        parser: ParserKind::Json,
        ..options(SendPolicy::Disconnect)
    };
    let mut stage = sockjs(options);
    let mut client = stage.connect(&post("a/xhr", ""));
    let asks = vec!["\"\\\"primus::id::\\\"\""; 1_000].join(",");
    let asks = post("a/xhr_send", &format!("[{asks}]"));
    for _ in 0..20 {
        client.say(&asks);
        stage.turns(3);
        client.read();
    }
    let waiting = stage.primus.stats().waiting_cost_bytes;
    assert!(waiting > 0 && waiting < 1_000, "{waiting}");
    client.heard.clear();
    client.say(&post("a/xhr", ""));
    stage.turns(4);
    client.read();
    let heard = String::from_utf8_lossy(&client.heard).into_owned();
    assert_eq!(heard.matches("primus::id::").count(), 1, "{heard}");
}

/// Many sessions that never poll, and many short broadcasts: they wait in memory that all share,
/// and each session has a few slices of it.
#[test]
fn what_waits_costs_what_is_counted() {
    const SESSIONS: usize = 50;
    const BROADCASTS: usize = 10_000;
    let mut stage = sockjs(options(SendPolicy::Disconnect));
    let clients: Vec<Client> = (0..SESSIONS)
        .map(|number| stage.connect(&post(&format!("{number}/xhr"), "")))
        .collect();
    for number in 0..BROADCASTS {
        stage.primus.write("abc").unwrap();
        // Sessions that do not poll are forgotten after 5 s.
        if number % 3 == 0 {
            stage.turn();
        }
    }
    let stats = stage.primus.stats();
    let per_session = stats.waiting_cost_bytes as usize / SESSIONS;
    let bytes = BROADCASTS * "\"abc\"".len();
    assert!(per_session > bytes, "all wait");
    assert!(per_session < 3 * bytes, "{per_session} bytes for {bytes}");
    let shared = stats.block_bytes as usize;
    assert!(
        shared < 5 * bytes,
        "{shared} bytes for {bytes} that all share"
    );
    drop(clients);
}

/// The same for one session that is written to directly, in small messages and in large ones.
#[test]
fn direct_writes_that_wait_cost_what_is_counted() {
    for bytes in [1, 100, 10_000] {
        let mut stage = sockjs(options(SendPolicy::Disconnect));
        let _client = stage.connect(&post("a/xhr", ""));
        for number in 0..100_000 / (bytes + 10) {
            let text = message(number % 10, bytes);
            stage.primus.for_each(move |spark| {
                spark.write(text.as_str());
                true
            });
            if number % 3 == 0 {
                stage.turn();
            }
        }
        stage.turn();
        let stats = stage.primus.stats();
        let (waiting, blocks) = (stats.waiting_cost_bytes, stats.block_bytes);
        assert!(waiting > 50_000, "{waiting}");
        // The block that is written to may have twice the room.
        assert!(
            blocks < 2 * waiting + 20_000,
            "{blocks} bytes for {waiting}"
        );
    }
}
