use allspark_protocol::parser::ParserKind;
use allspark_protocol::transformer::Kind;

use super::*;
use crate::app::{Body, Transformed};

const SPARK: Key = key(7);

const fn key(index: u32) -> Key {
    Key {
        index,
        generation: 0,
    }
}

/// So much that nothing is dropped.
const WIDE: Bound = Bound {
    cost_max: 1 << 30,
    policy: SendPolicy::Disconnect,
};

/// A transform takes its time. Returns the number of its answer.
fn ask(held: &mut HeldBack, bytes: usize) -> u64 {
    let number = held.next_number();
    let course = Course {
        number,
        transforms: Arc::default(),
        next: 1,
        bytes,
    };
    held.ask(SPARK, course);
    number
}

fn answer(held: &mut HeldBack, number: u64) {
    let body = Body::new(ParserKind::Json, Kind::Text, b"answer");
    held.answered(SPARK, number, Box::new((body, Transformed::Next)));
}

fn message(text: &str) -> Message {
    Message {
        kind: Kind::Text,
        payload: text.as_bytes().into(),
    }
}

fn keep(held: &mut HeldBack, text: &str, bound: Bound) -> Result<usize, TooMuch> {
    held.keep(SPARK, message(text), bound)
}

/// What has its turn, up to a message that waits.
fn taken(held: &mut HeldBack) -> Vec<String> {
    let next = std::iter::from_fn(|| held.next(SPARK));
    let text = |next| match next {
        Next::Answered(_, answer) => answer.0.encoded().1.to_vec(),
        Next::Message(message) => message.payload.as_ref().to_vec(),
    };
    next.map(|next| String::from_utf8(text(next)).unwrap())
        .collect()
}

#[test]
fn what_is_written_waits_behind_the_message_that_is_asked_about() {
    let mut held = HeldBack::default();
    let number = ask(&mut held, 6);
    for text in ["a", "b"] {
        keep(&mut held, text, WIDE).unwrap();
    }
    assert!(taken(&mut held).is_empty() && !held.has_ready());
    answer(&mut held, number);
    assert_eq!(held.take_ready(), Some(SPARK));
    assert_eq!(taken(&mut held), ["answer", "a", "b"]);
    assert!(held.is_done(SPARK) && held.has(SPARK));
    assert!(!held.forget(SPARK) && held.is_empty());
    assert_eq!(held.held_bytes(), 0);
}

#[test]
fn only_the_answer_that_is_waited_for_counts() {
    let mut held = HeldBack::default();
    let (first, second) = (ask(&mut held, 1), held.next_number());
    answer(&mut held, second);
    assert!(!held.has_ready() && taken(&mut held).is_empty());
    answer(&mut held, first);
    answer(&mut held, first);
    assert_eq!(held.take_ready(), Some(SPARK));
    assert!(!held.has_ready(), "it is told once");
    assert_eq!(taken(&mut held), ["answer"]);
    held.forget(SPARK);
    answer(&mut held, first);
    assert!(held.is_empty() && !held.has_ready());
}

#[test]
fn a_message_that_is_asked_about_again_stays_the_first() {
    let mut held = HeldBack::default();
    let number = ask(&mut held, 1);
    keep(&mut held, "a", WIDE).unwrap();
    answer(&mut held, number);
    assert!(matches!(held.next(SPARK), Some(Next::Answered(..))));
    let number = ask(&mut held, 1);
    assert!(taken(&mut held).is_empty() && !held.is_done(SPARK));
    answer(&mut held, number);
    assert_eq!(taken(&mut held), ["answer", "a"]);
}

/// The bytes of one text are what four of the bound have room for.
#[test]
fn what_waits_is_bounded_by_the_policy() {
    let texts = ["a", "b", "c", "d", "e"].map(|text| text.repeat(1000));
    let left_by = |policy| {
        let mut held = HeldBack::default();
        let number = ask(&mut held, 0);
        let room = 3 * message(&texts[0]).cost();
        let bound = Bound {
            cost_max: held.cost(SPARK) + room,
            policy,
        };
        let kept = texts.iter().map(|text| keep(&mut held, text, bound));
        let kept: Vec<_> = kept.collect();
        assert!(held.cost(SPARK) <= bound.cost_max);
        assert_eq!(held.held_bytes(), held.cost(SPARK));
        answer(&mut held, number);
        let left: String = taken(&mut held)[1..]
            .iter()
            .map(|text| &text[..1])
            .collect();
        assert_eq!((held.cost(SPARK), held.held_bytes()), (0, 0));
        (left, kept[3], kept[4])
    };
    let refused = Err(TooMuch);
    let expected = ("abc".to_owned(), refused, refused);
    assert_eq!(left_by(SendPolicy::Disconnect), expected);
    assert_eq!(left_by(SendPolicy::DropNewest), expected);
    assert_eq!(
        left_by(SendPolicy::DropOldest),
        ("cde".into(), Ok(1), Ok(1))
    );
    assert_eq!(left_by(SendPolicy::KeepLatest), ("de".into(), Ok(3), Ok(0)));
}

#[test]
fn one_message_passes_however_long() {
    for policy in [SendPolicy::Disconnect, SendPolicy::DropOldest] {
        let mut held = HeldBack::default();
        ask(&mut held, 5000);
        let bound = Bound {
            cost_max: 1000,
            policy,
        };
        assert_eq!(keep(&mut held, &"x".repeat(9000), bound), Ok(0));
        assert_eq!(keep(&mut held, "y", bound).is_err(), policy.ends_spark());
    }
}

#[test]
fn a_client_for_which_much_waits_is_not_listened_to_until_nothing_does() {
    let mut held = HeldBack::default();
    ask(&mut held, 10);
    assert!(!held.grown(SPARK).1);
    let long = "x".repeat(UNTAKEN_COST_MAX);
    keep(&mut held, &long, WIDE).unwrap();
    assert!(held.grown(SPARK).1);
    keep(&mut held, &long, WIDE).unwrap();
    assert!(!held.grown(SPARK).1, "it is said once");
    assert!(held.forget(SPARK));
    assert_eq!((held.held_bytes(), held.grown(SPARK)), (0, (0, false)));
}

#[test]
fn what_many_wait_for_is_there_once() {
    const BYTES: usize = 10_000;
    let mut held = HeldBack::default();
    let shared: Arc<[u8]> = vec![0; BYTES].into();
    for index in 0..10 {
        let course = Course {
            number: u64::from(index),
            transforms: Arc::default(),
            next: 1,
            bytes: 0,
        };
        held.ask(key(index), course);
        let payload = Arc::clone(&shared).into();
        let kind = Kind::Text;
        held.keep(key(index), Message { kind, payload }, WIDE)
            .unwrap();
        assert!(held.cost(key(index)) > BYTES);
    }
    drop(shared);
    assert!((BYTES..2 * BYTES).contains(&held.held_bytes()));
    (0..9).for_each(|index| _ = held.forget(key(index)));
    assert!(held.held_bytes() > BYTES, "one has it still");
    held.forget(key(9));
    assert!(held.held_bytes() == 0 && held.total.shared.is_empty());
}
