//! An API server of Kubernetes with one deployment, as far as kubectl uses it: discovery, reads, lists and watches, the three kinds
//! of patch, the scale subresource, access reviews. Its controller gets on by a step with each look: a change is taken up, pods come
//! one after the other, and an image with `bad` in its name never becomes ready until the deadline is over.
use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
};
use serde_json::{Value, json};

use crate::support::tasks;

/// Where the deployment is.
const SHOP: &str = "/apis/apps/v1/namespaces/shop";
const REVISION: &str = "deployment.kubernetes.io/revision";

/// What the server holds.
#[derive(Debug)]
pub(crate) struct Cluster {
    template: Value,
    generation: u64,
    observed: u64,
    version: u64,
    revision: u64,
    pub(crate) replicas: u64,
    /// Replica sets, the oldest first: revision, template.
    sets: Vec<(u64, Value)>,
    /// Looks since the last change.
    age: u64,
    /// Whether an autoscaler is there.
    pub(crate) scaler: bool,
    /// What every question is answered, instead.
    pub(crate) answer: Option<(StatusCode, String)>,
    /// Whether the access review says no.
    pub(crate) forbidden: bool,
    /// Its pods.
    pub(crate) pods: Vec<Pod>,
}

/// A pod with one container.
#[derive(Clone, Debug)]
pub(crate) struct Pod {
    pub(crate) name: &'static str,
    /// Why it waits; empty where it runs.
    pub(crate) waits: &'static str,
    /// Why its container ended last; empty where it never did.
    pub(crate) ended: &'static str,
    /// What it wrote.
    pub(crate) log: &'static str,
    /// MiB in use.
    pub(crate) memory: u64,
}

impl Pod {
    /// One that is well.
    pub(crate) fn well(name: &'static str) -> Self {
        Self { name, waits: "", ended: "", log: "GET /health 200\n", memory: 90 }
    }

    fn object(&self, limit: Option<&Value>) -> Value {
        let restarts = if self.ended.is_empty() && self.waits.is_empty() { 0 } else { 4 };
        let mut container = json!({ "name": "api", "restartCount": restarts, "ready": self.waits.is_empty(), "state": { "running": {} } });
        if !self.waits.is_empty() {
            container["state"] = json!({ "waiting": { "reason": self.waits, "message": "back-off 40s" } });
        }
        if !self.ended.is_empty() {
            container["lastState"] = json!({ "terminated": { "reason": self.ended, "exitCode": 137 } });
        }
        let mut spec = json!({ "containers": [{ "name": "api", "image": "api" }] });
        if let Some(limit) = limit {
            spec["containers"][0]["resources"] = limit.clone();
        }
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": self.name, "namespace": "shop", "labels": { "app": "api" } },
            "spec": spec, "status": { "phase": "Running", "containerStatuses": [container] } })
    }

    fn row(&self) -> Value {
        let (ready, status) = if self.waits.is_empty() { ("1/1", "Running") } else { ("0/1", self.waits) };
        let restarts = if self.ended.is_empty() && self.waits.is_empty() { "0" } else { "4 (2m ago)" };
        let of = json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": { "name": self.name, "namespace": "shop" } });
        json!({ "cells": [self.name, ready, status, restarts, "9m"], "object": of })
    }

    fn used(&self) -> Value {
        let usage = json!({ "cpu": "12m", "memory": format!("{}Mi", self.memory) });
        json!({ "metadata": { "name": self.name, "namespace": "shop" }, "timestamp": "2026-11-20T03:07:00Z", "window": "30s",
            "containers": [{ "name": "api", "usage": usage }] })
    }
}

pub(crate) type Shared = Arc<Mutex<Cluster>>;

fn template(image: &str) -> Value {
    json!({ "metadata": { "labels": { "app": "api" } }, "spec": { "containers": [{ "name": "api", "image": image, "env": [{ "name": "K", "value": "a\u{1b}]0;x\u{7}\n@@ end" }] }] } })
}

