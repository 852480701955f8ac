//! A worker, an application and sparks in virtual time.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::hooks::lane::Room;
use crate::hooks::reply::Rate;

const BOUND: usize = 256 * 1024;

/// What an application answers to events, by their `data` and ids.
type Answer = Result<Option<Vec<u8>>, Failure>;
type Application = Box<dyn Fn(&Play, &[Value]) -> Answer>;

/// Everything outside of a worker.
struct Play {
    lane: Lane<usize>,
    application: Application,
    begin: Instant,
    passed: Cell<Duration>,
    /// What passes time brings.
    clients: RefCell<Vec<Client>>,
    told: RefCell<Vec<Value>>,
    requests: RefCell<Vec<(String, usize)>>,
    done: RefCell<Vec<Done>>,
    counted: RefCell<BTreeMap<String, usize>>,
    most_bytes: Cell<usize>,
}

/// Sends as fast as it is listened to.
struct Client {
    sent: u64,
    waits: bool,
    until: Duration,
}

#[derive(Debug, PartialEq)]
enum Done {
    Decided(u32, Verdict),
    Written(u32, Vec<Value>),
    Ran(Vec<Value>),
    Buried(String, Value),
}

fn spark(number: u32) -> SparkId {
    let mut text = format!("{number:A>21}");
    text.truncate(21);
    text.parse().unwrap()
}

fn number_of(spark: SparkId) -> u32 {
    let text = spark.to_string();
    text.trim_start_matches('A').parse().unwrap_or(0)
}

fn event(kind: Kind, of: u32, data: u64) -> Event {
    let (name, id) = (kind.name(), spark(of));
    let members = format!("\"event\":\"{name}\",\"spark\":\"{id}\",\"of\":{of},\"data\":{data}");
    Event {
        kind,
        about: About::Spark(id),
        members: members.into_bytes().into(),
        part: None,
    }
}

impl Play {
    fn new(application: impl Fn(&Self, &[Value]) -> Answer + 'static) -> Self {
        Self {
            lane: Lane::new(BOUND),
            application: Box::new(application),
            begin: Instant::now(),
            passed: Cell::default(),
            clients: RefCell::default(),
            told: RefCell::default(),
            requests: RefCell::default(),
            done: RefCell::default(),
            counted: RefCell::default(),
            most_bytes: Cell::default(),
        }
    }

    /// Works until nothing is left.
    fn run(&self, retries: u32, when_down: WhenDown) {
        self.lane.end(self.begin + Duration::from_secs(3600));
        let plan = Plan {
            prefix: "b-0".to_owned(),
            retries,
            when_down,
        };
        Worker::new(self, &self.lane, plan, Backoff::new(1)).run();
    }

    /// Every millisecond each client sends a message, unless it waits.
    fn pass(&self, time: Duration) {
        let until = self.passed.get() + time;
        while self.passed.get() < until {
            self.passed
                .set(self.passed.get() + Duration::from_millis(1));
            let mut clients = self.clients.borrow_mut();
            for (number, client) in clients.iter_mut().enumerate() {
                if client.waits || self.passed.get() > client.until {
                    continue;
                }
                match self.lane.is_full() {
                    true => match self.lane.wait(number, 100) {
                        Room::Later => client.waits = true,
                        Room::Now(_) | Room::Never(_) => panic!("there is room for one of each"),
                    },
                    false => self.send(number, client),
                }
            }
            self.most_bytes
                .set(self.most_bytes.get().max(self.lane.bytes()));
        }
    }

    fn send(&self, number: usize, client: &mut Client) {
        client.sent += 1;
        self.lane
            .push(event(Kind::Message, number as u32, client.sent));
    }

    fn counted(&self, what: Counted) -> usize {
        let counted = self.counted.borrow();
        counted.get(&format!("{what:?}")).copied().unwrap_or(0)
    }

    fn told_data(&self) -> Vec<u64> {
        let told = self.told.borrow();
        told.iter()
            .map(|event| event["data"].as_u64().unwrap())
            .collect()
    }
}

impl Outside for &Play {
    type Waiting = usize;

    fn post(&self, _: Kind, id: &str, body: &[u8]) -> Answer {
        self.pass(Duration::from_millis(2));
        let body: Value = serde_json::from_slice(body).unwrap();
        let events = body["events"].as_array().unwrap();
        self.requests
            .borrow_mut()
            .push((id.to_owned(), events.len()));
        let answer = (self.application)(self, events);
        if answer.is_ok() {
            self.told.borrow_mut().extend(events.iter().cloned());
        }
        answer
    }

    fn goes_with(&self, _: Kind, _: Kind) -> bool {
        true
    }

    fn sleep(&self, _: &Lane<usize>, duration: Duration) {
        self.pass(duration);
    }

    fn now(&self) -> Instant {
        self.begin + self.passed.get()
    }

    fn decide(&self, client: &About, verdict: Verdict) {
        let About::Spark(spark) = client else {
            panic!("every client of this has a spark");
        };
        let decided = Done::Decided(number_of(*spark), verdict);
        self.done.borrow_mut().push(decided);
    }

