//! What the plugin `rooms` needs of the server that it is given to.

use std::any::Any;

use allspark_engine::{self as engine, Plugin};
use allspark_plugins::rooms::Rooms;

use crate::options::Options;
use crate::room_bounds::RoomBounds;

/// If it is that plugin, the server is built with its bounds, which are returned, and it learns
/// where claims are.
pub(crate) fn prepare(
    plugin: &dyn Plugin,
    engine: &mut engine::Options,
    options: &Options,
) -> Option<RoomBounds> {
    let plugin: &dyn Any = plugin;
    let rooms = plugin.downcast_ref::<Rooms>()?;
    engine.rooms = rooms.options().of_server(engine.rooms);
    if options.has_authorization() {
        #[cfg(feature = "auth")]
        rooms.claims_by(claim);
    }
    let bounds = rooms.options();
    Some(RoomBounds {
        per_spark_max: bounds.per_spark_max,
        name_bytes_max: bounds.name_bytes_max,
    })
}

/// A claim of the credential that a client has shown.
#[cfg(feature = "auth")]
fn claim(spark: &engine::Spark<'_>, name: &str) -> Option<engine::Value> {
    use crate::auth::Authorized;

    let claims: engine::Value = spark.auth()?.claims().ok()?;
    claims.get(name).cloned()
}

#[cfg(test)]
mod tests {
    use allspark_engine::RoomOptions;
    use allspark_plugins::rooms::{Rooms, RoomsOptions};

    use crate::Primus;

    #[test]
    fn what_the_plugin_says_of_rooms_outranks_what_the_server_does() {
        let builder = Primus::builder().rooms(RoomOptions {
            per_spark_max: 7,
            ..RoomOptions::default()
        });
        let rooms = Rooms::with_options(RoomsOptions {
            per_spark_max: Some(5),
            name_bytes_max: Some(9),
            ..RoomsOptions::default()
        });
        let built = builder.plugin(rooms).build();
        assert!(built.is_ok(), "{:?}", built.err());
    }
}
