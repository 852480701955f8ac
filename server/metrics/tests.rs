//! A server that is asked for its metrics.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use allspark::{Builder, Destroy, Server};

use super::grammar::{self, Families};
use super::names;
use super::options::MetricsOptions;
use crate::assembly::Assembly;
use crate::log::Lines;

fn started() -> Server {
    let mut assembly = Assembly::new(Builder::default().shards(2), false);
    let options = MetricsOptions { enabled: true };
    super::assemble(&options, &mut assembly, Lines::to_nowhere()).unwrap();
    let (primus, then) = assembly.build().unwrap();
    let server = primus.start("127.0.0.1:0").unwrap();
    then.started(&server).unwrap();
    server
}

/// The head and the body of an answer.
fn ask(address: SocketAddr, method: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("{method} /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

fn metrics_of(server: &Server) -> Families {
    let (head, body) = ask(server.address(), "GET");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let kind = "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n";
    assert!(head.contains(kind), "{head}");
    grammar::read(&body).unwrap_or_else(|reason| panic!("{reason}\n{body}"))
}

fn sum(families: &Families, name: &str) -> f64 {
    let samples = families[name].samples.iter();
    samples.map(|sample| sample.value).sum()
}

#[test]
fn what_is_told_is_open_metrics_and_all_that_is_documented() {
    let server = started();
    let families = metrics_of(&server);
    for metric in names::own().iter().flat_map(|(_, metrics)| metrics) {
        let (stem, unit) = metric.stem_and_unit();
        let name = unit.map_or(stem.to_owned(), |unit| format!("{stem}_{unit}"));
        let family = families
            .get(&name)
            .unwrap_or_else(|| panic!("{name} is not told"));
        assert_eq!(family.help, format!("{}.", metric.help));
        for sample in &family.samples {
            let labels = sample.labels.keys().map(String::as_str);
            let labels: BTreeSet<&str> = labels.filter(|label| *label != "le").collect();
            let expected = metric.labels.iter().copied().collect();
            assert_eq!(labels, expected, "{name}: {sample:?}");
        }
    }
    let tables = names::tables();
    let documented: usize = tables.iter().map(|(_, metrics)| metrics.len()).sum();
    assert!(families.len() <= documented, "nothing else is told");
    assert_eq!(
        families["allspark_connections_accepted"].samples.len(),
        2,
        "by shard"
    );
    assert_eq!(sum(&families, "allspark_connections_accepted"), 1.0);
    assert_eq!(sum(&families, "allspark_shards"), 2.0);
    assert!(sum(&families, "process_resident_memory_bytes") > 1e6);
    server.handle().destroy(Destroy::default());
    server.join().unwrap();
}

#[test]
fn counters_grow_and_only_reading_is_allowed() {
    let server = started();
    let before = metrics_of(&server);
    let (head, body) = ask(server.address(), "HEAD");
    assert!(
        head.starts_with("HTTP/1.1 200 ") && body.is_empty(),
        "{head}"
    );
    let (head, _) = ask(server.address(), "POST");
    assert!(head.starts_with("HTTP/1.1 405 "), "{head}");
    let after = metrics_of(&server);
    let accepted = |families| sum(families, "allspark_connections_accepted");
    assert_eq!(accepted(&after) - accepted(&before), 3.0);
    for (name, family) in before.iter().filter(|(_, family)| family.kind != "gauge") {
        for sample in &family.samples {
            let mut others = after[name].samples.iter();
            let same =
                others.find(|other| other.suffix == sample.suffix && other.labels == sample.labels);
            let same = same.unwrap_or_else(|| panic!("{name}: {sample:?} is gone"));
            assert!(same.value >= sample.value, "{name}: {sample:?} fell");
        }
    }
    server.handle().destroy(Destroy::default());
    server.join().unwrap();
}
