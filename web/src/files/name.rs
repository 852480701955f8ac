//! Which file a path names.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use percent_encoding::percent_decode_str;

/// The one hidden name that is for everybody (RFC 8615).
const WELL_KNOWN: &[u8] = b".well-known";

/// What a path names below a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// A file, or a folder without its slash.
    File(OsString),
    /// A folder; the root if the name is empty.
    Folder(OsString),
    /// Nothing that is served.
    None,
}

/// The file that a path names, decoded part by part: no part is empty, is or hides another one, or
/// leads upwards. `hidden` says whether names that begin with a dot are served.
pub(super) fn name(path: &str, prefix: &str, hidden: bool) -> Name {
    let Some(rest) = path.strip_prefix(prefix.trim_end_matches('/')) else {
        return Name::None;
    };
    let Some(rest) = rest.strip_prefix('/') else {
        // The prefix itself, which a slash should follow.
        return match rest.is_empty() && prefix != "/" {
            true => Name::File(OsString::from(".")),
            false => Name::None,
        };
    };
    let (rest, is_folder) = match rest.strip_suffix('/') {
        Some(rest) => (rest, true),
        None => (rest, rest.is_empty()),
    };
    let mut name: Vec<u8> = Vec::new();
    if !rest.is_empty() || path.ends_with("//") {
        for part in rest.split('/') {
            let part: Vec<u8> = percent_decode_str(part).collect();
            let is_hidden = part.starts_with(b".") && part != WELL_KNOWN;
            let is_wrong = matches!(&part[..], b"" | b"." | b"..")
                || part.contains(&b'/')
                || part.contains(&0);
            if is_wrong || (is_hidden && !hidden) {
                return Name::None;
            }
            if !name.is_empty() {
                name.push(b'/');
            }
            name.extend_from_slice(&part);
        }
    }
    let name = OsString::from_vec(name);
    match is_folder {
        true => Name::Folder(name),
        false => Name::File(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_decoded_once_and_part_by_part() {
        let file = |text: &str| Name::File(text.into());
        let folder = |text: &str| Name::Folder(text.into());
        for (path, expected) in [
            ("/", folder("")),
            ("/a", file("a")),
            ("/a/", folder("a")),
            ("/a/b%20c.txt", file("a/b c.txt")),
            ("/%61%2e%74xt", file("a.txt")),
            ("/a%252f", file("a%2f")),
            ("/a\\b", file("a\\b")),
            ("/.well-known/acme", file(".well-known/acme")),
            ("/100%", file("100%")),
        ] {
            assert_eq!(name(path, "/", false), expected, "{path}");
        }
        assert_eq!(name("/x/.a", "/x", true), file(".a"));
        assert_eq!(name("/x/a", "/x/", false), file("a"));
        assert_eq!(name("/x", "/x", false), file("."));
        assert_eq!(name("/x/", "/x", false), folder(""));
    }

    #[test]
    fn nothing_leads_out_or_hides() {
        for path in [
            "*",
            "",
            "//",
            "//a",
            "/a//b",
            "/a//",
            "/..",
            "/../a",
            "/a/../b",
            "/a/..",
            "/./a",
            "/%2e%2e/a",
            "/%2E./a",
            "/.%2e/a",
            "/..%2fa",
            "/a%2f..%2f..%2fb",
            "/%2fetc/passwd",
            "/a%00.txt",
            "/.git/config",
            "/a/.htpasswd",
            "/%2egit",
        ] {
            assert_eq!(name(path, "/", false), Name::None, "{path}");
        }
        for path in ["/a/..", "/..", "/%2e%2e", "/x%2fy"] {
            assert_eq!(name(path, "/", true), Name::None, "{path}");
        }
        for path in ["/xy", "/y", "/xa/b"] {
            assert_eq!(name(path, "/x", false), Name::None, "{path}");
        }
    }
}
