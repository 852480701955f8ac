//! The modules of a crate, and what each names.

use std::collections::{BTreeMap, BTreeSet};

use super::paths::{Path, Use, path_at, read_use};
use super::tokens::{Token, tokens};
use crate::reach::module_files;

/// The code of files (without comments and literals) by their paths.
pub(crate) type Sources<'s> = BTreeMap<&'s str, String>;

/// A module: a file, or a part of one in braces.
#[derive(Debug, Default)]
pub(super) struct Module {
    pub(super) file: String,
    /// None for the root.
    pub(super) parent: Option<usize>,
    pub(super) children: BTreeMap<String, usize>,
    /// What is defined here: types, functions, constants and so on.
    pub(super) items: BTreeSet<String>,
    pub(super) uses: Vec<Use>,
    /// Paths of at least two names in the code, and their lines.
    pub(super) paths: Vec<(Path, usize)>,
    /// Every name in the code.
    pub(super) names: BTreeMap<String, usize>,
}

/// Reads all modules from the root file on; the first is the root.
pub(super) fn read(sources: &Sources, root: &str) -> Vec<Module> {
    let mut reader = Reader {
        sources,
        modules: Vec::new(),
    };
    reader.read_file(root, true, None);
    reader.modules
}

struct Reader<'s> {
    sources: &'s Sources<'s>,
    modules: Vec<Module>,
}

impl Reader<'_> {
    fn read_file(&mut self, file: &str, is_root: bool, parent: Option<usize>) -> usize {
        let module = self.add(file, parent);
        if let Some(code) = self.sources.get(file) {
            self.read_tokens(&tokens(code), is_root, module);
        }
        module
    }

    fn add(&mut self, file: &str, parent: Option<usize>) -> usize {
        self.modules.push(Module {
            file: file.to_owned(),
            parent,
            ..Module::default()
        });
        self.modules.len() - 1
    }

    /// Reads what stands in the module, up to its end.
    fn read_tokens(&mut self, tokens: &[Token<'_>], is_root: bool, module: usize) {
        let mut depth = 0_usize;
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let rest = &tokens[at + 1..];
            let next = rest.first().map_or("", |token| token.text);
            match token.text {
                "{" => depth += 1,
                "}" => depth = depth.saturating_sub(1),
                "use" if next != "<" => {
                    let uses = &mut self.modules[module].uses;
                    at += read_use(rest, is_public(&tokens[..at]), uses);
                }
                "mod" if depth == 0 => at += self.read_module(rest, is_root, module),
                _ if token.is_name() => self.read_name(tokens, at, depth, module),
                _ => {}
            }
            at += 1;
        }
    }

    /// Reads what follows the word `mod`, and returns how many tokens that is.
    fn read_module(&mut self, rest: &[Token<'_>], is_root: bool, parent: usize) -> usize {
        let [name, after, ..] = rest else {
            return 0;
        };
        let file = self.modules[parent].file.clone();
        if after.text == ";" {
            let mut candidates = module_files(&file, is_root, name.text).into_iter();
            if let Some(file) = candidates.find(|file| self.sources.contains_key(file.as_str())) {
                let child = self.read_file(&file, false, Some(parent));
                self.modules[parent]
                    .children
                    .insert(name.text.to_owned(), child);
            }
            return 2;
        }
        let length = block(&rest[1..]);
        let child = self.add(&file, Some(parent));
        self.modules[parent]
            .children
            .insert(name.text.to_owned(), child);
        let inside = rest.get(2..length).unwrap_or_default();
        self.read_tokens(inside, is_root, child);
        length + 1
    }

    fn read_name(&mut self, tokens: &[Token<'_>], at: usize, depth: usize, module: usize) {
        const DEFINING: [&str; 8] = [
            "struct", "enum", "union", "trait", "fn", "type", "const", "static",
        ];
        let (token, module) = (tokens[at], &mut self.modules[module]);
        let before = |back: usize| at.checked_sub(back).map_or("", |at| tokens[at].text);
        let is_macro = before(1) == "!" && before(2) == "macro_rules";
        let is_pointer = before(1) == "const" && before(2) == "*";
        let is_defined = DEFINING.contains(&before(1)) && !is_pointer;
        if depth == 0 && (is_defined || is_macro) {
            module.items.insert(token.text.to_owned());
            return;
        }
        if let Some(path) = path_at(tokens, at) {
            module.paths.push((path, token.line));
        }
        if !matches!(before(1), "." | "::") {
            let name = module.names.entry(token.text.to_owned());
            name.or_insert(token.line);
        }
    }
}

/// Whether the tokens before a word make it public, to whomever.
fn is_public(before: &[Token<'_>]) -> bool {
    let texts = before.iter().rev().map(|token| token.text);
    let mut texts = texts.skip_while(|text| !["pub", ";", "}", "{", "]"].contains(text));
    texts.next() == Some("pub")
}

/// How many tokens the block in braces has that `tokens` begin with.
fn block(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}
