//! The `fastlike` command as a user meets it: what it prints, its exit codes,
//! and what it serves.

mod clients;
mod errors;
mod harness;
mod help;
mod manifests;
mod output;
mod serving;
mod signals;
