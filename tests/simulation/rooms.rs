//! Messages to rooms: whom they reach, and in which order.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark_engine::io::sim::{EndpointId, SimNet};
use allspark_engine::limits::{ROOM_MEMBERS_AT_ONCE, SPARKS_PER_TURN};
use allspark_engine::sim::SimServer;
use allspark_engine::{
    Attach, Options, RoomError, RoomOptions, SparkHandle, SparkId, TransformTicket, Transformed,
};
use allspark_protocol::Dice;
use allspark_protocol::primus::PingInterval;
use allspark_transformers::websockets::WebSockets;

use crate::stage::{Client, Stage, WIDE, frame, handshake, quiet};

type Log = Arc<Mutex<Vec<String>>>;
type Sparks = Arc<Mutex<Vec<SparkHandle>>>;

/// A shard with sparks, and the client of each.
pub(crate) struct Crowd {
    pub(crate) stage: Stage<WebSockets>,
    pub(crate) sparks: Vec<SparkHandle>,
    pub(crate) clients: Vec<Client>,
}

impl Crowd {
    pub(crate) fn new(count: usize, attach: impl FnOnce(&Attach)) -> Self {
        let opened = Sparks::default();
        let sparks = Arc::clone(&opened);
        let mut stage = quiet(|primus| {
            primus.on_connection(move |spark| sparks.lock().unwrap().push(spark.handle()));
            attach(primus);
        });
        let mut clients = stage.crowd(count);
        let sparks = std::mem::take(&mut *opened.lock().unwrap());
        for (number, spark) in sparks.iter().enumerate() {
            spark.write(number).unwrap();
        }
        stage.turns(8 + count / 512);
        // Client n has spark n.
        let told = |client: &mut Client| heard(client).pop().unwrap().parse().unwrap();
        let mut numbered: Vec<(usize, Client)> = Vec::new();
        for mut client in clients.drain(..) {
            numbered.push((told(&mut client), client));
        }
        numbered.sort_by_key(|(number, _)| *number);
        clients.extend(numbered.into_iter().map(|(_, client)| client));
        Self {
            stage,
            sparks,
            clients,
        }
    }

    /// Sparks that join rooms of these names.
    pub(crate) fn join(&mut self, rooms: &str, sparks: impl IntoIterator<Item = usize>) {
        for spark in sparks {
            self.sparks[spark].join(rooms);
        }
    }

    /// Turns until nothing happens any more, and says which clients have heard what.
    pub(crate) fn hear(&mut self) -> Vec<Vec<String>> {
        let turns = 4 + self.clients.len().div_ceil(16);
        self.stage.turns(turns);
        self.clients.iter_mut().map(heard).collect()
    }

    /// The clients that have heard something, each the same.
    fn who_heard(&mut self, text: &str) -> Vec<usize> {
        let heard = self.hear().into_iter().enumerate();
        let heard = heard.filter(|(_, texts)| !texts.is_empty());
        heard
            .map(|(number, texts)| {
                assert_eq!(texts, [text], "client {number}");
                number
            })
            .collect()
    }
}

/// The messages that a client got since it was asked last.
fn heard(client: &mut Client) -> Vec<String> {
    client.read();
    let bytes = std::mem::take(&mut client.heard);
    let (mut texts, mut rest) = (Vec::new(), &bytes[..]);
    while let [0x81, len @ 0..126, behind @ ..] = rest
        && behind.len() >= usize::from(*len)
    {
        let (text, next) = behind.split_at(usize::from(*len));
        texts.push(String::from_utf8(text.to_vec()).unwrap().replace('"', ""));
        rest = next;
    }
    client.heard = rest.to_vec();
    texts
}

