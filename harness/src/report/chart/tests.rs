use proptest::prelude::*;
use roxmltree::{Document, Node};

use super::*;

/// What nobody wants on an axis.
const ODD: [f64; 9] = [
    0.0,
    -1.0,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::MAX,
    f64::MIN_POSITIVE,
    1e300,
    0.1,
];

fn figure(chart: Chart) -> Figure {
    Figure {
        title: "A <title> & \"more\"".to_owned(),
        caption: "It's \u{0}here".to_owned(),
        chart,
    }
}

fn line(points: Vec<(f64, f64)>) -> Line {
    Line {
        name: "<b>'&\"\u{1b}".to_owned(),
        points,
    }
}

fn series(lines: Vec<Vec<(f64, f64)>>) -> Chart {
    Chart::Series(Series {
        x: Axis::new("time", Unit::Seconds),
        y: Axis::new("clients", Unit::Count),
        lines: lines.into_iter().map(line).collect(),
        spans: ODD
            .windows(2)
            .map(|ends| Span {
                name: "<outage>".to_owned(),
                from: ends[0],
                to: ends[1],
            })
            .collect(),
    })
}

fn percentiles(points: Vec<(f64, f64)>) -> Chart {
    Chart::Percentiles(PercentileCurve {
        label: "latency",
        unit: Unit::Microseconds,
        lines: vec![line(points.clone()), line(points)],
    })
}

fn histogram(counts: &[f64]) -> Chart {
    let bins = counts.iter().enumerate().map(|(index, &count)| Bin {
        from: 2_f64.powi(index as i32),
        to: 2_f64.powi(index as i32 + 1),
        count,
        expected: (index % 2 == 0).then_some(count / 2.0),
    });
    Chart::Histogram(Histogram {
        x: Axis::new("delay", Unit::Microseconds),
        label: "attempts",
        bins: bins.collect(),
    })
}

fn bars(values: &[f64]) -> Chart {
    let bars = values.iter().map(|&value| Bar {
        name: "a name that is far too long for its column & more".to_owned(),
        value,
        spread: Some((value / 2.0, value * 2.0)),
        note: "0.85 of <another> one".to_owned(),
        is_own: value > 1.0,
    });
    Chart::Bars(Bars {
        axis: Axis::new("bytes", Unit::Bytes),
        bars: bars.collect(),
    })
}

fn number(node: Node<'_, '_>, name: &str) -> f64 {
    let text = node.attribute(name).unwrap_or_default();
    text.parse()
        .unwrap_or_else(|_| panic!("{name}={text:?} of {node:?}"))
}

/// The corners of a mark or a label.
fn corners(node: Node<'_, '_>) -> Vec<(f64, f64)> {
    let of = |name| number(node, name);
    match node.tag_name().name() {
        "line" => vec![(of("x1"), of("y1")), (of("x2"), of("y2"))],
        "circle" => vec![(of("cx"), of("cy"))],
        "rect" => {
            let (x, y) = (of("x"), of("y"));
            assert!(of("width") >= 0.0 && of("height") >= 0.0, "{node:?}");
            vec![(x, y), (x + of("width"), y + of("height"))]
        }
        "polyline" => {
            let points = node.attribute("points").unwrap_or_default();
            let point = |pair: &str| {
                let (x, y) = pair.split_once(',').expect("a pair");
                (x.parse().unwrap(), y.parse().unwrap())
            };
            points.split_whitespace().map(point).collect()
        }
        "text" => {
            let width = svg::text_width(node.text().unwrap_or_default());
            let left = match node.attribute("text-anchor") {
                Some("end") => of("x") - width,
                Some("middle") => of("x") - width / 2.0,
                _ => of("x"),
            };
            vec![(left, of("y") - 10.0), (left + width, of("y"))]
        }
        _ => Vec::new(),
    }
}

fn is(node: Node<'_, '_>, class: &str) -> bool {
    let classes = node.attribute("class").unwrap_or_default();
    classes.split(' ').any(|it| it == class)
}

/// Reads a picture back: it is well-formed, everything is on it, data is inside the axes, and no
/// label of a tick is on another one.
fn check(figure: &Figure) {
    check_picture(&figure.svg(Size::Full));
    check_picture(&figure.svg(Size::Half));
}

