//! Runs on a host that outlive the link.
