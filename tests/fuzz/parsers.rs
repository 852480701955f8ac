//! Every parser: messages that are almost right, and noise. What a parser accepts it decodes; what
//! it decodes it writes again, as the same; and it never holds more than the message warrants.

use allspark_protocol::Value;
use allspark_protocol::parser::{DecodeError, EncodeError, Parser, ParserKind, Scratch};
use allspark_protocol::transformer::Kind;
use allspark_protocol::value::{Date, Extended, Object};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::{below, mutate, noise, variable};

const ROUNDS: u64 = 20_000;

/// Names that mean something to EJSON.
const NAMES: [&str; 8] = [
    "$date", "$binary", "$InfNaN", "$escape", "$regexp", "$flags", "$type", "$value",
];

/// Bytes that mean something to JSON, to binary parsers, or to both.
const TELLING: [u8; 16] = [
    b'"', b'{', b'[', b',', b'\\', b'$', 0x80, 0x91, 0xa0, 0xb1, 0xc1, 0xc7, 0xd4, 0xdb, 0xdd, 0xdf,
];

#[test]
fn no_message_harms_a_parser() {
    let first = variable("FUZZ_SEED", 1);
    let (mut taken, mut refused) = ([0; ParserKind::ALL.len()], [0; ParserKind::ALL.len()]);
    for seed in first..first + variable("FUZZ_ROUNDS", ROUNDS) {
        println!("FUZZ_SEED={seed} FUZZ_ROUNDS=1");
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        for (number, parser) in ParserKind::ALL.into_iter().enumerate() {
            let message = message(parser, &mut rng);
            let kind = match below(&mut rng, 10) {
                0 => Kind::Binary,
                1 => Kind::Text,
                _ => parser.kind(Kind::Text),
            };
            // Transports hand on no text that is not UTF-8.
            let is_sound = kind == Kind::Binary || std::str::from_utf8(&message).is_ok();
            match is_sound && read(parser, kind, &message) {
                true => taken[number] += 1,
                false => refused[number] += 1,
            }
        }
    }
    assert!(taken.iter().all(|&count| count > 10), "{taken:?}");
    assert!(refused.iter().all(|&count| count > 10), "{refused:?}");
}

/// Reads a message in every way there is, and says whether it is one.
fn read(parser: ParserKind, kind: Kind, message: &[u8]) -> bool {
    let mut scratch = Scratch::default();
    let checked = parser.check(kind, message);
    let control = parser.control(kind, message);
    let decoded = parser.decode(kind, message, &mut scratch);
    let typed = parser.decode_as::<Vec<Option<String>>>(kind, message, &mut scratch);
    assert!(typed.is_err() || checked.is_ok() || parser == ParserKind::Ejson);
    let Ok(value) = decoded else {
        assert_eq!(decoded.map(drop), checked.map_err(DecodeError::Invalid));
        return false;
    };
    if checked.is_err() {
        // It looks at members, too, whose name comes again.
        assert_eq!(parser, ParserKind::Ejson);
        return false;
    }
    assert!(control.is_none_or(|text| value.as_str() == Some(text.as_ref())));
    assert!(
        weight(&value) <= 64 * message.len() + 64,
        "{} bytes",
        message.len()
    );
    let mut again = Vec::new();
    let sent = parser.encode_checked(kind, message, &mut again);
    assert_eq!(parser.check(sent, &again), Ok(()));
    let mut written = Vec::new();
    match parser.encode_value(&value, &mut written) {
        Ok(kind) => {
            let read = parser.decode(kind, &written, &mut scratch).unwrap();
            let mut rewritten = Vec::new();
            parser.encode_value(&read, &mut rewritten).unwrap();
            assert_eq!(rewritten, written, "{value:?}");
        }
        // A whole number that only a double could say.
        Err(error) => assert!(matches!(error, EncodeError::Unsupported { .. }), "{error}"),
    }
    true
}

/// Bytes that a value takes, about.
fn weight(value: &Value) -> usize {
    let own = size_of::<Value>();
    own + match value {
        Value::String(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Array(values) => values.iter().map(weight).sum(),
        Value::Object(object) => {
            let members = object.iter();
            let bytes =
                members.map(|(name, value)| size_of::<String>() + name.len() + weight(value));
            bytes.sum()
        }
        Value::Extended(extended) => {
            size_of::<Extended>()
                + match &**extended {
                    Extended::Custom { value, .. } => weight(value),
                    _ => 0,
                }
        }
        _ => 0,
    }
}

/// A message, mostly damaged.
fn message(parser: ParserKind, rng: &mut ChaCha12Rng) -> Vec<u8> {
    let mut message = Vec::new();
    match below(rng, 8) {
        0 => message = noise(rng, 60),
        1 => {
            let length = below(rng, 60);
            message.extend((0..length).map(|_| TELLING[below(rng, TELLING.len())]));
        }
        2 => drop(parser.encode_str("primus::pong::1", &mut message)),
        3 => message = TELLING[below(rng, TELLING.len())..][..1].repeat(below(rng, 3_000)),
        _ => {
            // What a parser can't express is left out.
            let _ = parser.encode_value(&value(rng, 4), &mut message);
        }
    }
    mutate(&mut message, rng);
    if parser.kind(Kind::Text) == Kind::Text && below(rng, 4) > 0 {
        message = String::from_utf8_lossy(&message).into_owned().into_bytes();
    }
    message
}

fn value(rng: &mut ChaCha12Rng, depth: usize) -> Value {
    let count = below(rng, 5);
    match below(rng, if depth == 0 { 9 } else { 12 }) {
        0 => Value::Null,
        1 => (below(rng, 2) == 0).into(),
        2 => (rng.next_u64() as i64 >> below(rng, 64)).into(),
        3 => rng.next_u64().into(),
        4 => f64::from_bits(rng.next_u64()).into(),
        5 => String::from_utf8_lossy(&noise(rng, 40)).into_owned().into(),
        6 => Value::Bytes(noise(rng, 300)),
        7 => Date::from_epoch_ms(rng.next_u64() as i64 >> 20).map_or(Value::Null, Into::into),
        8 => Extended::Extension {
            kind: rng.next_u64() as u8,
            bytes: noise(rng, 20),
        }
        .into(),
        9 => Value::Array((0..count).map(|_| value(rng, depth - 1)).collect()),
        _ => {
            let names = if below(rng, 2) == 0 { 1 } else { count };
            let members = (0..names).map(|_| {
                let name = NAMES[below(rng, NAMES.len())].to_owned();
                (name, value(rng, depth - 1))
            });
            Value::Object(Object::from(members.collect::<Vec<_>>()))
        }
    }
}
