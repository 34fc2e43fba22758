//! The `fastlike` command as a user meets it: what it prints, its exit codes,
//! and what it serves.

mod admin;
mod clients;
#[cfg(unix)]
mod dev;
mod errors;
mod extras;
mod harness;
mod help;
mod manifests;
mod official;
mod output;
mod profiles;
mod run;
mod serving;
mod signals;
mod state;
mod stores;
#[cfg(unix)]
mod watch;
