//! Reaches one spark from any thread.

use allspark_protocol::primus::SparkId;

use super::{EndOptions, Message, Spark, SparkError};
use crate::mesh::Command;
use crate::primus::Handle;

/// One spark, from any thread and at any time. What is asked of a spark that has ended is ignored,
/// but for [`SparkHandle::find`], which says so.
///
/// Every method returns at once, or waits while the inbox of the spark's shard is full.
#[derive(Clone, Debug)]
pub struct SparkHandle {
    primus: Handle,
    id: SparkId,
}

impl SparkHandle {
    pub(crate) fn new(primus: Handle, id: SparkId) -> Self {
        Self { primus, id }
    }

    /// The id of the spark.
    pub fn id(&self) -> SparkId {
        self.id
    }

    /// Writes a message. Fails only when it can't be encoded or is longer than a frame can be.
    pub fn write(&self, message: impl Message) -> Result<(), SparkError> {
        let (kind, payload) = self.primus.encode(message)?;
        self.primus.send_to(
            self.id,
            Command::Write {
                id: self.id,
                kind,
                payload,
            },
        );
        Ok(())
    }

    /// Ends the spark; its client does not reconnect.
    pub fn end(&self) {
        self.end_with(EndOptions::default());
    }

    /// Ends the spark.
    pub fn end_with(&self, options: EndOptions) {
        self.primus.send_to(
            self.id,
            Command::End {
                id: self.id,
                options,
            },
        );
    }

    /// Calls `visit` with the spark, on its shard, unless it has ended by then.
    pub fn with(&self, visit: impl FnOnce(&mut Spark<'_>) + Send + 'static) {
        self.find(|spark| {
            if let Some(spark) = spark {
                visit(spark);
            }
        });
    }

    /// Calls `visit` on the spark's shard: with the spark, or with `None` if it has ended by then.
    /// So whoever must know whether a spark is still there asks its shard, which alone knows.
    ///
    /// ```
    /// use std::sync::mpsc::Sender;
    ///
    /// fn tell(spark: &allspark_engine::SparkHandle, orders: Sender<&'static str>) {
    ///     spark.find(move |spark| match spark {
    ///         Some(spark) => drop(spark.write("your order is ready")),
    ///         None => drop(orders.send("the customer has left")),
    ///     });
    /// }
    /// ```
    pub fn find(&self, visit: impl FnOnce(Option<&mut Spark<'_>>) + Send + 'static) {
        let (id, finder) = (self.id, Box::new(visit));
        self.primus.send_to(id, Command::Find { id, finder });
    }
}
