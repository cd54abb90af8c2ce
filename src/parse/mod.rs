//! What servers and files say, turned into values: pure functions over bytes that nobody vouches for, one file per format.
pub mod ansible;
pub mod apt;
pub mod compose;
pub mod df;
pub mod ecs;
pub mod github;
pub mod journal;
pub mod kubernetes;
pub mod loki;
pub mod pm2;
pub mod proc;
pub mod ps;
pub mod runbook;
pub mod sanitise;
pub mod ssh_config;
pub mod survey;
pub mod systemd;
