use super::*;

fn write_as(queue: &mut SendQueue, pool: &mut BlockPool, frame: &str, class: FrameClass) {
    let write = |out: &mut Vec<u8>| out.extend_from_slice(frame.as_bytes());
    queue.write(pool, class, write).unwrap();
}

fn write(queue: &mut SendQueue, pool: &mut BlockPool, frame: &str) {
    write_as(queue, pool, frame, FrameClass::Message);
}

fn admit(
    queue: &mut SendQueue,
    pool: &mut BlockPool,
    frame: &str,
    (cost_max, policy): (usize, SendPolicy),
) -> Admission {
    let bound = Bound { cost_max, policy };
    let write = |out: &mut Vec<u8>| out.extend_from_slice(frame.as_bytes());
    queue.write_message(pool, bound, write).unwrap()
}

/// What frames in a slice cost.
fn cost(bytes: usize, frames: usize, slices: usize) -> usize {
    bytes + frames * FRAME_COST + slices * SLICE_COST
}

fn one(queue: &mut SendQueue, pool: &mut BlockPool) -> Slice {
    match queue.next(pool) {
        Some(Batch::One(slice)) => slice,
        other => panic!("{other:?}"),
    }
}

fn drain(queue: &mut SendQueue, pool: &mut BlockPool) -> String {
    let mut all = Vec::new();
    while let Some(batch) = queue.next(pool) {
        match batch {
            Batch::One(slice) => all.extend_from_slice(&slice),
            Batch::Many(slices) => slices.iter().for_each(|slice| all.extend_from_slice(slice)),
        }
    }
    assert!(queue.is_empty());
    assert_eq!((queue.cost(), queue.exempt_bytes()), (0, 0));
    assert_eq!(pool.waiting_cost(), 0);
    String::from_utf8(all).unwrap()
}

#[test]
fn keeps_the_order_and_sends_everything_at_once() {
    let (mut queue, mut pool) = (SendQueue::default(), BlockPool::default());
    write(&mut queue, &mut pool, "one");
    write(&mut queue, &mut pool, "two");
    queue.push(Slice::copy_of(b"three"), &mut pool);
    write(&mut queue, &mut pool, "four");
    assert_eq!((queue.bytes(), queue.cost()), (15, cost(15, 4, 1)));
    assert_eq!(pool.waiting_cost(), queue.cost());
    assert_eq!(&*one(&mut queue, &mut pool), b"onetwothreefour");
    assert!(queue.next(&mut pool).is_none());
}

#[test]
fn everything_leaves_in_one_batch_however_large() {
    let (mut queue, mut pool) = (SendQueue::default(), BlockPool::default());
    let large = "x".repeat(GATHER_BYTES_MAX);
    let mut expected = String::new();
    for round in 0..10 {
        queue.push(Slice::copy_of(large.as_bytes()), &mut pool);
        write(&mut queue, &mut pool, &round.to_string());
        expected.push_str(&large);
        expected.push_str(&round.to_string());
    }
    let Some(Batch::Many(slices)) = queue.next(&mut pool) else {
        panic!("it is too much to be put together");
    };
    assert!(queue.is_empty());
    // The kernel took the first slice and a byte of the second one.
    let rests = slices.into_iter().skip(1).rev();
    rests.for_each(|rest| queue.push_front(rest, &mut pool));
    write(&mut queue, &mut pool, "!");
    assert_eq!(
        drain(&mut queue, &mut pool),
        expected[large.len()..].to_owned() + "!"
    );
}

#[test]
fn what_was_not_taken_goes_first() {
    let (mut queue, mut pool) = (SendQueue::default(), BlockPool::default());
    write(&mut queue, &mut pool, "abcdef");
    let sent = one(&mut queue, &mut pool);
    write(&mut queue, &mut pool, "ghi");
    queue.push_front(sent.skip(2), &mut pool);
    assert_eq!(drain(&mut queue, &mut pool), "cdefghi");
}

