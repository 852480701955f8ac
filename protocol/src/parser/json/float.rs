//! Numbers as JavaScript prints them (ECMA-262, Number::toString).

use std::fmt::LowerExp;
use std::io::{self, Write};

/// The most characters of a float in exponent form: sign, 17 digits, point, `e-324`.
const EXPONENT_FORM_BYTES_MAX: usize = 24;

/// Writes a finite float with the fewest digits that read back as the same float.
pub(super) fn write<W, F>(out: &mut W, float: F) -> io::Result<()>
where
    W: ?Sized + Write,
    F: LowerExp,
{
    let mut buffer = [0; EXPONENT_FORM_BYTES_MAX];
    let mut rest = &mut buffer[..];
    write!(rest, "{float:e}")?;
    let written = EXPONENT_FORM_BYTES_MAX - rest.len();
    lay_out(out, &mut buffer[..written])
}

/// Turns Rust's `-1.25e-7` into what JavaScript writes.
fn lay_out<W: ?Sized + Write>(out: &mut W, form: &mut [u8]) -> io::Result<()> {
    let (negative, form) = match form {
        [b'-', form @ ..] => (true, form),
        form => (false, form),
    };
    let e = form.iter().position(|&byte| byte == b'e');
    let (mantissa, exponent) = form.split_at_mut(e.unwrap_or(form.len()));
    let exponent = parse_exponent(exponent.get(1..).unwrap_or_default());
    // The first digit moves over the point, and the digits stand together.
    let digits = match mantissa {
        [first, point, _, ..] => {
            *point = *first;
            &mantissa[1..]
        }
        single => &*single,
    };
    if negative && digits != b"0" {
        out.write_all(b"-")?;
    }
    write_digits(out, digits, exponent)
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

fn parse_exponent(text: &[u8]) -> i32 {
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1, digits),
        digits => (1, digits),
    };
    let digits = digits.iter().map(|digit| i32::from(digit - b'0'));
    sign * digits.fold(0, |number, digit| number * 10 + digit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(float: impl LowerExp) -> String {
        let mut out = Vec::new();
        write(&mut out, float).unwrap();
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
        assert_eq!(written(0.1f32), "0.1");
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