fn check_picture(svg: &str) {
    let document = Document::parse(svg).unwrap_or_else(|error| panic!("{error}: {svg}"));
    let root = document.root_element();
    let size: Vec<f64> = root.attribute("viewBox").unwrap()[4..]
        .split(' ')
        .map(|number| number.parse().unwrap())
        .collect();
    for node in document.descendants() {
        for (x, y) in corners(node) {
            let fits = (-2.0..=size[0] + 2.0).contains(&x) && (-2.0..=size[1] + 2.0).contains(&y);
            assert!(fits, "({x}, {y}) of {node:?} in {svg}");
        }
    }
    check_plot(&document);
    check_labels(&document);
}

/// The grid spans the plot.
fn check_plot(document: &Document<'_>) {
    let grid = document.descendants().filter(|node| is(*node, "grid"));
    let grid: Vec<_> = grid.flat_map(corners).collect();
    let fold = |of: fn(&(f64, f64)) -> f64, with: fn(f64, f64) -> f64, start: f64| {
        grid.iter().map(of).fold(start, with)
    };
    let (left, right) = (
        fold(|p| p.0, f64::min, f64::INFINITY),
        fold(|p| p.0, f64::max, 0.0),
    );
    let (top, bottom) = (
        fold(|p| p.1, f64::min, f64::INFINITY),
        fold(|p| p.1, f64::max, 0.0),
    );
    let marks = document.descendants().filter(|node| {
        let is_legend = node.tag_name().name() == "line" && is(*node, "line");
        ["line", "dot", "bar", "spread", "span"]
            .iter()
            .any(|class| is(*node, class))
            && !is_legend
    });
    for mark in marks {
        for (x, y) in corners(mark) {
            let is_inside =
                (left - 0.2..=right + 0.2).contains(&x) && (top - 0.2..=bottom + 0.2).contains(&y);
            assert!(is_inside, "({x}, {y}) of {mark:?}");
        }
    }
}

fn check_labels(document: &Document<'_>) {
    let labels = document.descendants().filter(|node| is(*node, "tick"));
    let boxes: Vec<_> = labels
        .map(|node| (corners(node), node.text().unwrap_or_default()))
        .collect();
    for (index, (a, a_text)) in boxes.iter().enumerate() {
        for (b, b_text) in &boxes[index + 1..] {
            let apart =
                a[1].0 <= b[0].0 || b[1].0 <= a[0].0 || a[1].1 <= b[0].1 || b[1].1 <= a[0].1;
            assert!(apart, "{a_text:?} on {b_text:?}");
        }
    }
}

#[test]
fn nothing_and_a_single_point_make_a_chart() {
    for chart in [
        series(vec![]),
        series(vec![vec![]]),
        series(vec![vec![(0.0, 0.0)]]),
        series(vec![vec![(5.0, 7.0)], vec![]]),
        percentiles(vec![]),
        percentiles(vec![(0.5, 12.0)]),
        percentiles(vec![(1.0, 0.0)]),
        histogram(&[]),
        histogram(&[3.0]),
        bars(&[]),
        bars(&[0.0]),
    ] {
        check(&figure(chart));
    }
}

#[test]
fn a_single_point_is_seen() {
    for chart in [
        series(vec![vec![(5.0, 7.0)]]),
        percentiles(vec![(0.5, 1.0)]),
    ] {
        assert!(figure(chart).svg(Size::Full).contains("<circle"));
    }
}

#[test]
fn odd_numbers_stay_inside() {
    check(&figure(histogram(&ODD)));
    check(&figure(bars(&ODD)));
    for odd in ODD {
        check(&figure(series(vec![vec![
            (0.0, 1.0),
            (odd, odd),
            (2.0, 3.0),
        ]])));
        check(&figure(percentiles(vec![
            (0.0, 1.0),
            (odd, 2.0),
            (0.9, odd),
        ])));
        check(&figure(bars(&[odd])));
        check(&figure(histogram(&[odd, odd])));
    }
}

