//! Which objects stand for something that JSON lacks.

use crate::value::Object;

/// What an object stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Date,
    RegExp,
    InfNan,
    Binary,
    Escape,
    Custom,
}

pub(super) const DATE: &str = "$date";
pub(super) const REG_EXP: &str = "$regexp";
pub(super) const FLAGS: &str = "$flags";
pub(super) const INF_NAN: &str = "$InfNaN";
pub(super) const BINARY: &str = "$binary";
pub(super) const ESCAPE: &str = "$escape";
pub(super) const TYPE: &str = "$type";
pub(super) const VALUE: &str = "$value";

/// All of these names.
pub(super) const NAMES: [&str; 8] = [DATE, REG_EXP, FLAGS, INF_NAN, BINARY, ESCAPE, TYPE, VALUE];

/// What the object stands for, if it has the names of a form and no others.
pub(super) fn form_of(object: &Object) -> Option<Form> {
    let mut names = object.iter().map(|(name, _)| name);
    form_of_names((names.next()?, names.next(), names.next()))
}

/// What an object stands for by its first three names, if it has as many.
pub(super) fn form_of_names(names: (&str, Option<&str>, Option<&str>)) -> Option<Form> {
    match names {
        (DATE, None, None) => Some(Form::Date),
        (INF_NAN, None, None) => Some(Form::InfNan),
        (BINARY, None, None) => Some(Form::Binary),
        (ESCAPE, None, None) => Some(Form::Escape),
        (REG_EXP, Some(FLAGS), None) | (FLAGS, Some(REG_EXP), None) => Some(Form::RegExp),
        (TYPE, Some(VALUE), None) | (VALUE, Some(TYPE), None) => Some(Form::Custom),
        _ => None,
    }
}
