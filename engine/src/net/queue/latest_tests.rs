//! Values of which only the newest matters.

use proptest::prelude::*;

use super::*;

const WIDE: Bound = Bound {
    cost_max: 1 << 20,
    policy: SendPolicy::Disconnect,
};

fn value(pool: &mut BlockPool, key: &str, text: &str) -> Slice {
    let mut block = pool.take_small();
    let writable = unshared(&mut block);
    writable.writer().extend_from_slice(text.as_bytes());
    writable.end_frame(FrameClass::Message).unwrap();
    writable.set_common();
    writable.set_key(key.into());
    let slice = Slice::new(&block, 0..block.len());
    pool.give_back(block);
    slice
}

fn push(queue: &mut SendQueue, pool: &mut BlockPool, key: &str, text: &str) -> Admission {
    let value = value(pool, key, text);
    queue.push_latest(value, WIDE, pool)
}

fn write(queue: &mut SendQueue, pool: &mut BlockPool, text: &str) {
    let write = |out: &mut Vec<u8>| out.extend_from_slice(text.as_bytes());
    queue.write_message(pool, WIDE, write).unwrap();
}

/// Everything that waits, slice by slice.
fn take(queue: &mut SendQueue, pool: &mut BlockPool) -> Vec<Slice> {
    let mut all = Vec::new();
    while let Some(batch) = queue.next(pool) {
        match batch {
            Batch::One(slice) => all.push(slice),
            Batch::Many(slices) => all.extend(slices),
        }
    }
    all
}

fn text(slices: &[Slice]) -> String {
    let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_newer_value_takes_the_place_of_an_older_one_that_waits() {
    let (mut queue, mut pool) = (SendQueue::default(), BlockPool::default());
    queue.set_waits();
    let queued = Admission::Queued { dropped: 0 };
    assert_eq!(push(&mut queue, &mut pool, "a", "a1 "), queued);
    write(&mut queue, &mut pool, "one ");
    assert_eq!(push(&mut queue, &mut pool, "b", "b1 "), queued);
    let before = queue.cost();
    assert_eq!(
        push(&mut queue, &mut pool, "a", "a22 "),
        Admission::Replaced
    );
    assert_eq!(queue.cost(), before + 1, "a byte longer");
    write(&mut queue, &mut pool, "two ");
    assert_eq!(push(&mut queue, &mut pool, "b", "b2 "), Admission::Replaced);
    let taken = take(&mut queue, &mut pool);
    assert_eq!(text(&taken), "a22 one b2 two ");
    assert_eq!((queue.cost(), pool.waiting_cost()), (0, 0));
}

#[test]
fn what_was_begun_is_sent_to_its_end() {
    let (mut queue, mut pool) = (SendQueue::default(), BlockPool::default());
    queue.set_waits();
    push(&mut queue, &mut pool, "a", "a1 ");
    push(&mut queue, &mut pool, "b", "b1 ");
    let mut taken = take(&mut queue, &mut pool).into_iter();
    let (first, second) = (taken.next().unwrap(), taken.next().unwrap());
    // The kernel took one byte.
    queue.push_front(second, &mut pool);
    queue.push_front(first.skip(1), &mut pool);
    assert_eq!(push(&mut queue, &mut pool, "b", "b2 "), Admission::Replaced);
    assert!(push(&mut queue, &mut pool, "a", "a2 ") != Admission::Replaced);
    assert_eq!(text(&take(&mut queue, &mut pool)), "1 b2 a2 ");
}

#[test]
fn a_value_that_is_too_large_for_the_place_is_a_message_like_any_other() {
    let (mut queue, mut pool) = (SendQueue::default(), BlockPool::default());
    queue.set_waits();
    push(&mut queue, &mut pool, "a", "a1 ");
    let large = value(&mut pool, "a", &"x".repeat(1_000));
    let bound = Bound {
        cost_max: 900,
        policy: SendPolicy::DropNewest,
    };
    let admission = queue.push_latest(large, bound, &mut pool);
    assert_eq!(admission, Admission::Dropped);
    assert_eq!(text(&take(&mut queue, &mut pool)), "a1 ");
}

#[test]
fn a_queue_of_values_is_as_long_as_there_are_keys() {
    let (mut queue, mut pool) = (SendQueue::default(), BlockPool::default());
    queue.set_waits();
    for round in 0..100 {
        for key in 0..200 {
            let key = key.to_string();
            push(&mut queue, &mut pool, &key, &format!("{key}={round} "));
        }
    }
    assert_eq!(queue.slices.len(), 200);
    // Keys that come and go leave nothing behind.
    for key in 0..10_000 {
        let key = key.to_string();
        push(&mut queue, &mut pool, &key, "x ");
        queue.next_frame(&mut pool);
    }
    let cost = queue.cost();
    assert!(cost < 200 * (SLICE_COST + 200), "{cost}");
}

#[derive(Clone, Debug)]
enum Step {
    Value(u8),
    Message,
    /// The kernel takes so many bytes of what waits.
    Send(usize),
}

proptest! {
    #[test]
    fn values_never_go_backwards_and_the_last_one_arrives(
        steps in proptest::collection::vec(
            prop_oneof![
                4 => (0..4_u8).prop_map(Step::Value),
                2 => Just(Step::Message),
                1 => (0..60_usize).prop_map(Step::Send),
            ],
            0..150,
        ),
    ) {
        let (mut queue, mut pool) = (SendQueue::default(), BlockPool::default());
        let (mut sent, mut messages) = (String::new(), Vec::new());
        let mut last = [None; 4];
        for (number, step) in steps.iter().enumerate() {
            match step {
                Step::Value(key) => {
                    let text = format!("{key}={number} ");
                    push(&mut queue, &mut pool, &key.to_string(), &text);
                    last[usize::from(*key)] = Some(number);
                }
                Step::Message => {
                    write(&mut queue, &mut pool, &format!("m={number} "));
                    messages.push(number);
                }
                Step::Send(bytes) => send(&mut queue, &mut pool, *bytes, &mut sent),
            }
        }
        sent += &text(&take(&mut queue, &mut pool));
        let mut got = [None; 4];
        let mut got_messages = Vec::new();
        for one in sent.split_whitespace() {
            let (key, number) = one.split_once('=').unwrap();
            let number: usize = number.parse().unwrap();
            match key.parse::<usize>() {
                Ok(key) => {
                    prop_assert!(got[key] < Some(number), "{key} went backwards: {sent}");
                    got[key] = Some(number);
                }
                Err(_) => got_messages.push(number),
            }
        }
        prop_assert_eq!(got, last);
        prop_assert_eq!(got_messages, messages);
        prop_assert_eq!((queue.cost(), pool.waiting_cost()), (0, 0));
    }
}

fn send(queue: &mut SendQueue, pool: &mut BlockPool, mut bytes: usize, sent: &mut String) {
    let mut rest = Vec::new();
    for slice in take(queue, pool) {
        let taken = slice.len().min(bytes);
        bytes -= taken;
        *sent += &text(std::slice::from_ref(&slice))[..taken];
        if taken < slice.len() {
            rest.push(slice.skip(taken));
        }
    }
    for slice in rest.into_iter().rev() {
        queue.push_front(slice, pool);
    }
}
