//! Delivers what the outbox has for trackers and notifiers. What it decides is in core; how each of them is spoken to, in `trackers`
//! and `notify`.
use std::sync::Arc;

use super::inbox::Post;
use crate::{
    config::Env,
    core::{
        Msg,
        logs::redact::Redactor,
        outbox::{self, Order},
    },
    notify,
    remote::http::{Client, Trust},
    tasks::Tasks,
    trackers::{self, Means, PATIENCE},
};

/// Returns what trackers are given to work with.
pub fn means(tasks: &Tasks) -> Means {
    let http = Client::new(Trust::system());
    Means { http, env: Env::of_process(), tasks: tasks.clone(), patience: PATIENCE }
}

/// Carries out an order, and tells how it ended. Who began it said so on disk before: where nobody hears the end, it is looked for.
pub async fn deliver(order: Order, means: Means, redact: Arc<Redactor>, post: Post) {
    let (token, deed, attempt) = (order.token, order.deed, order.attempt);
    tracing::info!(%token, ?deed, attempt, tracker = &*order.tracker.name, "outbox");
    let end = if order.item.write.notice().is_some() {
        notify::deliver(&order, &means, &redact).await
    } else {
        trackers::deliver(&order, &means, &redact).await
    };
    if let outbox::End::Missed { how, reason, .. } = &end {
        tracing::warn!(%token, ?deed, ?how, reason, "outbox");
    }
    post.fact(Msg::Outbox(outbox::Msg::Ended { token, deed, attempt, end })).await;
}

/// Says what would be sent.
pub fn preview(order: &Order, means: &Means, redact: &Redactor, post: &Post) {
    let text = if order.item.write.notice().is_some() {
        notify::preview(order, redact)
    } else {
        trackers::preview(order, means, redact)
    };
    post.try_fact(Msg::Outbox(outbox::Msg::Previewed { token: order.token, text }));
}
