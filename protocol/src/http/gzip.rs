//! Bodies in gzip, for those who accept it.

use zlib_rs::{DeflateConfig, compress_bound, compress_slice};

use super::head::RequestHead;

/// Whether `Accept-Encoding` allows gzip: by its name, or else by `*`, with another weight than 0
/// (RFC 9110, 12.5.3).
pub fn accepts_gzip(request: &RequestHead<'_>) -> bool {
    let header = request.header("accept-encoding").unwrap_or_default();
    let weight_of = |name: &str| {
        header.split(',').find_map(|element| {
            let (coding, parameters) = element.split_once(';').unwrap_or((element, ""));
            let is_it = coding.trim().eq_ignore_ascii_case(name);
            is_it.then(|| weight(parameters))
        })
    };
    weight_of("gzip")
        .or_else(|| weight_of("*"))
        .is_some_and(|weight| weight > 0.0)
}

/// The weight in ` q=0.5`; 1 if there is none, 0 if it is no number.
fn weight(parameters: &str) -> f32 {
    match parameters.trim().strip_prefix(['q', 'Q']) {
        None => 1.0,
        Some(rest) => {
            let number = rest.trim_start().strip_prefix('=').map(str::trim);
            number.and_then(|number| number.parse().ok()).unwrap_or(0.0)
        }
    }
}

/// The body in gzip (RFC 1952), at a level from 1 (fastest) to 9 (smallest).
pub fn gzip(body: &[u8], level: u8) -> Vec<u8> {
    let config = DeflateConfig {
        level: i32::from(level),
        window_bits: WINDOW_BITS_GZIP,
        ..DeflateConfig::default()
    };
    let mut gzip = vec![0; compress_bound(body.len()) + GZIP_BYTES];
    let (written, _) = compress_slice(&mut gzip, body, config);
    let length = written.len();
    gzip.truncate(length);
    gzip
}

/// zlib's way to ask for the largest window and for gzip (RFC 1952) around it.
pub(super) const WINDOW_BITS_GZIP: i32 = 15 + 16;

/// Bytes by which gzip is longer than zlib. The bound is that of zlib.
const GZIP_BYTES: usize = 12;
