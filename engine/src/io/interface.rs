//! The name of a network interface.

use std::fmt;
use std::str::FromStr;

/// Bytes of such a name, at most: what the kernel has room for (`IFNAMSIZ`), without the zero.
const NAME_BYTES_MAX: usize = 15;

/// A network interface by its name, as `ip link` says it: 1 to 15 bytes, none of them a slash, a
/// colon or a space.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Interface {
    bytes: [u8; NAME_BYTES_MAX],
    length: u8,
}

/// What can't be the name of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of an interface has 1 to 15 bytes, and no slash, colon or space")]
pub struct NoInterface;

impl Interface {
    /// Its name.
    pub fn name(&self) -> &str {
        let bytes = &self.bytes[..usize::from(self.length)];
        str::from_utf8(bytes).expect("it was made of a text")
    }
}

impl FromStr for Interface {
    type Err = NoInterface;

    fn from_str(name: &str) -> Result<Self, NoInterface> {
        let is_wrong = |char: char| "/:".contains(char) || char.is_whitespace() || char == '\0';
        let is_folder = [".", ".."].contains(&name);
        if name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains(is_wrong) || is_folder {
            return Err(NoInterface);
        }
        let mut bytes = [0; NAME_BYTES_MAX];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        Ok(Self {
            bytes,
            length: name.len() as u8,
        })
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_the_kernel_takes_for_one() {
        for name in ["lo", "enp0s31f6.1234", "wg-ü", "123456789012345"] {
            assert_eq!(name.parse::<Interface>().unwrap().to_string(), name);
        }
        for name in ["", "1234567890123456", "a b", "a/b", "a:b", "..", "a\0"] {
            assert_eq!(name.parse::<Interface>(), Err(NoInterface), "{name:?}");
        }
    }
}
