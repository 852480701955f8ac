//! The net alone: a connection whose owner is a number, and a driver that is a list.

use allspark_protocol::options::Bounded;

use super::*;
use crate::config::Options;
use crate::memory::Slice;

const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);

fn ms(ms: u64) -> Instant {
    Instant::from_ms(ms)
}

struct Rig {
    net: Net<u32>,
    now: Instant,
}

impl Rig {
    fn new() -> (Self, Key) {
        let options = Options {
            send_queue_bytes_max: Bounded::of(4 * 1024 * 1024),
            request_timeout_ms: Bounded::of(1_000),
            min_rate_bytes_per_s: Bounded::of(100),
            ..Options::default()
        };
        let now = ms(10);
        let mut net = Net::new(Rules::new(&options), now);
        let key = net.insert(Socket(7), PEER, 42);
        (Self { net, now }, key)
    }

    /// The operations of a turn that ends, by name, and the bytes of sends.
    fn end_turn(&mut self) -> String {
        let ops: Vec<String> = self
            .net
            .take_ops()
            .map(|op| match op {
                Op::Send { bytes, .. } => format!("Send {}", bytes.len()),
                Op::Receive { .. } => "Receive".to_owned(),
                Op::Close { .. } => "Close".to_owned(),
                op => format!("{op:?}").split(' ').next().unwrap().to_owned(),
            })
            .collect();
        self.now = ms(self.now.as_ms() + 1);
        self.net.begin_turn(self.now);
        self.net.after_submit();
        ops.join(", ")
    }

    fn write(&mut self, key: Key, len: usize) {
        let frame = |out: &mut Vec<u8>| out.resize(out.len() + len, b'x');
        self.net.write(key, frame).unwrap();
    }

    fn flush(&mut self) {
        while let Some(key) = self.net.next_dirty() {
            self.net.flush(key);
        }
    }

    fn timer_fires(&mut self, now: Instant) -> bool {
        let mut due = Vec::new();
        self.net.now = now;
        self.net.expire(10, &mut due);
        !due.is_empty()
    }
}

#[test]
fn what_is_written_in_a_turn_leaves_as_one_send() {
    let (mut rig, key) = Rig::new();
    rig.end_turn();
    rig.write(key, 10);
    rig.write(key, 20);
    rig.flush();
    assert_eq!(rig.end_turn(), "Send 30");
    assert!(rig.net.connection(key).is_free(), "it owns no queue now");
    assert_eq!(rig.net.connection(key).owner, 42);
}

#[test]
fn what_the_kernel_refuses_comes_first_when_it_takes_more() {
    let (mut rig, key) = Rig::new();
    rig.write(key, 10);
    rig.flush();
    rig.end_turn();
    rig.net.stalled(key, Slice::copy_of(b"xxxx"));
    rig.write(key, 5);
    rig.flush();
    assert_eq!(rig.end_turn(), "AwaitWritable, AskUnsent");
    rig.net.writable(key);
    rig.flush();
    assert_eq!(rig.end_turn(), "Send 9");
}

#[test]
fn a_peer_that_reads_too_slowly_is_not_listened_to_until_everything_is_sent() {
    let (mut rig, key) = Rig::new();
    rig.end_turn();
    rig.net.stalled(key, Slice::copy_of(b"x"));
    rig.write(key, rig.net.rules.pause_bytes);
    assert!(rig.end_turn().contains("StopReceive"));
    rig.net.writable(key);
    while rig.net.dirty_len() > 0 {
        rig.flush();
        rig.end_turn();
    }
    assert_eq!(rig.net.next_unwatched(), Some(key), "its timer is free");
    assert!(rig.end_turn().contains("Receive"));
}

