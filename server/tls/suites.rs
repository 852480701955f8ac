//! Cipher suites and curves by the names that people know, and what is said of those that are not
//! there: rustls with ring has the suites that RFC 9325 recommends, and no others.

use std::str::FromStr;

use allspark_protocol::options;
use rustls::SupportedCipherSuite;
use rustls::crypto::SupportedKxGroup;
use rustls::crypto::ring::{cipher_suite, kx_group};
use serde::{Deserialize, Deserializer};

/// A suite, by its name in OpenSSL, in RFCs of TLS 1.2, and itself.
type Suite = (&'static str, &'static str, SupportedCipherSuite);

static SUITES: [Suite; 9] = [
    (
        "TLS_AES_256_GCM_SHA384",
        "TLS_AES_256_GCM_SHA384",
        cipher_suite::TLS13_AES_256_GCM_SHA384,
    ),
    (
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_128_GCM_SHA256",
        cipher_suite::TLS13_AES_128_GCM_SHA256,
    ),
    (
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_CHACHA20_POLY1305_SHA256",
        cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    ),
    (
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "ECDHE-RSA-AES256-GCM-SHA384",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "ECDHE-RSA-AES128-GCM-SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "ECDHE-RSA-CHACHA20-POLY1305",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];

/// Suites by their place in the table, the best first. If a list names none of a version, all of
/// that version are there, as with OpenSSL; a version itself is switched off by its number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ciphers(Vec<usize>);

impl Ciphers {
    /// The suites.
    pub(super) fn suites(&self) -> Vec<SupportedCipherSuite> {
        let is_1_3 = |index: usize| SUITES[index].2.tls13().is_some();
        let mut suites = self.0.clone();
        for version in [true, false] {
            if !suites.iter().any(|index| is_1_3(*index) == version) {
                suites.extend((0..SUITES.len()).filter(|index| is_1_3(*index) == version));
            }
        }
        suites.into_iter().map(|index| SUITES[index].2).collect()
    }
}

/// What stands for all suites in lists of OpenSSL.
const ALL: [&str; 4] = ["DEFAULT", "HIGH", "ALL", "SECURE"];

impl FromStr for Ciphers {
    type Err = String;

    fn from_str(list: &str) -> Result<Self, String> {
        let mut suites = Vec::new();
        let mut taken = Vec::new();
        let words = list.split([':', ',', ' ']).filter(|word| !word.is_empty());
        for word in words {
            // What is to be left out is, mostly, what never was there.
            if let Some(out) = word.strip_prefix(['!', '-']) {
                taken.extend(find(out));
            } else if ALL.iter().any(|all| all.eq_ignore_ascii_case(word)) {
                suites.extend(0..SUITES.len());
            } else if !word.starts_with('@') {
                suites.push(find(word).ok_or_else(|| unknown(word))?);
            }
        }
        let mut ordered = Vec::new();
        for suite in suites {
            if !taken.contains(&suite) && !ordered.contains(&suite) {
                ordered.push(suite);
            }
        }
        match ordered.is_empty() {
            true => Err(format!("{list:?} leaves no cipher suite: {}", known())),
            false => Ok(Self(ordered)),
        }
    }
}

fn find(name: &str) -> Option<usize> {
    let is = |other: &str| other.eq_ignore_ascii_case(name);
    SUITES
        .iter()
        .position(|(openssl, rfc, _)| is(openssl) || is(rfc))
}

fn unknown(name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    let reason = if upper.contains("DHE-RSA") && !upper.contains("ECDHE") {
        "a key exchange over numbers (DHE) is not done"
    } else if upper.contains("ECDHE") {
        "CBC and the like are not done"
    } else if upper.contains("AES") || upper.contains("DES") || upper.contains("RC4") {
        "a key exchange without forward secrecy (RSA) is not done"
    } else {
        "there is none of this name"
    };
    format!("{name:?} is no cipher suite here, {reason}: {}", known())
}

fn known() -> String {
    let names: Vec<&str> = SUITES.iter().map(|(openssl, ..)| *openssl).collect();
    format!("there are {}", names.join(", "))
}

impl<'de> Deserialize<'de> for Ciphers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = options::list(deserializer, str::parse::<Self>)?;
        Ok(list.parse().expect("it was checked"))
    }
}

