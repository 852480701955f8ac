//! docs/COMPATIBILITY.md has no row without a test.
//!
//! The last column of its tables, "tested in", names files or folders with tests; "the same" means
//! those of the row above. A row may leave it empty only if there is nothing here, so that its
//! column "AllSpark" begins with "none". A table without that column is covered by the tests that
//! the text of its section names. A table of what is used "instead" is about what there is not.

use crate::repository::Repository;
use crate::{Complaint, Rule};

pub(crate) const RULES: &[Rule] = &[Rule {
    says: "each row of docs/COMPATIBILITY.md has a test that exists",
    check: rows_have_tests,
    bad: &[(
        PAGE,
        "| a | AllSpark | tested in |\n|---|---|---|\n| b | c | `tests/gone.rs` |",
    )],
    good: &[
        ("tests/a/b.rs", "#[test]\nfn f() {}"),
        ("tests/c.test.js", "test('d', () => {});"),
        (
            PAGE,
            "## A\n| a | AllSpark | tested in |\n|---|---|---|\n\
             | b | c | `tests/a`, `tests/a/b.rs`, `b.rs` |\n| `x \\| y` | d | the same |\n\
             | e | none: f | |\n## B\nTested in [c](../tests/c.test.js).\n\n\
             | a | AllSpark |\n|---|---|\n| b | c |\n## C\n| npm | instead |\n|---|---|\n| b | c |",
        ),
    ],
}];

const PAGE: &str = "docs/COMPATIBILITY.md";

/// The name of the column with tests.
const TESTED_IN: &str = "tested in";

fn rows_have_tests(repository: &Repository) -> Vec<Complaint> {
    let Some(text) = repository.file(PAGE) else {
        return Vec::new();
    };
    let lines: Vec<&str> = text.lines().collect();
    let mut complaints = Vec::new();
    let (mut said, mut from) = (String::new(), 0);
    while let Some(line) = lines.get(from) {
        if line.starts_with('#') {
            said.clear();
        }
        if !line.starts_with('|') {
            said += line;
            from += 1;
            continue;
        }
        let rows = lines[from..]
            .iter()
            .take_while(|line| line.starts_with('|'));
        let rows: Vec<Vec<&str>> = rows.map(|line| cells(line)).collect();
        for (row, what) in judge(repository, &said, &rows) {
            complaints.push(Complaint::new(PAGE, from + row + 1, what));
        }
        from += rows.len();
    }
    complaints
}

/// The rows of a table that have no test, or one that does not exist. The first row is its head.
fn judge(repository: &Repository, said: &str, rows: &[Vec<&str>]) -> Vec<(usize, String)> {
    let head = &rows[0];
    if head.last() == Some(&"instead") {
        return Vec::new();
    }
    if head.last() != Some(&TESTED_IN) {
        let named = names(said).chain(links(said));
        let is_tested = named.into_iter().any(|name| has_tests(repository, name));
        let what = "the table has no column for tests, and the text above it names none";
        return (!is_tested)
            .then(|| (0, what.to_owned()))
            .into_iter()
            .collect();
    }
    let ours = head.iter().position(|name| *name == "AllSpark");
    let rows = rows.iter().enumerate().skip(2);
    rows.filter_map(|(number, cells)| {
        let ours = ours.and_then(|ours| cells.get(ours).copied());
        let what = match cells.get(head.len() - 1).copied().unwrap_or_default() {
            "" if ours.is_some_and(|ours| ours.starts_with("none")) => return None,
            "the same" if number > 2 => return None,
            tests => fault(repository, tests)?,
        };
        Some((number, what))
    })
    .collect()
}

/// What is wrong with the names of tests of a row. One without a folder lies beside the one before.
fn fault(repository: &Repository, tests: &str) -> Option<String> {
    let (mut folder, mut count) = ("", 0);
    for name in names(tests) {
        let path = match name.rsplit_once('/') {
            Some((before, _)) => {
                folder = before;
                name.to_owned()
            }
            None => format!("{folder}/{name}"),
        };
        if !has_tests(repository, &path) {
            return Some(format!("{path} has no tests"));
        }
        count += 1;
    }
    (count == 0).then(|| "no test is named".to_owned())
}

/// Whether this file, or one below this folder, has tests.
fn has_tests(repository: &Repository, path: &str) -> bool {
    let folder = format!("{path}/");
    repository
        .files()
        .filter(|(file, _)| *file == path || file.starts_with(&folder))
        .any(|(file, text)| {
            let words: &[&str] = match file.rsplit_once('.') {
                Some((_, "rs")) => &["#[test]", "#[tokio::test", "mod tests"],
                Some((_, "js" | "ts")) => &["test("],
                _ => &[],
            };
            words.iter().any(|word| text.contains(word))
        })
}

/// What stands between backticks.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Where links lead, from the root: the page lies one folder below it.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split("](../").skip(1);
    parts.filter_map(|part| part.split([')', '#']).next())
}

/// The cells of a row, of which the first and the last bar are its edges.
fn cells(line: &str) -> Vec<&str> {
    let mut cells = Vec::new();
    let (mut from, mut before) = (1, '|');
    for (at, char) in line.char_indices().skip(1) {
        if char == '|' && before != '\\' {
            cells.push(line[from..at].trim());
            from = at + 1;
        }
        before = char;
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(page: &'static str) -> Vec<(usize, String)> {
        let sample = [
            ("tests/a/b.rs", "#[test]\nfn f() {}"),
            ("tests/support.rs", "fn f() {}"),
            (PAGE, page),
        ];
        let sample: &'static [_] = Box::leak(Box::new(sample));
        let found = rows_have_tests(&Repository::of(sample));
        found.into_iter().map(|at| (at.line, at.what)).collect()
    }

    #[test]
    fn each_row_needs_one_and_each_that_it_names_must_be_there() {
        let found = complaints(
            "| a | AllSpark | tested in |\n|---|---|---|\n| b | c | the same |\n| b | c | |\n\
             | b | none | |\n| b | c | `tests/a/b.rs`, `c.rs` |\n| b | c | `tests/support.rs` |",
        );
        let expected = [
            (3, "no test is named"),
            (4, "no test is named"),
            (6, "tests/a/c.rs has no tests"),
            (7, "tests/support.rs has no tests"),
        ];
        let found: Vec<_> = found.iter().map(|(line, what)| (*line, &**what)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_section_may_name_the_tests_of_its_tables() {
        let table = "\n\n| a | b |\n|---|---|\n| c | d |\n";
        let page = |said: &str| format!("# A\n{said}{table}").leak() as &'static str;
        assert!(complaints(page("Asked by `tests/a`.")).is_empty());
        assert!(complaints(page("See [there](../tests/a/b.rs).")).is_empty());
        assert_eq!(complaints(page("Asked by `tests/gone.rs`.")).len(), 1);
        let page = "# A\nBy `tests/a`.\n# B\n\n| a | b |\n|---|---|\n| c | d |\n";
        assert_eq!(complaints(page)[0].0, 5, "those of another section");
    }
}
