//! A load second by second: who was connected, what went to and fro, what it cost.

use super::Section;
use crate::load::series::Second;
use crate::report::chart::{Axis, Chart, Figure, Line, Series, Unit};

/// What a line shows of each second; nothing where it is not known.
type Of = fn(&Second) -> Option<f64>;

/// Charts over time, each only if there is something to show. A single second has no course.
pub(super) fn section(seconds: &[Second]) -> Option<Section> {
    if seconds.len() < 2 {
        return None;
    }
    let figures = [
        clients(seconds),
        messages(seconds),
        latency(seconds),
        pings(seconds),
        processors(seconds),
        memory(seconds),
        kernel(seconds),
    ];
    Some(Section {
        title: "Second by second".to_owned(),
        sentences: phases(seconds).into_iter().collect(),
        figures: figures.into_iter().flatten().collect(),
        table: None,
    })
}

/// A chart over the time since a load, or a simulation, began.
pub(super) fn over_time(title: &str, caption: &str, y: Axis, lines: Vec<Line>) -> Figure {
    Figure {
        title: title.to_owned(),
        caption: caption.to_owned(),
        chart: Chart::Series(Series {
            x: Axis::new("seconds", Unit::Seconds),
            y,
            lines,
            spans: Vec::new(),
        }),
    }
}

/// When what began.
fn phases(seconds: &[Second]) -> Option<String> {
    let mut named = Vec::new();
    let mut last = "";
    for second in seconds.iter().filter(|second| !second.phase.is_empty()) {
        if second.phase != last {
            let at = Unit::Seconds.show(second.t_ms as f64 / 1000.0);
            named.push(format!("{} by {at}", second.phase));
            last = second.phase;
        }
    }
    (!named.is_empty()).then(|| format!("What was going on: {}.", named.join(", ")))
}

fn clients(seconds: &[Second]) -> Option<Figure> {
    let lines = lines(seconds, &[("open", |second| Some(second.open.into()))]);
    figure("Open clients", "At the end of each second.", CLIENTS, lines)
}

fn messages(seconds: &[Second]) -> Option<Figure> {
    let lines = lines(
        seconds,
        &[
            ("received", |second| Some(second.received as f64)),
            ("sent", |second| Some(second.sent as f64)),
        ],
    );
    figure(
        "Messages",
        "By the clients, in each second.",
        PER_SECOND,
        lines,
    )
}

fn latency(seconds: &[Second]) -> Option<Figure> {
    let lines = lines(
        seconds,
        &[
            ("p50", |second| second.latency_us.map(|it| it.p50)),
            ("p99", |second| second.latency_us.map(|it| it.p99)),
            ("max", |second| second.latency_us.map(|it| it.max)),
        ],
    );
    let caption = "Of the messages that arrived in each second.";
    figure("Latency over time", caption, LATENCY, lines)
}

fn pings(seconds: &[Second]) -> Option<Figure> {
    let lines = lines(seconds, &[("pings", |second| Some(second.pings as f64))]);
    let caption = "Pings of Primus that arrived in each second: the flatter, the better spread.";
    figure("Pings over time", caption, PER_SECOND, lines)
}

fn processors(seconds: &[Second]) -> Option<Figure> {
    let lines = lines(
        seconds,
        &[
            ("server", |second| second.server_cpu_percent),
            ("load generator", |second| Some(second.client_cpu_percent)),
        ],
    );
    let caption = "In percent of one core.";
    figure("Processor time over time", caption, PERCENT, lines)
}

fn memory(seconds: &[Second]) -> Option<Figure> {
    let server: Of = |second| second.server_rss_anon_bytes.map(|bytes| bytes as f64);
    let lines = lines(seconds, &[("server", server)]);
    let caption = "Anonymous pages: heap, stacks and buffers.";
    figure("Memory of the server over time", caption, BYTES, lines)
}

fn kernel(seconds: &[Second]) -> Option<Figure> {
    let lines = lines(
        seconds,
        &[
            ("slabs", |second| Some(second.kernel_slab_bytes as f64)),
            ("buffers of TCP", |second| {
                Some(second.kernel_tcp_bytes as f64)
            }),
        ],
    );
    let caption = "Of all that runs on the machine, whoever uses it.";
    figure("Memory of the kernel over time", caption, BYTES, lines)
}

const CLIENTS: Axis = Axis::new("clients", Unit::Count);
const PER_SECOND: Axis = Axis::new("per second", Unit::PerSecond);
const LATENCY: Axis = Axis::new("latency", Unit::Microseconds);
const PERCENT: Axis = Axis::new("percent of a core", Unit::Percent);
const BYTES: Axis = Axis::new("bytes", Unit::Bytes);

/// Lines of which anything is known.
fn lines(seconds: &[Second], wanted: &[(&str, Of)]) -> Vec<Line> {
    let line = |&(name, of): &(&str, Of)| {
        let points = seconds
            .iter()
            .filter_map(|second| Some((second.t_ms as f64 / 1000.0, of(second)?)));
        Line {
            name: name.to_owned(),
            points: points.collect(),
        }
    };
    let lines = wanted.iter().map(line);
    lines.filter(|line| !line.points.is_empty()).collect()
}

/// Nothing if all lines are zero all the time.
fn figure(title: &str, caption: &str, y: Axis, lines: Vec<Line>) -> Option<Figure> {
    let mut values = lines.iter().flat_map(|line| &line.points);
    let says_something = values.any(|point| point.1 != 0.0);
    says_something.then(|| over_time(title, caption, y, lines))
}
