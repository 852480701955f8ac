//! Follows each path to the file that defines what it names.

use super::modules::Module;
use super::paths::Use;

/// Where a path leads to, if it does not lead out of the crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Module(usize),
    /// Something that this module defines.
    Item(usize),
}

/// Re-exports that may lead to each other, one after the other, before a path leads nowhere.
const HOPS_MAX: usize = 16;

/// Who imports whom, and in which line.
pub(super) fn imports(modules: &[Module]) -> Vec<(String, String, usize)> {
    let crate_ = Crate(modules);
    let mut found = Vec::new();
    for (at, module) in modules.iter().enumerate() {
        let mut import = |target: Option<Found>, line: usize| {
            if let Some(Found::Item(target)) = target {
                let to = &modules[target].file;
                if *to != module.file {
                    found.push((module.file.clone(), to.clone(), line));
                }
            }
        };
        for (path, line) in &module.paths {
            import(crate_.resolve(at, path, HOPS_MAX), *line);
        }
        for one in &module.uses {
            let target = crate_.resolve(at, &one.path, HOPS_MAX);
            match (&one.name, target) {
                (None, Some(Found::Module(target))) => {
                    for (name, line) in &module.names {
                        import(crate_.member(target, name, HOPS_MAX), *line);
                    }
                }
                (_, target) if crate_.is_only_passed_on(at, one, target) => {}
                (_, target) => import(target, one.line),
            }
        }
    }
    found
}

struct Crate<'m>(&'m [Module]);

impl Crate<'_> {
    /// Where the path leads to that stands in `module`.
    fn resolve(&self, module: usize, path: &[String], hops: usize) -> Option<Found> {
        let (first, rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" => Found::Module(0),
            "self" => Found::Module(module),
            "super" => Found::Module(self.0[module].parent?),
            name => self.member(module, name, hops)?,
        };
        for name in rest {
            let Found::Module(inside) = at else {
                break;
            };
            at = match name.as_str() {
                "super" => Found::Module(self.0[inside].parent?),
                name if self.has(inside, name) => self.member(inside, name, hops)?,
                // A macro makes it there.
                _ => Found::Item(inside),
            };
        }
        Some(at)
    }

    /// What `name` means in the module.
    fn member(&self, module: usize, name: &str, hops: usize) -> Option<Found> {
        let Module {
            children,
            items,
            uses,
            ..
        } = &self.0[module];
        let hops = hops.checked_sub(1)?;
        if items.contains(name) {
            return Some(Found::Item(module));
        }
        if let Some(child) = children.get(name) {
            return Some(Found::Module(*child));
        }
        let named = uses.iter().filter(|one| one.name.as_deref() == Some(name));
        // A crate and a name of it can be called the same: such a path leads out.
        let mut named = named.filter(|one| one.path != [name]);
        if let Some(one) = named.next() {
            return self.resolve(module, &one.path, hops);
        }
        let globs = uses.iter().filter(|one| one.name.is_none());
        globs
            .into_iter()
            .find_map(|glob| match self.resolve(module, &glob.path, hops)? {
                Found::Module(inside) => self.member(inside, name, hops),
                Found::Item(_) => None,
            })
    }

    /// Whether the module says anywhere what `name` is.
    fn has(&self, module: usize, name: &str) -> bool {
        let Module {
            children,
            items,
            uses,
            ..
        } = &self.0[module];
        let is_used = |one: &Use| one.name.as_deref().is_none_or(|own| own == name);
        items.contains(name) || children.contains_key(name) || uses.iter().any(is_used)
    }

    /// Whether this `use` only passes on what a child of the module defines: the module itself does
    /// not need it then.
    fn is_only_passed_on(&self, module: usize, one: &Use, target: Option<Found>) -> bool {
        let is_needed = || {
            let name = one.name.as_deref().unwrap_or_default();
            self.0[module].names.contains_key(name)
        };
        let target = match target {
            Some(Found::Item(target) | Found::Module(target)) => target,
            None => return true,
        };
        one.is_public && self.is_below(target, module) && !is_needed()
    }

    fn is_below(&self, mut module: usize, ancestor: usize) -> bool {
        while let Some(parent) = self.0[module].parent {
            if parent == ancestor {
                return true;
            }
            module = parent;
        }
        false
    }
}
