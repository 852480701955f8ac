//! The names of algorithms (RFC 7518, 3.1; RFC 8037).

use std::fmt;
use std::str::FromStr;

use jsonwebtoken::{Algorithm, AlgorithmFamily};

/// How a token may be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JwtAlgorithm(Algorithm);

/// Every one that there is, in the order of a refusal. `none` is not one of them.
const ALL: &[(&str, Algorithm)] = &[
    ("HS256", Algorithm::HS256),
    ("HS384", Algorithm::HS384),
    ("HS512", Algorithm::HS512),
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("EdDSA", Algorithm::EdDSA),
];

/// There is no algorithm of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not known; the choices are: {}", names())]
pub struct UnknownJwtAlgorithm {
    name: String,
}

impl JwtAlgorithm {
    /// Its name.
    pub fn name(self) -> &'static str {
        let named = ALL.iter().find(|(_, algorithm)| *algorithm == self.0);
        named.expect("every one has a name").0
    }

    pub(super) fn get(self) -> Algorithm {
        self.0
    }

    pub(super) fn family(self) -> AlgorithmFamily {
        self.0.family()
    }
}

impl From<Algorithm> for JwtAlgorithm {
    fn from(algorithm: Algorithm) -> Self {
        Self(algorithm)
    }
}

impl FromStr for JwtAlgorithm {
    type Err = UnknownJwtAlgorithm;

    fn from_str(text: &str) -> Result<Self, UnknownJwtAlgorithm> {
        let named = ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        let algorithm = named.map(|(_, algorithm)| Self(*algorithm));
        algorithm.ok_or_else(|| UnknownJwtAlgorithm {
            name: text.to_owned(),
        })
    }
}

impl fmt::Display for JwtAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn names() -> String {
    let names: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_is_no_algorithm() {
        for (name, _) in ALL {
            assert_eq!(name.parse::<JwtAlgorithm>().unwrap().name(), *name);
        }
        for name in ["none", "None", "", "HS1"] {
            let error = name.parse::<JwtAlgorithm>().unwrap_err().to_string();
            assert!(error.ends_with("ES256, ES384, EdDSA"), "{error}");
        }
    }
}