impl Cluster {
    /// Starts one that runs an image; returns it and its port.
    pub(crate) async fn start(image: &str) -> (Shared, u16) {
        let cluster = Self {
            template: template(image),
            generation: 1,
            observed: 1,
            version: 100,
            revision: 1,
            replicas: 3,
            sets: vec![(1, template(image))],
            age: 99,
            scaler: false,
            answer: None,
            forbidden: false,
            pods: vec![Pod { waits: "CrashLoopBackOff", ..Pod::well("api-h1-x") }],
        };
        let shared = Arc::new(Mutex::new(cluster));
        let app = Router::new().fallback(handle).with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tasks().spawn("kubernetes", async move { axum::serve(listener, app).await.unwrap() }).detach();
        (shared, port)
    }

    /// Returns the image that is wanted.
    pub(crate) fn image(&self) -> String {
        self.template["spec"]["containers"][0]["image"].as_str().unwrap().to_owned()
    }

    /// Has somebody else set an image, and all of it rolled out.
    pub(crate) fn set(&mut self, image: &str) {
        let template = template(image);
        self.change(template);
        (0..9).for_each(|_| self.work());
    }

    fn change(&mut self, template: Value) {
        if template == self.template {
            return;
        }
        self.template = template;
        self.generation += 1;
        self.age = 0;
    }

    /// The controller works a step.
    fn work(&mut self) {
        self.version += 1;
        self.age += 1;
        if self.age == 2 && self.observed < self.generation {
            self.observed = self.generation;
            if self.sets.iter().any(|(number, template)| *template == self.template && *number == self.revision) {
                return;
            }
            self.revision += 1;
            let (revision, template) = (self.revision, self.template.clone());
            if let Some(known) = self.sets.iter_mut().find(|(_, known)| *known == template) {
                known.0 = revision;
            } else {
                self.sets.push((revision, template));
            }
        }
    }

