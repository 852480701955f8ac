//! The files that the rules look at.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::Sample;
use crate::code::code_only;
use crate::dependencies;

/// Every text file of the repository, by its path from the root, and what it is built from.
pub(crate) struct Repository {
    files: BTreeMap<String, String>,
}

/// What no person wrote, or what is no part of the repository.
const SKIPPED: &[&str] = &[".git", "node_modules", "target"];

impl Repository {
    /// Reads the repository that this test belongs to.
    pub(crate) fn read() -> Self {
        let mut repository = Self {
            files: BTreeMap::new(),
        };
        repository.read_folder(Path::new(env!("CARGO_MANIFEST_DIR")), "");
        let dependencies = dependencies::read(repository.file("deny.toml"));
        repository.files.extend(dependencies);
        repository
    }

    /// A repository for the test of a rule.
    pub(crate) fn of(sample: Sample) -> Self {
        let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        Self {
            files: sample.iter().map(owned).collect(),
        }
    }

    /// Paths and contents, in the order of the paths.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The Rust files, with comments and the insides of strings blanked.
    pub(crate) fn rust_code(&self) -> impl Iterator<Item = (&str, String)> {
        self.files()
            .filter(|(path, _)| path.ends_with(".rs"))
            .map(|(path, text)| (path, code_only(text)))
    }

    /// The content of one file.
    pub(crate) fn file(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Whether there is a folder of this name, with a text file somewhere below.
    pub(crate) fn has_folder(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        self.files.keys().any(|path| path.starts_with(&folder))
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str) {
        for entry in fs::read_dir(folder).expect("a folder of the repository") {
            let entry = entry.expect("an entry of a folder");
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            if SKIPPED.contains(&name.as_str()) {
                continue;
            } else if entry.file_type().expect("the type of an entry").is_dir() {
                self.read_folder(&entry.path(), &format!("{path}/"));
            } else if let Ok(text) = fs::read_to_string(entry.path()) {
                self.files.insert(path, text);
            }
        }
    }
}