#[test]
fn a_message_reaches_who_is_in_one_of_its_rooms_once() {
    // With few members, and with many.
    for count in [12, 3 * ROOM_MEMBERS_AT_ONCE] {
        let mut crowd = Crowd::new(count, |_| {});
        crowd.join("even", (0..count).step_by(2));
        crowd.join("three 3:x", (0..count).step_by(3));
        crowd.join("3:*", [1]);
        let primus = crowd.stage.primus.clone();
        let numbers = |is_in: fn(usize) -> bool| -> Vec<usize> {
            (0..count).filter(|number| is_in(*number)).collect()
        };

        primus.room("even").write("a").unwrap();
        assert_eq!(crowd.who_heard("a"), numbers(|n| n % 2 == 0));
        primus.room("even three").write("b").unwrap();
        let expected = numbers(|n| n % 2 == 0 || n % 3 == 0);
        assert_eq!(crowd.who_heard("b"), expected);
        primus.room(["even"]).room("3:x").write("c").unwrap();
        let expected = numbers(|n| n % 2 == 0 || n % 3 == 0 || n == 1);
        assert_eq!(crowd.who_heard("c"), expected, "1 has a pattern");
        let except = [crowd.sparks[0].id(), crowd.sparks[6].id()];
        primus.room("three").except(except).write("d").unwrap();
        let expected = numbers(|n| n % 3 == 0 && n != 0 && n != 6);
        assert_eq!(crowd.who_heard("d"), expected);
        primus.room(()).write("e").unwrap();
        let expected = numbers(|n| n % 2 == 0 || n % 3 == 0 || n == 1);
        assert_eq!(crowd.who_heard("e"), expected, "who is in any room");
        primus.room("nobody").write("f").unwrap();
        assert_eq!(crowd.who_heard("f"), [0; 0]);
        assert_eq!(primus.stats().handlers_panicked, 0);
    }
}

/// One writer, who writes to rooms, to all and to single sparks, and has sparks join and leave.
struct Story {
    crowd: Crowd,
    dice: Dice,
    /// Those who read slowly.
    slow: Vec<usize>,
    /// Of all, of most, of few, and of hardly any.
    rooms: [BTreeSet<usize>; 4],
    expected: Vec<Vec<String>>,
    got: Vec<Vec<String>>,
}

impl Story {
    const SPARKS: usize = 700;

    /// With `differs`, what is written is another message for each spark.
    fn new(seed: u64, differs: bool) -> Self {
        let crowd = Crowd::new(Self::SPARKS, |primus| {
            if differs {
                primus.transform_outgoing_per_spark(|_, _| Transformed::Next);
            }
        });
        let mut dice = Dice::new(seed);
        let slow: Vec<usize> = (0..20).map(|_| dice.below(700) as usize).collect();
        let mut rooms: [BTreeSet<usize>; 4] = Default::default();
        for slow in &slow {
            crowd.clients[*slow].set_window(40);
        }
        for (room, share) in [100, 80, 20, 1].into_iter().enumerate() {
            for spark in 0..Self::SPARKS {
                if dice.below(100) < share {
                    crowd.sparks[spark].join(room);
                    rooms[room].insert(spark);
                }
            }
        }
        Self {
            crowd,
            dice,
            slow,
            rooms,
            expected: vec![Vec::new(); Self::SPARKS],
            got: vec![Vec::new(); Self::SPARKS],
        }
    }

    fn go_on(&mut self, number: usize) {
        let (text, primus) = (number.to_string(), self.crowd.stage.primus.clone());
        let (spark, room) = (self.dice.below(700) as usize, self.dice.below(4) as usize);
        let handle = &self.crowd.sparks[spark];
        match self.dice.below(12) {
            0..3 => {
                primus.room(room).write(&text).unwrap();
                self.expect(self.rooms[room].clone(), &text);
            }
            3 => {
                let target = primus.room([room, 2]).except([handle.id()]);
                target.write(&text).unwrap();
                let mut members = &self.rooms[room] | &self.rooms[2];
                members.remove(&spark);
                self.expect(members, &text);
            }
            4 => {
                primus.write(&text).unwrap();
                self.expect(0..Self::SPARKS, &text);
            }
            5..7 => {
                handle.write(&text).unwrap();
                self.expect([spark], &text);
            }
            7 => {
                handle.join(room);
                self.rooms[room].insert(spark);
            }
            8 => {
                handle.leave(room);
                self.rooms[room].remove(&spark);
            }
            9 => {
                primus.write_except([handle.id()], &text).unwrap();
                self.expect((0..Self::SPARKS).filter(|other| *other != spark), &text);
            }
            10 => {
                let mut batch = primus.batch();
                batch.write_in(&primus.room(room), &text).unwrap();
                batch.write_to([handle.id()], &text).unwrap();
                batch.join([handle.id()], room);
                batch.send();
                self.expect(self.rooms[room].clone(), &text);
                self.expect([spark], &text);
                self.rooms[room].insert(spark);
            }
            _ => {
                self.crowd.stage.turns(self.dice.below(4) as usize);
                for slow in &self.slow {
                    self.got[*slow].extend(heard(&mut self.crowd.clients[*slow]));
                }
            }
        }
    }

