//! A response of an authority that a certificate is not revoked (OCSP, RFC 6960), which clients get
//! along with it. Clients judge it; here it is only seen to that it is one, and for this
//! certificate.

use x509_parser::der_parser::asn1_rs::{Any, Enumerated, FromDer, Sequence};

/// Whether these bytes are a response, and speak of the certificate with this number.
///
/// # Errors
/// A sentence about what they are instead.
pub(super) fn check(der: &[u8], serial_number: &str) -> Result<(), &'static str> {
    let no_response = "it is no OCSP response in DER";
    let (rest, response) = Sequence::from_der(der).map_err(|_| no_response)?;
    let (after, status) = Enumerated::from_der(&response.content).map_err(|_| no_response)?;
    if !rest.is_empty() {
        return Err(no_response);
    }
    if status.0 != 0 {
        return Err("it says that the authority could not answer");
    }
    Any::from_der(after).map_err(|_| no_response)?;
    let serial = bytes_of(serial_number);
    match after.windows(serial.len()).any(|window| window == serial) {
        true => Ok(()),
        false => Err("it is not about this certificate"),
    }
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2);
    let bytes =
        pairs.filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    bytes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_about_its_certificate() {
        // SEQUENCE { ENUMERATED successful, [0] { INTEGER 0x8001 } }
        let response = [0x30, 10, 0x0a, 1, 0, 0xa0, 5, 0x02, 3, 0, 0x80, 0x01];
        assert_eq!(check(&response, "8001"), Ok(()));
        assert_eq!(
            check(&response, "8002"),
            Err("it is not about this certificate")
        );
        let mut unsure = response;
        unsure[4] = 3;
        assert!(
            check(&unsure, "8001")
                .unwrap_err()
                .contains("could not answer")
        );
        for at in 0..response.len() {
            assert!(check(&response[..at], "8001").is_err());
        }
        assert!(
            check(b"-----BEGIN OCSP", "8001")
                .unwrap_err()
                .contains("no OCSP")
        );
    }
}
