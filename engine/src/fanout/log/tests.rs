use super::*;

fn append(log: &mut Log, pool: &mut BlockPool, text: &str) {
    let frame = |out: &mut Vec<u8>| out.extend_from_slice(text.as_bytes());
    log.append(pool, frame).unwrap();
}

fn since(log: &Log, seen: u64) -> String {
    let bytes: Vec<u8> = log.since(seen).flat_map(|slice| slice.to_vec()).collect();
    String::from_utf8(bytes).unwrap()
}

/// The first piece that is due.
fn next_since(log: &Log, seen: u64) -> Slice {
    let mut part = log.due_from(seen).unwrap()..log.head();
    log.take_first(&mut part).unwrap()
}

#[test]
fn each_reader_gets_what_it_has_not_seen() {
    let (mut log, mut pool) = (Log::default(), BlockPool::default());
    append(&mut log, &mut pool, "one");
    let held: Vec<Slice> = log.since(0).collect();
    append(&mut log, &mut pool, "two");
    append(&mut log, &mut pool, "three");
    assert_eq!(&*held[0], b"one", "what is shared does not change");
    assert_eq!(since(&log, 0), "onetwothree");
    assert_eq!(since(&log, 3), "twothree");
    assert_eq!(since(&log, 6), "three");
    assert_eq!(since(&log, log.head()), "");
}

#[test]
fn what_waits_grows_instead_of_becoming_more() {
    let (mut log, mut pool) = (Log::default(), BlockPool::default());
    append(&mut log, &mut pool, "one");
    let mut held = next_since(&log, 0);
    for number in 0..1000 {
        let seen = log.head();
        append(&mut log, &mut pool, &format!("<{number}>"));
        let next = next_since(&log, seen);
        held.extend(next).expect("it lies right behind");
        log.forget_before(log.head(), &mut pool);
    }
    assert_eq!(held.frames(), 1001);
    assert!(held.starts_with(b"one<0><1>") && held.ends_with(b"<999>"));
    assert!(log.segments.len() == 1 && pool.block_bytes() < 2 * SEGMENT_BYTES);
}

#[test]
fn readers_at_one_offset_share_what_was_put_together() {
    let (mut log, mut pool) = (Log::default(), BlockPool::default());
    let big = "x".repeat(ALONE_BYTES);
    append(&mut log, &mut pool, "one");
    append(&mut log, &mut pool, &big);
    let first = log.piece_since(0, &mut pool).unwrap();
    let second = log.piece_since(0, &mut pool).unwrap();
    assert_eq!(&*first, format!("one{big}").as_bytes());
    assert_eq!(first.frames(), 2);
    assert_eq!(first.as_ptr(), second.as_ptr());
    assert_eq!(&*log.piece_since(3, &mut pool).unwrap(), big.as_bytes());
    append(&mut log, &mut pool, "two");
    let all = log.piece_since(0, &mut pool).unwrap();
    assert_eq!(&*all, format!("one{big}two").as_bytes());
    assert_eq!(first.len(), all.len() - 3, "what is shared does not change");
    assert!(log.piece_since(log.head(), &mut pool).is_none());
}

#[test]
fn too_much_for_one_send_is_not_put_together() {
    let (mut log, mut pool) = (Log::default(), BlockPool::default());
    let half = "x".repeat(JOINED_BYTES_MAX as usize / 2);
    append(&mut log, &mut pool, &half);
    append(&mut log, &mut pool, &half);
    assert!(log.piece_since(0, &mut pool).is_some());
    append(&mut log, &mut pool, "x");
    assert!(log.piece_since(0, &mut pool).is_none());
}

#[test]
fn forgets_what_all_have_seen() {
    let (mut log, mut pool) = (Log::default(), BlockPool::default());
    let big = "x".repeat(ALONE_BYTES);
    append(&mut log, &mut pool, "one");
    append(&mut log, &mut pool, &big);
    append(&mut log, &mut pool, "two");
    log.forget_before(2, &mut pool);
    assert_eq!((log.segments.len(), log.kept_bytes()), (3, big.len() + 4));
    log.forget_before(3, &mut pool);
    assert_eq!((log.segments.len(), log.kept_bytes()), (2, big.len() + 3));
    log.forget_before(log.head(), &mut pool);
    assert_eq!((log.segments.len(), log.kept_bytes()), (1, 0));
    let head = log.head();
    append(&mut log, &mut pool, "new");
    assert_eq!(since(&log, head), "new");
    let block = &log.segments[0].block;
    assert_eq!(block.len(), 3, "memory that nobody needs is used again");
}