    fn expect(&mut self, sparks: impl IntoIterator<Item = usize>, text: &str) {
        for spark in sparks {
            self.expected[spark].push(text.to_owned());
        }
    }

    /// Everybody gets the rest.
    fn end(&mut self) {
        for slow in &self.slow {
            self.crowd.clients[*slow].set_window(WIDE);
        }
        for _ in 0..40 {
            for (got, texts) in self.got.iter_mut().zip(self.crowd.hear()) {
                got.extend(texts);
            }
        }
    }
}

/// Every client gets what was for it, in the order in which it was written, however slowly it
/// reads.
#[test]
fn what_one_writer_writes_arrives_in_its_order() {
    for (seed, differs) in (0..6).zip([false, true].into_iter().cycle()) {
        let mut story = Story::new(seed, differs);
        (0..300).for_each(|number| story.go_on(number));
        story.end();
        for (number, (got, expected)) in story.got.iter().zip(&story.expected).enumerate() {
            assert_eq!(got, expected, "seed {seed}, client {number}");
        }
        let stats = story.crowd.stage.primus.stats();
        assert_eq!((stats.messages_dropped, stats.sparks_ended), (0, 0));
    }
}

/// It is written to as all sparks are, but is for its members at that time.
#[test]
fn a_room_of_all_is_those_who_are_in_it_when_it_is_written_to() {
    for count in [3, ROOM_MEMBERS_AT_ONCE + 1] {
        let mut crowd = Crowd::new(count, |_| {});
        crowd.join("all", 0..count);
        crowd.hear();
        let room = crowd.stage.primus.room("all");
        room.write("one").unwrap();
        crowd.sparks[0].leave("all");
        room.write("two").unwrap();
        crowd.sparks[0].join("all");
        room.write("three").unwrap();
        let others = room.clone().except([crowd.sparks[1].id()]);
        others.write("four").unwrap();
        room.write("five").unwrap();
        let mut late = crowd.stage.upgrade("");
        room.write("six").unwrap();
        for (number, texts) in crowd.hear().into_iter().enumerate() {
            let expected: &[&str] = match number {
                0 => &["one", "three", "four", "five", "six"],
                1 => &["one", "two", "three", "five", "six"],
                _ => &["one", "two", "three", "four", "five", "six"],
            };
            assert_eq!(texts, expected, "client {number} of {count}");
        }
        assert_eq!(heard(&mut late), Vec::<String>::new());
    }
}

