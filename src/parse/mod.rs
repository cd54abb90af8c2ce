//! What servers and files say, turned into values: pure functions over bytes that nobody vouches for, one file per format.
pub mod df;
pub mod journal;
pub mod kubernetes;
pub mod loki;
pub mod pm2;
pub mod proc;
pub mod ps;
pub mod sanitise;
pub mod ssh_config;
pub mod survey;
pub mod systemd;
