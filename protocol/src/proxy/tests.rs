//! Headers as proxies write them, split at every byte, and those that mean nothing.

use proptest::prelude::*;

use super::crc32c::crc32c;
use super::*;
use crate::limits::PROXY_HEADER_BYTES_MAX;

/// A block of version 2, made as HAProxy makes it.
fn block(command: u8, family: u8, addresses: &[u8], extras: &[u8]) -> Vec<u8> {
    let mut bytes = binary::SIGNATURE.to_vec();
    bytes.extend([0x20 | command, family]);
    let length = u16::try_from(addresses.len() + extras.len()).unwrap();
    bytes.extend(length.to_be_bytes());
    bytes.extend(addresses);
    bytes.extend(extras);
    bytes
}

fn extra(kind: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
    bytes.extend(value);
    bytes
}

const INET: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 1, 0x12, 0x67, 0x01, 0xbb];

fn inet6() -> Vec<u8> {
    let ip = |text: &str| text.parse::<std::net::Ipv6Addr>().unwrap().octets();
    let ports = [0x12, 0x67, 0x01, 0xbb];
    [&ip("2001:db8::1")[..], &ip("2001:db8::2"), &ports].concat()
}

fn addresses(source: &str, destination: &str) -> Option<Addresses> {
    Some(Addresses {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
    })
}

/// What a header says, found at whatever place it is split: before its end nothing is known, and
/// what stands behind it changes nothing.
fn read(bytes: &[u8]) -> Header {
    let Ok(Progress::Complete(header, length)) = parse(bytes) else {
        panic!("{:?}", parse(bytes));
    };
    assert_eq!(length, bytes.len());
    for end in 0..bytes.len() {
        assert_eq!(parse(&bytes[..end]), Ok(Progress::Incomplete), "{end}");
    }
    let longer = [bytes, b"GET / HTTP/1.1\r\n\r\n"].concat();
    assert_eq!(
        parse(&longer),
        Ok(Progress::Complete(header.clone(), length))
    );
    *header
}

#[test]
fn version_1_names_the_client() {
    let of = |line: &str| read(line.as_bytes()).addresses;
    let v4 = of("PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n");
    assert_eq!(v4, addresses("192.0.2.1:4711", "198.51.100.1:443"));
    let v6 = of("PROXY TCP6 2001:db8::1 2001:db8::2 4711 443\r\n");
    assert_eq!(v6, addresses("[2001:db8::1]:4711", "[2001:db8::2]:443"));
    let mapped = of("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.1 4711 443\r\n");
    assert_eq!(mapped, addresses("192.0.2.1:4711", "198.51.100.1:443"));
    for unknown in [
        "PROXY UNKNOWN\r\n",
        "PROXY UNKNOWN ffff::1 whatever\r\n",
        "PROXY TCP4 0.0.0.0 198.51.100.1 0 443\r\n",
    ] {
        assert_eq!(of(unknown), None, "{unknown}");
    }
    let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(107 - 16));
    assert_eq!(longest.len(), 107);
    assert_eq!(of(&longest), None);
}

#[test]
fn version_1_is_refused_where_it_is_none() {
    for line in [
        "PROXY \r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 4711\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 4711 443 \r\n",
        "PROXY TCP4  192.0.2.1 198.51.100.1 4711 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 4711 +443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 04711 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 4711 65536\r\n",
        "PROXY TCP4 192.0.2.01 198.51.100.1 4711 443\r\n",
        "PROXY TCP4 2001:db8::1 2001:db8::2 4711 443\r\n",
        "PROXY TCP6 192.0.2.1 198.51.100.1 4711 443\r\n",
        "PROXY UDP4 192.0.2.1 198.51.100.1 4711 443\r\n",
        "PROXY tcp4 192.0.2.1 198.51.100.1 4711 443\r\n",
        "PROXY TCP4 \u{e4} 198.51.100.1 4711 443\r\n",
    ] {
        assert_eq!(parse(line.as_bytes()), Err(Error::Line), "{line}");
    }
    let endless = format!("PROXY UNKNOWN {}", "x".repeat(200));
    assert_eq!(parse(&endless.as_bytes()[..106]), Ok(Progress::Incomplete));
    assert_eq!(parse(&endless.as_bytes()[..107]), Err(Error::Endless));
    // A line ends with both.
    assert_eq!(
        parse(b"PROXY UNKNOWN\nGET / HTTP/1.1"),
        Ok(Progress::Incomplete)
    );
}

