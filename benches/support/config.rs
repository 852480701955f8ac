//! How long every bench measures. There are some two hundred cases, and all of them together are to
//! take less than ten minutes.

use std::time::Duration;

use criterion::Criterion;

/// About a second for each case. The command line has the last word, as with any `Criterion`.
pub(crate) fn config() -> Criterion {
    Criterion::default()
        .without_plots()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(700))
        .sample_size(30)
        // A tenth of the usual number; the intervals stay the same to two digits.
        .nresamples(10_000)
}
