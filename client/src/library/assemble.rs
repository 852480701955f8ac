//! Many modules become one text.

use std::collections::HashMap;

use super::module::{Broken, Module};

/// The code of the module `entry` and of all that it needs, those first that others need. `text`
/// gives the text of the module at a path.
///
/// # Errors
/// The first rule of modules that is broken.
pub(super) fn assemble<'t>(
    entry: &str,
    text: &dyn Fn(&str) -> Option<&'t str>,
) -> Result<String, Broken> {
    let mut assembly = Assembly {
        text,
        places: HashMap::new(),
        modules: Vec::new(),
    };
    assembly.add(entry, None)?;
    assembly.check_names()?;
    Ok(assembly
        .modules
        .into_iter()
        .map(|module| module.code)
        .collect())
}

struct Assembly<'t, 's> {
    text: &'s dyn Fn(&str) -> Option<&'t str>,
    /// Where each module stands in the order; nowhere yet if its imports are being added.
    places: HashMap<String, Option<usize>>,
    modules: Vec<Module<'t>>,
}

impl Assembly<'_, '_> {
    /// Adds a module behind all that it needs, and says where it stands. `importer` is who asks
    /// for it, and on which line.
    fn add(&mut self, path: &str, importer: Option<(&str, usize)>) -> Result<usize, Broken> {
        let at_fault = |what: String| {
            let (path, line) = importer.unwrap_or((path, 1));
            let path = path.to_owned();
            Broken { path, line, what }
        };
        match self.places.get(path) {
            Some(Some(place)) => return Ok(*place),
            Some(None) => return Err(at_fault(format!("{path} imports this module in a circle"))),
            None => {}
        }
        let text = (self.text)(path);
        let text = text.ok_or_else(|| at_fault(format!("there is no module {path}")))?;
        let module = Module::parse(path, text)?;
        self.places.insert(path.to_owned(), None);
        for import in &module.imports {
            let place = self.add(&import.from, Some((path, import.line)))?;
            let exports = &self.modules[place].exports;
            if let Some(name) = import.names.iter().find(|name| !exports.contains(name)) {
                return Err(Broken {
                    path: path.to_owned(),
                    line: import.line,
                    what: format!("{} does not export {name}", import.from),
                });
            }
        }
        let place = self.modules.len();
        self.places.insert(path.to_owned(), Some(place));
        self.modules.push(module);
        Ok(place)
    }

    /// All modules share one scope.
    fn check_names(&self) -> Result<(), Broken> {
        let mut owners = HashMap::new();
        for module in &self.modules {
            for (name, line) in &module.names {
                if let Some(owner) = owners.insert(*name, &module.path) {
                    return Err(Broken {
                        path: module.path.clone(),
                        line: *line,
                        what: format!("the name {name} is used at the top level of {owner}, too"),
                    });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assemble_of(modules: &[(&str, &'static str)]) -> Result<String, String> {
        let text = |path: &str| {
            let found = modules.iter().find(|(name, _)| *name == path);
            found.map(|(_, text)| *text)
        };
        assemble("main.js", &text).map_err(|broken| broken.to_string())
    }

    #[test]
    fn what_is_needed_comes_first_and_once() {
        let text = assemble_of(&[
            (
                "main.js",
                "import { a } from './a.js';\nimport { b } from './b/b.js';\nmain();",
            ),
            ("a.js", "import { b } from './b/b.js';\nexport const a = b;"),
            ("b/b.js", "export const b = 1;"),
            ("c.js", "not needed"),
        ]);
        assert_eq!(text.unwrap(), "const b = 1;\nconst a = b;\nmain();\n");
    }

    #[test]
    fn what_can_not_be_assembled_is_named() {
        for (modules, expected) in [
            (
                &[("main.js", "\nimport { a } from './a.js';")][..],
                "main.js:2: there is no module a.js",
            ),
            (
                &[
                    ("main.js", "import { a } from './a.js';"),
                    ("a.js", "export const b = 1;"),
                ],
                "main.js:1: a.js does not export a",
            ),
            (
                &[
                    ("main.js", "import { a } from './a.js';\nconst b = 1;"),
                    ("a.js", "export const a = 1;\nfunction b() {}"),
                ],
                "main.js:2: the name b is used at the top level of a.js, too",
            ),
            (
                &[
                    ("main.js", "import { a } from './a.js';"),
                    ("a.js", "import { b } from './b.js';\nexport const a = b;"),
                    ("b.js", "import { a } from './a.js';\nexport const b = a;"),
                ],
                "b.js:1: a.js imports this module in a circle",
            ),
            (&[], "main.js:1: there is no module main.js"),
        ] {
            assert_eq!(
                assemble_of(modules),
                Err(format!("client/js/src/{expected}"))
            );
        }
    }
}