/// A curve, by its names in the RFCs of TLS, of NIST and in OpenSSL, and itself.
type Curve = ([&'static str; 3], &'static dyn SupportedKxGroup);

static CURVES: [Curve; 3] = [
    (["X25519", "X25519", "x25519"], kx_group::X25519),
    (["P-256", "prime256v1", "secp256r1"], kx_group::SECP256R1),
    (["P-384", "secp384r1", "secp384r1"], kx_group::SECP384R1),
];

/// Curves by their place in the table, the best first. Default all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Curves(Vec<usize>);

impl Curves {
    /// The curves.
    pub(super) fn groups(&self) -> Vec<&'static dyn SupportedKxGroup> {
        self.0.iter().map(|index| CURVES[*index].1).collect()
    }
}

impl Default for Curves {
    fn default() -> Self {
        Self((0..CURVES.len()).collect())
    }
}

impl FromStr for Curves {
    type Err = String;

    fn from_str(list: &str) -> Result<Self, String> {
        let mut curves = Vec::new();
        for name in list.split([':', ',', ' ']).filter(|name| !name.is_empty()) {
            let mut found = match name {
                "auto" => (0..CURVES.len()).collect(),
                _ => vec![curve(name)?],
            };
            found.retain(|index| !curves.contains(index));
            curves.append(&mut found);
        }
        match curves.is_empty() {
            true => Err("it names no curve: write X25519, P-256, P-384 or auto".to_owned()),
            false => Ok(Self(curves)),
        }
    }
}

fn curve(name: &str) -> Result<usize, String> {
    let is = |other: &&'static str| other.eq_ignore_ascii_case(name);
    let mut curves = CURVES.iter();
    let found = curves.position(|(names, _)| names.iter().any(is));
    found.ok_or_else(|| format!("{name:?} is no curve here: there are X25519, P-256, P-384"))
}

impl<'de> Deserialize<'de> for Curves {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = options::list(deserializer, str::parse::<Self>)?;
        Ok(list.parse().expect("it was checked"))
    }
}

#[cfg(test)]
mod tests {
    use rustls::CipherSuite;

    use super::*;

    fn suites(list: &str) -> Vec<CipherSuite> {
        let ciphers: Ciphers = list
            .parse()
            .unwrap_or_else(|reason| panic!("{list}: {reason}"));
        ciphers.suites().iter().map(|suite| suite.suite()).collect()
    }

    #[test]
    fn a_list_of_openssl_is_understood() {
        assert_eq!(Ciphers::default().suites().len(), SUITES.len());
        assert_eq!(suites("HIGH:!aNULL:!MD5:@STRENGTH").len(), SUITES.len());
        let one = suites("ECDHE-RSA-AES128-GCM-SHA256:ecdhe-rsa-aes128-gcm-sha256");
        let of_1_2 = CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;
        assert_eq!(
            (one[0], one.len()),
            (of_1_2, 4),
            "all of TLS 1.3 are there, too"
        );
        let list = "DEFAULT,!TLS_CHACHA20_POLY1305_SHA256,-ECDHE-RSA-CHACHA20-POLY1305";
        assert_eq!(suites(list).len(), SUITES.len() - 2);
    }

    #[test]
    fn what_is_not_there_is_refused_with_its_reason() {
        for (list, expected) in [
            ("AES256-SHA", "without forward secrecy"),
            ("DHE-RSA-AES128-GCM-SHA256", "(DHE)"),
            ("ECDHE-RSA-AES128-SHA", "CBC"),
            ("x", "none of this name"),
            ("!HIGH", "leaves no cipher suite"),
        ] {
            let reason = list.parse::<Ciphers>().unwrap_err();
            assert!(reason.contains(expected), "{list}: {reason}");
            assert!(
                reason.contains("there are TLS_AES_256_GCM_SHA384,"),
                "{reason}"
            );
        }
    }

    #[test]
    fn curves_have_many_names() {
        let names = |list: &str| list.parse::<Curves>().map(|curves| curves.0);
        assert_eq!(names("prime256v1:x25519"), Ok(vec![1, 0]));
        assert_eq!(names("P-384,auto"), Ok(vec![2, 0, 1]));
        assert!(names("P-521").unwrap_err().contains("no curve here"));
        assert!(names("").is_err());
    }
}
