//! Headers of the PROXY protocol: whatever one is, it is understood or refused, the same however it
//! is split, within its bound, and nothing is found behind it.

use allspark_protocol::limits::PROXY_HEADER_BYTES_MAX;
use allspark_protocol::proxy::{Progress, parse};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::{below, mutate, noise, variable};

const BLOCK: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x28\xc0\0\x02\x01\xc6\x33\x64\x01\x12\x67\x01\xbb\
    \x20\0\x0f\x01\0\0\0\0\x21\0\x07TLSv1.3\x02\0\x03a.b\x05\0\x01i";

const LINES: [&[u8]; 4] = [
    b"PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n",
    b"PROXY TCP6 2001:db8::1 2001:db8::2 4711 443\r\n",
    b"PROXY UNKNOWN\r\n",
    BLOCK,
];

#[test]
fn a_header_means_the_same_however_it_is_split() {
    let first = variable("FUZZ_SEED", 1);
    let mut complete = 0;
    for seed in first..first + variable("FUZZ_ROUNDS", 2_000) {
        println!("FUZZ_SEED={seed} FUZZ_ROUNDS=1");
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let mut bytes = LINES[below(&mut rng, LINES.len())].to_vec();
        for _ in 0..below(&mut rng, 4) {
            mutate(&mut bytes, &mut rng);
        }
        bytes.extend(noise(&mut rng, 200));
        let whole = parse(&bytes);
        let mut known = None;
        for end in 0..=bytes.len() {
            let now = parse(&bytes[..end]);
            match &known {
                Some(known) => assert_eq!(&now, known),
                None if now == Ok(Progress::Incomplete) => {}
                None => known = Some(now),
            }
        }
        assert_eq!(known.unwrap_or(Ok(Progress::Incomplete)), whole);
        match whole {
            Ok(Progress::Complete(_, length)) => {
                assert!(length <= bytes.len());
                complete += 1;
            }
            Ok(Progress::Incomplete) => assert!(bytes.len() < PROXY_HEADER_BYTES_MAX),
            Ok(Progress::Absent) | Err(_) => {}
        }
    }
    let rounds = variable("FUZZ_ROUNDS", 2_000);
    assert!(rounds < 100 || complete > rounds / 10, "{complete}");
}
