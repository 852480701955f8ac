//! One module of the library: what it imports, exports and declares, and its code without any of
//! the words that make it a module. Here the rules are kept that `defaults.js` states.
//!
//! This is no parser of JavaScript. It looks at one line at a time, which is enough because the
//! rules say how such lines look; a line that does not look so is an error.

use std::fmt;

/// A module, taken apart.
#[derive(Debug)]
pub(super) struct Module<'t> {
    pub(super) path: String,
    pub(super) imports: Vec<Import<'t>>,
    /// Names that others may import.
    pub(super) exports: Vec<&'t str>,
    /// All names at the top level, exported or not, each with its line.
    pub(super) names: Vec<(&'t str, usize)>,
    /// What runs, without indentation, comments on lines of their own, and empty lines.
    pub(super) code: String,
}

/// One line of imports.
#[derive(Debug)]
pub(super) struct Import<'t> {
    /// The path of the other module, from the folder of all modules.
    pub(super) from: String,
    pub(super) names: Vec<&'t str>,
    pub(super) line: usize,
}

/// A rule of modules that one of them breaks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) path: String,
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "client/js/src/{}:{}: {}",
            self.path, self.line, self.what
        )
    }
}

impl<'t> Module<'t> {
    /// Takes a module apart.
    ///
    /// # Errors
    /// The first line that breaks a rule.
    pub(super) fn parse(path: &str, text: &'t str) -> Result<Self, Broken> {
        let mut module = Self {
            path: path.to_owned(),
            imports: Vec::new(),
            exports: Vec::new(),
            names: Vec::new(),
            code: String::with_capacity(text.len()),
        };
        let mut in_comment = false;
        for (index, line) in text.lines().enumerate() {
            if !is_only_comment(line, &mut in_comment) {
                module.take(line, index + 1).map_err(|what| Broken {
                    path: path.to_owned(),
                    line: index + 1,
                    what,
                })?;
            }
        }
        Ok(module)
    }

    /// Takes over one line that is no comment.
    fn take(&mut self, line: &'t str, number: usize) -> Result<(), String> {
        if line.starts_with("import ") {
            let import = import(&self.path, line, number).ok_or(IMPORT)?;
            self.imports.push(import);
            return Ok(());
        }
        let is_exported = line.starts_with("export ");
        let line = line.strip_prefix("export ").unwrap_or(line);
        let declared = declared(line)?;
        if is_exported {
            if declared.is_empty() {
                return Err(EXPORT.to_owned());
            }
            self.exports.extend(&declared);
        }
        self.names
            .extend(declared.into_iter().map(|name| (name, number)));
        if line.matches('`').count() % 2 == 1 {
            return Err(TEMPLATE.to_owned());
        }
        let code = line.trim();
        if !code.is_empty() {
            self.code.push_str(code);
            self.code.push('\n');
        }
        Ok(())
    }
}

const IMPORT: &str = "imports are of the form `import { a, b } from './file.js';`, on one line, \
                      without new names";
const EXPORT: &str = "exports stand before a declaration on the same line: `export class`, \
                      `export function`, `export const`";
const TEMPLATE: &str = "a template literal ends on the line on which it begins";
const PATTERN: &str = "what is taken apart at the top level stands on one line";

/// Whether the line holds a comment and nothing else, or nothing at all of a longer one.
fn is_only_comment(line: &str, in_comment: &mut bool) -> bool {
    let line = line.trim();
    if *in_comment {
        *in_comment = !line.ends_with("*/");
        return true;
    }
    if line.starts_with("/*") {
        *in_comment = !line.contains("*/");
        return *in_comment || line.ends_with("*/");
    }
    line.starts_with("//")
}

fn import<'t>(path: &str, line: &'t str, number: usize) -> Option<Import<'t>> {
    let rest = line.strip_prefix("import { ")?;
    let (names, rest) = rest.split_once(" } from '")?;
    let relative = rest.strip_suffix("';")?;
    let names: Vec<&str> = names.split(", ").collect();
    names.iter().all(|name| is_name(name)).then_some(())?;
    Some(Import {
        from: resolve(path, relative)?,
        names,
        line: number,
    })
}

