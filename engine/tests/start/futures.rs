//! Futures on shards that sleep: they are woken by other threads, and by time.

use std::future::poll_fn;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use allspark_engine::{Destroy, Options, SparkStream};
use futures_util::StreamExt;

use crate::client::Client;
use crate::drivers;
use crate::plain::server;

const ROUNDS: usize = 200;

/// A value that another thread gives.
#[derive(Clone, Default)]
struct Promise(Arc<Mutex<Promised>>);

#[derive(Default)]
struct Promised {
    value: Option<Vec<u8>>,
    waker: Option<Waker>,
}

impl Promise {
    fn give(&self, value: Vec<u8>) {
        let mut promise = self.0.lock().unwrap();
        promise.value = Some(value);
        let waker = promise.waker.take();
        drop(promise);
        waker.into_iter().for_each(Waker::wake);
    }

    fn poll(&self, context: &Context<'_>) -> Poll<Vec<u8>> {
        let mut promise = self.0.lock().unwrap();
        match promise.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                promise.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Each answer is given by one of eight threads while the shard has nothing else to do.
#[test]
fn a_wake_of_another_thread_ends_the_sleep_of_a_shard() {
    for driver in drivers() {
        let (question, questions) = mpsc::channel::<(Promise, Vec<u8>)>();
        let questions = Arc::new(Mutex::new(questions));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let questions = Arc::clone(&questions);
                thread::spawn(move || {
                    loop {
                        let next = questions.lock().unwrap().recv();
                        let Ok((promise, question)) = next else {
                            return;
                        };
                        promise.give(question.to_ascii_uppercase());
                    }
                })
            })
            .collect();
        let primus = server(Options::default(), 2, driver);
        let question = Mutex::new(question);
        primus.on_stream(move |mut stream: SparkStream| {
            let question = question.lock().unwrap().clone();
            async move {
                while let Some(data) = stream.next().await {
                    let promise = Promise::default();
                    let asked = (promise.clone(), data.encoded().to_vec());
                    question.send(asked).unwrap();
                    let answer = poll_fn(|context| promise.poll(context)).await;
                    let text = String::from_utf8(answer).unwrap();
                    drop(stream.write_now(text.as_str()));
                }
            }
        });
        let running = primus.start("127.0.0.1:0").unwrap();
        let mut clients: Vec<Client> = (0..4).map(|_| Client::open(running.address())).collect();
        for _ in 0..ROUNDS {
            for client in &mut clients {
                client.send(b"7");
                assert_eq!(client.take(3), b"\"7\"");
            }
        }
        drop(clients);
        primus.handle().destroy(Destroy::default());
        running.join().unwrap();
        drop(primus);
        threads.into_iter().for_each(|t| t.join().unwrap());
    }
}

#[test]
fn a_sleep_ends_that_of_its_shard() {
    for driver in drivers() {
        let primus = server(Options::default(), 1, driver);
        primus.on_connection(|spark| {
            let spark = spark.local();
            spark.clone().spawn(async move {
                for number in 0..5_u8 {
                    spark.sleep(Duration::from_millis(5)).await;
                    drop(spark.write(number).await);
                }
                spark.end();
            });
        });
        let running = primus.start("127.0.0.1:0").unwrap();
        let mut client = Client::open(running.address());
        let heard = client.rest();
        assert!(heard.starts_with(b"01234"), "{heard:?}");
        primus.handle().destroy(Destroy::default());
        running.join().unwrap();
    }
}
