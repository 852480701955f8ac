//! Negotiation against recorded answers of `ws`, and the limits of both directions.

use super::*;
use crate::dice::Dice;
use crate::websocket::Violation;
use crate::websocket::handshake::extensions;

/// What a client may add to `permessage-deflate`.
const OFFERS: [&str; 10] = [
    "",
    "; client_max_window_bits",
    "; client_max_window_bits=15",
    "; client_max_window_bits=9",
    "; server_max_window_bits=8",
    "; server_max_window_bits=\"12\"",
    "; server_no_context_takeover",
    "; client_no_context_takeover",
    "; client_max_window_bits; server_max_window_bits=11; client_no_context_takeover; \
     server_no_context_takeover",
    "; server_max_window_bits=9, permessage-deflate",
];

fn terms(change: impl FnOnce(&mut Terms)) -> Terms {
    let mut terms = Terms::default();
    change(&mut terms);
    terms
}

fn bits(bits: u8) -> WindowBits {
    WindowBits::new(bits).unwrap()
}

/// The answer to an offer, in short: `S` and `C` for the contexts that are forgotten, `s` and `c`
/// for the windows; `-` if it is refused.
fn answer(terms: &Terms, offer: &str) -> String {
    let header = format!("permessage-deflate{offer}");
    let Ok(agreed) = terms.agree(&extensions::parse(&header).unwrap()) else {
        return "-".to_owned();
    };
    let agreed = agreed.unwrap();
    let mut short = String::new();
    short += if agreed.server_no_context_takeover {
        "S"
    } else {
        ""
    };
    short += if agreed.client_no_context_takeover {
        "C"
    } else {
        ""
    };
    for (name, bits) in [
        ('s', agreed.server_max_window_bits),
        ('c', agreed.client_max_window_bits),
    ] {
        short += &bits.map_or_else(String::new, |bits| format!(" {name}{bits}"));
    }
    short.trim_start().to_owned()
}

#[test]
fn offers_are_answered_as_ws_answers_them() {
    let as_ws_by_default = terms(|terms| {
        terms.server_context = ServerContext::AsOffered;
        terms.client_no_context_takeover = false;
    });
    let kept = Terms {
        server_context: ServerContext::Kept,
        ..as_ws_by_default
    };
    // Recorded from `ws` 8.23 with the same options.
    let answers = [
        (
            Terms::default(),
            "SC|SC|SC c15|SC c9|SC s8|SC s12|SC|SC|SC s11|SC s9",
        ),
        (as_ws_by_default, "||c15|c9|s8|s12|S|C|SC s11|s9"),
        (kept, "||c15|c9|s8|s12|-|C|-|s9"),
        (
            terms(|terms| terms.server_window = Window::Fixed(bits(10))),
            "SC s10|SC s10|SC s10 c15|SC s10 c9|-|SC s10|SC s10|SC s10|SC s10|SC s10",
        ),
        (
            terms(|terms| terms.server_window = Window::Unsaid),
            "SC|SC|SC c15|SC c9|-|-|SC|SC|-|SC",
        ),
        (
            terms(|terms| terms.client_window = Window::Fixed(bits(10))),
            "-|SC c10|SC c10|-|-|-|-|-|SC s11 c10|-",
        ),
        (
            terms(|terms| terms.client_window = Window::Unsaid),
            "SC|SC|SC|SC|SC s8|SC s12|SC|SC|SC s11|SC s9",
        ),
    ];
    for (terms, expected) in answers {
        let given = OFFERS.map(|offer| answer(&terms, offer)).join("|");
        assert_eq!(given, expected, "{terms:?}");
    }
}

#[test]
fn malformed_offers_are_refused_even_behind_a_good_one() {
    for offer in [
        "; server_max_window_bits",
        "; server_max_window_bits=7",
        "; server_max_window_bits=16",
        "; server_max_window_bits=08",
        "; client_max_window_bits=7",
        "; client_max_window_bits=x",
        "; server_no_context_takeover=true",
        "; client_no_context_takeover=1",
        "; server_no_context_takeover; server_no_context_takeover",
        "; client_max_window_bits; client_max_window_bits=10",
        "; unknown",
        "; Client_Max_Window_Bits",
    ] {
        assert_eq!(answer(&Terms::default(), offer), "-", "{offer}");
        let second = format!(", permessage-deflate{offer}");
        assert_eq!(answer(&Terms::default(), &second), "-", "{second}");
    }
}