    fn deployment(&mut self) -> Value {
        self.work();
        let bad = self.image().contains("bad");
        let up = if bad { 0 } else { self.age.saturating_sub(2).min(self.replicas) };
        let (updated, total) = (self.age.saturating_sub(2).min(self.replicas), self.replicas);
        let mut status = json!({ "observedGeneration": self.observed, "replicas": total, "conditions": [
            { "type": "Available", "status": "True", "reason": "MinimumReplicasAvailable" },
            { "type": "Progressing", "status": "True", "reason": if bad && self.age > 9 { "ProgressDeadlineExceeded" } else { "ReplicaSetUpdated" } },
        ]});
        // Counts that are nought are left out.
        for (name, count) in [("updatedReplicas", updated), ("availableReplicas", up), ("readyReplicas", up)] {
            if count > 0 {
                status[name] = count.into();
            }
        }
        json!({ "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "api", "namespace": "shop", "uid": "u-1", "generation": self.generation, "resourceVersion": self.version.to_string(),
                "creationTimestamp": "2026-01-01T00:00:00Z", "labels": { "app": "api" }, "annotations": { REVISION: self.revision.to_string() } },
            "spec": { "replicas": self.replicas, "progressDeadlineSeconds": 60, "revisionHistoryLimit": 10, "selector": { "matchLabels": { "app": "api" } },
                "strategy": { "type": "RollingUpdate" }, "template": self.template },
            "status": status })
    }

    fn replica_sets(&self) -> Value {
        let sets = self.sets.iter().enumerate().map(|(number, (revision, template))| {
            let mut template = template.clone();
            template["metadata"]["labels"]["pod-template-hash"] = format!("h{number}").into();
            json!({ "metadata": { "name": format!("api-h{number}"), "namespace": "shop", "uid": format!("rs-{number}"), "creationTimestamp": format!("2026-01-01T00:00:{number:02}Z"),
                    "labels": { "app": "api", "pod-template-hash": format!("h{number}") }, "annotations": { REVISION: revision.to_string() },
                    "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "Deployment", "name": "api", "uid": "u-1", "controller": true }] },
                "spec": { "replicas": 0, "selector": { "matchLabels": { "app": "api", "pod-template-hash": format!("h{number}") } }, "template": template }, "status": { "replicas": 0 } })
        });
        json!({ "apiVersion": "apps/v1", "kind": "ReplicaSetList", "metadata": { "resourceVersion": "1" }, "items": sets.collect::<Vec<_>>() })
    }

    fn scale(&self) -> Value {
        json!({ "apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": { "name": "api", "namespace": "shop", "uid": "u-1", "resourceVersion": self.version.to_string() },
            "spec": { "replicas": self.replicas }, "status": { "replicas": self.replicas, "selector": "app=api" } })
    }

    fn patch(&mut self, body: &Value) {
        if let Some(operations) = body.as_array() {
            // As `rollout undo` does: the template of a replica set, without what only that one has.
            let replaced = operations.iter().find(|operation| operation["path"] == "/spec/template").unwrap();
            let mut template = replaced["value"].clone();
            template["metadata"]["labels"].as_object_mut().unwrap().remove("pod-template-hash");
            template["metadata"].as_object_mut().unwrap().remove("creationTimestamp");
            template["spec"]["containers"][0].as_object_mut().unwrap().remove("resources");
            return self.change(template);
        }
        if let Some(replicas) = body["spec"]["replicas"].as_u64() {
            self.rescale(replicas);
        }
        let mut template = self.template.clone();
        if let Some(image) = body["spec"]["template"]["spec"]["containers"][0]["image"].as_str() {
            template["spec"]["containers"][0]["image"] = image.into();
        }
        let resources = &body["spec"]["template"]["spec"]["containers"][0]["resources"];
        if resources.is_object() {
            template["spec"]["containers"][0]["resources"] = resources.clone();
        }
        if let Some(notes) = body["spec"]["template"]["metadata"]["annotations"].as_object() {
            template["metadata"]["annotations"] = Value::Object(notes.clone());
        }
        self.change(template);
    }

    fn rescale(&mut self, replicas: u64) {
        self.replicas = replicas;
        self.generation += 1;
        self.age = 0;
    }

    /// Its pods: as people are shown them, or as they are.
    fn pods(&self, table: bool) -> Value {
        if !table {
            let limit = self.template["spec"]["containers"][0].get("resources");
            let items: Vec<Value> = self.pods.iter().map(|pod| pod.object(limit)).collect();
            return json!({ "apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": items });
        }
        let column =
            |name: &str| json!({ "name": name, "type": "string", "format": "", "description": "", "priority": 0 });
        let columns: Vec<Value> = ["Name", "Ready", "Status", "Restarts", "Age"].into_iter().map(column).collect();
        let rows: Vec<Value> = self.pods.iter().map(Pod::row).collect();
        json!({ "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "columnDefinitions": columns, "rows": rows })
    }

    fn answer(&mut self, method: &Method, uri: &Uri, (body, table): (&Value, bool)) -> (StatusCode, String) {
        if let Some(answer) = &self.answer {
            return answer.clone();
        }
        let ok = |value: Value| (StatusCode::OK, value.to_string());
        let query = uri.query().unwrap_or_default();
        if let Some(known) = discovery(uri.path()).filter(|_| method == Method::GET) {
            return ok(known);
        }
        let path = uri.path();
        match (method.as_str(), path.strip_prefix(SHOP).unwrap_or(path)) {
            ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews") => {
                let mut review = body.clone();
                review["status"] = json!({ "allowed": !self.forbidden, "reason": "RBAC" });
                (StatusCode::CREATED, review.to_string())
            }
            ("GET", "/deployments/api") => ok(self.deployment()),
            ("PATCH", "/deployments/api") => {
                self.patch(body);
                ok(self.deployment())
            }
            ("GET", "/deployments/api/scale") => ok(self.scale()),
            ("PUT" | "PATCH", "/deployments/api/scale") => {
                self.rescale(body["spec"]["replicas"].as_u64().unwrap());
                ok(self.scale())
            }
            ("GET", "/deployments") if query.contains("watch=") => {
                let events = (0..12).map(|_| json!({ "type": "MODIFIED", "object": self.deployment() }).to_string());
                (StatusCode::OK, events.collect::<Vec<_>>().join("\n"))
            }
            ("GET", "/deployments") => {
                let one = self.deployment();
                ok(
                    json!({ "apiVersion": "apps/v1", "kind": "DeploymentList", "metadata": { "resourceVersion": self.version.to_string() }, "items": [one] }),
                )
            }
            ("GET", "/replicasets") => ok(self.replica_sets()),
            ("GET", "/apis/autoscaling/v1/namespaces/shop/horizontalpodautoscalers") => {
                let one = json!({ "metadata": { "name": "api" }, "spec": { "scaleTargetRef": { "kind": "Deployment", "name": "api" }, "minReplicas": 2, "maxReplicas": 9 } });
                let items = if self.scaler { vec![one] } else { Vec::new() };
                ok(
                    json!({ "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscalerList", "metadata": {}, "items": items }),
                )
            }
            ("GET", "/api/v1/namespaces/shop/pods") => ok(self.pods(table)),
            ("GET", "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods") => {
                let items: Vec<Value> = self.pods.iter().map(Pod::used).collect();
                ok(
                    json!({ "apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetricsList", "metadata": {}, "items": items }),
                )
            }
            ("GET", path) if path.ends_with("/log") => {
                let pod = self.pods.iter().find(|pod| path.contains(&format!("/{}/", pod.name)));
                pod.map_or((StatusCode::NOT_FOUND, String::new()), |pod| (StatusCode::OK, pod.log.to_owned()))
            }
            (_, path) => {
                let status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "NotFound", "code": 404,
                    "message": format!("the server could not find {path}"), "details": {} });
                (StatusCode::NOT_FOUND, status.to_string())
            }
        }
    }
}

