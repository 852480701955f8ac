//! A chat: who connects has a token that says who they are, everybody reads what anybody writes,
//! `to` makes a message private, each client is told the time once a minute, `/health` answers the
//! load balancer, and SIGTERM sends the clients to another server.
//!
//! Run it with `cargo run --release --example chat` and connect Primus clients to
//! `http://127.0.0.1:8080/?token=ada-secret`. A message is `{"text":"hello"}` or
//! `{"to":"Bob","text":"hello"}`. The same in JavaScript stands in docs/MIGRATING.md.

use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use allspark::{Data, Destroy, Json, LayerRequest, Primus, Response, Routes, Spark};
use serde::{Deserialize, Serialize};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// A token and whose it is. A real one is signed, and has an end.
const TOKENS: &[(&str, &str)] = &[("ada-secret", "Ada"), ("bob-secret", "Bob")];

/// Whose spark it is.
struct User(&'static str);

/// What a client writes.
#[derive(Deserialize)]
struct Message {
    text: String,
    to: Option<String>,
}

/// What a client reads.
#[derive(Clone, Serialize)]
struct Line {
    from: String,
    text: String,
    private: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let server = chat()?.start("127.0.0.1:8080")?;
    println!("the chat is open on {}", server.address());
    signals.forever().next();
    server.handle().destroy(Destroy {
        reconnect: true,
        ..Destroy::default()
    });
    Ok(server.join()?)
}

/// The server, which is not yet started.
pub(crate) fn chat() -> Result<Primus, Box<dyn Error>> {
    let mut routes = Routes::new();
    routes.add("GET", "/health", |_| Response::text(200, "well\n").into())?;
    let primus = Primus::builder()
        .authorization(authorize)
        .routes(routes)
        .build()?;
    primus
        .on_connection(joined)
        .on_data(said)
        .on_error(|_, error| eprintln!("{error}"))
        .on_disconnection(|spark| tell_all(spark, format!("{} has left", name(spark))));
    Ok(primus)
}

/// Finds out who it is. The spark has it as what was attached.
fn authorize(request: &mut LayerRequest<'_>) -> Result<(), &'static str> {
    let token = request.head().query().get("token").unwrap_or_default();
    let (_, name) = TOKENS
        .iter()
        .find(|(known, _)| *known == token)
        .ok_or("who are you?")?;
    request.attach(User(name));
    Ok(())
}

fn joined(spark: &mut Spark<'_>) {
    tell_all(spark, format!("{} has joined", name(spark)));
    spark.every(Duration::from_secs(60), |spark| {
        let time = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        spark.write(Json(from_server(format!("it is {} s", time.as_secs()))));
    });
}

fn said(spark: &mut Spark<'_>, data: Data<'_>) {
    let Message { text, to } = match data.parse() {
        Ok(message) => message,
        Err(error) => {
            spark.write(Json(from_server(format!("that was no message: {error}"))));
            return;
        }
    };
    let line = Line {
        from: name(spark).to_owned(),
        text,
        private: to.is_some(),
    };
    match to {
        // Every shard looks among its own sparks: nobody keeps a table, and nothing is locked.
        Some(to) => spark.primus().for_each(move |spark| {
            if name(spark) == to {
                spark.write(Json(&line));
            }
            true
        }),
        None => tell(spark, line),
    }
}

fn tell_all(spark: &mut Spark<'_>, text: String) {
    tell(spark, from_server(text));
}

fn tell(spark: &mut Spark<'_>, line: Line) {
    if let Err(error) = spark.primus().write(Json(line)) {
        eprintln!("{error}");
    }
}

fn from_server(text: String) -> Line {
    Line {
        from: "server".to_owned(),
        text,
        private: false,
    }
}

fn name(spark: &Spark<'_>) -> &'static str {
    spark.attached::<User>().map_or("nobody", |user| user.0)
}
