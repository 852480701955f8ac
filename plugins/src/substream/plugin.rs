//! What the plugin attaches to a server.

use allspark_engine::{ClientPlugin, Data, Packet, Plugin, PluginError, Setup, Spark, Transformed};

use super::options::{Substream, SubstreamApp, SubstreamOptions};
use super::stream::SubstreamSpark;
use super::streams::{self, Streams};
use super::wire;
use crate::envelope::may_begin;

impl Plugin for Substream {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn server(&self, setup: &mut Setup<'_>) -> Result<(), PluginError> {
        setup.transform_incoming(incoming);
        setup.on_disconnection(streams::end_all);
        if !self.options().streams.is_empty() {
            let options = self.options().clone();
            setup.on_connection(move |spark| open(spark, &options));
        }
        Ok(())
    }

    fn client(&self) -> ClientPlugin {
        include_str!("client.js").into()
    }
}

/// Makes the streams that each spark has.
fn open(spark: &mut Spark<'_>, options: &SubstreamOptions) {
    for name in &options.streams {
        if let (Ok(mut stream), SubstreamApp::Echo) = (spark.substream(name), options.app) {
            stream.on_data(|stream, data: Data<'_>| {
                stream.write(data);
            });
        }
    }
}

/// A message that is for a stream goes to the stream.
fn incoming(spark: &mut Spark<'_>, packet: &mut Packet<'_>) -> Transformed {
    // A message within a message is for nobody else.
    let streams = spark.own::<Streams>().filter(|_| !packet.is_inner());
    let Some(streams) = streams.filter(|streams| !streams.is_empty()) else {
        return Transformed::Next;
    };
    let data = packet.data();
    if !may_begin(data.kind(), data.encoded(), b'{') {
        return Transformed::Next;
    }
    let read = packet.value().ok().and_then(wire::read);
    let Some((name, message)) = read else {
        return Transformed::Next;
    };
    let Some(one) = streams.find(|one| *one.name.0 == *name).cloned() else {
        return Transformed::Next;
    };
    if wire::is_end(message) {
        streams::end(spark, &one);
        return Transformed::Drop;
    }
    let message = message.clone();
    match packet.set(message) {
        Ok(()) => Transformed::Inner(one.inner.clone()),
        Err(error) => Transformed::Fail(error.into()),
    }
}
