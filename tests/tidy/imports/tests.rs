use super::{Sources, imports};

/// The imports of a made-up crate: "file line > file".
fn of(files: &[(&'static str, &str)]) -> Vec<String> {
    let sources: Sources = files
        .iter()
        .map(|(path, code)| (*path, (*code).to_owned()))
        .collect();
    imports(&sources, files[0].0)
        .iter()
        .map(|one| format!("{} {} > {}", one.from, one.line, one.to))
        .collect()
}

#[test]
fn two_files_import_each_other() {
    let files = [
        ("s/lib.rs", "mod a;\nmod b;"),
        ("s/a.rs", "use crate::b::B;\npub struct A(B);"),
        ("s/b.rs", "\npub fn f() -> super::a::A { }\npub struct B;"),
    ];
    assert_eq!(of(&files), ["s/a.rs 1 > s/b.rs", "s/b.rs 2 > s/a.rs"]);
}

#[test]
fn a_re_export_is_followed_to_the_definition() {
    let files = [
        (
            "s/lib.rs",
            "mod a; mod b; mod c; pub use a::A; pub(crate) use b::deep::{self, B as Bee};",
        ),
        ("s/a.rs", "use crate::{Bee, x::Y};\npub struct A;"),
        ("s/b/mod.rs", "pub mod deep;\npub use super::c::C;"),
        ("s/b/deep.rs", "use super::C;\npub struct B;"),
        ("s/c.rs", "use super::A;\npub struct C;"),
    ];
    let expected = [
        "s/a.rs 1 > s/b/deep.rs",
        // C is no child of b.
        "s/b/deep.rs 1 > s/c.rs",
        "s/b/mod.rs 2 > s/c.rs",
        "s/c.rs 1 > s/a.rs",
    ];
    // Where a name is that nothing defines, a macro made it.
    let made = ["s/a.rs 1 > s/lib.rs"];
    assert_eq!(of(&files), [&expected[..1], &made, &expected[1..]].concat());
}

#[test]
fn who_needs_what_it_passes_on_imports_it() {
    let passes_on = [
        ("s/lib.rs", "mod a; pub use a::*; pub use a::A;"),
        ("s/a.rs", "pub struct A;"),
    ];
    assert_eq!(of(&passes_on), [""; 0]);
    let needs = [
        ("s/lib.rs", "mod a;\npub use a::A; fn f(_: A) {}"),
        ("s/a.rs", "pub struct A;"),
    ];
    assert_eq!(of(&needs), ["s/lib.rs 2 > s/a.rs"]);
    let all = [
        ("s/lib.rs", "mod a; pub use a::*;\nfn f(_: A) {}"),
        ("s/a.rs", "pub struct A;"),
    ];
    assert_eq!(of(&all), ["s/lib.rs 2 > s/a.rs"]);
}

#[test]
fn tests_do_not_count() {
    let files = [
        (
            "s/lib.rs",
            "mod a;\n#[cfg(test)]\nmod testing;\n#[cfg(test)] use a::A;\npub struct B;",
        ),
        (
            "s/a.rs",
            "#[cfg(test)]\nmod tests { use super::*; use crate::B; }\npub struct A;",
        ),
        ("s/testing.rs", "use crate::B;"),
    ];
    assert_eq!(of(&files), [""; 0]);
}

#[test]
fn to_name_a_module_imports_nothing() {
    let module = [
        ("s/lib.rs", "mod a; mod b;"),
        ("s/a.rs", "use super::b;"),
        ("s/b.rs", "pub fn f() {}"),
    ];
    assert_eq!(of(&module), [""; 0]);
    let function = [
        ("s/lib.rs", "mod a; mod b;"),
        ("s/a.rs", "use super::b;\nfn g() { b::f() }"),
        ("s/b.rs", "pub fn f() {}"),
    ];
    assert_eq!(of(&function), ["s/a.rs 2 > s/b.rs"]);
}

#[test]
fn what_lies_outside_is_no_import() {
    let files = [
        ("s/lib.rs", "mod a;\npub use other::Thing;"),
        (
            "s/a.rs",
            "use std::fmt; use super::Thing; use ::a::b;\n\
             pub(in crate::a) fn f() -> fmt::Result { Self::x(); y.a::<u8>() }",
        ),
    ];
    assert_eq!(of(&files), [""; 0]);
}

#[test]
fn modules_in_braces_belong_to_their_file() {
    let files = [
        ("s/lib.rs", "mod a;\npub struct B;"),
        (
            "s/a.rs",
            "pub mod inner {\nuse super::A; fn f() -> super::super::B {} }\npub struct A;",
        ),
    ];
    assert_eq!(of(&files), ["s/a.rs 2 > s/lib.rs"]);
}
