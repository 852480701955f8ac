//! Upstreams are asked, again and again, whether they are well.

use std::sync::{Arc, Weak};

use http::header::{HOST, HeaderValue};
use http::{Request, Uri};
use tokio::time::{sleep, timeout};

use super::body::Outgoing;
use super::options::Health;
use super::shared::Shared;
use super::upstream::Upstream;

/// Begins to ask, if that is wanted. It ends with the proxy.
pub(super) fn start(shared: &Arc<Shared>) {
    let Some(health) = &shared.options.health else {
        return;
    };
    for place in 0..shared.pool.members.len() {
        shared
            .threads
            .spawn(watch(Arc::downgrade(shared), place, health.clone()));
    }
}

async fn watch(shared: Weak<Shared>, place: usize, health: Health) {
    // How many answers in a row contradict what is thought of it.
    let (mut is_ill, mut contrary) = (false, 0);
    loop {
        let Some(upstream) = upstream(&shared, place) else {
            return;
        };
        let is_well = matches!(
            timeout(health.interval, ask(&upstream, &health)).await,
            Ok(true)
        );
        contrary = if is_well == is_ill { contrary + 1 } else { 0 };
        if contrary >= health.answers {
            (is_ill, contrary) = (!is_well, 0);
            let Some(shared) = shared.upgrade() else {
                return;
            };
            if shared.pool.members[place].set_ill(is_ill) {
                match is_ill {
                    true => tracing::warn!(%upstream, "an upstream is not well"),
                    false => tracing::info!(%upstream, "an upstream is well again"),
                }
            }
        }
        sleep(health.interval).await;
    }
}

fn upstream(shared: &Weak<Shared>, place: usize) -> Option<Upstream> {
    let shared = shared.upgrade()?;
    Some(shared.pool.members[place].upstream.clone())
}

/// Whether an upstream says that it is well.
async fn ask(upstream: &Upstream, health: &Health) -> bool {
    let (Ok(mut sender), Ok(uri), Ok(host)) = (
        upstream.connect().await,
        health.path.parse::<Uri>(),
        HeaderValue::from_str(upstream.host()),
    ) else {
        return false;
    };
    let mut request = Request::new(Outgoing::none());
    *request.uri_mut() = uri;
    request.headers_mut().insert(HOST, host);
    let response = sender.send_request(request).await;
    response.is_ok_and(|response| matches!(response.status().as_u16(), 200..400))
}
