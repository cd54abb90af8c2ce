//! The pieces that every view is made of.
pub mod bars;
pub mod chart;
pub mod field;
pub mod frame;
pub mod histogram;
pub mod meter;
pub mod spark;
pub mod table;
