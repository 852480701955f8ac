//! Documents of three kinds, as large as asked for: the same ones in every run.

use allspark_protocol::Dice;

/// Makes a document of so many bytes, or a few more.
type Make = fn(usize) -> Vec<u8>;

/// Each kind by its name.
pub(crate) const KINDS: [(&str, Make); 3] = [
    ("strings", strings),
    ("numbers", numbers),
    ("structure", structure),
];

/// Sentences of up to forty words in a few alphabets, with an escape every dozen words.
fn strings(bytes: usize) -> Vec<u8> {
    let mut dice = Dice::new(1);
    list(bytes, |out| {
        out.push(b'"');
        for word in 0..1 + dice.index(40) {
            if word > 0 {
                out.push(b' ');
            }
            out.extend_from_slice(WORDS[dice.index(WORDS.len())].as_bytes());
            if dice.once_in(12) {
                out.extend_from_slice(ESCAPES[dice.index(ESCAPES.len())].as_bytes());
            }
        }
        out.push(b'"');
    })
}

const WORDS: [&str; 24] = [
    "a",
    "and",
    "at",
    "Autobots",
    "Bumblebee",
    "crosses",
    "dawn",
    "energon",
    "is",
    "meet",
    "now",
    "of",
    "out",
    "river",
    "road",
    "roll",
    "spark",
    "the",
    "to",
    "transmission",
    "we",
    "Zürich",
    "где",
    "日本",
];

const ESCAPES: [&str; 3] = [r"\n", r#"\""#, r"\u00e9"];

/// Counts, large integers of both signs, prices, and floats with an exponent, in turn by chance.
fn numbers(bytes: usize) -> Vec<u8> {
    let mut dice = Dice::new(2);
    list(bytes, |out| {
        let number = match dice.below(4) {
            0 => dice.below(1000).to_string(),
            1 => format!("-{}", dice.roll() >> dice.below(60)),
            2 => (dice.below(100_000_000) as f64 / 1000.0).to_string(),
            _ => format!("{:e}", dice.roll() as f64 / 1e7),
        };
        out.extend_from_slice(number.as_bytes());
    })
}

/// Arrays and objects of one or two members, up to twelve deep, with little in them.
fn structure(bytes: usize) -> Vec<u8> {
    let mut dice = Dice::new(3);
    list(bytes, |out| nest(&mut dice, LEVELS, out))
}

const LEVELS: u32 = 12;

fn nest(dice: &mut Dice, levels: u32, out: &mut Vec<u8>) {
    const LEAVES: [&str; 6] = ["1", "true", "null", r#""x""#, "[]", "{}"];
    if levels == 0 {
        return out.extend_from_slice(LEAVES[dice.index(LEAVES.len())].as_bytes());
    }
    let is_object = dice.once_in(2);
    out.push(if is_object { b'{' } else { b'[' });
    // One long branch, and short ones beside it.
    let short = dice.once_in(2).then_some(0);
    for (at, levels) in [Some(levels - 1), short].into_iter().flatten().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        if is_object {
            let letters = [0; 2].map(|_| char::from(b'a' + dice.index(26) as u8));
            out.extend_from_slice(format!("\"{}{}\":", letters[0], letters[1]).as_bytes());
        }
        let levels = if dice.once_in(6) { 0 } else { levels };
        nest(dice, levels, out);
    }
    out.push(if is_object { b'}' } else { b']' });
}

/// An array of values until it has that many bytes, or a few more.
fn list(bytes: usize, mut value: impl FnMut(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = vec![b'['];
    while out.len() < bytes {
        if out.len() > 1 {
            out.push(b',');
        }
        value(&mut out);
    }
    out.push(b']');
    out
}
