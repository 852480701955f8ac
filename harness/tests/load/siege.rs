//! The siege: attackers of every kind beside honest clients, against a whole server.

use allspark_engine::io::DriverChoice;
use allspark_engine::{Options, Primus};
use allspark_protocol::options::Bounded;
use allspark_transformers::{AnyTransformer, CommonOptions, TransformerKind};

use crate::tls::Secure;
use crate::{Run, lively, load_at};

/// Attackers of each kind.
const EACH: u64 = 50;

/// Kinds of attackers.
const KINDS: usize = 13;

/// A few of each, which is no matter of time: what is judged is that honest clients get all that is
/// theirs, and that each attacker attacks.
#[test]
fn every_kind_of_attacker_has_its_way_and_honest_clients_theirs() {
    std::thread::scope(|scope| {
        for driver in [DriverChoice::Epoll, DriverChoice::Auto] {
            scope.spawn(move || besiege_plainly(driver));
        }
        scope.spawn(besiege_over_tls);
    });
}

fn besiege_plainly(driver: DriverChoice) {
    let any = AnyTransformer::new(TransformerKind::Any, &CommonOptions::default(), &[]);
    let primus = Primus::new(
        Options::default(),
        any.unwrap(),
        Some(Bounded::of(1)),
        driver,
    );
    primus.on_connection(|spark| {
        spark.on_data(|spark, data| {
            spark.write(data);
        });
    });
    let server = primus.start("0.0.0.0:0").unwrap();
    let port = server.addresses()[0].port();
    besiege(&format!("http://127.0.0.1:{port}"), driver, &[]);
}

/// Where each of them shakes hands first, but for those that never finish that.
fn besiege_over_tls() {
    let server = Secure::start(DriverChoice::Auto);
    besiege(&server.url, DriverChoice::Auto, &["--insecure"]);
}

fn besiege(url: &str, driver: DriverChoice, further: &[&str]) {
    let attack = format!("--attack=all={EACH}");
    let options = ["--clients", "10", "--p99-factor", "0", &attack];
    let name = driver.to_string();
    let options = [&options[..], &["--driver", &name], further].concat();
    let is_enough = |run: &Run| {
        let received = |period| run.report["siege"][period]["window"]["received"].as_u64();
        let mut periods = ["before", "during", "after"].into_iter();
        periods.all(|period| received(period) > Some(0))
    };
    let run = lively(is_enough, || load_at(url, &options));
    let siege = &run.report["siege"];
    let troops = siege["attackers"].as_array().unwrap();
    assert_eq!(troops.len(), KINDS);
    for troop in troops {
        assert_eq!(troop["refused"], 0, "{troop}");
        let connections = troop["connections"].as_u64().unwrap();
        assert!(connections >= EACH, "{troop}");
    }
    assert!(run.page.contains("The siege"), "{}", run.page);
}