#[test]
fn names_are_escaped() {
    let svg = figure(series(vec![vec![(1.0, 1.0)], vec![(1.0, 2.0)]])).svg(Size::Full);
    assert!(svg.contains("&lt;b&gt;&#39;&amp;&quot;\u{fffd}"), "{svg}");
    assert!(!svg.contains("<b>"));
    let document = Document::parse(&svg).unwrap();
    let title = document
        .descendants()
        .find(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "title")));
    assert_eq!(
        title.and_then(|node| node.text()),
        Some("A <title> & \"more\"")
    );
}

#[test]
fn long_lines_are_thinned_and_keep_their_peaks() {
    let mut points: Vec<_> = (0..50_000).map(|n| (f64::from(n), 1.0)).collect();
    points[31_234].1 = 9.0;
    let figure = figure(series(vec![points]));
    check(&figure);
    let svg = figure.svg(Size::Full);
    assert!(svg.len() < 60_000, "{}", svg.len());
    let document = Document::parse(&svg).unwrap();
    let drawn = document
        .descendants()
        .find(|node| node.tag_name().name() == "polyline")
        .map(corners)
        .unwrap();
    assert!(drawn.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    let highest = drawn
        .iter()
        .map(|point| point.1)
        .fold(f64::INFINITY, f64::min);
    let lowest = drawn.iter().map(|point| point.1).fold(0.0, f64::max);
    assert!(lowest - highest > 100.0, "the peak is gone");
    assert!(figure.table().rows.len() <= 60);
}

#[test]
fn tables_say_what_charts_show() {
    let table = figure(histogram(&[3.0, 2.0])).table();
    assert_eq!(table.head, ["delay", "attempts", "expected"]);
    assert_eq!(table.rows[0], ["1 µs to 2 µs", "3", "1.5"]);
    assert_eq!(table.rows[1], ["2 µs to 4 µs", "2", "–"]);
    let table = figure(percentiles(vec![(0.5, 10.0), (0.9, 20.0), (0.999, 4000.0)])).table();
    let column: Vec<_> = table.rows.iter().map(|row| row[..2].join(": ")).collect();
    let expected = [
        "50 %: 10 µs",
        "75 %: 20 µs",
        "90 %: 20 µs",
        "99 %: 4 ms",
        "99.9 %: 4 ms",
    ];
    assert_eq!(column, expected);
    let table = figure(bars(&[2048.0])).table();
    assert_eq!(table.rows[0][1..4], ["2 KiB", "1 KiB", "4 KiB"]);
    let table = figure(series(vec![vec![(0.0, 1.0), (1.0, 2.0)], vec![(1.0, 3.0)]])).table();
    assert_eq!(table.rows, [["0 s", "1", "–"], ["1 s", "2", "3"]]);
}

#[test]
fn numbers_are_short() {
    for (unit, value, text) in [
        (Unit::Count, 0.0, "0"),
        (Unit::Count, 12_345.0, "12.3 k"),
        (Unit::PerSecond, 999.4, "999 /s"),
        (Unit::PerSecond, 2_000_000.0, "2 M/s"),
        (Unit::Microseconds, 0.25, "0.25 µs"),
        (Unit::Microseconds, 1500.0, "1.5 ms"),
        (Unit::Bytes, -2048.0, "-2 KiB"),
        (Unit::Percent, 99.96, "100 %"),
        (Unit::Count, 1e300, "1.0e291 G"),
        (Unit::Seconds, f64::NAN, "–"),
    ] {
        assert_eq!(unit.show(value), text);
    }
}

fn points() -> impl Strategy<Value = Vec<(f64, f64)>> {
    let value = prop_oneof![0.0..1e-6, 0.0..2.0, 0.0..1e6, proptest::num::f64::ANY];
    proptest::collection::vec((value.clone(), value), 0..40)
}

proptest! {
    #[test]
    fn whatever_the_numbers_are_charts_are_whole(points in points()) {
        let values: Vec<_> = points.iter().map(|point| point.1).collect();
        check(&figure(series(vec![points.clone(), points.clone()])));
        check(&figure(percentiles(points)));
        check(&figure(histogram(&values)));
        check(&figure(bars(&values)));
    }
}
