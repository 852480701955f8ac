//! Links between the pages of the repository, and the book that is made of docs/.
//!
//! Only what lies in the repository is looked for; nobody else's pages are asked for, as tests need
//! no network.

use crate::repository::Repository;
use crate::{Complaint, Rule};

pub(crate) const RULES: &[Rule] = &[
    Rule {
        says: "a link leads to a file, and to a heading of it",
        check: links_lead_somewhere,
        bad: &[
            ("a.md", "[b](b.md)"),
            ("docs/c.md", "[d](../docs/d.md)"),
            ("docs/e.md", "see [one], [two](#no-such-heading)\n# Two"),
            ("f.md", "[g](docs/g.md#two)"),
            ("docs/g.md", "## One\n[h](../../h)"),
        ],
        good: &[
            (
                "a.md",
                "# A `b`, c?\n[b](docs/b.md#b-1) [c](#a-b-c) [d](https://d) [e](docs)",
            ),
            (
                "docs/b.md",
                "# B\n# B\n[a](../a.md)\n```\n[x](y)\n```\n`[x](y)`",
            ),
        ],
    },
    Rule {
        says: "docs/SUMMARY.md lists every page of docs/ once: it is the book",
        check: the_book_is_whole,
        bad: &[
            ("docs/SUMMARY.md", "[A](A.md) [A](A.md)"),
            ("docs/A.md", ""),
            ("docs/B.md", ""),
        ],
        good: &[("docs/SUMMARY.md", "- [A](A.md)"), ("docs/A.md", "")],
    },
];

/// Where a link leads, and in which line it stands.
struct Link<'p> {
    line: usize,
    to: &'p str,
}

fn pages(repository: &Repository) -> impl Iterator<Item = (&str, &str)> {
    repository.files().filter(|(path, _)| path.ends_with(".md"))
}

fn links_lead_somewhere(repository: &Repository) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (path, text) in pages(repository) {
        for Link { line, to } in links(text) {
            if !leads_somewhere(repository, path, to) {
                complaints.push(Complaint::new(path, line, format!("{to} leads nowhere")));
            }
        }
    }
    complaints
}

fn leads_somewhere(repository: &Repository, from: &str, to: &str) -> bool {
    let (file, heading) = to.split_once('#').unwrap_or((to, ""));
    let path = match file {
        "" => Some(from.to_owned()),
        _ => resolved(from, file),
    };
    let Some(path) = path else {
        return false;
    };
    match repository.file(&path) {
        Some(text) => heading.is_empty() || headings(text).iter().any(|slug| slug == heading),
        None => heading.is_empty() && repository.has_folder(&path),
    }
}

/// The path from the root of what a page calls `to`. Nothing outside of the repository is meant.
fn resolved(from: &str, to: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in to.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The links of a page to what lies beside it. What is code is no link.
fn links(text: &str) -> Vec<Link<'_>> {
    let mut links = Vec::new();
    for (number, line) in lines_outside_of_code(text) {
        let mut at = 0;
        while let Some(found) = line[at..].find("](") {
            let begin = at + found;
            let is_code = line[..begin].matches('`').count() % 2 == 1;
            at = begin + 2;
            let end = line[at..].find(')').map_or(line.len(), |end| at + end);
            let to = line[at..end].split(' ').next().unwrap_or_default();
            let is_elsewhere = to.contains("://") || to.starts_with("mailto:");
            if !is_code && !is_elsewhere && !to.is_empty() {
                links.push(Link { line: number, to });
            }
        }
    }
    links
}

fn lines_outside_of_code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    let numbered = text.lines().enumerate();
    numbered.filter_map(move |(index, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        (!is_code && !is_fence).then_some((index + 1, line))
    })
}

/// What the headings of a page are called in links: their words in small letters, with lines
/// between them; the second of a name ends with `-1`.
fn headings(text: &str) -> Vec<String> {
    let mut slugs: Vec<String> = Vec::new();
    for (_, line) in lines_outside_of_code(text) {
        let title = line.trim_start_matches('#');
        if title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let slug = slug(title.trim());
        let before = slugs.iter().filter(|other| {
            let numbered = other
                .rsplit_once('-')
                .filter(|(_, end)| end.parse::<u32>().is_ok());
            **other == slug || numbered.is_some_and(|(name, _)| name == slug)
        });
        let before = before.count();
        slugs.push(match before {
            0 => slug,
            _ => format!("{slug}-{before}"),
        });
    }
    slugs
}

fn slug(title: &str) -> String {
    let mut slug = String::new();
    // Of a link in a heading only its words are there.
    let words = title
        .split("](")
        .enumerate()
        .map(|(index, part)| match index {
            0 => part,
            _ => part.split_once(')').map_or("", |(_, after)| after),
        });
    for char in words.flat_map(str::chars) {
        match char {
            ' ' => slug.push('-'),
            '-' | '_' => slug.push(char),
            char if char.is_alphanumeric() => slug.extend(char.to_lowercase()),
            _ => {}
        }
    }
    slug
}

fn the_book_is_whole(repository: &Repository) -> Vec<Complaint> {
    const SUMMARY: &str = "docs/SUMMARY.md";
    let listed = links(repository.file(SUMMARY).unwrap_or_default());
    let mut complaints = Vec::new();
    for (path, _) in pages(repository) {
        let Some(name) = path.strip_prefix("docs/").filter(|_| path != SUMMARY) else {
            continue;
        };
        let times = listed.iter().filter(|link| link.to == name).count();
        if times != 1 {
            let what = format!("{SUMMARY} lists it {times} times");
            complaints.push(Complaint::new(path, 0, what.clone()));
            complaints.push(Complaint::new(SUMMARY, 0, format!("{path}: {what}")));
        }
    }
    complaints
}
