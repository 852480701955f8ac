//! What a spark is like, on its shard.

use allspark::Spark;

use super::bounds::ROOMS_OF_SPARK_MAX;
use super::census::latency_ms;
use super::chronicle::shortened;
use super::words::SparkRow;

/// What is shown of a spark. Its history is known elsewhere.
pub(super) fn look(spark: &mut Spark<'_>) -> SparkRow {
    let query = spark.query();
    let rooms_total = spark.rooms_len();
    // Who is in very many rooms is shown without their names.
    let mut rooms = match rooms_total <= 20 * ROOMS_OF_SPARK_MAX {
        true => spark.rooms(),
        false => Vec::new(),
    };
    rooms.sort_unstable();
    rooms.truncate(ROOMS_OF_SPARK_MAX);
    SparkRow {
        is_there: spark.is_open(),
        address: Some(spark.address().to_string()),
        query: Some(without_secrets(query.as_str())).filter(|query| !query.is_empty()),
        secure: spark.is_secure(),
        alive: spark.is_alive(),
        waiting: spark.send_queue_bytes() as u64,
        ms: latency_ms(spark),
        rooms,
        rooms_total,
        ..SparkRow::default()
    }
}

/// A query string without the values of what Primus itself writes there, and of what may be a
/// secret: tokens stand there, and screens are looked at.
fn without_secrets(query: &str) -> String {
    let fields = query.split('&').filter(|field| !field.is_empty());
    let shown = fields.filter_map(|field| {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        let low = name.to_ascii_lowercase();
        let is_secret = SECRETS.iter().any(|secret| low.contains(secret));
        match name.starts_with("_primuscb") {
            true => None,
            false if is_secret && !value.is_empty() => Some(format!("{name}=…")),
            false => Some(field.to_owned()),
        }
    });
    shortened(&shown.collect::<Vec<_>>().join("&")).into()
}

const SECRETS: [&str; 7] = ["token", "secret", "pass", "key", "auth", "session", "jwt"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_a_query_are_not_shown() {
        let query = "_primuscb=abc&name=ann&Access_Token=hush&key&apikey=hush&x=%3Cb%3E";
        let shown = without_secrets(query);
        assert_eq!(shown, "name=ann&Access_Token=…&key&apikey=…&x=%3Cb%3E");
    }
}