/// Of values with keys a slow client gets few, the last one of each key among them, and never an
/// older one behind a newer; of other messages it gets all.
#[test]
fn a_slow_client_gets_the_newest_values() {
    const KEYS: usize = 5;
    for room in ["few", "many"] {
        let count = 600;
        let mut crowd = Crowd::new(count, |_| {});
        crowd.join("many", 0..count);
        crowd.join("few", 0..20);
        let primus = crowd.stage.primus.clone();
        crowd.clients[7].set_window(60);
        let mut last = [0; KEYS];
        for number in 1..=400 {
            let key = number % KEYS;
            let value = format!("{key}={number}");
            primus.room(room).latest(key).write(value).unwrap();
            last[key] = number;
            if number % 40 == 0 {
                crowd.sparks[7].write(format!("direct={number}")).unwrap();
            }
            crowd.stage.turn();
        }
        crowd.clients[7].set_window(WIDE);
        let (mut all, mut directs) = (0, 0);
        let mut heard: Vec<Vec<String>> = vec![Vec::new(); count];
        for _ in 0..4 {
            for (heard, texts) in heard.iter_mut().zip(crowd.hear()) {
                heard.extend(texts);
            }
        }
        for (number, texts) in heard.iter().enumerate().take(20) {
            let mut got = [0; KEYS];
            for text in texts {
                let (key, value) = text.split_once('=').unwrap();
                let value: usize = value.parse().unwrap();
                let Ok(key) = key.parse::<usize>() else {
                    directs += 1;
                    continue;
                };
                assert!(got[key] < value, "client {number} went backwards");
                got[key] = value;
                all += usize::from(number == 7);
            }
            assert_eq!(got, last, "client {number} of {room}");
        }
        assert!(all < 100, "{all} values waited for a slow client of {room}");
        assert_eq!(directs, 10);
        let stats = primus.stats();
        assert!(stats.messages_replaced > 0);
        assert_eq!((stats.messages_dropped, stats.sparks_ended), (0, 0));
    }
}

/// Messages to rooms go through the transforms, and wait behind one that takes its time.
#[test]
fn messages_to_rooms_are_transformed() {
    for per_spark in [false, true] {
        let tickets = Arc::<Mutex<Vec<TransformTicket>>>::default();
        let taken = Arc::clone(&tickets);
        let mut crowd = Crowd::new(300, move |primus| {
            primus.transform_outgoing(move |packet| {
                let text: String = packet.data().parse().unwrap_or_default();
                if text == "drop" {
                    return Transformed::Drop;
                }
                if text == "late" {
                    taken.lock().unwrap().push(packet.later());
                    return Transformed::Later;
                }
                if !text.is_empty() {
                    packet.set(format!("{text}!")).unwrap();
                }
                Transformed::Next
            });
            if per_spark {
                primus.transform_outgoing_per_spark(|_, packet| {
                    let text: String = packet.data().parse().unwrap_or_default();
                    if !text.is_empty() {
                        packet.set(format!("{text}?")).unwrap();
                    }
                    Transformed::Next
                });
            }
        });
        crowd.join("all", 0..300);
        crowd.join("few", 0..3);
        let primus = crowd.stage.primus.clone();
        primus.room("all").write("a").unwrap();
        primus.room("few").write("drop").unwrap();
        primus.room("few").write("late").unwrap();
        primus.room("few").write("b").unwrap();
        primus.write("c").unwrap();
        let mark = if per_spark { "?" } else { "" };
        let heard = crowd.hear();
        assert!(heard.iter().all(|texts| *texts == [format!("a!{mark}")]));
        let ticket = tickets.lock().unwrap().pop().unwrap();
        ticket.next();
        let heard = crowd.hear();
        let expected = ["late", "b!", "c!"].map(|text| format!("{text}{mark}"));
        assert_eq!(heard[0], expected);
        assert_eq!(heard[299], expected[2..]);
    }
}

#[test]
fn a_large_room_delays_nobodys_message() {
    let count = 5_000;
    let mut crowd = Crowd::new(count, |primus| {
        primus.on_connection(|spark| spark.join("all").unwrap());
        primus.on_data(|spark, data| _ = spark.write(data));
    });
    crowd.stage.primus.room("all").write("news").unwrap();
    crowd.clients[count - 1].say(&frame("\"question\""));
    let mut turns = 0;
    while !crowd.clients[count - 1].has_heard("question") {
        crowd.stage.turn();
        turns += 1;
        assert!(turns <= 5, "it waits for the walk");
        let told = crowd.clients.iter_mut().map(|client| client.read() > 0);
        let told = told.filter(|told| *told).count();
        assert!(told <= SPARKS_PER_TURN + 1, "a part of it per turn");
    }
    let rest = crowd.clients[count - 1].has_heard("news");
    assert!(rest, "it was written before the answer");
    crowd.stage.turns(count / SPARKS_PER_TURN + 2);
    for client in &mut crowd.clients {
        assert!(client.has_heard("news"));
    }
}