#[test]
fn other_extensions_are_left_alone() {
    let list = extensions::parse("foo; server_max_window_bits=99, x-webkit-deflate-frame").unwrap();
    assert_eq!(Terms::default().agree(&list), Ok(None));
    let offer = "; server_max_window_bits=10, foo; bar=1";
    assert_eq!(answer(&Terms::default(), offer), "SC s10");
}

#[test]
fn offers_and_answers_are_written_as_they_are_read() {
    assert_eq!(
        Offer::default().to_string(),
        "permessage-deflate; client_max_window_bits"
    );
    let offer = Offer {
        server_no_context_takeover: true,
        client_no_context_takeover: true,
        server_max_window_bits: Some(bits(9)),
        client_max_window_bits: ClientWindow::AtMost(bits(10)),
    };
    let written = offer.to_string();
    assert_eq!(
        written,
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
         server_max_window_bits=9; client_max_window_bits=10"
    );
    let [extension] = &extensions::parse(&written).unwrap()[..] else {
        panic!("{written}");
    };
    assert_eq!(Offer::parse(extension), Some(offer));
    assert_eq!(offer.agree(extension).unwrap().to_string(), written);
}

/// What a client understands of an answer.
fn agreed(offer: Offer, parameters: &str) -> Option<String> {
    let answer = format!("permessage-deflate{parameters}");
    let agreed = offer.agree(&extensions::parse(&answer).unwrap()[0]);
    agreed.map(|agreed| agreed.to_string().replace("permessage-deflate", ""))
}

#[test]
fn a_client_accepts_what_it_offered() {
    let offer = Offer::default();
    let most = Offer {
        client_max_window_bits: ClientWindow::AtMost(bits(10)),
        ..offer
    };
    let unsaid = Offer {
        client_max_window_bits: ClientWindow::Unsaid,
        ..offer
    };
    let same = |parameters: &str| Some(parameters.to_owned());
    for parameters in [
        "",
        "; client_no_context_takeover",
        "; server_max_window_bits=9",
    ] {
        assert_eq!(agreed(offer, parameters), same(parameters));
        assert_eq!(agreed(unsaid, parameters), same(parameters));
    }
    let nine = "; client_max_window_bits=9";
    assert_eq!(agreed(offer, nine), same(nine));
    assert_eq!(agreed(most, nine), same(nine));
    assert_eq!(agreed(most, ""), same("; client_max_window_bits=10"));
    assert_eq!(agreed(unsaid, nine), None);
    assert_eq!(agreed(most, "; client_max_window_bits=11"), None);
    for broken in [
        "; client_max_window_bits",
        "; server_max_window_bits",
        "; unknown",
        "; server_no_context_takeover=1",
    ] {
        assert_eq!(agreed(offer, broken), None, "{broken}");
    }
}

const LIMIT: usize = 1 << 20;

fn deflated(payload: &[u8], keeps_context: bool) -> Vec<u8> {
    let mut deflater = Deflater::new(WindowBits::MAX, Effort::DEFAULT, keeps_context);
    deflater.message(payload, &mut Vec::new()).unwrap().to_vec()
}

/// Text like that of applications: it repeats itself, but not exactly.
fn prose(bytes: usize) -> Vec<u8> {
    let words =
        (0..).flat_map(|n: u32| format!("{{\"n\":{n},\"of\":\"{}\"}},", n * n).into_bytes());
    words.take(bytes).collect()
}

/// Bytes without any pattern.
fn noise(bytes: usize) -> Vec<u8> {
    Dice::new(1).bytes(bytes)
}

