//! Files that were compressed before, for those who can read them (RFC 9110, 12.5.3).

/// A coding, with how its files end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Coding {
    pub(super) name: &'static str,
    pub(super) suffix: &'static str,
}

/// Those that there are, the best one first.
const CODINGS: [Coding; 3] = [
    Coding {
        name: "br",
        suffix: ".br",
    },
    Coding {
        name: "zstd",
        suffix: ".zst",
    },
    Coding {
        name: "gzip",
        suffix: ".gz",
    },
];

/// The codings that a client wants at least as much as none, the one that it wants most first.
pub(super) fn acceptable(accept_encoding: &str) -> Vec<Coding> {
    let weight = |name: &str| {
        let mut weights = accept_encoding.split(',').filter_map(|element| {
            let (coding, parameters) = element.split_once(';').unwrap_or((element, ""));
            let is_it = coding.trim().eq_ignore_ascii_case(name);
            is_it.then(|| quality(parameters))
        });
        weights.next()
    };
    let any = weight("*");
    let plain = weight("identity").unwrap_or(0);
    let mut wanted: Vec<(u16, Coding)> = CODINGS
        .iter()
        .filter_map(|coding| Some((weight(coding.name).or(any)?, *coding)))
        .filter(|(weight, _)| *weight > 0 && *weight >= plain)
        .collect();
    // The sort is stable: of equals the better one stays first.
    wanted.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    wanted.into_iter().map(|(_, coding)| coding).collect()
}

/// The weight in thousandths; one that can't be read is none.
fn quality(parameters: &str) -> u16 {
    let parameters = parameters.trim();
    if parameters.is_empty() {
        return 1000;
    }
    let value = parameters
        .strip_prefix("q=")
        .or_else(|| parameters.strip_prefix("Q="));
    let value = value.and_then(|value| value.trim().parse::<f32>().ok());
    match value {
        Some(value) if (0.0..=1.0).contains(&value) => (value * 1000.0) as u16,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_is_wanted_most_comes_first() {
        for (header, expected) in [
            ("", ""),
            ("gzip, deflate, br, zstd", "br zstd gzip"),
            ("gzip", "gzip"),
            ("GZIP;q=1.0, br;q=0.5", "gzip br"),
            ("br;q=0, gzip", "gzip"),
            ("*", "br zstd gzip"),
            ("*;q=0", ""),
            ("identity;q=1, gzip;q=0.5", ""),
            ("identity;q=0.5, gzip", "gzip"),
            ("br;q=x, gzip;q=2, zstd;q=-1", ""),
            ("xgzip, gzipx", ""),
        ] {
            let names: Vec<&str> = acceptable(header)
                .iter()
                .map(|coding| coding.name)
                .collect();
            assert_eq!(names.join(" "), expected, "{header}");
        }
    }
}
