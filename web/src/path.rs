//! What a path means to those who decode it. AllSpark compares paths as they were sent; an upstream
//! may decode them, remove dots, and join slashes.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// How often a path may be encoded over and over: more is taken for an attempt to hide something.
const DECODINGS_MAX: usize = 4;

/// Whether somebody who decodes a path may take it for one that begins with `prefix`, whatever its
/// case, or whether that can't be told.
pub(crate) fn may_mean(path: &str, prefix: &str) -> bool {
    let plain = |path: &str| {
        let path = normal(path).to_ascii_lowercase();
        path.starts_with(&prefix.to_ascii_lowercase())
    };
    let mut path = Cow::Borrowed(path);
    for _ in 0..DECODINGS_MAX {
        if plain(&path) {
            return true;
        }
        let decoded = percent_decode_str(&path).decode_utf8_lossy().into_owned();
        if decoded == path {
            return false;
        }
        path = Cow::Owned(decoded);
    }
    true
}

/// The path without what `.`, `..`, doubled slashes and backslashes stand for, nor what stands
/// behind a semicolon in a segment, which some take for parameters.
fn normal(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split(['/', '\\']) {
        match segment.split(';').next().unwrap_or_default() {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    format!("/{}", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_prefix_however_it_is_written() {
        for path in [
            "/primus",
            "/primus/spec",
            "//primus",
            "/./primus/",
            "/a/../primus",
            "/a/%2e%2e/primus",
            "/a/..%2fprimus",
            "/a/..%5cprimus",
            "/%70rimus",
            "/%2570rimus",
            "/%252570rimus",
            "/Primus",
            "\\primus",
            "/primus;x=1/spec",
            "/a;x/../primus",
            "/../../primus",
            "/%25252525252525252525252541",
        ] {
            assert!(may_mean(path, "/primus"), "{path}");
        }
        for path in [
            "/",
            "",
            "*",
            "/a/primus",
            "/prim%75",
            "/primu",
            "/%ff",
            "/a%20b",
            "/100%",
        ] {
            assert!(!may_mean(path, "/primus"), "{path}");
        }
    }
}