#[test]
fn version_2_names_the_client() {
    let v4 = read(&block(1, 0x11, &INET, &[])).addresses;
    assert_eq!(v4, addresses("192.0.2.1:4711", "198.51.100.1:443"));
    let v6 = read(&block(1, 0x21, &inet6(), &[])).addresses;
    assert_eq!(v6, addresses("[2001:db8::1]:4711", "[2001:db8::2]:443"));
    for nobody in [
        block(1, 0x00, &[], &[]),
        block(1, 0x01, &[], &extra(4, b"\0\0\0")),
        block(1, 0x31, &[b'/'; 216], &[]),
        block(1, 0x12, &INET, &[]),
        block(0, 0x00, &[], &[]),
        // The rest of what a proxy says for itself is skipped, whatever it is.
        block(0, 0x11, b"???", &[]),
        block(1, 0x11, &[0; 12], &[]),
    ] {
        assert_eq!(read(&nobody), Header::default());
    }
}

#[test]
fn version_2_says_how_the_client_came() {
    let ssl = [
        &[3, 0, 0, 0, 0][..],
        &extra(0x21, b"TLSv1.3"),
        &extra(0x22, "j\u{fc}rgen".as_bytes()),
        &extra(0x23, b"TLS_AES_128_GCM_SHA256"),
        &extra(0x24, b"SHA256"),
    ]
    .concat();
    let extras = [
        extra(0x01, b"http/1.1"),
        extra(0x02, b"chat.example.org"),
        extra(0x04, &[0; 20]),
        extra(0x05, b"unique"),
        extra(0x20, &ssl),
        extra(0x30, b"netns"),
        extra(0xee, b"whatever"),
    ]
    .concat();
    let header = read(&block(1, 0x11, &INET, &extras));
    assert!(header.addresses.is_some());
    let Extras {
        alpn,
        authority,
        unique_id,
        tls,
        checksum,
    } = header.extras;
    assert_eq!(alpn.as_deref(), Some(&b"http/1.1"[..]));
    assert_eq!(authority.as_deref(), Some("chat.example.org"));
    assert_eq!(unique_id.as_deref(), Some(&b"unique"[..]));
    assert_eq!(checksum, None);
    let expected = Tls {
        version: "TLSv1.3".into(),
        cipher: "TLS_AES_128_GCM_SHA256".into(),
        has_certificate: true,
        is_valid: true,
        common_name: Some("j\u{fc}rgen".into()),
    };
    assert_eq!(tls, Some(expected));
    let tls = |client: u8, verify: u8| {
        let ssl = extra(0x20, &[client, 0, 0, 0, verify]);
        let tls = read(&block(1, 0x11, &INET, &ssl)).extras.tls;
        tls.map(|tls| (tls.has_certificate, tls.is_valid))
    };
    assert_eq!(tls(0, 0), None, "the connection to the proxy was plain");
    assert_eq!(tls(1, 1), Some((false, false)));
    assert_eq!(tls(1, 0), Some((false, false)), "there is none to be valid");
    assert_eq!(tls(5, 1), Some((true, false)));
    assert_eq!(tls(5, 0), Some((true, true)));
}

/// A header with a checksum at each place where it can stand.
#[test]
fn a_checksum_is_that_of_the_whole_header() {
    let (name, zeros) = (extra(2, b"a"), extra(3, &[0; 4]));
    for before in [vec![], name.clone()] {
        for behind in [vec![], name.clone()] {
            let extras = [before.clone(), zeros.clone(), behind.clone()].concat();
            let mut bytes = block(1, 0x11, &INET, &extras);
            let at = bytes.len() - behind.len() - 4;
            let sum = crc32c(&[&bytes]);
            bytes[at..at + 4].copy_from_slice(&sum.to_be_bytes());
            assert!(read(&bytes).addresses.is_some());
            for place in [14, 17, bytes.len() - 1] {
                let mut changed = bytes.clone();
                changed[place] ^= 1;
                assert!(
                    !matches!(parse(&changed), Ok(Progress::Complete(..))),
                    "{place}"
                );
            }
        }
    }
}

