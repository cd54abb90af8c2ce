//! Asking the scanner. What is decided of it is in core; how it is spoken to, in `sources::qualys`.
use super::inbox::Post;
use crate::{
    config::Env,
    core::{
        Msg,
        findings::{self, Order},
    },
    remote::http::{Client, Trust},
    sources::qualys::{self, Means, PATIENCE, PAUSE},
};

/// Returns what the scanner is asked with.
pub fn means() -> Means {
    Means { http: Client::new(Trust::system()), env: Env::of_process(), patience: PATIENCE, pause: PAUSE }
}

/// Asks once, and tells how it ended.
pub(super) async fn pull(order: Box<Order>, post: Post) {
    tracing::info!(all = order.since.is_none(), "the scanner is asked");
    let told = qualys::pull(&order, &means()).await;
    let (found, end, left) = (told.findings.len(), &told.end, told.remaining);
    tracing::info!(found, ?end, left, "the scanner told");
    post.fact(Msg::Findings(findings::Msg::Pulled { order, told: Box::new(told) })).await;
}
