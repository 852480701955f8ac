//! What both binary parsers write alike.

/// Appends the type and the length of what follows: within the type up to `fix_max`, else in 8 bits
/// up to `max8`, in 16 bits, or in 32. The types of the three lengths are neighbours. No message is
/// longer than 32 bits can say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) fix: u8,
    /// `None` if there is none.
    pub(super) fix_max: Option<u8>,
    pub(super) max8: usize,
    pub(super) kind16: u8,
}

/// Of arrays and maps.
pub(super) const LIST: Head = Head::with_fix(0x90, 15, 0xdc);
pub(super) const MAP: Head = Head::with_fix(0x80, 15, 0xde);

impl Head {
    pub(super) const fn with_fix(fix: u8, fix_max: u8, kind16: u8) -> Self {
        Self {
            fix,
            fix_max: Some(fix_max),
            max8: 0,
            kind16,
        }
    }

    pub(super) fn write(self, length: usize, out: &mut Vec<u8>) {
        let short = u8::try_from(length).ok();
        match (short, u16::try_from(length)) {
            (Some(short), _) if self.fix_max.is_some_and(|max| short <= max) => {
                out.push(self.fix + short);
            }
            (Some(short), _) if length <= self.max8 => out.extend([self.kind16 - 1, short]),
            (_, Ok(length)) => number(self.kind16, length.to_be_bytes(), out),
            _ => {
                let length = u32::try_from(length).expect("no message has 4 GiB");
                number(self.kind16 + 1, length.to_be_bytes(), out);
            }
        }
    }
}

/// Appends a type and a number.
pub(super) fn number<const N: usize>(kind: u8, bytes: [u8; N], out: &mut Vec<u8>) {
    out.push(kind);
    out.extend_from_slice(&bytes);
}

/// Appends a double. JavaScript has one not-a-number.
pub(super) fn double(double: f64, out: &mut Vec<u8>) {
    let double = if double.is_nan() { f64::NAN } else { double };
    number(0xcb, double.to_be_bytes(), out);
}

/// Appends an integer from -2^31 to 2^32 - 1 in as few bytes as it needs.
pub(super) fn integer(integer: i64, out: &mut Vec<u8>) {
    match integer {
        -0x20..=0x7f => out.push(integer as u8),
        0x80..=0xff => number(0xcc, [integer as u8], out),
        -0x80..=-0x21 => number(0xd0, [integer as u8], out),
        0x100..=0xffff => number(0xcd, (integer as u16).to_be_bytes(), out),
        -0x8000..=-0x81 => number(0xd1, (integer as i16).to_be_bytes(), out),
        0x1_0000.. => number(0xce, (integer as u32).to_be_bytes(), out),
        _ => number(0xd2, (integer as i32).to_be_bytes(), out),
    }
}