#[test]
fn the_bound_holds_but_lets_a_single_message_pass() {
    let (mut queue, mut pool) = (SendQueue::default(), BlockPool::default());
    let queued = Admission::Queued { dropped: 0 };
    let long = "x".repeat(1000);
    let disconnect = (10, SendPolicy::Disconnect);
    assert_eq!(admit(&mut queue, &mut pool, &long, disconnect), queued);
    for (policy, refusal) in [
        (SendPolicy::Disconnect, Admission::Overflow),
        (SendPolicy::DropNewest, Admission::Dropped),
    ] {
        let fits = (cost(1002, 3, 1), policy);
        let before = queue.cost();
        assert_eq!(
            admit(&mut queue, &mut pool, "y", (fits.0 - 8, policy)),
            refusal
        );
        assert_eq!(queue.cost(), before, "nothing of it stays");
        assert_eq!(admit(&mut queue, &mut pool, "y", fits), queued);
    }
    assert_eq!(drain(&mut queue, &mut pool), long + "yy");
}

#[test]
fn the_frame_counts_and_not_what_it_was_made_from() {
    let (mut queue, mut pool) = (SendQueue::default(), BlockPool::default());
    for _ in 0..10 {
        // A message of any length that became one byte.
        let bound = (cost(10, 10, 1), SendPolicy::Disconnect);
        let admission = admit(&mut queue, &mut pool, "c", bound);
        assert_eq!(admission, Admission::Queued { dropped: 0 });
    }
}

#[test]
fn drops_the_oldest_but_no_partial_and_no_exempt_frame() {
    let (mut queue, mut pool) = (SendQueue::default(), BlockPool::default());
    let times = |letter: &str, count: usize| letter.repeat(count * 1000);
    for (frame, class) in [
        (times("a", 20), FrameClass::Message),
        (times("b", 10), FrameClass::Message),
        ("PING".to_owned(), FrameClass::Exempt),
        (times("c", 10), FrameClass::Message),
    ] {
        write_as(&mut queue, &mut pool, &frame, class);
    }
    let sent = one(&mut queue, &mut pool);
    queue.push_front(sent.skip(10_000), &mut pool);
    let bound = (37_000, SendPolicy::DropOldest);
    let admission = admit(&mut queue, &mut pool, &times("d", 10), bound);
    assert_eq!(admission, Admission::Queued { dropped: 1 });
    assert_eq!(queue.bytes(), 30_004);
    let bound = (0, SendPolicy::KeepLatest);
    let admission = admit(&mut queue, &mut pool, "e", bound);
    assert_eq!(admission, Admission::Queued { dropped: 2 });
    let sent = drain(&mut queue, &mut pool);
    assert_eq!(sent, times("a", 10) + "PINGe");
}

#[test]
fn a_partial_frame_stays_protected_in_the_next_round() {
    let (mut queue, mut pool) = (SendQueue::default(), BlockPool::default());
    write(&mut queue, &mut pool, "aaaa");
    write(&mut queue, &mut pool, "bb");
    let sent = one(&mut queue, &mut pool);
    queue.push_front(sent.skip(1), &mut pool);
    for newest in ["c", "d"] {
        admit(&mut queue, &mut pool, newest, (1, SendPolicy::KeepLatest));
    }
    let sent = one(&mut queue, &mut pool);
    assert_eq!(&*sent, b"aaad");
    queue.push_front(sent.skip(1), &mut pool);
    admit(&mut queue, &mut pool, "e", (1, SendPolicy::KeepLatest));
    assert_eq!(drain(&mut queue, &mut pool), "aae");
}

#[test]
fn shared_messages_are_bounded_as_others_are() {
    let (mut queue, mut pool) = (SendQueue::default(), BlockPool::default());
    let push = |queue: &mut SendQueue, pool: &mut BlockPool, cost_max, policy| {
        let bound = Bound { cost_max, policy };
        queue.push_messages(Slice::copy_of(b"new"), bound, pool)
    };
    write(&mut queue, &mut pool, "old1");
    queue.push(Slice::copy_of(b"old2"), &mut pool);
    let full = queue.cost();
    let overflow = push(&mut queue, &mut pool, full, SendPolicy::Disconnect);
    assert_eq!(overflow, Admission::Overflow);
    let dropped = push(&mut queue, &mut pool, full, SendPolicy::DropNewest);
    assert_eq!(dropped, Admission::Dropped);
    let dropped = push(&mut queue, &mut pool, full, SendPolicy::DropOldest);
    assert_eq!(dropped, Admission::Queued { dropped: 1 });
    let dropped = push(&mut queue, &mut pool, full, SendPolicy::KeepLatest);
    assert_eq!(dropped, Admission::Queued { dropped: 2 });
    assert_eq!(drain(&mut queue, &mut pool), "new");
}

