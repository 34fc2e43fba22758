//! What the user typed: one file a topic. Nothing is looked up or opened here.
//!
//! A flag about what a program finds (stores, backends, state) belongs into
//! [`ServiceArgs`] or a struct flattened there; one about listening, into
//! [`ServeArgs`].

mod admin;
mod clients;
mod compilation;
mod demo;
mod dev;
mod hand_off;
mod limits;
mod listen;
mod output;
mod profile;
mod program;
mod run;
mod serve;
mod service;
mod state;
#[cfg(test)]
mod tests;
mod value;
mod viceroy;
mod watch;

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, Subcommand};

pub(crate) use self::admin::AdminArgs;
pub(crate) use self::clients::ClientArgs;
pub(crate) use self::compilation::CompilationArgs;
pub(crate) use self::demo::DemoArgs;
pub(crate) use self::dev::DevArgs;
pub(crate) use self::hand_off::HandOffArgs;
pub(crate) use self::limits::LimitArgs;
pub(crate) use self::listen::ListenArgs;
pub(crate) use self::output::{LogFormat, OutputArgs};
pub(crate) use self::profile::Profile;
pub(crate) use self::program::ProgramArgs;
pub(crate) use self::run::{RunArgs, RunLimitArgs};
pub(crate) use self::serve::{Backtraces, ServeArgs};
pub(crate) use self::service::ServiceArgs;
pub(crate) use self::state::StateArgs;
pub(crate) use self::value::NamedUrl;
pub(crate) use self::viceroy::ViceroyArgs;
pub(crate) use self::watch::WatchArgs;

/// Serves programs written for Fastly's Compute platform on your machine.
#[derive(Debug, Parser)]
#[command(
    name = "fastlike",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// `serve` is what is meant when no command is named.
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

/// Reads the process's command line, or ends the process with what is wrong
/// with it.
pub(crate) fn parse() -> Cli {
    let typed = std::env::args().nth(1).unwrap_or_default();
    Cli::try_parse().unwrap_or_else(|error| {
        let words_enough = matches!(
            error.kind(),
            ErrorKind::ArgumentConflict | ErrorKind::UnknownArgument
        );
        // To clap, what is no command is a program's file, and the words
        // after it are wrong.
        if words_enough && is_like_a_command(&typed) {
            let message = format!(
                "there is no command `{typed}`: there are serve, run, dev, demo and completions"
            );
            Cli::command()
                .error(ErrorKind::InvalidSubcommand, message)
                .exit()
        }
        error.exit()
    })
}

/// A word as commands are, and neither one of them nor a path.
fn is_like_a_command(word: &str) -> bool {
    let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphabetic() || c == '_');
    plain && Cli::command().find_subcommand(word).is_none()
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve a program (the default command)
    Serve(Box<ServeArgs>),
    /// Run a program once, as its tests are run
    #[command(after_help = run::AFTER_HELP)]
    Run(Box<RunArgs>),
    /// Build the project in this folder, serve it, and do so again whenever its
    /// sources change
    #[command(after_help = dev::AFTER_HELP)]
    Dev(Box<DevArgs>),
    /// Serve the built-in demo: a generated and a proxied page
    Demo(DemoArgs),
    /// Of the official tools' runtime: what it makes is not needed here
    #[command(hide = true)]
    Adapt {
        /// The module
        file: PathBuf,
        /// Where the component was to go
        #[arg(short, long)]
        output: Option<PathBuf>,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}