#[test]
fn version_2_is_refused_where_it_is_none() {
    let refused = |bytes: &[u8], error: Error| assert_eq!(parse(bytes), Err(error), "{bytes:?}");
    let mut version = block(1, 0x11, &INET, &[]);
    version[12] = 0x11;
    refused(&version[..13], Error::Version);
    refused(&block(2, 0x11, &INET, &[])[..13], Error::Kind);
    refused(&block(1, 0x41, &INET, &[])[..14], Error::Kind);
    refused(&block(1, 0x13, &INET, &[])[..14], Error::Kind);
    refused(&block(1, 0x11, &INET[..11], &[]), Error::TooShort);
    refused(&block(1, 0x21, &INET, &[]), Error::TooShort);
    refused(&block(1, 0x31, &[0; 215], &[]), Error::TooShort);
    let long = extra(4, &vec![0; PROXY_HEADER_BYTES_MAX - 16 - 12 - 3]);
    read(&block(1, 0x11, &INET, &long));
    let long = extra(4, &vec![0; PROXY_HEADER_BYTES_MAX - 16 - 12 - 2]);
    refused(&block(1, 0x11, &INET, &long)[..16], Error::TooLong);
    for bad in [
        vec![4],
        vec![4, 0],
        vec![4, 0, 1],
        extra(2, b"a b"),
        extra(2, &[b'a'; 256]),
        extra(2, b"\xff"),
        extra(3, &[0; 3]),
        [extra(3, &[0; 4]), extra(3, &[0; 4])].concat(),
        extra(5, &[0; 129]),
        extra(0x20, &[1, 0, 0, 0]),
        extra(0x20, &[1, 0, 0, 0, 0, 0x21]),
        extra(
            0x20,
            &[&[1, 0, 0, 0, 0][..], &extra(0x21, b"a\r\nb")].concat(),
        ),
    ] {
        refused(&block(1, 0x11, &INET, &bad), Error::Extra);
    }
}

#[test]
fn what_begins_otherwise_is_no_header() {
    for bytes in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"PROXX",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01",
        b"\r\n\r\n\0\r\nQUIX",
        b"\r\nGET",
    ] {
        assert_eq!(parse(bytes), Ok(Progress::Absent), "{bytes:?}");
    }
    assert_eq!(parse(b"PRO"), Ok(Progress::Incomplete));
    assert_eq!(parse(b"\r\n\r"), Ok(Progress::Incomplete));
    assert_eq!(parse(b""), Ok(Progress::Incomplete));
}

proptest! {
    /// Whatever comes behind a beginning that is one, what is said once is never taken back, and
    /// nothing is waited for without end.
    #[test]
    fn more_bytes_never_change_what_is_known(
        is_binary: bool,
        second in any::<[u8; 2]>(),
        length in 0_u16..300,
        tail in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut bytes = text::PREFIX.to_vec();
        if is_binary {
            bytes = binary::SIGNATURE.to_vec();
            bytes.extend([0x20 | (second[0] & 1), second[1] & 0x33]);
            bytes.extend(length.to_be_bytes());
        }
        bytes.extend(tail);
        let mut known: Option<Result<Progress, Error>> = None;
        for end in 0..=bytes.len() {
            let now = parse(&bytes[..end]);
            match &known {
                Some(known) => prop_assert_eq!(&now, known),
                None if now == Ok(Progress::Incomplete) => {}
                None => known = Some(now),
            }
        }
        let longest = if is_binary { 16 + usize::from(length) } else { 107 };
        prop_assert!(known.is_some() || bytes.len() < longest);
    }
}