#[test]
fn the_application_is_told_who_joins_and_leaves() {
    let log = Log::default();
    let mut crowd = Crowd::new(1, |primus| {
        let note = |log: &Log| {
            let log = Arc::clone(log);
            move |text: String| log.lock().unwrap().push(text)
        };
        let (joins, leaves, all) = (note(&log), note(&log), note(&log));
        primus.on_join_room(move |_, room| joins(format!("join {room}")));
        primus.on_leave_room(move |_, room| leaves(format!("leave {room}")));
        primus.on_leave_all_rooms(move |spark, rooms| {
            assert!(spark.rooms().is_empty());
            let rooms = BTreeSet::from_iter(rooms.iter().copied());
            all(format!("leave all {rooms:?}"));
        });
        let ends = note(&log);
        primus.on_disconnection(move |_| ends("end".to_owned()));
        let errors = note(&log);
        primus.on_connection(move |spark| {
            let (own, errors) = (errors.clone(), errors.clone());
            spark.on_join_room(move |spark, room| {
                assert!(spark.is_in(room));
                own(format!("own {room}"));
            });
            spark.on_rooms_error(move |_, error| errors(error.to_string()));
        });
    });
    let spark = crowd.sparks[0].clone();
    spark.join("a b");
    spark.join("a");
    spark.leave("b nowhere");
    spark.join("x".repeat(256));
    spark.leave_all();
    spark.leave_all();
    spark.join(["b", "c"]);
    crowd.stage.turns(3);
    crowd.clients[0].leave();
    crowd.stage.turns(3);
    spark.join("late");
    crowd.stage.turns(3);
    let too_long = RoomError::NameTooLong { max: 255 }.to_string();
    let expected = [
        "join a",
        "own a",
        "join b",
        "own b",
        "leave b",
        &too_long,
        "leave all {\"a\"}",
        "join b",
        "own b",
        "join c",
        "own c",
        "leave all {\"b\", \"c\"}",
        "end",
    ];
    assert_eq!(*log.lock().unwrap(), expected);
    assert_eq!(crowd.stage.primus.stats().handlers_panicked, 0);
}

#[test]
fn a_handler_joins_writes_and_leaves_in_its_order() {
    let mut crowd = Crowd::new(2, |primus| {
        primus.on_data(|spark, data| {
            let id = spark.id();
            spark.join("a").unwrap();
            spark.primus().room("a").write(data).unwrap();
            spark.write("direct");
            spark
                .primus()
                .room("a")
                .except([id])
                .write("others")
                .unwrap();
            spark.leave("a");
            spark.primus().room("a").write("gone").unwrap();
            assert!(spark.rooms().is_empty());
        });
    });
    crowd.join("a", [1]);
    crowd.clients[0].say(&frame("\"hello\""));
    let heard = crowd.hear();
    assert_eq!(heard[0], ["hello", "direct"]);
    assert_eq!(heard[1], ["hello", "others", "gone"]);
    assert_eq!(crowd.stage.primus.stats().handlers_panicked, 0);
}

/// Whoever is asked to leave a large room gets what was written before, and nothing of what is
/// written to those who join anew.
#[test]
fn an_emptied_room_is_left_by_everybody() {
    let count = 2_000;
    let (log, left) = (Log::default(), Log::default());
    let mut crowd = Crowd::new(count, |primus| {
        let left = Arc::clone(&left);
        primus.on_leave_room(move |_, room| left.lock().unwrap().push(room.to_owned()));
    });
    crowd.join("all", 0..count);
    let primus = crowd.stage.primus.clone();
    let room = primus.room("all");
    // No room is meant.
    primus.room(()).empty();
    room.write("before").unwrap();
    room.empty();
    room.write("between").unwrap();
    crowd.join("all", [7]);
    room.write("behind").unwrap();
    let asked = Arc::clone(&log);
    room.clients(move |ids| {
        asked
            .lock()
            .unwrap()
            .extend(ids.iter().map(SparkId::to_string));
    });
    for (number, texts) in crowd.hear().into_iter().enumerate() {
        let expected: &[&str] = match number {
            7 => &["before", "behind"],
            _ => &["before"],
        };
        assert_eq!(texts, expected, "client {number}");
    }
    assert_eq!(*log.lock().unwrap(), [crowd.sparks[7].id().to_string()]);
    assert_eq!(left.lock().unwrap().len(), count);
}

