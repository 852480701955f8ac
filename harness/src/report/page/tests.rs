use roxmltree::Document;

use super::*;
use crate::report::chart::{Axis, Bar, Bars, Chart, Unit};

const HOSTILE: &str = "</style><script>alert('1')</script>&nbsp;\u{0}";

fn page(ok: bool) -> Page {
    let figure = Figure {
        title: HOSTILE.to_owned(),
        caption: HOSTILE.to_owned(),
        chart: Chart::Bars(Bars {
            axis: Axis::new("messages", Unit::Count),
            bars: vec![Bar {
                name: HOSTILE.to_owned(),
                value: 42.0,
                spread: None,
                note: HOSTILE.to_owned(),
                is_own: true,
            }],
        }),
    };
    Page {
        title: HOSTILE.to_owned(),
        kind: "Test",
        verdict: Verdict {
            ok,
            headline: HOSTILE.to_owned(),
            examples: vec![HOSTILE.to_owned()],
        },
        tiles: vec![Tile {
            label: "Clients",
            value: HOSTILE.to_owned(),
            note: HOSTILE.to_owned(),
        }],
        sections: vec![Section {
            title: HOSTILE.to_owned(),
            sentences: vec![HOSTILE.to_owned()],
            figures: vec![figure],
            table: None,
        }],
        facts: vec![(HOSTILE.to_owned(), HOSTILE.to_owned())],
    }
}

/// The page without its first line is XML.
fn parsed(html: &str) -> Document<'_> {
    let xml = html.strip_prefix("<!doctype html>\n").expect("it is HTML");
    Document::parse(xml).unwrap_or_else(|error| panic!("{error}: {html}"))
}

#[test]
fn foreign_text_is_only_text() {
    let html = page(false).render();
    let document = parsed(&html);
    let names: Vec<_> = document
        .descendants()
        .map(|node| node.tag_name().name())
        .collect();
    assert!(!names.contains(&"script"));
    assert_eq!(names.iter().filter(|name| **name == "style").count(), 1);
    let heading = document.descendants().find(|node| node.has_tag_name("h1"));
    let shown = HOSTILE.replace('\0', "\u{fffd}");
    assert_eq!(heading.and_then(|node| node.text()), Some(&*shown));
}

#[test]
fn a_page_asks_nobody_for_anything() {
    let html = page(true).render();
    for node in parsed(&html).descendants() {
        for name in ["src", "href", "srcset", "data", "action"] {
            assert_eq!(node.attribute(name), None, "{node:?}");
        }
    }
    for word in ["@import", "url("] {
        assert!(!STYLE.contains(word), "{word}");
    }
}

#[test]
fn every_picture_has_a_name_and_its_numbers() {
    let html = page(true).render();
    let document = parsed(&html);
    let mut figures = 0;
    for figure in document.descendants().filter(|n| n.has_tag_name("figure")) {
        let has = |name: &str| figure.descendants().any(|n| n.tag_name().name() == name);
        assert!(
            ["svg", "title", "desc", "figcaption", "table"]
                .into_iter()
                .all(has)
        );
        // Where only a part of the picture is shown, the page says so.
        let part = |class: &str| {
            let mut parts = figure.children();
            let part = parts.find(|part| part.attribute("class") == Some(class));
            part.unwrap_or_else(|| panic!("{class} is missing"))
        };
        assert!(part("plot").children().any(|n| n.has_tag_name("svg")));
        assert!(part("sideways").text().is_some());
        let cells = figure.descendants().filter(|n| n.has_tag_name("td"));
        assert!(cells.filter_map(|n| n.text()).any(|text| text == "42"));
        figures += 1;
    }
    assert_eq!(figures, 1);
}

#[test]
fn the_verdict_is_said_in_words_and_by_colour() {
    assert!(page(true).render().contains("class=\"verdict ok\""));
    assert!(page(false).render().contains("class=\"verdict wrong\""));
}

#[test]
fn an_empty_page_is_a_page() {
    parsed(&Page::default().render());
}