#[test]
fn the_examples_of_the_rfc_are_understood() {
    // RFC 7692, 7.2.3.1 (one block), 7.2.3.3 (stored), 7.2.3.4 (final) and 7.2.3.5 (two blocks).
    let examples: [&[u8]; 4] = [
        &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
        &[
            0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
        ],
        &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
        &[
            0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
        ],
    ];
    let mut shared = Inflater::new(false);
    for example in examples {
        assert_eq!(shared.message(example, LIMIT), Ok(b"Hello".to_vec()));
        assert_eq!(
            Inflater::new(true).message(example, LIMIT),
            Ok(b"Hello".to_vec())
        );
    }
    // 7.2.3.2: the second message refers to the first.
    let mut keeping = Inflater::new(true);
    let first = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let second = [0xf2, 0x00, 0x11, 0x00, 0x00];
    assert_eq!(keeping.message(&first, LIMIT), Ok(b"Hello".to_vec()));
    assert_eq!(keeping.message(&second, LIMIT), Ok(b"Hello".to_vec()));
    assert_eq!(
        shared.message(&second, LIMIT),
        Err(Violation::InvalidDeflate)
    );
    // 7.2.3.6: the empty message.
    assert_eq!(shared.message(&[0x00], LIMIT), Ok(Vec::new()));
    assert_eq!(shared.message(&[], LIMIT), Ok(Vec::new()));
}

#[test]
fn an_inflater_that_failed_for_one_connection_serves_the_next() {
    let mut inflater = Inflater::new(false);
    let bomb = deflated(&vec![0; 10 * LIMIT], false);
    let good = deflated(&prose(5000), false);
    for _ in 0..2 {
        let garbage = [0xff; 20];
        assert_eq!(
            inflater.message(&garbage, LIMIT),
            Err(Violation::InvalidDeflate)
        );
        assert_eq!(inflater.message(&good, LIMIT), Ok(prose(5000)));
        assert_eq!(
            inflater.message(&bomb, LIMIT),
            Err(Violation::MessageTooBig)
        );
        assert_eq!(inflater.message(&good, LIMIT), Ok(prose(5000)));
    }
}

#[test]
fn the_bound_counts_what_comes_out_to_the_byte() {
    let mut inflater = Inflater::new(false);
    for bytes in [1, 255, 256, 257, 4096, 100_000] {
        let message = deflated(&vec![7; bytes + 20], true);
        let inflated = inflater.message(&message, bytes + 20).unwrap();
        assert_eq!(inflated.len(), bytes + 20);
        assert!(inflated.capacity() <= bytes + 21);
        let refused = inflater.message(&message, bytes + 19);
        assert_eq!(refused, Err(Violation::MessageTooBig));
    }
    assert_eq!(inflater.message(&[0x00], 0), Ok(Vec::new()));
    let one = deflated(b"x", true);
    assert_eq!(inflater.message(&one, 0), Err(Violation::MessageTooBig));
}

#[test]
fn what_does_not_shrink_is_left_alone_unless_the_context_needs_it() {
    let noise = noise(2000);
    let mut scratch = Vec::new();
    let mut forgetting = Deflater::new(WindowBits::MAX, Effort::DEFAULT, false);
    for payload in [&b""[..], b"x", b"short", &noise] {
        assert_eq!(forgetting.message(payload, &mut scratch), None);
    }
    let text = prose(2000);
    let small = forgetting.message(&text, &mut scratch).unwrap().to_vec();
    assert!(small.len() < text.len());
    // The same message again is the same bytes: nothing is remembered.
    assert_eq!(forgetting.message(&noise, &mut scratch), None);
    assert_eq!(forgetting.message(&text, &mut scratch), Some(&small[..]));

    let mut keeping = Deflater::new(WindowBits::MAX, Effort::DEFAULT, true);
    let mut inflater = Inflater::new(true);
    assert_eq!(keeping.message(b"", &mut scratch), None);
    for payload in [&b"x"[..], &noise, &noise, b"x", &text, &text] {
        let message = keeping.message(payload, &mut scratch).unwrap();
        assert_eq!(inflater.message(message, LIMIT).as_deref(), Ok(payload));
    }
}

/// Whether the repetitions are found in a text that repeats itself after `period` bytes and has no
/// other pattern.
fn finds_repetition(period: usize, window: u8) -> bool {
    let text = noise(period).repeat(4);
    let mut deflater = Deflater::new(bits(window), Effort::DEFAULT, false);
    let mut scratch = Vec::new();
    let message = deflater.message(&text, &mut scratch);
    message.is_some_and(|message| message.len() < text.len() * 3 / 4)
}

#[test]
fn no_window_is_looked_back_beyond() {
    for window in 8..15 {
        let beyond = (1 << window) + 1;
        assert!(!finds_repetition(beyond, window), "{window} bits");
        assert!(
            finds_repetition(beyond, 15.min(window + 2)),
            "{window} bits"
        );
    }
    assert!(finds_repetition(240, 8));
}