    fn write(&self, spark: SparkId, messages: Vec<Value>) {
        let written = Done::Written(number_of(spark), messages);
        self.done.borrow_mut().push(written);
    }

    fn run(&self, commands: Vec<Value>) -> usize {
        self.done.borrow_mut().push(Done::Ran(commands));
        0
    }

    fn let_go(&self, waiting: Vec<usize>) {
        let mut clients = self.clients.borrow_mut();
        for number in waiting {
            clients[number].waits = false;
            self.send(number, &mut clients[number]);
        }
    }

    fn bury(&self, why: &str, id: &str, event: &Event) {
        let members = String::from_utf8(event.members.to_vec()).unwrap();
        let event = serde_json::from_str(&format!("{{\"id\":\"{id}\",{members}}}")).unwrap();
        self.done
            .borrow_mut()
            .push(Done::Buried(why.to_owned(), event));
    }

    fn count(&self, what: Counted, how_many: usize) {
        *self
            .counted
            .borrow_mut()
            .entry(format!("{what:?}"))
            .or_default() += how_many;
    }

    fn warn(&self, _: &str) {}
}

fn down() -> Answer {
    Err(Failure::Down("nobody listens".to_owned()))
}

const NOTHING: Answer = Ok(Some(Vec::new()));

/// Twenty clients with a thousand messages per second each, and an application that is away for a
/// minute and restarts twice afterwards.
#[test]
fn nothing_is_lost_or_grows_while_the_application_is_away_for_a_minute() {
    let away = [(1_000, 61_000), (62_000, 62_500), (63_000, 64_000)];
    let play = Play::new(move |play, _| {
        let now = play.passed.get().as_millis();
        match away.iter().any(|(from, to)| (*from..*to).contains(&now)) {
            true => down(),
            false => NOTHING,
        }
    });
    for _ in 0..20 {
        let until = Duration::from_secs(65);
        play.clients.borrow_mut().push(Client {
            sent: 0,
            waits: false,
            until,
        });
    }
    play.lane.push(event(Kind::Message, 19, 0));
    play.run(100, WhenDown::Queue);
    let mut next = BTreeMap::new();
    for event in play.told.borrow().iter().skip(1) {
        let expected = next.entry(event["of"].as_u64().unwrap()).or_insert(1);
        assert_eq!(event["data"], *expected, "in order");
        *expected += 1;
    }
    let clients = play.clients.borrow();
    for (number, client) in clients.iter().enumerate() {
        assert_eq!(next[&(number as u64)], client.sent + 1, "all of them");
        assert!(client.sent > 1_000 && !client.waits);
    }
    assert!(
        play.most_bytes.get() < 2 * BOUND,
        "{}",
        play.most_bytes.get()
    );
    assert!(play.most_bytes.get() > BOUND / 2, "it was full");
    assert!(play.done.borrow().is_empty(), "no dead letters");
}

#[test]
fn what_the_application_can_not_take_costs_itself_alone() {
    let is_poison = |event: &Value| event["data"].as_u64().unwrap() % 1_000 == 777;
    let play = Play::new(move |_, events| match events.iter().any(is_poison) {
        true => Err(Failure::Refused(500)),
        false => NOTHING,
    });
    for data in 0..3_000 {
        play.lane.push(event(Kind::Message, 0, data));
    }
    play.run(30, WhenDown::Queue);
    let expected: Vec<u64> = (0..3_000).filter(|data| data % 1_000 != 777).collect();
    assert_eq!(play.told_data(), expected);
    let done = play.done.borrow();
    assert_eq!(done.len(), 3);
    assert!(matches!(&done[0], Done::Buried(why, event)
        if why == "it answered 500" && event["data"] == 777 && event["id"] == "b-0-778"));
}

#[test]
fn a_request_that_is_tried_again_is_the_same_one() {
    let tries = Cell::new(0);
    let play = Play::new(move |_, _| {
        tries.set(tries.get() + 1);
        if tries.get() < 20 { down() } else { NOTHING }
    });
    for data in 0..3 {
        play.lane.push(event(Kind::Message, 0, data));
    }
    play.run(30, WhenDown::Queue);
    let requests = play.requests.borrow();
    assert_eq!(requests.len(), 20);
    assert!(
        requests
            .iter()
            .all(|request| *request == ("b-0-1.3".to_owned(), 3))
    );
    assert_eq!(
        (play.counted(Counted::Told), play.counted(Counted::Failed)),
        (3, 19)
    );
}