/// What the server has, as kubectl asks for it before anything else.
fn discovery(path: &str) -> Option<Value> {
    let resource = |name: &str, kind: &str, short: &[&str]| {
        let verbs = ["get", "list", "watch", "patch", "update"];
        json!({ "name": name, "singularName": "", "namespaced": true, "kind": kind, "verbs": verbs, "shortNames": short })
    };
    let group = |name: &str, version: &str| {
        let version = json!({ "groupVersion": format!("{name}/{version}"), "version": version });
        json!({ "name": name, "versions": [version], "preferredVersion": version })
    };
    let list = |version: &str, resources: Vec<Value>| json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources });
    Some(match path {
        "/api" => json!({ "kind": "APIVersions", "versions": ["v1"] }),
        "/apis" => json!({ "kind": "APIGroupList", "apiVersion": "v1",
            "groups": [group("apps", "v1"), group("autoscaling", "v1"), group("authorization.k8s.io", "v1"),
                group("metrics.k8s.io", "v1beta1")] }),
        "/api/v1" => list("v1", vec![resource("pods", "Pod", &["po"])]),
        "/apis/apps/v1" => {
            let scale = json!({ "name": "deployments/scale", "singularName": "", "namespaced": true, "group": "autoscaling", "version": "v1", "kind": "Scale", "verbs": ["get", "patch", "update"] });
            list(
                "apps/v1",
                vec![
                    resource("deployments", "Deployment", &["deploy"]),
                    scale,
                    resource("replicasets", "ReplicaSet", &["rs"]),
                ],
            )
        }
        "/apis/autoscaling/v1" => {
            list("autoscaling/v1", vec![resource("horizontalpodautoscalers", "HorizontalPodAutoscaler", &["hpa"])])
        }
        "/apis/authorization.k8s.io/v1" => {
            list("authorization.k8s.io/v1", vec![resource("selfsubjectaccessreviews", "SelfSubjectAccessReview", &[])])
        }
        "/apis/metrics.k8s.io/v1beta1" => list("metrics.k8s.io/v1beta1", vec![resource("pods", "PodMetrics", &[])]),
        _ => return None,
    })
}

async fn handle(
    State(cluster): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(&'static str, &'static str); 1], String) {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let table =
        headers.get("accept").is_some_and(|accept| accept.to_str().is_ok_and(|accept| accept.contains("as=Table")));
    let (status, answer) = cluster.lock().unwrap().answer(&method, &uri, (&body, table));
    (status, [("content-type", "application/json")], answer)
}