/// Three shards, the clients of each, and what they have heard.
struct Shards {
    net: SimNet,
    server: SimServer<WebSockets>,
    clients: Vec<EndpointId>,
}

impl Shards {
    fn new(clients: usize, attach: impl FnOnce(&Attach)) -> Self {
        let net = SimNet::default();
        let options = Options {
            ping_interval: PingInterval::OFF,
            rooms: RoomOptions {
                per_spark_max: 3,
                ..RoomOptions::default()
            },
            ..Options::default()
        };
        let transformer = WebSockets::uncompressed(1 << 20);
        let mut server = SimServer::new(&net, options, &transformer, 3, 7, attach);
        server.settle();
        let clients = (0..clients)
            .map(|number| {
                let client = net.connect(number % 3, Duration::ZERO).unwrap();
                net.send(client, handshake("").as_bytes()).unwrap();
                client
            })
            .collect();
        let mut shards = Self {
            net,
            server,
            clients,
        };
        shards.settle();
        shards
    }

    fn settle(&mut self) {
        loop {
            self.server.settle();
            while self.net.next_client_notice().is_some() {}
            match self.net.next_event() {
                Some(next) => self.net.advance_to(next),
                None => break,
            }
        }
    }

    fn hears(&mut self, client: usize, text: &str) -> bool {
        self.settle();
        let bytes = self.net.receive(self.clients[client], usize::MAX);
        let heard = String::from_utf8_lossy(&bytes.unwrap()).into_owned();
        heard.contains(text)
    }
}

#[test]
fn rooms_span_all_shards() {
    let mut shards = Shards::new(30, |primus| {
        primus.on_connection(|spark| spark.join("all").unwrap());
        primus.on_data(|spark, data| drop(spark.primus().room("all").write(data)));
    });
    shards
        .net
        .send(shards.clients[1], &frame("\"hello\""))
        .unwrap();
    for client in 0..30 {
        assert!(shards.hears(client, "hello"));
    }
    let answers = Log::default();
    let (ids, empty, full) = (answers.clone(), answers.clone(), answers.clone());
    let room = shards.server.handle().room("all");
    room.clients(move |sparks| {
        let each = BTreeSet::from_iter(sparks.iter().map(SparkId::to_string));
        ids.lock().unwrap().push(each.len().to_string());
    });
    shards.settle();
    let note = |log: Log| move |is_empty: bool| log.lock().unwrap().push(is_empty.to_string());
    shards.server.handle().room("none").is_empty(note(empty));
    shards.server.handle().room("none all").is_empty(note(full));
    shards.settle();
    assert_eq!(*answers.lock().unwrap(), ["30", "true", "false"]);
    // An end leaves everything.
    for client in std::mem::take(&mut shards.clients) {
        shards.net.close(client);
    }
    shards.settle();
    room.is_empty(note(answers.clone()));
    shards.settle();
    assert_eq!(answers.lock().unwrap()[3], "true");
    assert_eq!(shards.server.handle().stats().handlers_panicked, 0);
}

#[test]
fn a_spark_is_in_so_many_rooms_at_most() {
    let log = Log::default();
    let errors = Arc::clone(&log);
    let _shards = Shards::new(1, |primus| {
        primus.on_connection(move |spark| {
            let result = spark.join([1, 2, 3, 4, 5]);
            errors.lock().unwrap().push(format!("{result:?}"));
            errors.lock().unwrap().push(spark.rooms().len().to_string());
        });
    });
    assert_eq!(*log.lock().unwrap(), ["Err(TooMany { max: 3 })", "3"]);
}