#[test]
fn who_connects_while_it_is_down_waits_or_is_let_in_or_is_refused() {
    let decided = |when_down, retries| {
        let tries = Cell::new(0);
        let play = Play::new(move |play, _| {
            tries.set(tries.get() + 1);
            if tries.get() == 1 {
                // Another one, behind the request that is about to fail.
                play.lane.push(event(Kind::Connect, 2, 0));
            }
            if tries.get() < 4 { down() } else { NOTHING }
        });
        play.lane.push(event(Kind::Connect, 1, 0));
        play.run(retries, when_down);
        let done = play.done.take().into_iter();
        let decided = done.filter_map(|done| match done {
            Done::Decided(spark, verdict) => Some((spark, verdict.refuse.map(|r| r.reconnect))),
            _ => None,
        });
        decided.collect::<Vec<_>>()
    };
    let (in_, again) = (None, Some(true));
    assert_eq!(decided(WhenDown::Queue, 9), [(1, in_), (2, in_)]);
    let early = [(1, in_), (2, in_), (1, in_), (2, in_)];
    assert_eq!(decided(WhenDown::Accept, 9), early);
    let early = [(1, again), (2, again), (1, in_), (2, in_)];
    assert_eq!(decided(WhenDown::Refuse, 9), early, "the first word counts");
    assert_eq!(
        decided(WhenDown::Queue, 2),
        [(1, again), (2, in_)],
        "given up"
    );
    assert_eq!(decided(WhenDown::Accept, 2)[2..], [(1, in_), (2, in_)]);
}

#[test]
fn garbage_tells_nothing_and_lets_nobody_in() {
    let deep = format!(r#"{{"replies":[{}]}}"#, "[".repeat(100_000));
    let answers = [
        None,
        Some("ok".to_owned()),
        Some("\u{0}\u{1}".to_owned()),
        Some(deep),
    ];
    for answer in answers {
        for (when_down, refused) in [(WhenDown::Queue, true), (WhenDown::Accept, false)] {
            let answer = answer.clone().map(String::into_bytes);
            let play = Play::new(move |_, _| Ok(answer.clone()));
            play.lane.push(event(Kind::Connect, 1, 0));
            play.lane.push(event(Kind::Message, 1, 0));
            play.run(9, when_down);
            let done = play.done.take();
            assert!(
                matches!(&done[..], [Done::Decided(1, verdict)]
                    if verdict.refuse.is_some() == refused),
                "{done:?}"
            );
            assert_eq!(play.counted(Counted::Unreadable), 1);
        }
    }
}

#[test]
fn answers_are_carried_out_and_foreign_ones_are_not() {
    let play = Play::new(|_, events| {
        let id = |place: usize| events[place]["id"].clone();
        let replies = json!([
            {"id": id(1), "write": ["a", 2], "commands": [{"to": {"all": true}, "data": 1}]},
            {"id": id(0), "data": {"name": "ann"}, "rooms": ["r"], "rate": {"messages": 7}},
            {"id": id(2), "refuse": {}},
            {"id": "b-0-4", "write": ["x"]}, {"id": "b-0-01", "write": ["x"]},
            {"id": "b-1-1", "write": ["x"]}, {"id": "", "write": ["x"]}, {"id": null},
            {"id": id(3), "refuse": {"status": 403, "message": "no"}, "write": [0]},
        ]);
        Ok(Some(json!({ "replies": replies }).to_string().into_bytes()))
    });
    let kinds = [Kind::Connect, Kind::Message, Kind::Message, Kind::Connect];
    for (number, kind) in kinds.into_iter().enumerate() {
        play.lane.push(event(kind, number as u32, 0));
    }
    play.run(0, WhenDown::Queue);
    let let_in = Verdict {
        data: Some(json!({"name": "ann"})),
        rooms: vec!["r".to_owned()],
        rate: Some(Rate {
            messages: 7,
            bytes: 0,
        }),
        ..Verdict::default()
    };
    let expected = [
        Done::Decided(0, let_in),
        Done::Written(1, vec![json!("a"), json!(2)]),
        // Two replies speak of it, so none of them counts.
        Done::Decided(3, Verdict::later()),
        Done::Ran(vec![json!({"to": {"all": true}, "data": 1})]),
    ];
    assert_eq!(play.counted(Counted::Foreign), 4);
    assert_eq!(play.counted(Counted::Unreadable), 2);
    assert_eq!(play.done.take(), expected);
}

#[test]
fn a_server_that_ends_tells_what_it_can_in_time_and_buries_the_rest() {
    let play = Play::new(|play, _| match play.passed.get() < Duration::from_secs(2) {
        true => NOTHING,
        false => down(),
    });
    for data in 0..1_500 {
        play.lane.push(event(Kind::Message, 0, data));
    }
    play.pass(Duration::from_millis(1_997));
    let plan = Plan {
        prefix: "b-0".to_owned(),
        retries: u32::MAX,
        when_down: WhenDown::Queue,
    };
    play.lane.end(play.begin + Duration::from_secs(12));
    Worker::new(&play, &play.lane, plan, Backoff::new(1)).run();
    let (told, buried) = (play.told_data().len(), play.done.borrow().len());
    assert_eq!((told, buried), (1_000, 500));
    assert!(
        play.passed.get() < Duration::from_secs(18),
        "{:?}",
        play.passed
    );
}