/// The path that `relative` means in the module at `path`.
fn resolve(path: &str, relative: &str) -> Option<String> {
    let mut folders: Vec<&str> = path.split('/').collect();
    folders.pop();
    let mut rest = relative.strip_prefix("./").unwrap_or(relative);
    while let Some(above) = rest.strip_prefix("../") {
        folders.pop()?;
        rest = above;
    }
    let is_relative = relative.starts_with("./") || relative.starts_with("../");
    folders.push(rest);
    is_relative.then(|| folders.join("/"))
}

/// The names that a line at the top level declares; none if it declares nothing or is indented.
fn declared(line: &str) -> Result<Vec<&str>, String> {
    const KEYWORDS: [&str; 8] = [
        "class ",
        "function* ",
        "function ",
        "async function* ",
        "async function ",
        "const ",
        "let ",
        "var ",
    ];
    let Some(rest) = KEYWORDS
        .iter()
        .find_map(|keyword| line.strip_prefix(keyword))
    else {
        return Ok(Vec::new());
    };
    let close = match rest.chars().next() {
        Some('{') => '}',
        Some('[') => ']',
        _ => return Ok(vec![first_name(rest)]),
    };
    let (pattern, _) = rest[1..].split_once(close).ok_or(PATTERN)?;
    let parts = pattern
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let bound = parts.map(|part| part.rsplit_once(": ").map_or(part, |(_, name)| name));
    Ok(bound
        .map(|part| first_name(part.trim_start_matches("...")))
        .collect())
}

fn first_name(text: &str) -> &str {
    let end = text.find(|char: char| !is_name_char(char));
    &text[..end.unwrap_or(text.len())]
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_name_char)
}

fn is_name_char(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '_' | '$')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
// What it is for.
import { a, bC } from './x.js';
import { d } from '../y/z.js';

/**
 * A class.
 */
export class E {
  // Inside.
  go() { return `${a}//`; }
}
const { f, g: h, i = 1 } = d; // Beside.
async function j() {}
export const K = 1;
let [l, ...m] = bC;
";

    #[test]
    fn a_module_is_taken_apart() {
        let module = Module::parse("transports/w.js", TEXT).unwrap();
        let imports = module.imports.iter();
        let imports: Vec<_> = imports
            .map(|one| (one.from.as_str(), &one.names[..]))
            .collect();
        assert_eq!(
            imports,
            [("transports/x.js", &["a", "bC"][..]), ("y/z.js", &["d"])]
        );
        assert_eq!(module.exports, ["E", "K"]);
        let names: Vec<_> = module.names.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["E", "f", "h", "i", "j", "K", "l", "m"]);
        assert_eq!(
            module.code,
            "class E {\ngo() { return `${a}//`; }\n}\nconst { f, g: h, i = 1 } = d; // Beside.\n\
             async function j() {}\nconst K = 1;\nlet [l, ...m] = bC;\n"
        );
    }

    #[test]
    fn a_line_that_breaks_a_rule_is_named() {
        for (line, rule) in [
            ("import { a as b } from './x.js';", IMPORT),
            ("import a from './x.js';", IMPORT),
            ("import './x.js';", IMPORT),
            ("import {", IMPORT),
            ("import { a } from './x.js'", IMPORT),
            ("import { a } from 'node:net';", IMPORT),
            ("import { a } from '../x.js';", IMPORT),
            ("import { a } from \"./x.js\";", IMPORT),
            ("export default class A {}", EXPORT),
            ("export { a };", EXPORT),
            ("export * from './x.js';", EXPORT),
            ("  text = `two", TEMPLATE),
            ("const {", PATTERN),
        ] {
            let text = format!("// First.\n{line}\n");
            let broken = Module::parse("w.js", &text).unwrap_err();
            assert_eq!((broken.line, broken.what.as_str()), (2, rule), "{line}");
            assert_eq!(broken.to_string(), format!("client/js/src/w.js:2: {rule}"));
        }
    }
}
