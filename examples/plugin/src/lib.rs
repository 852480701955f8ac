//! A plugin as an application writes its own: each client may send so many messages in a period;
//! what is more is dropped, and the client is told.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use allspark::Primus;
//! use allspark_quota::Quota;
//!
//! let quota = Quota::new(10, Duration::from_secs(1));
//! let primus = Primus::builder().plugin(quota).build()?;
//! primus.listen("127.0.0.1:8080")?;
//! # Ok::<(), allspark::Error>(())
//! ```
//!
//! Its client half emits `quota` on the client, with how many messages it may send in a period.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use allspark::{
    ClientPlugin, Decide, Layer, Packet, Plugin, PluginError, Response, Setup, Spark, Value,
};

/// How many messages a client may send in a period.
#[derive(Clone, Debug)]
pub struct Quota {
    messages: u32,
    period: Duration,
    /// How many were dropped so far, of all clients.
    dropped: Arc<AtomicU64>,
}

/// What is kept with a spark, once it has sent something: its messages in this period.
struct Sent(u32);

impl Quota {
    /// So many messages in a period, of each client.
    pub fn new(messages: u32, period: Duration) -> Self {
        Self {
            messages,
            period,
            dropped: Arc::default(),
        }
    }

    /// How many messages were dropped so far.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Counts a message. Returns whether the application gets it.
    fn count(&self, spark: &mut Spark<'_>) -> bool {
        let sent = match spark.own_mut::<Sent>() {
            Some(sent) => {
                sent.0 = sent.0.saturating_add(1);
                sent.0
            }
            None => {
                spark.set_own(Sent(1));
                // A client that sends nothing has neither a number nor a timer.
                spark.after(self.period, |spark| {
                    spark.take_own::<Sent>();
                });
                1
            }
        };
        if sent == self.messages.saturating_add(1) {
            // Once in a period, however much it sends.
            spark.write(self.told());
        }
        if sent > self.messages {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        sent <= self.messages
    }

    /// What a client is told: `{"quota":10}`.
    fn told(&self) -> Value {
        let mut object = allspark::Object::default();
        object.insert("quota", self.messages);
        Value::Object(object)
    }
}

impl Plugin for Quota {
    fn name(&self) -> &str {
        "quota"
    }

    fn server(&self, setup: &mut Setup<'_>) -> Result<(), PluginError> {
        if self.messages == 0 {
            return Err(PluginError::other(
                "with a quota of 0 nobody could say anything",
            ));
        }
        let quota = self.clone();
        setup.transform_incoming(move |spark: &mut Spark<'_>, _: &mut Packet<'_>| {
            quota.count(spark)
        });
        // Every answer to a request for Primus says what the quota is.
        let messages = self.messages.to_string();
        setup.layers().add(Layer::new("quota", move |request| {
            request.set_header("X-Quota", &messages);
        }));
        // `GET /primus/quota` says how many messages were dropped.
        let path = format!("{}/quota", setup.options().pathname);
        let decide = move |head: &allspark::RequestHead<'_>| match head.path() == path
            && head.method() == "GET"
        {
            true => Decide::Take,
            false => Decide::Pass,
        };
        let quota = self.clone();
        setup.route("quota-counts", 0, decide, move |_| {
            Response::json(200, format!("{{\"dropped\":{}}}", quota.dropped())).into()
        });
        setup.reserve("quota");
        Ok(())
    }

    fn client(&self) -> ClientPlugin {
        include_str!("client.js").into()
    }
}
