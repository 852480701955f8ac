//! All metrics that there are. Each part of the server has a table of its own and a line here; one
//! that is in none of them is nowhere in docs/METRICS.md, which a test does not allow.

use super::metric::Metric;
use super::{engine, process, scrape, whole};
use crate::admin::metrics as admin;
use crate::api::metrics as api;
use crate::hooks::metrics as hooks;
use crate::web::metrics as web;
use crate::{access, reload, trace};

/// The tables, by the heading that each has in docs/METRICS.md.
pub(crate) fn tables() -> Vec<(&'static str, Vec<Metric>)> {
    let mut tables = own();
    tables.push(("Reloads", reload::METRICS.to_vec()));
    tables.push(("Hooks", hooks::METRICS.to_vec()));
    tables.push(("Traces", trace::METRICS.to_vec()));
    tables.push(("The access log", access::METRICS.to_vec()));
    tables.push(("The dashboard", admin::METRICS.to_vec()));
    tables.push(("The API", api::METRICS.to_vec()));
    tables.push(("Files and the application behind", web::METRICS.to_vec()));
    tables
}

/// Those that every server has that tells its metrics.
pub(super) fn own() -> Vec<(&'static str, Vec<Metric>)> {
    vec![
        ("Shards", engine::metrics()),
        ("The whole server", whole::METRICS.to_vec()),
        ("The process", process::METRICS.to_vec()),
        ("The metrics themselves", scrape::METRICS.to_vec()),
    ]
}
