//! Numbers as JavaScript prints them (ECMA-262, Number::toString).

use std::fmt::LowerExp;
use std::io::{self, Write};

use serde_json::ser::{CompactFormatter, Formatter};

/// The most bytes of a float in either form: sign, 17 digits, point, `e-324`.
const FORM_BYTES_MAX: usize = 24;

/// The text of any float, as a key of an object has it.
pub(super) fn text(float: f64) -> String {
    match float {
        float if float.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        finite => {
            let mut out = Vec::new();
            write_f64(&mut out, finite).expect("a Vec takes every write");
            String::from_utf8_lossy(&out).into_owned()
        }
    }
}

/// Writes a finite float with the fewest digits that read back as the same float.
pub(super) fn write_f64<W: ?Sized + Write>(out: &mut W, float: f64) -> io::Result<()> {
    let mut buffer = [0; FORM_BYTES_MAX];
    let mut rest = &mut buffer[..];
    CompactFormatter.write_f64(&mut rest, float)?;
    let unused = rest.len();
    write_form(out, &buffer[..FORM_BYTES_MAX - unused], float)
}

/// The same for half as many bits, which have fewer digits.
pub(super) fn write_f32<W: ?Sized + Write>(out: &mut W, float: f32) -> io::Result<()> {
    let mut buffer = [0; FORM_BYTES_MAX];
    let mut rest = &mut buffer[..];
    CompactFormatter.write_f32(&mut rest, float)?;
    let unused = rest.len();
    write_form(out, &buffer[..FORM_BYTES_MAX - unused], float)
}

/// Writes what serde_json makes of a float. It has the right digits, and where it writes no
/// exponent JavaScript writes none either, nor a fraction of zero.
fn write_form<W: ?Sized + Write>(out: &mut W, form: &[u8], float: impl LowerExp) -> io::Result<()> {
    match form {
        b"-0.0" => out.write_all(b"0"),
        form if form.contains(&b'e') => write_large_or_small(out, float),
        [whole @ .., b'.', b'0'] => out.write_all(whole),
        form => out.write_all(form),
    }
}

/// Turns Rust's `-1.25e-7` into what JavaScript writes.
#[cold]
fn write_large_or_small<W: ?Sized + Write>(out: &mut W, float: impl LowerExp) -> io::Result<()> {
    let form = format!("{float:e}");
    let (mantissa, exponent) = form.split_once('e').unwrap_or((&form, "0"));
    let digits = mantissa.trim_start_matches('-').replace('.', "");
    if mantissa.starts_with('-') {
        out.write_all(b"-")?;
    }
    write_digits(out, digits.as_bytes(), exponent.parse().unwrap_or(0))
}

/// Writes `digits`, the first of which stands for that many times ten to the `exponent`.
fn write_digits<W: ?Sized + Write>(out: &mut W, digits: &[u8], exponent: i32) -> io::Result<()> {
    const ZEROS: [u8; 21] = [b'0'; 21];
    match exponent {
        0..=20 => {
            let whole = exponent as usize + 1;
            if digits.len() > whole {
                out.write_all(&digits[..whole])?;
                out.write_all(b".")?;
                out.write_all(&digits[whole..])
            } else {
                out.write_all(digits)?;
                out.write_all(&ZEROS[..whole - digits.len()])
            }
        }
        -6..=-1 => {
            out.write_all(b"0.")?;
            out.write_all(&ZEROS[..(-exponent - 1) as usize])?;
            out.write_all(digits)
        }
        _ => {
            out.write_all(&digits[..1])?;
            if digits.len() > 1 {
                out.write_all(b".")?;
                out.write_all(&digits[1..])?;
            }
            let sign = if exponent < 0 { '-' } else { '+' };
            write!(out, "e{sign}{}", exponent.abs())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(float: f64) -> String {
        let mut out = Vec::new();
        write_f64(&mut out, float).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The right-hand sides are what Node.js prints.
    #[test]
    fn floats_look_like_in_javascript() {
        for (float, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-1.0, "-1"),
            (10.0, "10"),
            (1.5, "1.5"),
            (-123.456, "-123.456"),
            (0.1, "0.1"),
            (0.000_001, "0.000001"),
            (0.000_001_5, "0.0000015"),
            (0.000_000_1, "1e-7"),
            (-0.000_000_15, "-1.5e-7"),
            (1e20, "100000000000000000000"),
            (123_456_789_012_345_680_000.0, "123456789012345680000"),
            (1e21, "1e+21"),
            (1.5e21, "1.5e+21"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (1.1e19, "11000000000000000000"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (5e-324, "5e-324"),
            (-5e-324, "-5e-324"),
            (-1.797_693_134_862_315_7e308, "-1.7976931348623157e+308"),
            (0.1 + 0.2, "0.30000000000000004"),
        ] {
            assert_eq!(written(float), expected);
        }
    }

    #[test]
    fn half_as_many_bits_have_fewer_digits() {
        let mut out = Vec::new();
        for float in [0.1, 16_777_216.0, -1e-7, 1e20] {
            write_f32(&mut out, float).unwrap();
            out.push(b' ');
        }
        assert_eq!(out, b"0.1 16777216 -1e-7 100000000000000000000 ");
    }

    proptest! {
        #[test]
        fn every_float_reads_back(float in any::<f64>().prop_filter("finite", |f| f.is_finite())) {
            let text = written(float);
            prop_assert_eq!(text.parse::<f64>().unwrap(), float, "{}", text);
            prop_assert!(!text.contains(".e") && !text.ends_with('.'), "{}", text);
        }
    }
}
