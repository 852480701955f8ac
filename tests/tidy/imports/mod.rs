//! Which file of a crate imports which: by `use`, and by paths in code.
//!
//! A file imports the file that defines what it names. Re-exports are followed to the definition,
//! so a `mod.rs` that only declares and re-exports its children neither imports them nor is
//! imported in their place. To name a module imports nothing; to name something in it does. Code
//! that only tests see (`#[cfg(test)]`) does not count, with all the files below it.
//!
//! What no name in the text shows, this does not see: calls of methods, and what macros make.

mod modules;
mod paths;
mod resolve;
mod tokens;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub(crate) use modules::Sources;

/// One file names something that another one defines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    pub(crate) from: String,
    pub(crate) to: String,
    /// Where in `from` it does so first, counted from 1.
    pub(crate) line: usize,
}

/// All imports between the files of the crate whose root file is `root`, each pair of files once.
pub(crate) fn imports(sources: &Sources, root: &str) -> Vec<Import> {
    let modules = modules::read(sources, root);
    let mut first = BTreeMap::new();
    for (from, to, line) in resolve::imports(&modules) {
        let least = first.entry((from, to)).or_insert(line);
        *least = line.min(*least);
    }
    let import = |((from, to), line)| Import { from, to, line };
    first.into_iter().map(import).collect()
}
