//! What a user of the crate sees: answers, errors, reloading, order. The
//! databases are made here.

mod errors;
mod fixtures;
mod lookups;
mod order;
mod reload;
