//! Which requests are meant. npm's plugin makes a regular expression of its option `url`: between
//! two segments there may be several slashes, nothing may follow, and a query is something that
//! follows.

/// The path to which requests come, as segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target(Vec<String>);

impl Target {
    pub(super) fn new(url: &str) -> Self {
        let segments = url.split('/').filter(|segment| !segment.is_empty());
        Self(segments.map(str::to_owned).collect())
    }

    /// Whether the target of a request is this one.
    pub(super) fn is(&self, target: &str) -> bool {
        let mut rest = target;
        for segment in &self.0 {
            let trimmed = rest.trim_start_matches('/');
            if trimmed.len() == rest.len() {
                return false;
            }
            match trimmed.strip_prefix(segment.as_str()) {
                Some(after) => rest = after,
                None => return false,
            }
        }
        rest.is_empty()
    }

    /// The path that another server is asked for.
    pub(super) fn path(&self) -> String {
        self.0.iter().flat_map(|segment| ["/", segment]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_path_itself_is_meant() {
        let target = Target::new("/primus/omega/supreme");
        assert_eq!(target.path(), "/primus/omega/supreme");
        for right in ["/primus/omega/supreme", "/primus//omega///supreme"] {
            assert!(target.is(right), "{right}");
        }
        for wrong in [
            "/primus/omega/supreme/",
            "/primus/omega/supreme?",
            "/primus/omega/supreme?x=1",
            "/primus/omega/supremes",
            "/primus/omega",
            "/primusomega/supreme",
            "primus/omega/supreme",
            "/x/primus/omega/supreme",
            "/",
            "",
        ] {
            assert!(!target.is(wrong), "{wrong}");
        }
    }
}
