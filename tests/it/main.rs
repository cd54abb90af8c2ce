//! Each capability as a person or a script meets it. One file each.
#[cfg(test)]
mod checks;
#[cfg(test)]
mod checks_contract;
#[cfg(test)]
mod checks_dns;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod net;
#[cfg(test)]
mod sources_contract;
#[cfg(test)]
mod store;