#[test]
fn what_no_policy_bounds_has_a_bound_that_the_writer_learns_of() {
    let (mut rig, key) = Rig::new();
    let chunk = vec![b'x'; 1024 * 1024];
    let mut written = 0;
    let refused = loop {
        match rig.net.write(key, |out| out.extend_from_slice(&chunk)) {
            Ok(()) => written += chunk.len(),
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused, TooMuch);
    assert!(written >= 8 * chunk.len() && written <= 10 * chunk.len());
    assert!(rig.net.connection(key).is_open(), "its writer decides");
}

#[test]
fn a_connection_that_finishes_sends_shuts_down_and_waits_for_its_peer() {
    let (mut rig, key) = Rig::new();
    rig.end_turn();
    rig.write(key, 10);
    assert!(rig.net.finish(key) && !rig.net.finish(key));
    rig.flush();
    assert_eq!(rig.end_turn(), "Send 10");
    assert_eq!(rig.end_turn(), "Shutdown");
    assert_eq!(rig.net.connection(key).closing(), Closing::Lingering);
    assert!(rig.net.queue_mut(key).is_none(), "nothing is written to it");
    assert!(rig.net.close(key) && !rig.net.close(key));
    assert_eq!(rig.end_turn(), "Close");
    assert_eq!(rig.net.remove(key).owner, 42);
    assert!(rig.net.is_empty() && rig.net.get(key).is_none());
}

#[test]
fn a_watched_peer_must_take_the_least_rate() {
    let (mut rig, key) = Rig::new();
    rig.write(key, 1_000);
    rig.flush();
    rig.end_turn();
    rig.net.stalled(key, Slice::copy_of(&[0; 300]));
    assert!(rig.net.connection(key).is_watched());
    assert_eq!(
        rig.net.unsent(key, Some(700), true),
        Unsent::Fine,
        "it begins"
    );
    assert!(rig.timer_fires(ms(2_000)));
    assert!(rig.net.judge(key), "it asks the kernel again");
    assert_eq!(rig.net.unsent(key, Some(600), true), Unsent::Fine);
    assert_eq!(rig.net.unsent(key, Some(550), false), Unsent::Fine);
    assert_eq!(rig.net.unsent(key, Some(540), true), Unsent::TooSlow(10));
}

#[test]
fn an_owner_that_judges_by_silence_has_the_kernel_asked_first() {
    let (mut rig, key) = Rig::new();
    rig.net.own_timer(key);
    assert_eq!(rig.net.judge_silence(key), Silence::Real);
    rig.net.stalled(key, Slice::copy_of(b"x"));
    assert!(
        !rig.net.connection(key).is_watched(),
        "the timer is its own"
    );
    rig.write(key, rig.net.rules.pause_bytes);
    assert_eq!(rig.net.unsent(key, Some(100), true), Unsent::Fine);
    assert_eq!(rig.net.judge_silence(key), Silence::Asked);
    assert!(matches!(
        rig.net.unsent(key, Some(40), true),
        Unsent::Took(_)
    ));
    assert_eq!(rig.net.judge_silence(key), Silence::Real, "once");
}

#[test]
fn a_completion_for_a_connection_that_is_gone_finds_nobody() {
    let (mut rig, key) = Rig::new();
    let token = token_of(key);
    assert_eq!(rig.net.find(token), Some(key));
    rig.net.remove(key);
    assert_eq!(rig.net.find(token), None);
    let other = rig.net.insert(Socket(8), PEER, 1);
    assert_eq!(other.index, key.index, "the slot is used again");
    assert_eq!(rig.net.find(token), None);
}

/// A session that writes nothing whenever everything is sent would be asked again and again.
#[test]
fn who_writes_nothing_has_written_nothing() {
    let (mut rig, key) = Rig::new();
    assert_eq!(rig.end_turn(), "Receive");
    rig.write(key, 0);
    assert!(rig.net.connection(key).is_free() && !rig.net.has_work());
    rig.write(key, 5);
    rig.write(key, 0);
    assert_eq!(rig.net.connection(key).queue_bytes(), 5);
    rig.flush();
    assert_eq!(rig.end_turn(), "Send 5");
    assert_eq!(rig.net.buffers.blocks.waiting_cost(), 0);
}
