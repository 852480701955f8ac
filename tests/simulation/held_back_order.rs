//! Whoever answers for the transforms that know the spark, and whenever: each spark is written
//! everything once, in the order in which it was written.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark_engine::io::sim::SimNet;
use allspark_engine::limits::ROOM_MEMBERS_AT_ONCE;
use allspark_engine::sim::SimServer;
use allspark_engine::{Options, Packet, Spark, TransformTicket, Transformed};
use allspark_protocol::Dice;
use allspark_protocol::primus::PingInterval;
use allspark_transformers::websockets::WebSockets;

use crate::rooms::Crowd;
use crate::stage::{LATENCY, frame, handshake};
use crate::transforms_later::{Tickets, text, texts};

/// Threads that use tickets, each as it comes.
struct Answerers {
    tickets: Sender<TransformTicket>,
    taken: Arc<AtomicUsize>,
    /// Whether it took its new message, for each ticket that was used.
    used: Receiver<bool>,
    used_count: usize,
}

impl Answerers {
    fn new(threads: usize) -> Self {
        let (tickets, queue) = channel::<TransformTicket>();
        let (done, used) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads {
            let (queue, done) = (Arc::clone(&queue), done.clone());
            std::thread::spawn(move || {
                loop {
                    let ticket = queue.lock().unwrap().recv();
                    let Ok(mut ticket) = ticket else { return };
                    let is_set = ticket.set(text(ticket.data()) + "!").is_ok();
                    std::thread::yield_now();
                    ticket.next();
                    done.send(is_set).unwrap();
                }
            });
        }
        Self {
            tickets,
            taken: Arc::default(),
            used,
            used_count: 0,
        }
    }

    /// Takes a ticket for every other message, or so, and gives it to a thread.
    fn take_some(&self, seed: u64) -> impl Fn(&Spark<'_>, &mut Packet<'_>) -> Transformed + use<> {
        let taken = Arc::clone(&self.taken);
        let dice = Mutex::new((Dice::new(seed), self.tickets.clone()));
        move |_, packet| {
            let (dice, tickets) = &mut *dice.lock().unwrap();
            if dice.below(2) == 0 {
                return Transformed::Next;
            }
            taken.fetch_add(1, Ordering::Relaxed);
            tickets.send(packet.later()).unwrap();
            Transformed::Later
        }
    }

    /// Waits until each ticket that was taken has been used, and says whether there was one.
    fn wait(&mut self) -> bool {
        let taken = self.taken.load(Ordering::Relaxed);
        let waits = self.used_count < taken;
        while self.used_count < taken {
            assert!(self.used.recv().unwrap(), "a ticket took no message");
            self.used_count += 1;
        }
        waits
    }
}

/// Direct writes, broadcasts, messages to a small and to a large room, as they come, while rooms
/// are joined and left.
#[test]
fn each_spark_is_written_everything_once_and_in_order() {
    const WRITES: usize = 200;
    let count = ROOM_MEMBERS_AT_ONCE + 50;
    for seed in 0..3 {
        let mut running = None;
        let mut crowd = Crowd::new(count, |primus| running = Some(primus.clone()));
        let attach = running.expect("the stage calls it");
        let mut answerers = Answerers::new(4);
        attach.transform_outgoing_per_spark(answerers.take_some(seed));
        let mut dice = Dice::new(seed + 100);
        let mut expected: Vec<Vec<String>> = vec![Vec::new(); count];
        let mut is_in = vec![[false; 2]; count];
        let rooms = ["large", "small"];
        crowd.join(rooms[0], 0..count);
        is_in.iter_mut().for_each(|is_in| is_in[0] = true);
        let primus = crowd.stage.primus.clone();
        for number in 0..WRITES {
            let spark = dice.below(count as u64) as usize;
            let word = format!("{number}");
            let to = dice.below(6);
            match to {
                0 => crowd.sparks[spark].write(&*word).unwrap(),
                1 => primus.write(&*word).unwrap(),
                2 | 3 => {
                    let room = to as usize - 2;
                    primus.room(rooms[room]).write(&*word).unwrap();
                    for (texts, is_in) in expected.iter_mut().zip(&is_in) {
                        texts.extend(is_in[room].then(|| word.clone()));
                    }
                }
                _ => {
                    let room = to as usize - 4;
                    let is_in = &mut is_in[spark][room];
                    match *is_in {
                        true => crowd.sparks[spark].leave(rooms[room]),
                        false => crowd.sparks[spark].join(rooms[room]),
                    }
                    *is_in = !*is_in;
                }
            }
            match to {
                0 => expected[spark].push(word),
                1 => expected
                    .iter_mut()
                    .for_each(|texts| texts.push(word.clone())),
                _ => {}
            }
            if dice.below(4) == 0 {
                crowd.stage.turn();
            }
        }
        let mut all: Vec<Vec<String>> = vec![Vec::new(); count];
        loop {
            let waited = answerers.wait();
            let heard = crowd.hear();
            let quiet = heard.iter().all(Vec::is_empty);
            for (all, heard) in all.iter_mut().zip(heard) {
                all.extend(heard.into_iter().map(|text| text.replace('!', "")));
            }
            if !waited && quiet {
                break;
            }
        }
        assert_eq!(all, expected);
        assert_eq!(crowd.stage.primus.stats().bytes_held, 0);
    }
}

/// Tickets of sparks of all shards, and answers that come from other threads to each of them.
#[test]
fn each_shard_asks_for_its_own_sparks() {
    let (net, tickets) = (SimNet::default(), Tickets::default());
    let transformer = WebSockets::uncompressed(1 << 20);
    let options = Options {
        ping_interval: PingInterval::OFF,
        ..Options::default()
    };
    let mut server = SimServer::new(&net, options, &transformer, 3, 1, |primus| {
        let take = tickets.taken_for("late");
        primus.transform_outgoing_per_spark(move |_, packet| take(packet));
        primus.on_data(|spark, data| {
            spark.write("own");
            spark.primus().write(data).unwrap();
            spark.write("own again");
        });
    });
    let run = |server: &mut SimServer<WebSockets>| {
        for _ in 0..20 {
            server.settle();
            net.advance_to(net.now() + Duration::from_millis(1));
        }
    };
    run(&mut server);
    let clients: Vec<_> = (0..6)
        .map(|number| {
            let client = net.connect(number % 3, LATENCY).expect("the shard listens");
            assert!(net.send(client, handshake("").as_bytes()).is_some());
            client
        })
        .collect();
    run(&mut server);
    clients
        .iter()
        .for_each(|client| drop(net.receive(*client, usize::MAX)));
    net.send(clients[0], &frame("\"late\""));
    run(&mut server);
    server.handle().write("after").unwrap();
    run(&mut server);
    assert_eq!(tickets.count(), 6);
    (0..6).for_each(|_| tickets.let_go("late"));
    run(&mut server);
    for (number, client) in clients.into_iter().enumerate() {
        let bytes = net.receive(client, usize::MAX).unwrap_or_default();
        let expected: &[&str] = match number {
            0 => &["own", "late!", "own again", "after"],
            _ => &["late!", "after"],
        };
        assert_eq!(texts(&bytes), expected);
    }
}
