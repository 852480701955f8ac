//! What a server is told while it runs.

use allspark_engine::{self as engine, NeedsRestart};

use crate::options::Options;
use crate::primus::Primus;

impl Primus {
    /// A function that has limits and origins count from now on as these options say, on all
    /// shards, from any thread: of [`Options::cors`] everything, of [`Options::limits`] everything
    /// but the longest message, `per_address_exempt` and what takes a restart, which it returns. In
    /// the rest of the options it does not look. What the plugin `rooms` has said of rooms stays.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use allspark::{Options, Primus};
    ///
    /// let primus = Primus::builder().build()?;
    /// let reconfigure = primus.reconfigurer();
    /// let json = r#"{ "limits": { "head-max": 8192 }, "cors": { "max-age": "1 h" } }"#;
    /// let options: Options = serde_json::from_str(json)?;
    /// assert_eq!(reconfigure(&options), []);
    /// # Ok(())
    /// # }
    /// ```
    pub fn reconfigurer(
        &self,
    ) -> impl Fn(&Options) -> Vec<NeedsRestart> + Send + Sync + use<> + 'static {
        let (handle, rooms) = (self.handle(), self.room_bounds);
        let max_length = self.options.limits.max_length;
        move |options| {
            let mut options = options.clone();
            // What a queue must hold by default follows from the longest message that there is.
            options.limits.max_length = max_length;
            if let Some(contradiction) = options.limits.contradiction() {
                tracing::warn!("{contradiction}");
            }
            let mut live = options.for_engine(engine::Options::default()).live();
            if let Some(max) = rooms.per_spark_max {
                live.rooms_per_spark_max = max;
            }
            if let Some(max) = rooms.name_bytes_max {
                live.room_name_bytes_max = max;
            }
            handle.reconfigure(live)
        }
    }
}

#[cfg(all(test, feature = "plugins"))]
mod tests {
    use allspark_plugins::rooms::{Rooms, RoomsOptions};

    use super::*;

    #[test]
    fn what_the_plugin_says_of_rooms_stays() {
        let rooms = Rooms::with_options(RoomsOptions {
            per_spark_max: Some(5),
            ..RoomsOptions::default()
        });
        let primus = Primus::builder().plugin(rooms).build().unwrap();
        let json = r#"{ "limits": { "rooms-per-spark": 9, "room-name-max": 8, "min-rate": 7 } }"#;
        let options: Options = serde_json::from_str(json).unwrap();
        assert_eq!(primus.reconfigurer()(&options), []);
        let live = primus.handle().live_options();
        assert_eq!((live.rooms_per_spark_max, live.room_name_bytes_max), (5, 8));
        assert_eq!(live.min_rate_bytes_per_s.get(), 7);
    }
}
