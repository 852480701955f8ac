//! A chat in one room: everybody reads what anybody writes, newcomers are announced, and the
//! server itself tells the time once a minute, from a thread of its own.
//!
//! Run it with `cargo run --release --example chat` and connect Primus clients to
//! `http://127.0.0.1:8080/primus?name=Ada`. A message is `{"text":"hello"}`.

use std::time::Duration;

use allspark::{Data, Json, Spark};

/// What everybody reads.
#[derive(serde::Serialize)]
struct Line<'a> {
    from: &'a str,
    text: &'a str,
}

/// What a client writes.
#[derive(serde::Deserialize)]
struct Message {
    text: String,
}

fn main() -> Result<(), allspark::Error> {
    let primus = allspark::Primus::builder().build()?;
    primus.on_connection(|spark| {
        let name = spark
            .query()
            .get("name")
            .unwrap_or("somebody".into())
            .into_owned();
        tell(spark, "server", &format!("{name} has joined"));
        spark.on_error(|_, error| eprintln!("{error}"));
        spark.on_data(move |spark, data| said(spark, &name, data));
    });

    let handle = primus.handle();
    std::thread::spawn(move || {
        for minutes in 1.. {
            std::thread::sleep(Duration::from_secs(60));
            let text = format!("this room is open for {minutes} min");
            // A line of text can always be encoded.
            let _ = handle.write(Json(Line {
                from: "server",
                text: &text,
            }));
        }
    });
    primus.listen("127.0.0.1:8080")
}

fn said(spark: &mut Spark<'_>, name: &str, data: Data<'_>) {
    match data.parse::<Message>() {
        Ok(message) => tell(spark, name, &message.text),
        Err(error) => {
            let text = format!("that was no message: {error}");
            spark.write(Json(Line {
                from: "server",
                text: &text,
            }));
        }
    }
}

fn tell(spark: &mut Spark<'_>, from: &str, text: &str) {
    if let Err(error) = spark.primus().write(Json(Line { from, text })) {
        eprintln!("{error}");
    }
}