#[test]
fn of_several_shared_messages_those_that_fit_are_queued() {
    let (mut queue, mut pool) = (SendQueue::default(), BlockPool::default());
    let mut block = Block::default();
    for number in 0..10 {
        block
            .writer()
            .extend_from_slice(format!("<{number}>").as_bytes());
        block.end_frame(FrameClass::Message).unwrap();
    }
    let messages = Slice::new(&Rc::new(block), 0..30);
    write(&mut queue, &mut pool, "old");
    let bound = Bound {
        cost_max: cost(3 + 4 * 3, 1 + 4, 1),
        policy: SendPolicy::DropNewest,
    };
    let admission = queue.push_messages(messages, bound, &mut pool);
    assert_eq!(admission, Admission::Queued { dropped: 6 });
    assert_eq!(drain(&mut queue, &mut pool), "old<0><1><2><3>");
}

#[test]
fn a_later_answer_takes_the_place_of_one_that_waits() {
    let (mut queue, mut pool) = (SendQueue::default(), BlockPool::default());
    for number in 0..1000 {
        queue.write_latest(&mut pool, format!("pong{number}").as_bytes());
    }
    assert_eq!((queue.bytes(), queue.exempt_bytes()), (7, 7));
    queue.write_latest(&mut pool, b"3 of another kind");
    write(&mut queue, &mut pool, "<message>");
    queue.write_latest(&mut pool, b"pong");
    let sent = drain(&mut queue, &mut pool);
    assert_eq!(sent, "pong9993 of another kind<message>pong");
}

/// A queue at its bound, in which one message is dropped for each that comes: it works through what
/// it drops, not through what it keeps.
#[test]
fn frames_that_stay_are_put_aside_once() {
    let (mut queue, mut pool) = (SendQueue::default(), BlockPool::default());
    queue.set_waits();
    for number in 0..500 {
        write_as(&mut queue, &mut pool, "exempt", FrameClass::Exempt);
        write(&mut queue, &mut pool, &number.to_string());
    }
    let bound = (queue.cost(), SendPolicy::DropOldest);
    for _ in 0..1000 {
        admit(&mut queue, &mut pool, "message", bound);
        pool.reclaim();
    }
    assert!(queue.kept.is_some() && queue.cost() <= bound.0);
    let exempt_bytes = queue.exempt_bytes();
    assert!((3_000..3_100).contains(&exempt_bytes), "{exempt_bytes}");
    let sent = drain(&mut queue, &mut pool);
    assert!(sent.starts_with(&"exempt".repeat(500)) && sent.ends_with("message"));
}

#[test]
fn what_waits_keeps_little_else_alive() {
    let mut pool = BlockPool::default();
    let mut queues: Vec<SendQueue> = (0..100).map(|_| SendQueue::default()).collect();
    // Each is sent from a block that was large for an earlier message, and a byte remains.
    for queue in &mut queues {
        write(queue, &mut pool, &"x".repeat(50_000));
        let sent = one(queue, &mut pool);
        queue.push_front(sent.skip(49_999), &mut pool);
        pool.reclaim();
        write(queue, &mut pool, "short");
    }
    let kept = pool.block_bytes();
    let waiting = pool.waiting_cost();
    assert!(kept < 200_000, "{kept} bytes for {waiting}");
    queues.iter_mut().for_each(|queue| queue.clear(&mut pool));
    assert_eq!(pool.waiting_cost(), 0);
}

#[test]
fn an_empty_queue_keeps_no_memory_of_a_peak() {
    let (mut queue, mut pool) = (SendQueue::default(), BlockPool::default());
    let broadcast = [b'x'; 2 * SHORT_BYTES_MAX];
    for _ in 0..10_000 {
        queue.push(Slice::copy_of(&broadcast), &mut pool);
    }
    let bytes = 10_000 * broadcast.len();
    assert_eq!(queue.cost(), cost(bytes, 10_000, 10_000));
    while queue.next_frame(&mut pool).is_some() {}
    queue.clear(&mut pool);
    assert!(queue.slices.capacity() <= SLICES_KEPT_MAX);
}
